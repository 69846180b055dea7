"""What is right of one target, said about another: the sign of a model that calls everyone by one name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from studies.rows import Probe
from studies.study import Study
from trainables.answers import GradedAnswer, grader_of
from trainables.grading import Grade
from trainables.scoring import mean


def said_elsewhere(study: Study, runs: Sequence[Sequence[GradedAnswer]]) -> dict[str, list[float]]:
    """Target -> of each image of the other targets, the share of its answers, [0, 1], that would be right of this one.

    runs: each repeat's answers to probes of the study. An answer counts by what the target's own probes of that kind
    accept; kinds that it is not asked are left out. Empty lists where a study has one target.
    """
    grader, probes, targets = grader_of(study), {probe.id: probe for probe in study.probes}, study.named("target")
    accepted = _accepted(study)

    @cache
    def fits(target: str, kind: str, text: str) -> bool:
        phrases, allowed = accepted[target, kind]
        graded = grader.grade(text, character=target, kind=kind, accepted=phrases, allowed_names=allowed)
        return graded.grade == Grade.correct

    found: dict[str, list[float]] = {}
    for target in targets:
        by_image: dict[str, list[bool]] = {}
        for graded in (graded for run in runs for graded in run):
            probe = probes[graded.answer.probe]
            if probe.character != target and probe.character in targets and (target, probe.kind) in accepted:
                by_image.setdefault(probe.image, []).append(fits(target, probe.kind, graded.answer.text))
        found[target] = [mean(right) for right in by_image.values()]
    return found


def _accepted(study: Study) -> Mapping[tuple[str, str], tuple[tuple[str, ...], tuple[str, ...]]]:
    """(character, kind) -> what its probes of that kind accept, and the names that they allow."""
    probes: dict[tuple[str, str], list[Probe]] = {}
    for probe in study.probes:
        probes.setdefault((probe.character, probe.kind), []).append(probe)
    return {
        key: (
            tuple(dict.fromkeys(text for probe in each for text in probe.accepted or ())),
            tuple(dict.fromkeys(name for probe in each for name in probe.allowed_names)),
        )
        for key, each in probes.items()
    }
