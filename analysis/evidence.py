"""Whether what became of a character is beyond chance: one test for each, corrected for their number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.statistics import Interval, holm, images_needed, paired_interval, sign_flip
from trainables.answers import GradedAnswer
from trainables.grading import HALLUCINATED
from trainables.scoring import mean

ALPHA = 0.05


@dataclass(frozen=True)
class CharacterEvidence:
    """How a character changed from before to after fine-tuning, over its images, and whether that is beyond chance.

    difference: mean over images of the change of a share of answers, [-1, 1], with its 95 % interval. Of a target and
    a control it is the share of right answers: below 0 is worse. Of a negative, which nobody teaches, it is the share
    of answers with a wrong name: above 0 is worse.
    p: of the exact sign-flip test over images; p_holm: adjusted for all characters; supported: p_holm <= 0.05.
    images_needed: about how many images would settle it; None where it is settled or nothing changed.
    """

    character: str
    role: str
    images: int
    difference: float
    interval: Interval
    p: float
    p_holm: float
    supported: bool
    images_needed: int | None


def evidence(
    before: Sequence[GradedAnswer],
    runs: Sequence[Sequence[GradedAnswer]],
    images: Mapping[str, str],
    roles: Mapping[str, str],
) -> dict[str, CharacterEvidence]:
    """The evidence on each character that has answers, in the order of `roles`.

    runs: the answers after fine-tuning, one list for each repeat, to the probes of `before`, else ValueError.
    images: probe -> its image. Answers about one image are not independent, so the unit is the image: the average
    over its questions and repeats. What is tested is these trainings on new images, not trainings with other seeds.
    A control is tested by its share of right answers, not by its flips: those are never below 0, so chance alone
    makes some.
    """
    if not runs:
        raise ValueError("runs must hold the answers of at least one run, got none")
    changes = _changes_by_image(before, runs, images, roles)
    found = {name: list(changes[name].values()) for name in roles if name in changes}
    p_values = {name: sign_flip(differences) for name, differences in found.items()}
    adjusted = dict(zip(p_values, holm(list(p_values.values())), strict=True))
    # What the most probable of the unsupported would have to reach next in Holm's order.
    open_claims = sum(p > ALPHA for p in adjusted.values())
    return {
        name: CharacterEvidence(
            character=name,
            role=roles[name],
            images=len(differences),
            difference=mean(differences),
            interval=paired_interval(differences),
            p=p_values[name],
            p_holm=adjusted[name],
            supported=adjusted[name] <= ALPHA,
            images_needed=None if adjusted[name] <= ALPHA else _still_needed(differences, ALPHA / open_claims),
        )
        for name, differences in found.items()
    }


def _still_needed(differences: Sequence[float], alpha: float) -> int | None:
    needed = images_needed(differences, alpha)
    # The estimate is approximate; that these images were too few is certain.
    return None if needed is None else max(needed, len(differences) + 1)


def _changes_by_image(
    before: Sequence[GradedAnswer],
    runs: Sequence[Sequence[GradedAnswer]],
    images: Mapping[str, str],
    roles: Mapping[str, str],
) -> dict[str, dict[str, float]]:
    """Character -> image -> mean change of its answers, over questions and repeats."""
    changes: dict[str, dict[str, list[int]]] = {}
    for run in runs:
        if [graded.answer.probe for graded in before] != [graded.answer.probe for graded in run]:
            raise ValueError("before and after must answer the same probes in the same order")
        for first, second in zip(before, run, strict=True):
            mine = changes.setdefault(first.character, {}).setdefault(images[first.answer.probe], [])
            mine.append(_claimed(second, roles) - _claimed(first, roles))
    return {
        character: {image: mean(values) for image, values in by_image.items()}
        for character, by_image in changes.items()
    }


def _claimed(graded: GradedAnswer, roles: Mapping[str, str]) -> int:
    """What a status makes a claim of: a right answer, or of a negative a wrong name."""
    return int(graded.grade in HALLUCINATED if roles[graded.character] == "negative" else graded.right)
