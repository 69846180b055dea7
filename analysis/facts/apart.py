"""What is right of one target, said about another: the sign of a model that calls everyone by one name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from studies.rows import Probe
from studies.study import Study
from trainables.answers import GradedAnswer, grader_of
from trainables.grading import Grade
from trainables.scoring import mean


def said_elsewhere(study: Study, run: Sequence[GradedAnswer]) -> dict[str, dict[str, list[float]]]:
    """Target -> other target -> of each of its images, the share of its answers, [0, 1], right of the first.

    run: answers to probes of the study. An answer counts by what the first target's own probes of that kind accept;
    kinds that it is not asked are left out. Nobody where a study has one target.
    """
    grader, probes, targets = grader_of(study), {probe.id: probe for probe in study.probes}, study.named("target")
    accepted = _accepted(study)

    @cache
    def fits(target: str, kind: str, text: str) -> bool:
        phrases, allowed = accepted[target, kind]
        graded = grader.grade(text, character=target, kind=kind, accepted=phrases, allowed_names=allowed)
        return graded.grade == Grade.correct

    found: dict[str, dict[str, list[float]]] = {}
    for target in targets:
        others: dict[str, dict[str, list[bool]]] = {}
        for graded in run:
            probe = probes[graded.answer.probe]
            if probe.character != target and probe.character in targets and (target, probe.kind) in accepted:
                by_image = others.setdefault(probe.character, {})
                by_image.setdefault(probe.unit, []).append(fits(target, probe.kind, graded.answer.text))
        found[target] = {other: [mean(right) for right in by_image.values()] for other, by_image in others.items()}
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
