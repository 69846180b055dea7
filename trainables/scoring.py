"""The score of a trial: what the targets gained, less what the controls lost and the wrong names invented."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from studies.study import ScoreWeights
from trainables.answers import GradedAnswer
from trainables.grading import HALLUCINATED

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# A control of which the base answers a smaller share of its search probes right is not known to it.
KNOWN_SHARE = 0.5
# The role in a score of such a control: it has nothing that could be forgotten.
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Change:
    """One character before and after fine-tuning, or all of them together; all shares of probes are in [0, 1].

    before, after: shares of its probes answered right.
    flips: share of its probes right before and wrong after (negative flips).
    wrong_before, wrong_after: shares of its probes answered with a wrong name; NaN where they were not counted.
    """

    character: str
    role: str
    before: float
    after: float
    flips: float
    wrong_before: float = math.nan
    wrong_after: float = math.nan


@dataclass(frozen=True)
class ScorePart:
    """A part of the score; reports say what it is by the message `meaning_NAME`.

    direction: which way is better; a part that is better low is a penalty.
    weight: its field in the study's `ScoreWeights`; None weighs 1.
    role: whose characters it is the mean of; None takes all answers together.
    change: what it sees in one character's change, or in one probe's: linear in the shares.
    only_rise: whether it is kept from below 0, so that less of it than before counts as none.
    """

    name: str
    direction: Literal["max", "min"]
    weight: str | None
    role: str | None
    change: Callable[[Change], float]
    only_rise: bool = False

    @property
    def limits(self) -> tuple[float, float]:
        """The least and the greatest value."""
        return (-1.0, 1.0) if self.direction == "max" else (0.0, 1.0)

    def weight_in(self, weights: ScoreWeights) -> float:
        """How much of it counts in the score of a study with these weights, at least 0."""
        return 1.0 if self.weight is None else float(getattr(weights, self.weight))

    def of(self, changes: Sequence[Change], everyone: Change) -> float:
        """Its value, within `limits`; without a character of its role 0 for a penalty, NaN else."""
        concerned = [everyone] if self.role is None else [one for one in changes if one.role == self.role]
        if not concerned and self.direction == "min":
            return 0.0
        value = mean(map(self.change, concerned))
        return max(0.0, value) if self.only_rise else value


# Every part of the score, declared once; what code does with the parts, it does in this order.
# A control that flips to another character's name counts in degradation and in hallucination.
# Source of the negative flip rate: Yan et al., Positive-Congruent Training, CVPR 2021.
PARTS = (
    ScorePart(
        name="gain",
        direction="max",
        weight=None,
        role="target",
        change=lambda change: change.after - change.before,
    ),
    ScorePart(
        name="degradation",
        direction="min",
        weight="degradation",
        role="control",
        change=lambda change: change.flips,
    ),
    ScorePart(
        name="hallucination",
        direction="min",
        weight="hallucination",
        role=None,
        change=lambda change: change.wrong_after - change.wrong_before,
        only_rise=True,
    ),
)
PART_NAMES = tuple(part.name for part in PARTS)
SCORE_AND_PARTS = ("score", *PART_NAMES)

Value = TypeVar("Value")
Number = TypeVar("Number", float, "Floats")


@dataclass(frozen=True)
class OfScore(Generic[Value]):
    """One value of the score and one of each part; its fields are `SCORE_AND_PARTS`."""

    score: Value
    gain: Value
    degradation: Value
    hallucination: Value

    def part(self, name: str) -> Value:
        """The value of `score` or of a part by its name."""
        value: Value = getattr(self, name)
        return value


class Score(OfScore[float]):
    """The composite score, at most 1, and its parts, each within its `limits`."""


def contributions(parts: Mapping[str, Number], weights: ScoreWeights) -> dict[str, Number]:
    """What each part adds to the score: penalties less than nothing. parts: name -> number or array of numbers."""
    signs = {"max": 1.0, "min": -1.0}
    return {part.name: parts[part.name] * (signs[part.direction] * part.weight_in(weights)) for part in PARTS}


def composite(parts: Mapping[str, Number], weights: ScoreWeights) -> Number:
    """The score that the parts make: gain - weights.degradation * degradation - ..., for numbers and for arrays."""
    total: Number = reduce(operator.add, contributions(parts, weights).values())
    return total


def score_of(changes: Iterable[Change], *, before: float, after: float, weights: ScoreWeights) -> Score:
    """The score from each character's change and the hallucination rates before and after, [0, 1]."""
    found = list(changes)
    everyone = Change("", "", math.nan, math.nan, math.nan, before, after)
    parts = {part.name: part.of(found, everyone) for part in PARTS}
    return Score(composite(parts, weights), **parts)


def scored_roles(before: Iterable[GradedAnswer], roles: Mapping[str, str], known_share: float) -> dict[str, str]:
    """The roles that scoring takes: the study's, but `unknown` for each control that the base does not know.

    before: the base's answers to the search probes; the same roles then score the test probes.
    known_share: a control is unknown where the base answers a smaller share of its probes right, [0, 1]; 0 knows all.
    """
    right: dict[str, list[bool]] = {}
    for graded in before:
        right.setdefault(graded.character, []).append(graded.right)
    return {
        name: UNKNOWN if role == "control" and mean(right.get(name, ())) < known_share else role
        for name, role in roles.items()
    }


def compare(before: Sequence[GradedAnswer], after: Sequence[GradedAnswer], roles: Mapping[str, str]) -> list[Change]:
    """Each character's change from graded answers to the same probes, in the study's order.

    Raises ValueError when the two sides do not answer the same probes.
    """
    if [graded.answer.probe for graded in before] != [graded.answer.probe for graded in after]:
        raise ValueError("before and after must answer the same probes in the same order")
    pairs: dict[str, list[tuple[GradedAnswer, GradedAnswer]]] = {name: [] for name in roles}
    for first, second in zip(before, after, strict=True):
        pairs[first.character].append((first, second))
    return [change_of(name, roles[name], found) for name, found in pairs.items() if found]


def change_of(character: str, role: str, pairs: Sequence[tuple[GradedAnswer, GradedAnswer]]) -> Change:
    """The change that pairs of graded answers show, each to the same probe before and after."""
    return Change(
        character=character,
        role=role,
        before=mean(first.right for first, _ in pairs),
        after=mean(second.right for _, second in pairs),
        flips=mean(first.right and not second.right for first, second in pairs),
        wrong_before=hallucination_rate([first for first, _ in pairs]),
        wrong_after=hallucination_rate([second for _, second in pairs]),
    )


def hallucination_rate(answers: Sequence[GradedAnswer]) -> float:
    """Share of all answers that name someone wrongly (mixed, wrong_known, wrong_unknown), [0, 1]."""
    return mean(graded.grade in HALLUCINATED for graded in answers)


def score_answers(
    before: Sequence[GradedAnswer],
    after: Sequence[GradedAnswer],
    roles: Mapping[str, str],
    weights: ScoreWeights,
) -> Score:
    """The score of graded answers after fine-tuning against those before; roles: of `scored_roles`."""
    return score_of(
        compare(before, after, roles),
        before=hallucination_rate(before),
        after=hallucination_rate(after),
        weights=weights,
    )


def name_margin(answers: Iterable[GradedAnswer]) -> float:
    """Mean over name questions of log p(right name) - log p(best wrong name); breaks ties of the score.

    NaN when no answer carries log-probabilities.
    """
    margins = []
    for graded in answers:
        known = graded.answer.name_log_probabilities
        others = [value for name, value in known.items() if name != graded.character]
        if graded.character in known and others:
            margins.append(known[graded.character] - max(others))
    return mean(margins)


def mean(values: Iterable[float]) -> float:
    """The arithmetic mean; NaN of nothing."""
    values = [float(value) for value in values]
    return math.fsum(values) / len(values) if values else math.nan
