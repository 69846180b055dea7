"""The team's hand-made runs as data, scored by the same definition as every trial."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

import studies
from skazka_text.problems import read_yaml, validate
from studies.rows import Role
from studies.study import ScoreWeights
from trainables.scoring import Change, Score, mean, score_of

HAND_RESULTS = Path(studies.__file__).parent / "skazka" / "hand_results.yaml"


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class HandConfiguration(_Data):
    """The knobs the team's report names, by its own names; images_per_character is approximate."""

    lora_r: int
    lora_alpha: int
    lora_dropout: float
    max_length: int
    num_epochs: int
    images_per_character: int


class HandCharacter(_Data):
    """One character of a hand-made run.

    before, after: (right, asked). hallucinated: called by a wrong name after fine-tuning. named_as, named_before:
    by which, where the report says.
    """

    role: Role
    before: tuple[int, int]
    after: tuple[int, int]
    hallucinated: bool = False
    named_as: str | None = None
    named_before: str | None = None

    @model_validator(mode="after")
    def _right_of_asked(self) -> Self:
        for right, asked in (self.before, self.after):
            if not 0 <= right <= asked or asked == 0:
                raise ValueError(f"must be [right, asked] with 0 <= right <= asked, got [{right}, {asked}]")
        return self

    def change(self, name: str) -> Change:
        """The character's change in shares of its questions.

        The report does not say which answers flipped: the loss of the share stands for the flips.
        """
        before, after = (right / asked for right, asked in (self.before, self.after))
        return Change(name, self.role, before, after, flips=max(0.0, before - after))


class HandRun(_Data):
    """One hand-made run: its configuration and its characters."""

    configuration: HandConfiguration
    characters: dict[str, HandCharacter] = Field(min_length=1)

    def changes(self) -> list[Change]:
        """Each character's change, in the report's order."""
        return [character.change(name) for name, character in self.characters.items()]

    def score(self, weights: ScoreWeights | None = None) -> Score:
        """The run's score; hallucination is the share of characters called by a wrong name, before entered as 0."""
        after = mean(character.hallucinated for character in self.characters.values())
        return score_of(self.changes(), before=0.0, after=after, weights=weights or ScoreWeights())


class _File(_Data):
    runs: dict[str, HandRun]


def load_hand_runs(path: Path = HAND_RESULTS) -> dict[str, HandRun]:
    """The hand-made runs by name, in the file's order. Raises InputError for a file that is not as it must be."""
    return validate(_File, read_yaml(path)).runs
