"""Ask an exported adapter again, with plain transformers and peft: `python export_check.py ASKED ANSWERED`.

Imports nothing of this project: what runs here runs for anyone who downloads the adapter. It measures and judges
nothing. Each line on stdout says how far it is.
"""

from __future__ import annotations

import gc
import hashlib
import heapq
import json
import math
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# Within an adapter's folder: the base with the adapter in it.
MERGED = "merged"
# Probes by which rounding is measured.
MOVED = 32
# Weights of a model that one thread computes faster than several that wait for each other.
SMALL = 50_000_000
# Tokens that are tried for the next piece of a recorded text, the likeliest first, and how far behind it (nats); ways
# that are tried to say the whole.
TRIED, FARTHEST, WAYS = 256, 4.0, 8


def measure(request: dict[str, Any], progress: Callable[[str], None] = lambda line: None) -> list[Any]:
    """What the adapter, or with `merge` the whole model that is written then, says to every probe, in order.

    Each is a dictionary. prompt: `digest` of the prompt's tokens. text: its own greedy answer. gaps: where that is not
    the recorded one, for each token of the recorded one how far the likeliest token was ahead of it, nats; null where
    the text cannot be said. odds: character -> log-probability of its name as the whole answer, for probes that ask
    for a name; moved: the same with embeddings `moved`, for some of these.
    """
    import torch

    model = _merge(request) if request["merge"] else adapted(request)
    if model.num_parameters() < SMALL:
        torch.set_num_threads(1)
    elif request["threads"]:
        torch.set_num_threads(request["threads"])
    return Asking(request, model.eval(), processor_of(request), progress).measured()


def device() -> str:
    """Where it computes: cuda where there is any, else cpu."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def adapted(request: dict[str, Any]) -> Any:
    """The base with the adapter. Raises ValueError where plain peft would leave out a part of it."""
    from peft import PeftModel, get_peft_model_state_dict
    from safetensors import safe_open

    model = PeftModel.from_pretrained(_base(request), request["adapter"])
    with safe_open(Path(request["adapter"]) / "adapter_model.safetensors", framework="pt") as file:
        saved = set(file.keys())
    if lost := sorted(saved ^ set(get_peft_model_state_dict(model, save_embedding_layers=False))):
        raise ValueError(f"{len(lost)} tensors are in the file or in the model alone, the first is {lost[0]}")
    return model


def _merge(request: dict[str, Any]) -> Any:
    """Write base and adapter as one model into the folder `merged` of the adapter's, and load it from there."""
    folder = Path(request["adapter"]) / MERGED
    # In the base's own precision: peft adds in float32 and rounds once.
    merged = adapted(request).merge_and_unload()
    merged.save_pretrained(folder)
    # Two models at once would take twice the memory.
    del merged
    _free()
    processor_of(request).save_pretrained(folder)
    return _placed(request, str(folder))


def _is_out_of_memory(error: RuntimeError) -> bool:
    import torch

    said = ("out of memory", "can't allocate memory", "_STATUS_ALLOC_FAILED")
    return isinstance(error, torch.OutOfMemoryError) or any(one in str(error) for one in said)


def _free() -> None:
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def processor_of(request: dict[str, Any]) -> Any:
    from transformers import AutoProcessor, AutoTokenizer

    loader = AutoTokenizer if request["text_only"] else AutoProcessor
    processor = loader.from_pretrained(request["adapter"], trust_remote_code=request["trust_remote_code"])
    _tokenizer(processor).padding_side = "left"
    return processor


def _tokenizer(processor: Any) -> Any:
    return getattr(processor, "tokenizer", processor)


def _base(request: dict[str, Any]) -> Any:
    from transformers import BitsAndBytesConfig

    options: dict[str, Any] = {"revision": request["revision"]}
    if request["quantization"]:
        options["quantization_config"] = BitsAndBytesConfig(**request["quantization"])
    return _placed(request, request["base_model"], **options)


def _placed(request: dict[str, Any], name: str, **options: Any) -> Any:
    """A model, loaded straight to where it computes."""
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

    model_class = AutoModelForCausalLM if request["text_only"] else AutoModelForImageTextToText
    if request["attention"]:
        options["attn_implementation"] = request["attention"]
    if device() == "cuda":
        options["device_map"] = request["device_map"] or {"": "cuda"}
    return model_class.from_pretrained(
        name,
        dtype=getattr(torch, request["dtype"]),
        use_safetensors=True,
        trust_remote_code=request["trust_remote_code"],
        **options,
    )


class Asking:
    """Puts the probes of a request to a model, in its batches; out of memory, in smaller ones."""

    def __init__(self, request: dict[str, Any], model: Any, processor: Any, progress: Callable[[str], None]) -> None:
        self.request = request
        self.model = model
        self.processor = processor
        self.tokenizer = _tokenizer(processor)
        self.progress = progress
        end = self.tokenizer.eos_token_id
        self.stops = request["stops"] or [end]
        if self.tokenizer.pad_token_id is None:
            self.tokenizer.pad_token_id = end

    def measured(self) -> list[dict[str, Any]]:
        """See `measure`."""
        probes, batches, naming = (self.request[name] for name in ("probes", "batches", "naming"))
        found: list[dict[str, Any]] = [{"gaps": [], "odds": {}} for _ in probes]
        for place, answer in self._each("answers", batches, self._generate):
            found[place] |= answer
        differing = [[place for place in batch if found[place]["text"] != probes[place]["text"]] for batch in batches]
        for place, gaps in self._each("answers that differ", differing, self._dictate):
            found[place]["gaps"] = gaps
        for place, odds in self._each("names", naming, self._name):
            found[place]["odds"] = odds
        with moved(self.model.get_input_embeddings()):
            for place, odds in self._each("rounding", _some(naming, MOVED), self._name):
                found[place]["moved"] = odds
        return found

    def _each(
        self, what: str, batches: Sequence[list[int]], ask: Callable[[list[int]], list[Any]]
    ) -> Iterator[tuple[int, Any]]:
        """Each place with its answer; batches that do not fit the memory are halved."""
        waiting = [batch for batch in batches if batch][::-1]
        total, done = sum(map(len, waiting)), 0
        while waiting:
            batch = waiting.pop()
            try:
                answers = ask(batch)
            except RuntimeError as error:
                if len(batch) == 1 or not _is_out_of_memory(error):
                    raise
                answers = None
            if answers is None:
                # Outside the handler, whose traceback would hold the memory that is to be freed.
                _free()
                half = len(batch) // 2
                waiting += [batch[half:], batch[:half]]
                continue
            yield from zip(batch, answers, strict=True)
            done += len(batch)
            self.progress(f"{what}: {done} of {total}")

    def _generate(self, places: list[int]) -> list[dict[str, str]]:
        """Prompts and greedy answers."""
        inputs = self._inputs(places)
        output = self._said(inputs, self.request["max_new_tokens"], greedy=self.request["greedy"])
        new = output[:, inputs["input_ids"].shape[1] :]
        rows = zip(inputs["input_ids"], inputs["attention_mask"], strict=True)
        prompts = [digest(ids[mask.bool()].tolist()) for ids, mask in rows]
        texts = decoded(self.tokenizer, new.tolist(), self.stops)
        return [{"prompt": prompt, "text": text.strip()} for prompt, text in zip(prompts, texts, strict=True)]

    def _dictate(self, places: list[int]) -> list[list[float | None]]:
        """The gaps of the recorded texts."""
        ways = {place: Ways(self.request["probes"][place]["text"]) for place in places}
        for _ in range(WAYS):
            if left := [place for place in places if ways[place].are_left]:
                inputs = self._inputs(left)
                start = inputs["input_ids"].shape[1]
                dictation = Dictation(self.tokenizer, self.stops, [ways[place] for place in left], start)
                greedy = self.request["greedy"]
                dictation.end(self._said(inputs, self.request["max_new_tokens"], dictation, greedy=greedy))
        return [ways[place].gaps for place in places]

    def _name(self, places: list[int]) -> list[dict[str, float]]:
        """Log-probability of every name as the whole answer."""
        inputs = self._inputs(places)
        odds: list[dict[str, float]] = [{} for _ in places]
        for name, ids in self.request["names"].items():
            spoken = Spoken(ids)
            # More than one token may end a turn.
            self._said(inputs, len(ids), spoken, greedy=True, ends=False)
            for known, log_probability in zip(odds, spoken.log_probabilities, strict=True):
                known[name] = log_probability
        return odds

    def _said(self, inputs: Any, tokens: int, dictated: Any = None, *, greedy: bool, ends: bool = True) -> Any:
        """Ids of prompts and answers; `dictated` has the say over each token.

        greedy: by no settings of the base's. ends: at the end of a turn; else after so many tokens.
        """
        import torch
        from transformers import LogitsProcessorList

        options = {"logits_processor": LogitsProcessorList([dictated]), "num_beams": 1} if dictated else {}
        with torch.inference_mode(), _generation(self.model, greedy):
            return self.model.generate(
                **inputs,
                max_new_tokens=tokens,
                do_sample=False,
                pad_token_id=self.tokenizer.pad_token_id,
                eos_token_id=self.stops if ends else None,
                **options,
            )

    def _inputs(self, places: list[int]) -> Any:
        request = self.request
        chats = [[{"role": "user", "content": _content(request, request["probes"][place])}] for place in places]
        batch = self.processor.apply_chat_template(
            chats,
            **request["template"],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            **({"padding": True} if request["text_only"] else {"processor_kwargs": {"padding": True}}),
        )
        device = self.model.device
        inputs = batch.to(device) if request["text_only"] else batch.to(device, dtype=self.model.dtype)
        inputs.pop("labels", None)
        return inputs


def digest(ids: Sequence[int]) -> str:
    """A name of these tokens, as short for a photo of thousands as for a word."""
    return hashlib.sha256(" ".join(map(str, ids)).encode()).hexdigest()


def _some(batches: Sequence[Sequence[int]], count: int) -> list[list[int]]:
    """About as many places of the batches, evenly."""
    step = -(-sum(map(len, batches)) // count) or 1
    chosen = set([place for batch in batches for place in batch][::step])
    return [[place for place in batch if place in chosen] for batch in batches]


class Ways:
    """Ways to say a text in tokens: those that were tried, and those that wait.

    The recorded tokens are not known. The tokenizer's own need not be those that were said, and the likeliest with
    which a text can go on need not lead to its end: where it was a near tie, another one did.
    gaps: of the way tried whose largest gap is the smallest; None is no way to its end.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.gaps: list[float | None] = [None]
        self._waiting: list[tuple[float, list[int]]] = [(0.0, [])]

    @property
    def are_left(self) -> bool:
        """Whether one that waits may turn out better than those tried."""
        return bool(self._waiting) and self._waiting[0][0] < _largest(self.gaps)

    def next(self) -> list[int]:
        """The beginning of the best one that waits."""
        return heapq.heappop(self._waiting)[1]

    def add(self, beginning: list[int], gaps: Sequence[float]) -> None:
        """One more that waits, with the gaps of its tokens."""
        heapq.heappush(self._waiting, (max(gaps), beginning))

    def end(self, gaps: list[float | None]) -> None:
        """One was followed to where it leads."""
        if _largest(gaps) < _largest(self.gaps):
            self.gaps = gaps


def _largest(gaps: Sequence[float | None]) -> float:
    return max((math.inf if gap is None else gap for gap in gaps), default=0.0)


class Dictation:
    """Has a model say given texts, a way each, and notes how far the likeliest token was ahead of each one said.

    Of the tokens with which a text can go on the likeliest is said, the others wait. One whose text ends without an
    end was cut at the limit of tokens.
    """

    def __init__(self, tokenizer: Any, stops: Sequence[int], rows: Sequence[Ways], start: int) -> None:
        """start: where the answers begin."""
        self.tokenizer = tokenizer
        self.stops = frozenset(stops)
        self.rows = rows
        self.start = start
        self.beginnings = [ways.next() for ways in rows]
        self.gaps: list[list[float]] = [[] for _ in rows]

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Scores that leave each row one token; shapes (n_rows, length) and (n_rows, vocabulary)."""
        best = scores.topk(min(TRIED, scores.shape[-1]), dim=-1)
        behind = best.values[:, :1] - best.values
        only = scores.new_full(scores.shape, float("-inf"))
        for row, said in enumerate(input_ids[:, self.start :].tolist()):
            near = behind[row] < FARTHEST
            likeliest = zip(best.indices[row][near].tolist(), behind[row][near].tolist(), strict=True)
            only[row, self._next(row, said, dict(likeliest))] = 0.0
        return only

    def end(self, output: Any) -> None:
        """Tell the rows where their ways led, given the ids of prompts and answers."""
        texts = decoded(self.tokenizer, output[:, self.start :].tolist(), self.stops)
        for ways, gaps, said in zip(self.rows, self.gaps, texts, strict=True):
            ways.end([*gaps] if said.strip() == ways.text else [*gaps, None])

    def _next(self, row: int, said: list[int], gaps: dict[int, float]) -> int:
        """What a row has to say next; gaps: of the likeliest tokens, likeliest first."""
        if not self.stops.isdisjoint(said):
            return min(self.stops)
        given = self.beginnings[row][len(said) :][:1]
        fitting = given or self._fitting(said, list(gaps), self.rows[row].text)
        for token in fitting[1:]:
            self.rows[row].add([*said, token], [*self.gaps[row], gaps[token]])
        # An end where nothing fits: the text is not said whole.
        token = fitting[0] if fitting else min(self.stops)
        self.gaps[row].append(gaps.get(token, math.inf))
        return token

    def _fitting(self, said: list[int], likeliest: list[int], text: str) -> list[int]:
        """Tokens with which a text goes on, or ends."""
        longers = decoded(self.tokenizer, [[*said, token] for token in likeliest], self.stops)
        return [
            token
            for token, longer in zip(likeliest, longers, strict=True)
            if (longer.strip() == text if token in self.stops else _begins(text, longer))
        ]


def decoded(tokenizer: Any, rows: Iterable[Sequence[int]], stops: Collection[int]) -> list[str]:
    """Ids as text, without the tokens that end an answer: not every tokenizer calls those special."""
    said = [[token for token in row if token not in stops] for row in rows]
    texts: list[str] = tokenizer.batch_decode(said, skip_special_tokens=True)
    return texts


def _begins(text: str, said: str) -> bool:
    """Whether what was said is the beginning of a text, or all of it and blanks."""
    # A character of several tokens is a replacement character until the last.
    said = said.lstrip()
    return text.startswith(said.rstrip("\ufffd")) or (said.startswith(text) and not said[len(text) :].strip())


class Spoken:
    """Has a model say given tokens, the same in every row, and adds up how likely they were."""

    def __init__(self, ids: Sequence[int]) -> None:
        self.waiting = list(ids)[::-1]
        self.total: Any = 0.0

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Scores that leave every row the next token."""
        token = self.waiting.pop()
        self.total = self.total + scores.float().log_softmax(-1)[:, token]
        only = scores.new_full(scores.shape, float("-inf"))
        only[:, token] = 0.0
        return only

    @property
    def log_probabilities(self) -> list[float]:
        """Natural, of the whole, one a row."""
        values: list[float] = self.total.tolist()
        return values


@contextmanager
def _generation(model: Any, greedy: bool) -> Iterator[None]:
    """While it lasts, a model generates by what it is told; where not greedy, by its checkpoint's settings as well."""
    from transformers import GenerationConfig

    whole = model.get_base_model() if hasattr(model, "get_base_model") else model
    own, own_code = whole.generation_config, vars(whole).get("generate")
    if greedy:
        whole.generation_config = GenerationConfig()
        vars(whole).pop("generate", None)
    try:
        yield
    finally:
        whole.generation_config = own
        if own_code is not None:
            whole.generate = own_code


@contextmanager
def moved(module: Any) -> Iterator[None]:
    """While it lasts, what a module gives is rounded to the next number up or down."""
    import torch

    generator = torch.Generator().manual_seed(0)

    def move(module: Any, inputs: Any, output: Any) -> Any:
        up = torch.randint(2, output.shape, generator=generator).to(output.device)
        share = 1 + (up - 0.5) * 1.5 * torch.finfo(output.dtype).eps
        return (output.float() * share).to(output.dtype)

    hook = module.register_forward_hook(move)
    try:
        yield
    finally:
        hook.remove()


def _picture(path: str) -> Any:
    """A picture as the trial saw it, before it was resized: so it was written for this check."""
    from PIL import Image

    with Image.open(path) as image:
        return image.convert("RGB")


def _fit(image: Any, image_size: int | None, max_pixels: int | None) -> Any:
    """The picture in the size that it was trained on."""
    from PIL import Image

    if image_size is not None:
        return image.resize((image_size, image_size), Image.Resampling.BICUBIC)
    if max_pixels is not None and image.width * image.height > max_pixels:
        scale = (max_pixels / (image.width * image.height)) ** 0.5
        size = (max(1, int(image.width * scale)), max(1, int(image.height * scale)))
        return image.resize(size, Image.Resampling.BICUBIC)
    return image


def _content(request: dict[str, Any], probe: dict[str, Any]) -> str | list[dict[str, Any]]:
    """A question as the chat template takes it: a text model's takes the text itself."""
    if request["text_only"]:
        return str(probe["question"])
    asked = [{"type": "text", "text": probe["question"]}]
    if probe["image"] is None:
        return asked
    picture = _fit(_picture(probe["image"]), request["image_size"], request["max_pixels"])
    return [{"type": "image", "image": picture}, *asked]


if __name__ == "__main__":
    asked, answered = map(Path, sys.argv[1:3])
    measured = measure(json.loads(asked.read_text(encoding="utf-8")), lambda line: print(line, flush=True))
    answered.write_text(json.dumps({"device": device(), "measured": measured}), encoding="utf-8")
