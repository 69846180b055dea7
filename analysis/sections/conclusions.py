"""Why the best trial is the best: its parts against others', and what became of the characters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.facts.outcomes import CharacterOutcome
from analysis.messages.catalogue import Messages
from analysis.messages.words import number, signed
from studies.study import ScoreWeights
from trainables.scoring import Score

PARTS = ("gain", "degradation", "hallucination")


@dataclass(frozen=True)
class Difference:
    """By how much one score is above another, and what each part adds to that; the three sum to `score`."""

    score: float
    gain: float
    degradation: float
    hallucination: float


def difference(mine: Score, theirs: Score, weights: ScoreWeights) -> Difference:
    """How two scores differ, weighted part by weighted part."""
    gain, degradation, hallucination = (getattr(mine, part) - getattr(theirs, part) for part in PARTS)
    parts = (gain, -weights.degradation * degradation, -weights.hallucination * hallucination)
    return Difference(sum(parts), *parts)


def parts_of(score: Score, weights: ScoreWeights, messages: Messages) -> str:
    """A score as the sum it is, with the study's weights."""
    values = {name: number(getattr(score, name)) for name in ("score", *PARTS)}
    given = {"w_degradation": f"{weights.degradation:g}", "w_hallucination": f"{weights.hallucination:g}"}
    return messages.text("score_parts", **values, **given)


def against(key: str, mine: Score, name: str, theirs: Score, weights: ScoreWeights, messages: Messages) -> str:
    """How a score is above another's, part by part. key: the message that says who the other is."""
    by = difference(mine, theirs, weights)
    parts = {part: signed(getattr(by, part)) for part in PARTS}
    return messages.text(key, other=name, score=number(theirs.score), difference=signed(by.score), **parts)


def of_characters(outcomes: Sequence[CharacterOutcome], messages: Messages) -> list[str]:
    """Who was learnt best, who was not learnt, who was forgotten."""
    targets = [one for one in outcomes if one.role == "target"]
    unlearnt = [one for one in targets if one.share < 0.5]
    controls = [one for one in outcomes if one.role == "control"]
    return [
        _sentence(
            "most_improved",
            "none_improved",
            [f"{one.character} ({change(one, messages)})" for one in most_improved(targets)],
            messages,
        ),
        _sentence("unlearnt", "all_learnt", [_share(one, one.after[0], messages) for one in unlearnt], messages),
        _of_controls(controls, messages),
    ]


def _of_controls(controls: Sequence[CharacterOutcome], messages: Messages) -> str:
    """Which controls lost right answers, or that none did; of controls that the base knows."""
    if not controls:
        return messages.text("degradation_unmeasured")
    degraded = [_share(one, one.lost_answers, messages) for one in controls if one.lost]
    if degraded:
        return messages.text("degraded", names=", ".join(degraded))
    return messages.text("none_degraded", names=", ".join(one.character for one in controls))


def most_improved(targets: Sequence[CharacterOutcome]) -> list[CharacterOutcome]:
    """The targets whose share of right answers rose most, all of them when equal; none when none rose."""
    highest = max((one.rise for one in targets), default=0.0)
    return [one for one in targets if one.rise == highest > 0]


def change(one: CharacterOutcome, messages: Messages) -> str:
    """Right answers before and after; with all the questions of each where those differ."""
    (right, asked), (right_after, asked_after) = one.before, one.after
    if asked == asked_after:
        return messages.text("change", before=right, after=right_after, asked=asked)
    return f"{right}/{asked} → {right_after}/{asked_after}"


def _share(one: CharacterOutcome, count: int, messages: Messages) -> str:
    return messages.text("share", name=one.character, count=count, asked=one.after[1])


def _sentence(some: str, none: str, names: Sequence[str], messages: Messages) -> str:
    return messages.text(some, names=", ".join(names)) if names else messages.text(none)
