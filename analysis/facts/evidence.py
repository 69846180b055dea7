"""Whether what became of a character is beyond chance: one test for each, corrected for their number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from analysis.facts.statistics import Interval, holm, images_needed, paired_interval, sign_flip, told_apart
from trainables.answers import GradedAnswer
from trainables.grading import HALLUCINATED
from trainables.scoring import UNKNOWN, mean

ALPHA = 0.05
# Target -> another target -> of each of its images, the share of its answers that would be right of the first.
Elsewhere: TypeAlias = Mapping[str, Mapping[str, Sequence[float]]]


@dataclass(frozen=True)
class CharacterEvidence:
    """How a character changed from before to after fine-tuning, over its images, and whether that is beyond chance.

    difference: mean over images of the change of a share of answers, [-1, 1], with its 95 % interval. Of a target and
    a control it is the share of right answers: below 0 is worse. Of a negative, which nobody teaches, and of a control
    that the base does not know it is the share of answers with a wrong name: above 0 is worse.
    p: of the exact sign-flip test over images; of several repeats the largest, so that no claim about a configuration
    rests on one lucky training, and 1 where they changed in different directions. p_holm: adjusted for all characters;
    supported: p_holm <= 0.05. images_needed: about how many images would settle it; None where it is settled or nothing
    changed.
    p_apart: of a target that improved, that it is told apart from each other target: the largest p-value that what is
    right of it is said about it more often than about another. A model that calls two by one name has learnt neither.
    It is part of p, the larger of the two; None where it was not tested.
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
    elsewhere: Sequence[Elsewhere] = (),
) -> dict[str, CharacterEvidence]:
    """The evidence on each character that has answers, in the order of `roles`.

    elsewhere: of each run, what is right of a target and said about others (`analysis.facts.apart.said_elsewhere`);
    without it no target is tested for being told apart.

    runs: the answers after fine-tuning, one list for each repeat, to the probes of `before`, else ValueError.
    images: probe -> its image. Answers about one image are not independent, so the unit is the image: the average
    over its questions and repeats. What is tested is these trainings on new images, not trainings with other seeds.
    A control is tested by its share of right answers, not by its flips: those are never below 0, so chance alone
    makes some. A claim must hold of each repeat by itself (an intersection-union test: Berger, Technometrics 24, 1982).
    """
    if not runs:
        raise ValueError("runs must hold the answers of at least one run, got none")
    changes = _changes_by_image(before, runs, images, roles)
    found = {name: list(changes[name].values()) for name in roles if name in changes}
    alone = [_changes_by_image(before, [run], images, roles) for run in runs]
    apart = _apart(runs, images, found, elsewhere)
    p_values = {
        name: max(_p_value([list(one[name].values()) for one in alone]), apart.get(name, 0.0)) for name in found
    }
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


def _p_value(repeats: Sequence[Sequence[float]]) -> float:
    """The largest p-value of the repeats' changes by image; 1 where they do not change in one direction."""
    means = [mean(differences) for differences in repeats]
    agree = min(means) > 0 or max(means) < 0
    return max(map(sign_flip, repeats)) if agree else 1.0


def _apart(
    runs: Sequence[Sequence[GradedAnswer]],
    images: Mapping[str, str],
    changes: Mapping[str, Sequence[float]],
    elsewhere: Sequence[Elsewhere],
) -> dict[str, float]:
    """Target that improved -> the p-value that every run tells it apart from each other target."""
    found: dict[str, float] = {}
    for run, said in zip(runs, elsewhere, strict=False):
        for name, others in said.items():
            if others and mean(changes.get(name, ())) > 0:
                own: dict[str, list[bool]] = {}
                for graded in (graded for graded in run if graded.character == name):
                    own.setdefault(images[graded.answer.probe], []).append(graded.right)
                shares = [mean(right) for right in own.values()]
                found[name] = max(found.get(name, 0.0), *(told_apart(shares, other) for other in others.values()))
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
    """What a status makes a claim of: a right answer, or of whom the base does not know a wrong name."""
    stranger = roles[graded.character] in ("negative", UNKNOWN)
    return int(graded.grade in HALLUCINATED if stranger else graded.right)
