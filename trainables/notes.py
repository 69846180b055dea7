"""What is worth a word of a base model on this device with this study's pictures, before anything is trained."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from skazka_text.problems import Advice
from studies.picture_sizes import MANY_TOKENS, many_tokens
from studies.study import Study
from trainables.base_model import BaseModel
from trainables.encoding import Encoded


def notes_of(study: Study, base: BaseModel, picture_tokens: int) -> list[Advice]:
    """One each. picture_tokens: of the longest picture in a prompt."""
    spec = study.file.base_model
    notes = []
    if spec.image_size is None and spec.max_pixels is None and picture_tokens > MANY_TOKENS:
        notes.append(many_tokens(picture_tokens))
    if spec.dtype == "bfloat16" and base.device.type == "cuda" and not computes_bfloat16():
        remedy = "use dtype: float32, or quantization: 4bit with it"
        notes.append(Advice("this GPU has no bfloat16 and only imitates it, many times slower", remedy))
    return notes


def picture_tokens(base: BaseModel, rows: Iterable[Encoded]) -> int:
    """Tokens of the longest picture among the rows' prompts; 0 without any."""
    if not base.encoder.sees:
        return 0
    token = base.model.config.image_token_id
    return max((row.prompt.count(token) for row in rows), default=0)


def computes_bfloat16() -> bool:
    """Whether the GPU has it in hardware."""
    return bool(torch.cuda.is_bf16_supported(including_emulation=False))
