"""The score of a trial: what the targets gained, less what the controls lost and the wrong names invented."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from studies.study import ScoreWeights
from trainables.answers import GradedAnswer
from trainables.grading import HALLUCINATED

# A control of which the base answers a smaller share of its search probes right is not known to it.
KNOWN_SHARE = 0.5
# The role in a score of such a control: it has nothing that could be forgotten.
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Change:
    """One character before and after fine-tuning.

    before, after: shares of its probes answered right, [0, 1].
    flips: share of its probes right before and wrong after (negative flips), [0, 1].
    """

    character: str
    role: str
    before: float
    after: float
    flips: float


@dataclass(frozen=True)
class Score:
    """The composite score and its parts; higher is better for `score` and `gain` only."""

    score: float
    gain: float
    degradation: float
    hallucination: float


def score_of(changes: Iterable[Change], *, before: float, after: float, weights: ScoreWeights) -> Score:
    """The score from each character's change and the hallucination rates before and after.

    gain          mean over targets of accuracy after - before, [-1, 1]
    degradation   mean over controls of the negative flip rate, [0, 1]; 0 without a control that could be forgotten
    hallucination max(0, after - before), [0, 1]
    score         gain - weights.degradation * degradation - weights.hallucination * hallucination

    A control that flips to another character's name counts in degradation and in hallucination.
    Source of the negative flip rate: Yan et al., Positive-Congruent Training, CVPR 2021.
    """
    changes = list(changes)
    gain = mean(change.after - change.before for change in changes if change.role == "target")
    flips = [change.flips for change in changes if change.role == "control"]
    degradation = mean(flips) if flips else 0.0
    hallucination = max(0.0, after - before)
    score = gain - weights.degradation * degradation - weights.hallucination * hallucination
    return Score(score, gain, degradation, hallucination)


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
    pairs: dict[str, list[tuple[bool, bool]]] = {name: [] for name in roles}
    for first, second in zip(before, after, strict=True):
        pairs[first.character].append((first.right, second.right))
    return [_change(name, roles[name], found) for name, found in pairs.items() if found]


def _change(name: str, role: str, pairs: Sequence[tuple[bool, bool]]) -> Change:
    return Change(
        character=name,
        role=role,
        before=mean(before for before, _ in pairs),
        after=mean(after for _, after in pairs),
        flips=mean(before and not after for before, after in pairs),
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
