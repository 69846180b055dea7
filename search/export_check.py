"""Ask an exported adapter again, with plain transformers and peft: `python export_check.py ASKED ANSWERED`.

Imports nothing of this project: what runs here runs for anyone who downloads the adapter.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# Within an adapter's folder: the base with the adapter in it.
MERGED = "merged"


def save_processor(
    base_model: str,
    revision: str | None,
    folder: Path,
    trust_remote_code: bool,
    chat_template: str | None,
    text_only: bool,
) -> None:
    """Write the base model's processor beside the adapter; chat_template: the run's own, where that is another.

    text_only: the base is a text model, which has a tokenizer instead.
    """
    from transformers import AutoProcessor, AutoTokenizer

    loader = AutoTokenizer if text_only else AutoProcessor
    processor = loader.from_pretrained(base_model, revision=revision, trust_remote_code=trust_remote_code)
    processor.chat_template = chat_template or processor.chat_template
    processor.save_pretrained(folder)


def answer_all(request: dict[str, Any]) -> list[str]:
    """The adapter's greedy answers to every probe, in order, asked in the batches of the request."""
    from peft import PeftModel

    processor = _processor(request)
    model = PeftModel.from_pretrained(_base(request, request["dtype"]), request["adapter"])
    return _answers(model.eval(), processor, request)


def merge(request: dict[str, Any]) -> list[str]:
    """Write base and adapter as one model into the folder `merged` of the adapter's; its answers, when loaded anew.

    Adapter and merged model are compared in float32, where nothing but the order of sums differs.
    Raises ValueError when an answer differs.
    """
    import torch
    from peft import PeftModel

    processor = _processor(request)
    model = PeftModel.from_pretrained(_base(request, "float32"), request["adapter"]).eval()
    apart = _answers(model, processor, request)
    merged = model.merge_and_unload()
    together = _answers(merged, processor, request)
    if differing := sum(one != other for one, other in zip(apart, together, strict=True)):
        raise ValueError(
            f"{differing} of {len(apart)} answers of the merged model differ from the adapter's in float32"
        )
    folder = Path(request["adapter"]) / MERGED
    merged.to(getattr(torch, request["dtype"])).save_pretrained(folder)
    processor.save_pretrained(folder)
    loaded = _model_class(request).from_pretrained(folder, dtype=getattr(torch, request["dtype"]))
    return _answers(loaded.to(model.device).eval(), processor, request)


def _processor(request: dict[str, Any]) -> Any:
    from transformers import AutoProcessor, AutoTokenizer

    loader = AutoTokenizer if request["text_only"] else AutoProcessor
    processor = loader.from_pretrained(request["adapter"], trust_remote_code=request["trust_remote_code"])
    _tokenizer(processor).padding_side = "left"
    return processor


def _tokenizer(processor: Any) -> Any:
    return getattr(processor, "tokenizer", processor)


def _model_class(request: dict[str, Any]) -> Any:
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

    return AutoModelForCausalLM if request["text_only"] else AutoModelForImageTextToText


def _base(request: dict[str, Any], dtype: str) -> Any:
    import torch
    from transformers import BitsAndBytesConfig

    torch.set_num_threads(1)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    options: dict[str, Any] = {"attn_implementation": request["attention"]} if request["attention"] else {}
    if request["quantization"]:
        options |= {"quantization_config": BitsAndBytesConfig(**request["quantization"]), "device_map": {"": device}}
    base = _model_class(request).from_pretrained(
        request["base_model"],
        revision=request["revision"],
        dtype=getattr(torch, dtype),
        use_safetensors=True,
        trust_remote_code=request["trust_remote_code"],
        **options,
    )
    return base if request["quantization"] else base.to(device)


def _answers(model: Any, processor: Any, request: dict[str, Any]) -> list[str]:
    answers = [""] * len(request["probes"])
    for batch in request["batches"]:
        for place, text in zip(batch, _answer(model, processor, request, batch), strict=True):
            answers[place] = text
    return answers


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


def _answer(model: Any, processor: Any, request: dict[str, Any], places: list[int]) -> list[str]:
    import torch

    tokenizer = _tokenizer(processor)
    end = tokenizer.eos_token_id
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else end
    tokenizer.pad_token_id = pad
    chats = [[{"role": "user", "content": _content(request, request["probes"][place])}] for place in places]
    batch = processor.apply_chat_template(
        chats,
        **request["template"],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
        **({"padding": True} if request["text_only"] else {"processor_kwargs": {"padding": True}}),
    )
    inputs = batch.to(model.device) if request["text_only"] else batch.to(model.device, dtype=model.dtype)
    inputs.pop("labels", None)
    settings = {
        "max_new_tokens": request["max_new_tokens"],
        "do_sample": False,
        "pad_token_id": pad,
        "eos_token_id": request["stops"] or end,
    }
    with torch.inference_mode(), _generation(model, request["greedy"]):
        output = model.generate(**inputs, **settings)
    new = output[:, inputs["input_ids"].shape[1] :]
    return [text.strip() for text in processor.batch_decode(new, skip_special_tokens=True)]


@contextmanager
def _generation(model: Any, greedy: bool) -> Iterator[None]:
    """While it lasts, a model generates by what it is told; where not greedy, by its checkpoint's settings as well."""
    from transformers import GenerationConfig

    whole = model.get_base_model() if hasattr(model, "get_base_model") else model
    own = whole.generation_config
    if greedy:
        whole.generation_config = GenerationConfig()
    try:
        yield
    finally:
        whole.generation_config = own


if __name__ == "__main__":
    asked, answered = map(Path, sys.argv[1:3])
    given = json.loads(asked.read_text())
    answered.write_text(json.dumps((merge if given["merge"] else answer_all)(given)), encoding="utf-8")
