"""LoRA in training computes in the base's precision: its float32 weights are cast, not every layer's input."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import torch
from peft.helpers import disable_input_dtype_casting
from peft.tuners.lora import LoraLayer


def take_any_precision(model: Any) -> None:
    """Let the matrices of LoRA take inputs of another precision than their own; inputs of their own change nothing."""
    for module in model.modules():
        if isinstance(module, LoraLayer):
            for matrix in (*module.lora_A.values(), *module.lora_B.values()):
                if isinstance(matrix, torch.nn.Linear):
                    matrix.forward = partial(_as_the_input, matrix)  # type: ignore[method-assign]


def inputs_as_they_are(model: Any, *, dora: bool) -> AbstractContextManager[None]:
    """Within it, peft leaves inputs in their precision, forwards and backwards.

    Otherwise each layer in bfloat16 keeps a copy of its input in float32 for the backward pass. In asking that costs
    nothing, and stays as whoever loads the adapter has it. dora: its norms are taken in the input's precision, and
    bfloat16 is too coarse for them.
    """
    casting: AbstractContextManager[None] = disable_input_dtype_casting(model, active=not dora)
    return casting


def _as_the_input(matrix: torch.nn.Linear, x: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.linear(x, matrix.weight.to(x.dtype))
