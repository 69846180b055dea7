"""Checkpoints of a trial: whole or absent, verified before use, the last and the best kept."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from studies.files import sha256_of
from trainables.task import checkpoint_folder

ADAPTER, STATE, MANIFEST = "adapter_model.safetensors", "state.safetensors", "checkpoint.json"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checkpoint:
    """One epoch on disk: the adapter as peft reads it, the training state, and what was reported."""

    folder: Path
    epoch: int
    report: dict[str, Any]

    def adapter(self) -> dict[str, torch.Tensor]:
        """The adapter's weights."""
        weights: dict[str, torch.Tensor] = load_file(self.folder / ADAPTER)
        return weights

    def state(self) -> dict[str, torch.Tensor]:
        """Optimizer moments and random state."""
        tensors: dict[str, torch.Tensor] = load_file(self.folder / STATE)
        return tensors


def write(
    trial_folder: Path,
    epoch: int,
    report: Mapping[str, Any],
    state: Mapping[str, torch.Tensor],
    save_adapter: Callable[[str], None],
) -> Checkpoint:
    """Write a checkpoint to a temporary folder, flush it to disk, and rename it into place."""
    final = checkpoint_folder(trial_folder, epoch)
    temporary = trial_folder / f".writing-{final.name}"
    for leftover in (temporary, final):
        shutil.rmtree(leftover, ignore_errors=True)
    temporary.mkdir(parents=True)
    save_adapter(str(temporary))
    save_file(dict(state), temporary / STATE)
    hashes = {path.name: sha256_of(path) for path in sorted(temporary.iterdir())}
    manifest = {"epoch": epoch, "files": hashes, "report": dict(report)}
    (temporary / MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False), encoding="utf-8")
    for path in (*temporary.iterdir(), temporary):
        _flush(path)
    temporary.rename(final)
    _flush(trial_folder)
    return Checkpoint(final, epoch, dict(report))


def newest(trial_folder: Path) -> Checkpoint | None:
    """The newest checkpoint that is whole; a torn or changed one is skipped with a warning."""
    for folder in sorted(trial_folder.glob("epoch-*"), reverse=True):
        try:
            return read(folder)
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("%s is skipped: %s", folder, error)
    return None


def read(folder: Path) -> Checkpoint:
    """Open a checkpoint. Raises ValueError when a file differs from what was written."""
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    for name, digest in manifest["files"].items():
        if sha256_of(folder / name) != digest:
            raise ValueError(f"{name} differs from its checkpoint's manifest")
    return Checkpoint(folder, int(manifest["epoch"]), manifest["report"])


def prune(trial_folder: Path, keep: set[int]) -> None:
    """Remove all but the epochs to keep."""
    kept = {checkpoint_folder(trial_folder, epoch) for epoch in keep}
    for folder in trial_folder.glob("epoch-*"):
        if folder not in kept:
            shutil.rmtree(folder, ignore_errors=True)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
