"""Why the best trial is the best: its parts against others', and what became of the characters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from analysis.facts.outcomes import CharacterOutcome
from analysis.messages.catalogue import Messages
from analysis.messages.words import number, signed
from studies.study import ScoreWeights
from trainables.scoring import PART_NAMES, PARTS, OfScore, Score, composite, contributions


def difference(mine: Score, theirs: Score, weights: ScoreWeights) -> OfScore[float]:
    """By how much one score is above another, and what each part adds to that; the parts sum to `score`."""
    apart = {name: mine.part(name) - theirs.part(name) for name in PART_NAMES}
    return OfScore(composite(apart, weights), **contributions(apart, weights))


def formula(weights: ScoreWeights, messages: Messages) -> str:
    """How a study's score is made of its parts, and what those are."""
    meanings = (f"{name}: {messages.text(f'meaning_{name}')}" for name in PART_NAMES)
    return f"score = {_sum(weights, dict.fromkeys(PART_NAMES, ''))}. {'; '.join(meanings)}."


def parts_of(score: Score, weights: ScoreWeights) -> str:
    """A score as the sum it is, with the study's weights."""
    values = {name: f" {number(score.part(name))}" for name in PART_NAMES}
    return f"score {number(score.score)} = {_sum(weights, values)}"


def _sum(weights: ScoreWeights, values: Mapping[str, str]) -> str:
    """The weighted parts, each with what is to stand behind its name."""
    terms = ""
    for part in PARTS:
        sign = "-" if part.direction == "min" else "+"
        weight = "" if part.weight is None else f"{part.weight_in(weights):g} × "
        terms += f" {sign} {weight}{part.name}{values[part.name]}"
    return terms.removeprefix(" + ")


def against(key: str, mine: Score, name: str, theirs: Score, weights: ScoreWeights, messages: Messages) -> str:
    """How a score is above another's, part by part. key: the message that says who the other is."""
    by = difference(mine, theirs, weights)
    parts = ", ".join(f"{part} {signed(by.part(part))}" for part in PART_NAMES)
    return messages.text(key, other=name, score=number(theirs.score), difference=signed(by.score), parts=parts)


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
