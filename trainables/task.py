"""What a worker is told: one trial, as plain JSON."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from spaces.trial_config import TrialConfig


class TrialTask(BaseModel):
    """Everything a worker needs to run one trial; travels as plain JSON.

    folder: the trial's own; study, prepared: the sweep's shared ones; base_model: hub id or path.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    trial: str
    config: TrialConfig
    seed: int
    folder: Path
    study: Path
    prepared: Path
    base_model: str


def checkpoint_folder(trial_folder: Path, epoch: int) -> Path:
    """Where an epoch's checkpoint lies. Here, for export reads it without torch."""
    return trial_folder / f"epoch-{epoch:04d}"
