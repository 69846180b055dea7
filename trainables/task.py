"""What a worker is told: one trial, as plain JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from spaces.trial_config import TrialConfig

Moments = Literal["float32", "bfloat16"]
# In a trial's folder: what was raised, and where a process stood that was given up as hung.
ERROR_LOG, HANG_LOG = "error.log", "hang.log"
# Environment of a process that is to use no GPU: Ray hides them from one that asks for none only on nodes that were
# started so.
NO_GPU = {"CUDA_VISIBLE_DEVICES": ""}


class StillHeld(RuntimeError):
    """Another process is still training this trial."""


class TrialTask(BaseModel):
    """Everything a worker needs to run one trial; travels as plain JSON.

    folder: the trial's own; study, prepared: the sweep's shared ones; base_model: hub id or path.
    timeout: seconds that one step may take before the process is given up as hung; None is unbounded.
    max_degradation: an epoch above it is infeasible: it is the trial's best only where no other is feasible.
    known_share: controls of which the base answers less right leave the score (`scoring.scored_roles`), [0, 1].
    gpus: that Ray gives it; with 0 it sees none, less than 1 is a share of the memory of one, None leaves it to Ray.
    moments: the type in which checkpoints keep Adam's moments.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    trial: str
    config: TrialConfig
    seed: int
    folder: Path
    study: Path
    prepared: Path
    base_model: str
    trust_remote_code: bool = False
    timeout: float | None = None
    max_degradation: float | None = None
    known_share: float = 0.0
    gpus: float | None = None
    moments: Moments = "float32"

    @property
    def identity(self) -> dict[str, Any]:
        """What a checkpoint must have been trained with to be this trial's."""
        return {"trial": self.trial, "config": self.config.as_data(), "seed": self.seed}
