"""The states that dropout draws from, kept and put back."""

from __future__ import annotations

from collections.abc import Mapping

import torch


def random_state() -> dict[str, torch.Tensor]:
    """The states of the CPU and of every GPU that is seen: a model may be spread over them."""
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states |= {f"cuda.{place}": state for place, state in enumerate(torch.cuda.get_rng_state_all())}
    return states


def set_random_state(states: Mapping[str, torch.Tensor], device: torch.device) -> None:
    """Put back what `random_state` gave, on as many GPUs as there are now."""
    torch.set_rng_state(states["cpu"])
    if not torch.cuda.is_available():
        return
    if "cuda" in states:
        # The first versions kept that of one GPU.
        torch.cuda.set_rng_state(states["cuda"], device)
    for place in range(torch.cuda.device_count()):
        if f"cuda.{place}" in states:
            torch.cuda.set_rng_state(states[f"cuda.{place}"], place)
