"""Answers as they travel: given by a model, graded against the study, kept in the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from studies.rows import Probe
from studies.study import Study
from trainables.grading import Grade, Grader

# Probes that are asked together.
ASK_BATCH = 64


def asking_order(lengths: Mapping[str, int]) -> list[str]:
    """Probe ids by the length of their prompts in tokens: less padding, and the same batches every time."""
    return sorted(lengths, key=lambda probe: (lengths[probe], probe))


@dataclass(frozen=True)
class Answer:
    """What a model answered to one probe.

    name_log_probabilities: character -> log-probability (natural, <= 0) of its name as the whole
    answer; empty where the question does not ask for a name.
    """

    probe: str
    text: str
    name_log_probabilities: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class GradedAnswer:
    """An answer with its grade, the names found in it, and whether it counts as right."""

    answer: Answer
    character: str
    grade: Grade
    names: tuple[str, ...]
    right: bool


def grader_of(study: Study) -> Grader:
    """The grader of a study's characters and lexicon."""
    return Grader(study.aliases, negatives=study.named("negative"), lexicon=study.file.lexicon)


def grade_answers(grader: Grader, probes: Sequence[Probe], answers: Sequence[Answer]) -> list[GradedAnswer]:
    """Grade each answer against its probe; both in the same order."""
    graded = []
    for probe, answer in zip(probes, answers, strict=True):
        if probe.id != answer.probe:
            raise ValueError(f"answers must be in the probes' order, got {answer.probe} for {probe.id}")
        result = grader.grade(
            answer.text,
            character=probe.character,
            kind=probe.kind,
            accepted=probe.accepted,
            allowed_names=probe.allowed_names,
        )
        right = grader.is_right(result.grade, character=probe.character)
        graded.append(GradedAnswer(answer, probe.character, result.grade, result.names, right))
    return graded


def graded_to_data(graded: GradedAnswer) -> dict[str, Any]:
    """A graded answer as JSON holds it."""
    return {
        "probe": graded.answer.probe,
        "text": graded.answer.text,
        "name_log_probabilities": dict(graded.answer.name_log_probabilities),
        "character": graded.character,
        "grade": graded.grade.value,
        "names": list(graded.names),
        "right": graded.right,
    }


def graded_from_data(data: Mapping[str, Any]) -> GradedAnswer:
    """The inverse of `graded_to_data`."""
    answer = Answer(data["probe"], data["text"], data["name_log_probabilities"])
    return GradedAnswer(answer, data["character"], Grade(data["grade"]), tuple(data["names"]), data["right"])
