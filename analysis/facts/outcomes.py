"""What each tried configuration did to each character: the facts behind every conclusion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.facts.character_results import CharacterResult
from analysis.facts.naming import knobs_by_hand_name, label
from analysis.facts.run_data import RunData
from search.run.trial_row import ranked
from spaces.trial_config import TrialConfig
from trainables.scoring import Score


@dataclass(frozen=True)
class CharacterOutcome:
    """One character under one configuration.

    before, after: (right, asked). lost: share of its questions right before and wrong after, [0, 1].
    named: whether it was called by a wrong name after. taken_for: by which, with the number of answers (0 where only
    the name is known), most frequent first.
    """

    character: str
    role: str
    before: tuple[int, int]
    after: tuple[int, int]
    lost: float
    named: bool
    taken_for: tuple[tuple[str, int], ...]

    @property
    def share(self) -> float:
        """Share of right answers after, [0, 1]."""
        return self.after[0] / self.after[1]

    @property
    def rise(self) -> float:
        """Rise of the share of right answers, [-1, 1]."""
        return self.share - self.before[0] / self.before[1]

    @property
    def lost_answers(self) -> int:
        """How many of the answers asked for after were right before and are wrong."""
        return round(self.lost * self.after[1])

    @property
    def stable(self) -> bool:
        """No right answer was lost and no wrong name given."""
        return self.lost == 0 and not self.named


@dataclass(frozen=True)
class Tried:
    """One configuration with its score. knobs: under the team's names."""

    label: str
    kind: str
    knobs: Mapping[str, Any]
    score: Score
    characters: Sequence[CharacterOutcome]

    def of(self, character: str) -> CharacterOutcome | None:
        """What became of a character; None where it was not asked about."""
        return next((one for one in self.characters if one.character == character), None)


def outcome_of(result: CharacterResult) -> CharacterOutcome:
    """The outcome that a character's counted answers tell."""
    return CharacterOutcome(
        character=result.character,
        role=result.role,
        before=(result.right_before, result.asked),
        after=(result.right_after, result.asked),
        lost=result.flips / result.asked,
        named=result.wrong_after > 0,
        taken_for=result.wrong_names,
    )


def tried_of(data: RunData) -> list[Tried]:
    """Every searched and hand-made configuration of a run that has a score, best first; no repeats."""
    found = []
    for row in ranked([row for row in data.rows if row.repeat_of is None]):
        score = row.whole_score
        if score is not None:
            knobs = knobs_by_hand_name(TrialConfig.model_validate(row.config))
            outcomes = [outcome_of(result) for result in data.results(row.id)]
            found.append(Tried(label(row), row.kind, knobs, score, outcomes))
    return found


def characters_of(tried: Sequence[Tried], role: str) -> list[str]:
    """The characters of a role that any of them was asked about, in the study's order."""
    return list(dict.fromkeys(one.character for each in tried for one in each.characters if one.role == role))
