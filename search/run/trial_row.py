"""One trial as the ledger keeps it, its states, and which of two is better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from trainables.metrics import rank
from trainables.scoring import SCORE_AND_PARTS, Score

Kind = Literal["baseline", "search", "finalist"]
State = Literal["pending", "running", "completed", "stopped", "failed", "interrupted"]
# How an attempt of a trial ends; "failed": its training raised, "lost": its process died.
End = Literal["completed", "stopped", "failed", "lost", "interrupted"]
STATES: tuple[State, ...] = ("completed", "stopped", "failed", "interrupted", "running", "pending")
SCORED: tuple[State, ...] = ("completed", "stopped")
ENDED: tuple[State, ...] = (*SCORED, "failed")


@dataclass(frozen=True)
class TrialRow:
    """One trial. Score and parts are those of its best evaluated epoch; None until there is one.

    in_space: whether the named space could suggest it; only such trials are told to Optuna.
    repeat_of: the trial whose configuration a finalist trains again, with a seed of its own; None for all others.
    feasible: whether its degradation is within the limit that the sweep was given.
    error: the last line of what went wrong; log: the file with the whole of it, relative to the run folder.
    started, finished: seconds since 1970 on the driver's clock.
    """

    id: str
    number: int
    kind: Kind
    name: str
    config: dict[str, Any]
    seed: int
    in_space: bool
    repeat_of: str | None = None
    feasible: bool = True
    state: State = "pending"
    best_epoch: int | None = None
    score: float | None = None
    gain: float | None = None
    degradation: float | None = None
    hallucination: float | None = None
    name_margin: float | None = None
    error: str | None = None
    log: str | None = None
    started: float | None = None
    finished: float | None = None

    @property
    def whole_score(self) -> Score | None:
        """Its score with the parts; None before its first evaluation."""
        known = {name: getattr(self, name) for name in SCORE_AND_PARTS}
        return None if None in known.values() else Score(**known)


def ranked(rows: Sequence[TrialRow]) -> list[TrialRow]:
    """Completed and stopped trials that have a score, best first; equal ones in the order of their numbers."""
    found = [row for row in rows if row.state in SCORED and row.score is not None]
    return sorted(sorted(found, key=lambda row: row.number), key=lambda row: rank(vars(row)), reverse=True)
