"""The states that dropout draws from, kept and put back."""

from __future__ import annotations

from collections.abc import Mapping

import torch


def random_state(device: torch.device) -> dict[str, torch.Tensor]:
    """The states of the CPU and, where there is one, of the GPU."""
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def set_random_state(states: Mapping[str, torch.Tensor], device: torch.device) -> None:
    """Put back what `random_state` gave."""
    torch.set_rng_state(states["cpu"])
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"], device)
