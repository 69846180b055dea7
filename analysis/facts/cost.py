"""What a sweep cost: hours of training, seconds an epoch, GPU-hours."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from search.run.trial_row import TrialRow


@dataclass(frozen=True)
class TrialCost:
    """One trial's epochs and the seconds in them, evaluation included. elapsed: from its first start to its end."""

    row: TrialRow
    epochs: int
    seconds: float
    elapsed: float | None


@dataclass(frozen=True)
class Cost:
    """A whole sweep. seconds: in epochs of all trials together; an_epoch: the median epoch's, None without one.

    gpu_hours: of the epochs, None where trials hold no GPU or it is not known how many.
    """

    trials: Sequence[TrialCost]
    seconds: float
    an_epoch: float | None
    gpu_hours: float | None


def cost_of(
    rows: Sequence[TrialRow], epochs: Mapping[str, Sequence[Mapping[str, Any]]], gpus_per_trial: float | None
) -> Cost:
    """Add up the epochs of every trial that has any, dearest first; epochs that were lost to a crash are not known."""
    found = [_of(row, epochs[row.id]) for row in rows if epochs.get(row.id)]
    every = [_seconds(epoch) for each in epochs.values() for epoch in each]
    total = sum(every)
    return Cost(
        trials=sorted(found, key=lambda cost: -cost.seconds),
        seconds=total,
        an_epoch=statistics.median(every) if every else None,
        gpu_hours=total / 3600 * gpus_per_trial if gpus_per_trial else None,
    )


def _of(row: TrialRow, epochs: Sequence[Mapping[str, Any]]) -> TrialCost:
    elapsed = None if row.started is None or row.finished is None else row.finished - row.started
    return TrialCost(row, len(epochs), sum(map(_seconds, epochs)), elapsed)


def _seconds(epoch: Mapping[str, Any]) -> float:
    return float(epoch.get("seconds") or 0.0)
