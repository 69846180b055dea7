"""Where checkpoints lie and whether they are whole; without torch, for the export reads them too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from studies.files import read_sealed, sha256_of
from trainables.task import Moments

# Of every tensor of an adapter in a file, and of every parameter in a model that peft holds.
PREFIX = "base_model.model."
ADAPTER, STATE, MANIFEST = "adapter_model.safetensors", "state.safetensors", "checkpoint.json"


# Bytes a trained weight: itself in float32, and Adam's two moments.
BYTES = {"float32": 4 + 2 * 4, "bfloat16": 4 + 2 * 2}


def checkpoint_bytes(weights: int, moments: Moments = "float32") -> int:
    """What a checkpoint of so many trained weights takes on disk, beside the answers and some KB of names."""
    return weights * BYTES[moments]


def checkpoint_folder(trial_folder: Path, epoch: int) -> Path:
    """The folder of an epoch's checkpoint."""
    return trial_folder / f"epoch-{epoch:04d}"


def adapted_module(tensor: str) -> str:
    """The module of the base that a tensor of an adapter belongs to, by its name."""
    return tensor.removeprefix(PREFIX).partition(".lora_")[0]


def read_manifest(folder: Path) -> dict[str, Any]:
    """A checkpoint's `epoch`, `identity`, `files` (name -> sha256) and `report`, its files verified.

    Raises ValueError when a file differs from what was written, OSError when one is missing.
    """
    manifest: dict[str, Any] = read_sealed(folder / MANIFEST)
    for name, digest in manifest["files"].items():
        if sha256_of(folder / name) != digest:
            raise ValueError(f"{name} differs from what was written")
    return manifest
