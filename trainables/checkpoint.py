"""Checkpoints of a trial: whole or absent, verified before use, the last and the best kept."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from studies.files import read_sealed, set_aside, sha256_of, write_sealed
from trainables.checkpoint_files import ADAPTER, MANIFEST, STATE, checkpoint_folder, read_manifest
from trainables.task import StillHeld

# Seconds that a trial waits for an earlier attempt's worker to die.
HOLD_PATIENCE = 120.0
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
    identity: Mapping[str, Any],
    report: Mapping[str, Any],
    state: Mapping[str, torch.Tensor],
    save_adapter: Callable[[str], None],
) -> Checkpoint:
    """Write a checkpoint to a temporary folder, flush it to disk, and rename it into place.

    One that was skipped and stands there is set aside.
    identity: the configuration and seed that it belongs to, as plain JSON.
    """
    final = checkpoint_folder(trial_folder, epoch)
    temporary = trial_folder / f".writing-{final.name}"
    for leftover in trial_folder.glob(".writing-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    temporary.mkdir(parents=True)
    save_adapter(str(temporary))
    save_file(dict(state), temporary / STATE)
    hashes = {path.name: sha256_of(path) for path in sorted(temporary.iterdir())}
    for path in temporary.iterdir():
        _flush(path)
    manifest = {"epoch": epoch, "identity": dict(identity), "files": hashes, "report": dict(report)}
    write_sealed(temporary / MANIFEST, manifest)
    _flush(temporary)
    if final.exists():
        set_aside(final)
    temporary.rename(final)
    _flush(trial_folder)
    return Checkpoint(final, epoch, dict(report))


def newest(trial_folder: Path, identity: Mapping[str, Any]) -> tuple[Checkpoint | None, list[str]]:
    """The newest whole checkpoint of a trial, and a line for each newer one that was skipped.

    Skipped are torn and changed ones, and those of another configuration: a ledger that went back to
    its backup may give a number a second time.
    """
    skipped: list[str] = []
    for folder in sorted(trial_folder.glob("epoch-*"), reverse=True):
        try:
            return read(folder, identity), skipped
        except (OSError, ValueError, KeyError, TypeError) as error:
            skipped.append(f"checkpoint {folder.name} is skipped: {error}")
    return None, skipped


def read(folder: Path, identity: Mapping[str, Any]) -> Checkpoint:
    """Open a checkpoint. Raises ValueError when a file differs from what was written or it is another trial's."""
    manifest = read_manifest(folder)
    if manifest["identity"] != identity:
        raise ValueError("it was trained with another configuration or seed")
    return Checkpoint(folder, int(manifest["epoch"]), manifest["report"])


def prune(trial_folder: Path, identity: Mapping[str, Any], keep: set[int]) -> None:
    """Remove a trial's checkpoints of all but the epochs to keep; what is not known for one of them is set aside."""
    kept = {checkpoint_folder(trial_folder, epoch) for epoch in keep}
    for folder in trial_folder.glob("epoch-*"):
        if folder in kept:
            continue
        if _is_of(folder, identity):
            shutil.rmtree(folder, ignore_errors=True)
        else:
            set_aside(folder)


def _is_of(folder: Path, identity: Mapping[str, Any]) -> bool:
    try:
        return bool(read_sealed(folder / MANIFEST)["identity"] == identity)
    except (OSError, ValueError, KeyError, TypeError):
        return False


class Hold:
    """The right to train a trial, held in its folder by one process at a time.

    A driver that was killed leaves workers that live for some seconds more; the next attempt waits until
    they are gone, for one epoch must not be trained twice. The lock is the operating system's.

    patience: seconds; raises StillHeld after them.
    """

    def __init__(self, trial_folder: Path, *, patience: float = HOLD_PATIENCE) -> None:
        trial_folder.mkdir(parents=True, exist_ok=True)
        self._file = (trial_folder / "worker.lock").open("w")
        deadline = time.monotonic() + patience
        while not self._taken():
            if time.monotonic() > deadline:
                self._file.close()
                raise StillHeld(f"another process has been training in {trial_folder} for {patience:g} s")
            time.sleep(0.1)

    def _taken(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            log.warning("no locks on this disk (%s): go on without", error)
        return True

    def release(self) -> None:
        """Let another process train this trial."""
        self._file.close()


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
