"""Who cannot be beaten in one part of the score without losing in another."""

from __future__ import annotations

from collections.abc import Sequence

from search.run.trial_row import TrialRow
from trainables.scoring import PARTS


def front(rows: Sequence[TrialRow]) -> list[TrialRow]:
    """The feasible trials that no feasible one dominates in the parts of the score, most gain first.

    Those without a part are left out. One dominates another when it is nowhere worse and somewhere better.
    """
    known = [(row, found) for row in rows if row.feasible and (found := _oriented(row)) is not None]
    kept = [(row, mine) for row, mine in known if not any(_dominates(other, mine) for _, other in known)]
    return [row for row, _ in sorted(kept, key=lambda one: (*(-value for value in one[1]), one[0].number))]


def _oriented(row: TrialRow) -> tuple[float, ...] | None:
    """The parts of a trial's score, each so that more is better; None where one is missing."""
    values = [getattr(row, part.name) for part in PARTS]
    if any(value is None for value in values):
        return None
    return tuple(value if part.direction == "max" else -value for part, value in zip(PARTS, values, strict=True))


def _dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    return one != other and all(a >= b for a, b in zip(one, other, strict=True))
