"""Everything that a report reads of a run, read once and verified: study, manifest, trials, answers, epochs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from analysis.facts.character_results import CharacterResult, allowed_names_of, character_results
from search.options import Options
from search.run.known_controls import UnknownControl, is_held, known_share, run_roles, unknown_controls
from search.run.ledger import BASE, Ledger
from search.run.run_folder import RunFolder
from search.run.trial_row import TrialRow
from search.tuning.finalists import Standing, score_on_test, standings, winner
from studies.study import Study
from trainables.answers import GradedAnswer
from trainables.scoring import Score


@dataclass(frozen=True)
class RunData:
    """A run at one moment. path: its folder; now: seconds since 1970."""

    path: Path
    study: Study
    manifest: Mapping[str, Any]
    ledger: Ledger
    rows: Sequence[TrialRow]
    asked: int
    now: float

    @classmethod
    def load(cls, folder: RunFolder, ledger: Ledger, now: float) -> RunData:
        """Read a run through a ledger that the caller closes."""
        rows = folder.trials(ledger)
        asked = ledger.meta("trials_asked") or 0
        return cls(folder.path, folder.study(), folder.manifest(), ledger, rows, asked, now)

    @property
    def report(self) -> Path:
        """The report's folder."""
        return RunFolder(self.path).report

    @cached_property
    def options(self) -> Options:
        """How the sweep was asked to run."""
        return Options.recorded(self.manifest)

    def of_kind(self, *kinds: str) -> list[TrialRow]:
        """The trials of these kinds, in the order of their numbers."""
        return [row for row in self.rows if row.kind in kinds]

    @cached_property
    def standings(self) -> list[Standing]:
        """The finalists, best first; empty where nothing was trained again."""
        return standings(self.rows)

    @cached_property
    def winner(self) -> Standing | None:
        """The finalist that won; None before all repeats are done, or without finalists."""
        return winner(self.rows, self.options.max_degradation)

    @cached_property
    def before(self) -> Sequence[GradedAnswer]:
        """The base's answers to the search probes; empty before they were asked."""
        return self.ledger.answers(BASE)

    @cached_property
    def test_before(self) -> Sequence[GradedAnswer]:
        """The base's answers to the test probes; empty while they are unopened."""
        return self.ledger.answers(BASE, "test")

    @cached_property
    def roles(self) -> Mapping[str, str]:
        """Character -> its role in this run's score: a control that the base does not know is `unknown`."""
        return run_roles(self.study, self.ledger)

    @cached_property
    def unknown(self) -> Sequence[UnknownControl]:
        """The controls that the base does not know."""
        return unknown_controls(self.before, self.study, known_share(self.manifest))

    @cached_property
    def is_held(self) -> bool:
        """Whether the run waits for its user to say what is to be done about controls that the base does not know."""
        return is_held(self.unknown, self.study, self.ledger)

    def named(self, role: str) -> list[str]:
        """The characters with a role in this run's score, in the study's order."""
        return [name for name, given in self.roles.items() if given == role]

    @cached_property
    def allowed(self) -> Mapping[str, Collection[str]]:
        """Probe -> characters that its answer may name."""
        return allowed_names_of(self.study)

    @cached_property
    def _results(self) -> dict[str, list[CharacterResult]]:
        return {}

    def answers(self, trial: str, split: str = "search") -> list[GradedAnswer]:
        """A trial's answers of its best epoch, in the order of the probes; empty where it was not asked."""
        return self.ledger.answers(trial, split)

    def results(self, trial: str) -> list[CharacterResult]:
        """What became of each character on the search probes; empty before the trial's first evaluation."""
        if trial not in self._results:
            after = self.answers(trial)
            found = character_results(self.before, after, self.roles, self.allowed) if after else []
            self._results[trial] = found if self.before else []
        return self._results[trial]

    def test_score(self, trial: str) -> Score | None:
        """A trial's score on the test probes; None where it was not asked."""
        return score_on_test(self.study, self.ledger, trial)
