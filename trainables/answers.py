"""Answers as they travel: given by a model, graded against the study, kept in the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from studies.rows import Probe
from studies.study import Study
from trainables.grading import Grade, Grader

# Probes that are asked together at most, and the tokens of their prompts and answers: 64 of 1,024, 4 of a photo of
# 16,000. A base of 3 billion weights keeps about 2 GB for so many.
ASK_BATCH = 64
ASK_TOKENS = 65_536


def asking_order(lengths: Mapping[str, int]) -> list[str]:
    """Probe ids by the length of their prompts in tokens: less padding, and the same batches every time."""
    return sorted(lengths, key=lambda probe: (lengths[probe], probe))


def asking_batches(lengths: Mapping[str, int], new_tokens: int, rows: int = ASK_BATCH) -> list[list[str]]:
    """Probe ids as they are asked together, at most `rows` of them and ASK_TOKENS; by the study alone.

    lengths: probe id -> tokens of its prompt. new_tokens: that an answer may have.
    """
    asked: list[list[str]] = []
    for probe in asking_order(lengths):
        # The longest of its batch, to which the others are padded.
        fits = min(rows, ASK_TOKENS // (lengths[probe] + new_tokens))
        if asked and len(asked[-1]) < fits:
            asked[-1].append(probe)
        else:
            asked.append([probe])
    return asked


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
