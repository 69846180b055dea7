"""The team's four hand-made runs, from their counts, as the ordinary sections of a report take them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from analysis.facts.character_results import CharacterResult
from analysis.facts.outcomes import CharacterOutcome, Tried
from analysis.messages.catalogue import Messages
from analysis.sections.character_table import CharacterRow, character_table
from studies.study import ScoreWeights
from trainables.scoring import Change, Score, mean, score_of


@dataclass(frozen=True)
class HandCharacter:
    """One character of a hand-made run.

    before, after: (right, asked). hallucinated: called by a wrong name after fine-tuning. named_as, named_before: by
    which, where the report says.
    """

    name: str
    role: str
    before: tuple[int, int]
    after: tuple[int, int]
    hallucinated: bool = False
    named_as: str | None = None
    named_before: str | None = None

    @property
    def change(self) -> Change:
        """In shares of the questions; the report does not say which answers flipped: the loss stands for them."""
        before, after = (right / asked for right, asked in (self.before, self.after))
        return Change(self.name, self.role, before, after, flips=max(0.0, before - after))

    @property
    def outcome(self) -> CharacterOutcome:
        """The report says whom a character was taken for, not how often."""
        names = () if self.named_as is None else ((self.named_as, 0),)
        return CharacterOutcome(
            self.name, self.role, self.before, self.after, self.change.flips, self.hallucinated, names
        )

    def row(self, messages: Messages) -> CharacterRow:
        """The line of the table, each side with as many questions as it was asked."""
        before, after = (character_table([self._result(asked)], messages)[0] for _, asked in (self.before, self.after))
        return CharacterRow(self.name, before.before, after.after, after.status)

    def _result(self, asked: int) -> CharacterResult:
        return CharacterResult(
            character=self.name,
            role=self.role,
            asked=asked,
            right_before=self.before[0],
            right_after=self.after[0],
            flips=self.outcome.lost_answers,
            wrong_before=0,
            # One answer at least.
            wrong_after=int(self.hallucinated),
            abstained_before=0,
            abstained_after=0,
            wrong_names=() if self.named_as is None else ((self.named_as, 1),),
            quote=None,
        )


@dataclass(frozen=True)
class HandRun:
    """One hand-made run. knobs: under the report's names."""

    name: str
    knobs: Mapping[str, Any]
    characters: list[HandCharacter]

    @property
    def score(self) -> Score:
        """Its hallucination is the share of characters called by a wrong name, before entered as 0."""
        after = mean(one.hallucinated for one in self.characters)
        return score_of([one.change for one in self.characters], before=0.0, after=after, weights=ScoreWeights())

    @property
    def tried(self) -> Tried:
        """As every configuration that a report tells of."""
        return Tried(self.name, "baseline", self.knobs, self.score, [one.outcome for one in self.characters])


def hand_runs() -> dict[str, HandRun]:
    """The hand-made runs by name, in the report's order."""
    data = yaml.safe_load(Path(__file__).with_name("hand_results.yaml").read_text(encoding="utf-8"))
    return {name: _run(name, **run) for name, run in data["runs"].items()}


def _run(name: str, configuration: dict[str, Any], characters: dict[str, dict[str, Any]]) -> HandRun:
    return HandRun(name, configuration, [_character(who, **one) for who, one in characters.items()])


def _character(name: str, *, before: list[int], after: list[int], **rest: Any) -> HandCharacter:
    return HandCharacter(name, before=(before[0], before[1]), after=(after[0], after[1]), **rest)
