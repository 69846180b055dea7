"""The finalists: the best of a sweep and its baselines, trained again with fresh seeds, and who of them wins.

Of many scores the best is in part lucky, so the winner is chosen by the mean search score of repeats that no one chose.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from search.trial_row import ENDED, SCORED, TrialRow, ranked


@dataclass(frozen=True)
class Standing:
    """A finalist: the trial that it was chosen for, and its repeats in the order of their numbers.

    trial: with the score it was chosen by. repeats: all that were entered, failed and unfinished ones too.
    """

    trial: TrialRow
    repeats: tuple[TrialRow, ...]

    @property
    def scored(self) -> list[TrialRow]:
        """The repeats that have a score."""
        return [row for row in self.repeats if row.state in SCORED and row.score is not None]

    @property
    def mean(self) -> float | None:
        """Mean search score of the repeats; None until one has a score."""
        scores = [row.score for row in self.scored if row.score is not None]
        return statistics.fmean(scores) if scores else None

    @property
    def degradation(self) -> float | None:
        """Mean degradation of the repeats; None until one has a score."""
        found = [row.degradation for row in self.scored if row.degradation is not None]
        return statistics.fmean(found) if found else None

    @property
    def median(self) -> TrialRow | None:
        """The repeat with the median search score, the lower of two; None until one has a score."""
        worst_first = ranked(self.scored)[::-1]
        return worst_first[(len(worst_first) - 1) // 2] if worst_first else None


def standings(rows: Sequence[TrialRow]) -> list[Standing]:
    """Every finalist of a sweep, best mean first, those without a scored repeat last; empty before there are any."""
    trials = {row.id: row for row in rows}
    repeats: dict[str, list[TrialRow]] = {}
    for row in sorted(rows, key=lambda row: row.number):
        if row.repeat_of is not None:
            repeats.setdefault(row.repeat_of, []).append(row)
    found = [Standing(trials[trial], tuple(mine)) for trial, mine in repeats.items()]
    return sorted(found, key=_order, reverse=True)


def _order(standing: Standing) -> tuple[float, float, float]:
    margins = [row.name_margin for row in standing.scored if row.name_margin is not None]
    mean = standing.mean
    return (
        float("-inf") if mean is None else mean,
        statistics.fmean(margins) if margins else float("-inf"),
        -standing.trial.number,
    )


def winner(rows: Sequence[TrialRow], max_degradation: float | None = None) -> Standing | None:
    """The finalist with the best mean search score within the limit; None while a repeat is still to be run."""
    found = standings(rows)
    if any(row.state not in ENDED for standing in found for row in standing.repeats):
        return None
    for standing in found:
        if standing.mean is not None and (max_degradation is None or (standing.degradation or 0.0) <= max_degradation):
            return standing
    return None


def chosen(rows: Sequence[TrialRow], count: int) -> list[TrialRow]:
    """Who is to be trained again: the best `count` by search score and every baseline with a score, each once."""
    best = ranked([row for row in rows if row.repeat_of is None])
    return [row for place, row in enumerate(best) if (place < count and row.feasible) or row.kind == "baseline"]
