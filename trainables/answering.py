"""Asking a model: greedy answers to the probes, and how likely each character's name is as an answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from typing import Any

import torch
from transformers import GenerationConfig

from trainables.answers import ASK_BATCH, ASK_TOKENS, Answer, asking_batches
from trainables.base_model import BaseModel
from trainables.encoding import IGNORED, Encoded, pad
from trainables.losses import head_at
from trainables.memory import AtOnce, batches
from trainables.prompting import CHECKPOINTS_OWN
from trainables.vision_features import VisionFeatures

# Rows of prompt cache that asking for names may hold at once: one for each prompt and name.
NAME_ROWS = 128


class Interviewer:
    """Puts questions to the base model with whatever adapter it carries.

    names: character -> token ids of its name as a whole answer.
    """

    def __init__(
        self,
        base: BaseModel,
        features: Mapping[str, VisionFeatures],
        names: Mapping[str, Sequence[int]],
        *,
        max_new_tokens: int,
        batch_size: int = ASK_BATCH,
    ) -> None:
        self.base = base
        self.features = features
        self.names = {name: tuple(ids) for name, ids in names.items()}
        self.max_new_tokens = max_new_tokens
        self.batch_size = batch_size

    @torch.inference_mode()
    def ask(self, model: Any, probes: Mapping[str, Encoded], naming: Sequence[str]) -> list[Answer]:
        """Answer every probe, in order; `naming` are the ids of those that ask for a name."""
        model.eval()
        lengths = {probe: len(row.prompt) for probe, row in probes.items()}
        texts: dict[str, str] = {}
        fits = AtOnce()
        for ids in asking_batches(lengths, self.max_new_tokens, self.batch_size):
            rows = [probes[probe] for probe in ids]
            texts.update(zip(ids, fits.map(lambda part: self._generate(model, part), rows), strict=True))
        odds: dict[str, dict[str, float]] = {}
        for same_length in _by_length(naming, probes):
            fits = AtOnce()
            for some in batches(same_length, self._prompts_at_once(lengths[same_length[0]])):
                rows = [probes[probe] for probe in some]
                odds.update(zip(some, fits.map(lambda part: self._odds(model, part), rows), strict=True))
        return [Answer(probe, texts[probe], odds.get(probe, {})) for probe in probes]

    def _prompts_at_once(self, length: int) -> int:
        """Prompts of that length whose names are asked for together, at least one."""
        tokens = length + max(map(len, self.names.values()))
        return max(1, min(NAME_ROWS, ASK_TOKENS // tokens) // len(self.names))

    def _odds(self, model: Any, rows: Sequence[Encoded]) -> list[dict[str, float]]:
        """As `_name_odds`; of one long prompt the names are asked for in parts."""
        if len(rows) > 1:
            return self._name_odds(model, rows)
        tokens = len(rows[0].prompt) + max(map(len, self.names.values()))

        def odds_of(names: Sequence[str]) -> list[tuple[str, float]]:
            fewer = copy(self)
            fewer.names = {name: self.names[name] for name in names}
            return list(fewer._name_odds(model, rows)[0].items())

        return [dict(AtOnce(max(1, ASK_TOKENS // tokens)).map(odds_of, list(self.names)))]

    def _generate(self, model: Any, rows: Sequence[Encoded]) -> list[str]:
        batch = self.base.inputs(rows, self.features, left=True)
        batch.pop("labels")
        settings: dict[str, Any] = {
            "max_new_tokens": self.max_new_tokens,
            "do_sample": False,
            "pad_token_id": self.base.pad_id,
            "eos_token_id": self.base.stops,
        }
        if self.base.prompting.generation == CHECKPOINTS_OWN:
            output = model.generate(**batch, **settings)
        else:
            with greedy_alone(self.base.model):
                output = model.generate(**batch, generation_config=GenerationConfig(**settings))
        new = output[:, batch["input_ids"].shape[1] :]
        return [self.base.encoder.text_of(row, self.base.stops) for row in new.tolist()]

    def _name_odds(self, model: Any, rows: Sequence[Encoded]) -> list[dict[str, float]]:
        """Log-probability of each name as the whole answer; each prompt is read once for all names.

        The prompts have one length: without padding every family of models counts positions alike.
        """
        batch = self.base.inputs(rows, self.features, left=True)
        batch.pop("labels")
        last = torch.zeros_like(batch["input_ids"], dtype=torch.bool)
        last[:, -1] = True
        with head_at(model, last):
            prompt = model(**batch, use_cache=True)
        cache = getattr(prompt, "past_key_values", None)
        if cache is None:
            raise ValueError("it gives no cache of a prompt")
        # Layers of linear attention are reordered for a beam search alike, but cannot be repeated.
        cache.reorder_cache(torch.arange(len(rows), device=self.base.device).repeat_interleave(len(self.names)))
        names = pad(list(self.names.values()), IGNORED, left=False).to(self.base.device).repeat(len(rows), 1)
        inputs = names.clamp(min=0)[:, :-1]
        # No mask: the prompts have no padding, and a name's own padding comes after it.
        output = model(input_ids=inputs, past_key_values=cache)
        first = prompt.logits.reshape(len(rows), -1, prompt.logits.shape[-1])[:, -1:].repeat_interleave(
            len(self.names), 0
        )
        logits = torch.cat([first, output.logits], 1).float()
        chosen = logits.log_softmax(-1).gather(-1, names.clamp(min=0).unsqueeze(-1)).squeeze(-1)
        sums = (chosen * (names != IGNORED)).sum(1).view(len(rows), len(self.names))
        return [dict(zip(self.names, row, strict=True)) for row in sums.tolist()]


@contextmanager
def greedy_alone(model: Any) -> Iterator[None]:
    """While it lasts, a model generates by what `generate` is told, and by nothing that its checkpoint says.

    transformers fills in whatever it is not told from `model.generation_config`, also beside a configuration of one's
    own (repetition_penalty, beams, suppressed tokens), and lets a checkpoint's own code take the place of `generate`.
    """
    config, own_code = model.generation_config, vars(model).pop("generate", None)
    model.generation_config = GenerationConfig()
    try:
        yield
    finally:
        model.generation_config = config
        if own_code is not None:
            model.generate = own_code


def _by_length(ids: Sequence[str], probes: Mapping[str, Encoded]) -> list[list[str]]:
    groups: dict[int, list[str]] = {}
    for probe in ids:
        groups.setdefault(len(probes[probe].prompt), []).append(probe)
    return list(groups.values())
