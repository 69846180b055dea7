"""What became of each character: counts from graded answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from studies.study import Study
from trainables.answers import GradedAnswer, grader_of
from trainables.grading import HALLUCINATED, Grade
from trainables.scoring import Change, compare


@dataclass(frozen=True)
class CharacterResult:
    """One character's answers before and after fine-tuning, counted.

    right_*: answers that count as right. flips: right before and wrong after. wrong_*: answers with a wrong name.
    abstained_*: answers "I do not know". wrong_names: whom it was called after, with the number of answers, most
    frequent first. quote: one such answer, None when there is none.
    """

    character: str
    role: str
    asked: int
    right_before: int
    right_after: int
    flips: int
    wrong_before: int
    wrong_after: int
    abstained_before: int
    abstained_after: int
    wrong_names: tuple[tuple[str, int], ...]
    quote: str | None


def character_results(
    before: Sequence[GradedAnswer],
    after: Sequence[GradedAnswer],
    roles: Mapping[str, str],
    allowed: Mapping[str, Collection[str]] | None = None,
) -> list[CharacterResult]:
    """Count each character's answers; characters in the order of `roles`, those without answers left out.

    before, after: answers to the same probes in the same order, else ValueError.
    allowed: probe -> characters that its answer may name (`allowed_names_of`).
    """
    allowed = allowed or {}
    return [
        _result(change, _about(before, change.character), _about(after, change.character), allowed)
        for change in compare(before, after, roles)
    ]


def allowed_names_of(study: Study) -> dict[str, frozenset[str]]:
    """Probe -> the characters of the study or lexicon that its answer may name without being wrong."""
    grader, known = grader_of(study), [*study.names, *study.file.lexicon]
    # The grader decides what an allowed phrase allows: a bare name, given as an answer, is wrong or it is not.
    return {
        probe.id: frozenset(
            name
            for name in known
            if grader.grade(name, character=probe.character, kind="looks", allowed_names=probe.allowed_names).grade
            not in HALLUCINATED
        )
        for probe in study.probes
        if probe.allowed_names
    }


def _about(answers: Sequence[GradedAnswer], character: str) -> list[GradedAnswer]:
    return [graded for graded in answers if graded.character == character]


def _result(
    change: Change,
    before: Sequence[GradedAnswer],
    after: Sequence[GradedAnswer],
    allowed: Mapping[str, Collection[str]],
) -> CharacterResult:
    wrong = [(graded, _wrong_names(graded, allowed)) for graded in after if graded.grade in HALLUCINATED]
    names = Counter(name for _, found in wrong for name in found).most_common()
    quotes = [graded.answer.text for graded, found in wrong if not names or names[0][0] in found]
    return CharacterResult(
        character=change.character,
        role=change.role,
        asked=len(after),
        right_before=round(change.before * len(after)),
        right_after=round(change.after * len(after)),
        flips=round(change.flips * len(after)),
        wrong_before=sum(graded.grade in HALLUCINATED for graded in before),
        wrong_after=len(wrong),
        abstained_before=sum(graded.grade == Grade.abstain for graded in before),
        abstained_after=sum(graded.grade == Grade.abstain for graded in after),
        wrong_names=tuple(names),
        quote=quotes[0] if quotes else None,
    )


def _wrong_names(graded: GradedAnswer, allowed: Mapping[str, Collection[str]]) -> list[str]:
    fine = {graded.character, *allowed.get(graded.answer.probe, ())}
    return [name for name in graded.names if name not in fine]
