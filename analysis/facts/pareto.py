"""Who cannot be beaten in one part of the score without losing in another."""

from __future__ import annotations

from collections.abc import Sequence

from search.run.trial_row import TrialRow
from trainables.metrics import METRICS

# What a trial should gain, and what it should not cost.
AXES = ("gain", "degradation", "hallucination")


def front(rows: Sequence[TrialRow]) -> list[TrialRow]:
    """The feasible trials that no feasible one dominates in `AXES`, most gain first; those without a part are left out.

    One dominates another when it is nowhere worse and somewhere better.
    """
    known = [(row, found) for row in rows if row.feasible and (found := _oriented(row)) is not None]
    kept = [row for row, mine in known if not any(_dominates(other, mine) for _, other in known)]
    return sorted(kept, key=lambda row: (-(row.gain or 0.0), row.degradation, row.hallucination, row.number))


def _oriented(row: TrialRow) -> tuple[float, ...] | None:
    values = [getattr(row, axis) for axis in AXES]
    if any(value is None for value in values):
        return None
    return tuple(
        value if METRICS[axis].direction == "max" else -value for axis, value in zip(AXES, values, strict=True)
    )


def _dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    return one != other and all(a >= b for a, b in zip(one, other, strict=True))
