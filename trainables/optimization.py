"""How fast which weights learn: the optimizer's groups and the learning rate's shape."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch

from spaces.trial_config import TrialConfig


def parameter_groups(trained: Mapping[str, torch.nn.Parameter], config: TrialConfig) -> list[dict[str, Any]]:
    """The optimizer's groups: one, or with lora_plus_ratio LoRA's B apart, at that many times the rate.

    Source: Hayou et al., LoRA+, ICML 2024.
    """
    if config.lora_plus_ratio == 1:
        return [{"params": list(trained.values())}]
    faster = [parameter for name, parameter in trained.items() if "lora_B" in name]
    others = [parameter for name, parameter in trained.items() if "lora_B" not in name]
    return [{"params": others}, {"params": faster, "lr": config.learning_rate * config.lora_plus_ratio}]


def rate_at(step: int, total: int, config: TrialConfig) -> float:
    """Share of the peak learning rate at an optimizer step: linear warm-up, then the scheduler's shape."""
    warmup = math.ceil(total * config.warmup_ratio)
    if step < warmup:
        return (step + 1) / warmup
    done = (step - warmup) / max(1, total - warmup)
    if config.scheduler == "linear":
        return max(0.0, 1.0 - done)
    if config.scheduler == "cosine":
        return 0.5 * (1.0 + math.cos(math.pi * min(1.0, done)))
    return 1.0
