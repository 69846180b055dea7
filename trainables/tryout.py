"""One look and one question, put to a base as a run puts them: whatever a model cannot do shows before the run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from PIL import Image

from trainables.answering import Interviewer
from trainables.base_model import BaseModel
from trainables.conversation import reason_of
from trainables.encoding import Encoded
from trainables.families import refusal
from trainables.loading import ModelRefused
from trainables.losses import answer_logits, answer_loss
from trainables.memory import is_out_of_memory, one_row_too_many
from trainables.vision_features import VisionFeatures

UNIT, QUESTION = "picture", "?"
# Of unequal length: as names are asked for together.
ANSWERS = {"short": "A", "long": "A or B"}
# Wide, not square, and not flat: no tower and no order of its parts makes another picture's features of it.
SIZE = (224, 168)
# Two passes over one text, the same but for what stands for the picture, may differ by this share of their logits.
FEATURES_APART = 0.01
# One pass in two parts may differ from the whole by so much a token, nats: half precision rounds them differently, and
# 8 bits choose by all rows of a pass what they round.
CACHE_APART = 0.01
CACHE_APART_ROUNDED = 0.5


def try_out(base: BaseModel, *, pictures: bool) -> None:
    """Ask a base, and read an answer with it, before anything else is asked of it.

    pictures: whether the study has any. What the tower says of one, given back, must make the same logits as the
    picture itself, and names must be as likely after a kept prompt as in the whole text.
    Raises FamilyRefused with the name of the family and the reason, whatever fails, and ModelRefused where the device's
    memory does not even do for this.
    """
    try:
        with torch.inference_mode():
            _try_out(base, pictures=pictures)
    except MemoryError:
        raise
    # Processors, towers and forwards of the families raise whatever they like.
    except Exception as error:
        if is_out_of_memory(error):
            lack = one_row_too_many(base.device)
            raise ModelRefused(lack.message, lack.remedy) from error
        said = reason_of(error)
        why = said if isinstance(error, Unfit) else f"a first try failed ({type(error).__name__}: {said})"
        raise refusal(base.model, why) from error


class Unfit(Exception):
    """What a model does wrongly without failing."""


def _try_out(base: BaseModel, *, pictures: bool) -> None:
    image = _picture() if pictures else None
    row, pixels = base.encoder.encode(UNIT, image, QUESTION, ANSWERS["long"])
    features = {UNIT: base.see(pixels)} if pixels is not None else {}
    if features:
        base.check(row, features[UNIT])
    known = base.model.get_input_embeddings().weight.shape[0]
    if (largest := max(row.prompt + row.answer)) >= known:
        raise Unfit(f"its tokenizer gives a token {largest}, and it has embeddings of {known} tokens")
    logits, ids = answer_logits(base.model, base.inputs([row], features))
    if logits.isnan().any():
        raise Unfit("its weights make no numbers of a text")
    if pixels is not None:
        seen, _ = answer_logits(base.model, {**base.inputs([row], {}), **base.pixels(pixels)})
        if not _apart(logits, seen) < FEATURES_APART:
            raise Unfit("what its vision tower says of a picture, given back, is not read as the picture itself")
    whole = float(logits.log_softmax(-1).gather(-1, ids.unsqueeze(-1)).sum())
    _check_names(base, row, features, whole)
    base.model.train()
    try:
        loss = float(answer_loss(base.model, base.inputs([row], features), 0.0))
    finally:
        base.model.eval()
    if not math.isfinite(loss):
        raise Unfit(f"its loss is {loss}")


def _check_names(base: BaseModel, row: Encoded, features: Mapping[str, VisionFeatures], whole: float) -> None:
    """whole: log-probability of the row's answer where it is read in one text with its prompt."""
    names = {name: base.encoder.answer_ids(QUESTION, answer) for name, answer in ANSWERS.items()}
    interviewer = Interviewer(base, features, names, max_new_tokens=2)
    prompt = Encoded(row.unit, row.prompt, (), row.token_inputs)
    (answer,) = interviewer.ask(base.model, {UNIT: prompt}, [UNIT])
    apart = abs(answer.name_log_probabilities["long"] - whole) / len(row.answer)
    if not apart < (CACHE_APART_ROUNDED if _rounds(base.model) else CACHE_APART):
        raise Unfit(f"an answer after a kept prompt is {apart:.2g} nats a token from the same in one text")


def _rounds(model: Any) -> bool:
    """Whether a model computes in less than float32."""
    return model.dtype != torch.float32 or getattr(model, "quantization_method", None) is not None


def _apart(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one - other).norm() / other.norm())


def _picture() -> Image.Image:
    width, height = SIZE
    image = Image.linear_gradient("L").resize(SIZE).convert("RGB")
    image.paste("red", (0, 0, width // 3, height // 3))
    return image
