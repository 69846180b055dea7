"""What several sections of a report tell of one run, each found once: the best, its rivals, its finalists, its cost."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from analysis.facts.apart import said_elsewhere
from analysis.facts.character_results import CharacterResult, character_results
from analysis.facts.cost import Cost, cost_of
from analysis.facts.evidence import CharacterEvidence, evidence
from analysis.facts.outcomes import Tried, tried_of
from analysis.facts.run_data import RunData
from analysis.facts.statistics import (
    Interval,
    ScoreInterval,
    SeedSpread,
    difference_interval,
    score_interval,
    seed_spread,
)
from analysis.facts.trials import best_trial
from search.outputs.fitness import Fitness, fitness_of
from search.run.trial_row import TrialRow, ranked
from search.tuning.finalists import Standing
from trainables.answers import GradedAnswer
from trainables.scoring import Score, name_margin

# Below it the best wrong name is at least half as likely as the right one, in nats.
LEAST_MARGIN = math.log(2)


@dataclass(frozen=True)
class Final:
    """A finalist with the test scores of its repeats, none while the test probes are unopened, and where they lie."""

    standing: Standing
    tests: tuple[Score, ...]
    interval: Interval | None

    @property
    def tested(self) -> float | None:
        """Mean test score of the repeats."""
        return statistics.fmean(score.score for score in self.tests) if self.tests else None


@dataclass(frozen=True)
class Rival:
    """What the best is held against: its score on the same probes, and where the difference to the best lies."""

    row: TrialRow
    score: float
    difference: float
    interval: ScoreInterval


@dataclass(frozen=True)
class Measured:
    """The best configuration's score on one split: `test` where its repeats were asked it, else `search`.

    repeats: trainings behind it. rival: the best hand-made configuration; the best searched one where the best is
    hand-made itself; None where there is none.
    """

    split: str
    score: float
    interval: ScoreInterval
    repeats: int
    rival: Rival | None


@dataclass(frozen=True)
class Findings:
    """A run, and the trials that its report shows one by one."""

    data: RunData
    shown: Sequence[TrialRow]

    @cached_property
    def epochs(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Trial -> metrics of its epochs, by epoch."""
        found: dict[str, list[dict[str, Any]]] = {}
        for trial, metrics in self.data.ledger.epochs_in_commit_order():
            found.setdefault(trial, []).append(metrics)
        return {trial: sorted(epochs, key=lambda epoch: int(epoch["epoch"])) for trial, epochs in found.items()}

    @cached_property
    def tried(self) -> list[Tried]:
        """Every configuration with a score, best first; no repeats."""
        return tried_of(self.data)

    @cached_property
    def cost(self) -> Cost:
        """What the trials cost so far."""
        return cost_of(self.data.rows, self.epochs, self.data.options.gpus_per_trial)

    @cached_property
    def best(self) -> TrialRow | None:
        """The trial whose configuration won; before there is a winner, the best by search score."""
        winner = self.data.winner
        return best_trial(self.data.rows) if winner is None else winner.trial

    @cached_property
    def adapter(self) -> TrialRow | None:
        """The training that is exported and spoken of: the winner's repeat with the median score, else the best."""
        winner = self.data.winner
        return self.best if winner is None or winner.median is None else winner.median

    @cached_property
    def finals(self) -> list[Final]:
        """The finalists, best mean first."""
        return [Final(standing, self._tests(standing), self._interval(standing)) for standing in self.data.standings]

    def _tests(self, standing: Standing) -> tuple[Score, ...]:
        scores = [self.data.test_score(row.id) for row in standing.scored] if self.data.test_before else []
        return tuple(score for score in scores if score is not None)

    def _interval(self, standing: Standing) -> Interval | None:
        found = [self.data.answers(row.id, "test") for row in standing.scored] if self.data.test_before else []
        runs = [run for run in found if run]
        if not runs:
            return None
        about = (self.images, self.data.roles, self.data.study.file.score, self.seed_spread)
        return score_interval(self.data.test_before, runs, *about).score

    @cached_property
    def seed_spread(self) -> SeedSpread | None:
        """What the finalists' test scores vary by from seed to seed; None before test was opened."""
        scores = [[tuple(vars(score).values()) for score in self._tests(standing)] for standing in self.data.standings]
        return seed_spread(scores)

    @cached_property
    def split(self) -> str:
        """The probes that speak of the best: `test` where its adapter was asked them, else `search`."""
        asked = self.adapter is not None and self.data.winner is not None and self.data.answers(self.adapter.id, "test")
        return "test" if asked and self.data.test_before else "search"

    @cached_property
    def adapter_results(self) -> list[CharacterResult]:
        """What became of each character under `adapter`, on the probes of `split`."""
        if self.adapter is None:
            return []
        if self.split == "search":
            return self.data.results(self.adapter.id)
        after = self.data.answers(self.adapter.id, "test")
        return character_results(self.data.test_before, after, self.data.roles, self.data.allowed)

    @cached_property
    def adapter_evidence(self) -> Mapping[str, CharacterEvidence]:
        """Whether the changes of `adapter_results` are beyond chance."""
        return {} if self.adapter is None else self.evidence(self.adapter.id, self.split)

    @cached_property
    def fitness(self) -> Fitness | None:
        """What was measured of `adapter`, and whether it is worth keeping; None without a score."""
        if self.adapter is None or self.measured is None:
            return None
        tested = self.measured.score if self.split == "test" else None
        return fitness_of(self.data.study, self.data.ledger, self.adapter.id, self.measured.score, tested)

    @cached_property
    def margin(self) -> float:
        """Mean log odds, in nats, of the right name against the best wrong one under `adapter`; NaN where unknown.

        Over the name questions about targets and known controls, on the probes of `split`.
        """
        answers = [] if self.adapter is None else self.data.answers(self.adapter.id, self.split)
        return name_margin(graded for graded in answers if self.data.roles[graded.character] in ("target", "control"))

    @property
    def hardly_told_apart(self) -> bool:
        """Whether right and wrong names are about as likely after training: then no setting will help."""
        return self.margin < LEAST_MARGIN

    @cached_property
    def measured(self) -> Measured | None:
        """The best configuration's score where it can be trusted most; None without one."""
        if self.best is None:
            return None
        split, winner = self.split, self.data.winner
        before = self.data.test_before if split == "test" else self.data.before
        runs = self._runs(self.best, split)
        if not before or not runs:
            return None
        rival = self._rival(before, runs, split)
        score = statistics.fmean(self._scores(self.best, split))
        about = (self.images, self.data.roles, self.data.study.file.score, self._spread(split))
        return Measured(split, score, score_interval(before, runs, *about), len(runs) if winner else 1, rival)

    def _rival(
        self, before: Sequence[GradedAnswer], runs: Sequence[Sequence[GradedAnswer]], split: str
    ) -> Rival | None:
        row = self.rival
        theirs = self._runs(row, split) if row is not None else []
        if row is None or self.best is None or not theirs:
            return None
        score = statistics.fmean(self._scores(row, split))
        about = (self.images, self.data.roles, self.data.study.file.score, self._spread(split))
        difference = statistics.fmean(self._scores(self.best, split)) - score
        return Rival(row, score, difference, difference_interval(before, runs, theirs, *about))

    def _spread(self, split: str) -> SeedSpread | None:
        return self.seed_spread if split == "test" else None

    @cached_property
    def rival(self) -> TrialRow | None:
        """The best of the other kind: hand-made where a searched one is best, else searched; ranked as the best was."""
        if self.best is None:
            return None
        if self.data.winner is not None:
            order = [final.standing.trial for final in self.finals if final.standing.mean is not None]
        else:
            order = [row for row in ranked(self.data.rows) if row.repeat_of is None]
        return next((row for row in order if (row.kind == "baseline") != (self.best.kind == "baseline")), None)

    def _repeats(self, row: TrialRow) -> Sequence[TrialRow]:
        if self.data.winner is None:
            return [row]
        return next(final.standing.scored for final in self.finals if final.standing.trial.id == row.id)

    def _runs(self, row: TrialRow, split: str) -> list[Sequence[GradedAnswer]]:
        runs = [self.data.answers(repeat.id, split) for repeat in self._repeats(row)]
        return [run for run in runs if run]

    def _scores(self, row: TrialRow, split: str) -> list[float]:
        if split == "test":
            return [score.score for final in self.finals if final.standing.trial.id == row.id for score in final.tests]
        return [repeat.score for repeat in self._repeats(row) if repeat.score is not None]

    @cached_property
    def images(self) -> Mapping[str, str]:
        """Probe -> its image, or in a study without pictures its question."""
        return {probe.id: probe.unit for probe in self.data.study.probes}

    def evidence(self, trial: str, split: str = "search") -> Mapping[str, CharacterEvidence]:
        """Whether a trial's changes are beyond chance; empty where it was not asked."""
        return self._evidence([run for run in [self.data.answers(trial, split)] if run], split)

    @cached_property
    def best_evidence(self) -> Mapping[str, CharacterEvidence]:
        """What changed beyond chance in each repeat of the best configuration, on the probes of `split`."""
        return {} if self.best is None else self._evidence(self._runs(self.best, self.split), self.split)

    def _evidence(self, runs: Sequence[Sequence[GradedAnswer]], split: str) -> Mapping[str, CharacterEvidence]:
        study, before = self.data.study, self.data.test_before if split == "test" else self.data.before
        if not runs or not before:
            return {}
        return evidence(before, runs, self.images, self.data.roles, [said_elsewhere(study, run) for run in runs])

    @property
    def unfinished(self) -> int:
        """Trials that were asked for and have not ended."""
        entered = [row for row in self.data.rows if row.repeat_of is None]
        waiting = sum(row.state in ("pending", "running", "interrupted") for row in self.data.rows)
        return waiting + max(0, self.data.asked - len(entered))
