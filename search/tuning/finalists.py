"""The finalists: the best of a sweep and its baselines, trained again with fresh seeds, and who of them wins.

Of many scores the best is in part lucky, so the winner is chosen by the mean search score of repeats that no one chose.
"""

from __future__ import annotations

import statistics
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from search.run.known_controls import run_roles
from search.run.ledger import BASE, Ledger
from search.run.trial_row import ENDED, SCORED, TrialRow, ranked
from studies.study import Study
from trainables.scoring import Score, score_answers

# Optuna counts its trials from 0; the repeats, which are none of its trials, are counted from here.
FIRST_REPEAT = 1_000_000
# A sweep has finalists by itself from this many searched trials with a score on.
ENOUGH_SEARCHED = 8
FINALISTS = 3


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


def wanted(rows: Sequence[TrialRow], asked: int | None) -> int:
    """How many of the best are to be trained again; asked: by the user, None leaves it to the sweep's size."""
    if asked is not None:
        return asked
    searched = sum(row.kind == "search" and row.state in SCORED for row in rows)
    return FINALISTS if searched >= ENOUGH_SEARCHED else 0


def enter(ledger: Ledger, count: int, repeats: int, seed: int) -> None:
    """Enter the repeats that are not in the ledger yet, to be run.

    Repeat n of every finalist has the same seed, new to the sweep: they are compared on the same order of the data.
    """
    rows = ledger.trials()
    known = {row.id for row in rows}
    number = max([FIRST_REPEAT, *(row.number + 1 for row in rows if row.repeat_of is not None)])
    for repeat in range(1, repeats + 1):
        own = zlib.crc32(f"{seed}-repeat-{repeat}".encode())
        for trial in chosen(rows, count):
            names = (f"{trial.id}-r{repeat}", f"{trial.name}-r{repeat}")
            if names[0] not in known:
                ledger.add(TrialRow(names[0], number, "finalist", names[1], trial.config, own, False, trial.id))
                number += 1


def score_on_test(study: Study, ledger: Ledger, trial: str) -> Score | None:
    """A trial's score on the test probes; None where they were not opened for it."""
    before, after = ledger.answers(BASE, "test"), ledger.answers(trial, "test")
    if not before or not after:
        return None
    return score_answers(before, after, run_roles(study, ledger), study.file.score)
