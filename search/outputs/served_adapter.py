"""An adapter's settings as peft reads them and as servers do: vLLM and SGLang have loaders of their own.

What they read was looked up in vLLM 0.33.0 (vllm/lora/peft_helper.py, lora_model.py, worker_manager.py) and in
SGLang 0.5.23 (sglang/srt/lora/lora_config.py, lora_manager.py, lora.py, utils.py); docs/models.md says what follows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import safe_open

from trainables.checkpoint_files import adapted_module


def served(settings: Mapping[str, Any], weights: Path) -> dict[str, Any]:
    """The settings of an adapter with the same meaning in peft, in the words that servers read too.

    settings: of adapter_config.json, as peft wrote it. weights: its safetensors file, which tells what is adapted.
    """
    return {**settings, **_modules(settings, weights), **_scale(settings)}


def _modules(settings: Mapping[str, Any], weights: Path) -> dict[str, Any]:
    """What is adapted as a list: SGLang refuses a pattern, which the first versions wrote."""
    if not isinstance(settings["target_modules"], str):
        # peft writes a set, in another order each time.
        return {"target_modules": sorted(settings["target_modules"])}
    with safe_open(weights, framework="np") as file:
        names = list(file.keys())
    return {"target_modules": sorted(set(map(adapted_module, names)))}


def _scale(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The scale as alpha / rank: SGLang takes it for that whatever use_rslora says."""
    rank, alpha = settings["r"], settings["lora_alpha"]
    if not settings.get("use_rslora"):
        return {}
    return {"use_rslora": False, "lora_alpha": alpha / math.sqrt(rank) * rank}
