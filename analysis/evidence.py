"""Whether what became of a character is beyond chance: one test for each, corrected for their number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.statistics import Interval, holm, images_needed, paired_interval, sign_flip, told_apart
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
    p_apart: of a target that improved, that it is told apart from the other targets: the p-value that what is right of
    it is said about it more often than about them. A model that calls everyone by one name has learnt nobody. It is
    part of p, the larger of the two; None where it was not tested.
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
    p_apart: float | None = None

    @property
    def confused(self) -> bool:
        """Whether a target improved only in so far as the same is said about the others."""
        return not self.supported and self.p_apart is not None and self.p == self.p_apart > ALPHA


def evidence(
    before: Sequence[GradedAnswer],
    runs: Sequence[Sequence[GradedAnswer]],
    images: Mapping[str, str],
    roles: Mapping[str, str],
    elsewhere: Mapping[str, Sequence[float]] | None = None,
) -> dict[str, CharacterEvidence]:
    """The evidence on each character that has answers, in the order of `roles`.

    elsewhere: target -> of each image of other targets, the share of its answers that would be right of this one
    (`analysis.apart.said_elsewhere`); without it no target is tested for being told apart.

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
    apart = _apart(runs, images, found, elsewhere or {})
    p_values = {name: max(sign_flip(differences), apart.get(name, 0.0)) for name, differences in found.items()}
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
            p_apart=apart.get(name),
            images_needed=None if adjusted[name] <= ALPHA else _still_needed(differences, ALPHA / open_claims),
        )
        for name, differences in found.items()
    }


def _apart(
    runs: Sequence[Sequence[GradedAnswer]],
    images: Mapping[str, str],
    changes: Mapping[str, Sequence[float]],
    elsewhere: Mapping[str, Sequence[float]],
) -> dict[str, float]:
    """Target that improved -> the p-value that it is told apart from the others."""
    found = {}
    for name, others in elsewhere.items():
        if others and mean(changes.get(name, ())) > 0:
            own: dict[str, list[bool]] = {}
            for graded in (graded for run in runs for graded in run if graded.character == name):
                own.setdefault(images[graded.answer.probe], []).append(graded.right)
            found[name] = told_apart([mean(right) for right in own.values()], others)
    return found


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
