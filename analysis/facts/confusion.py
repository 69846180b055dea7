"""Who is taken for whom: each answer under the one name that it gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from trainables.answers import GradedAnswer
from trainables.grading import HALLUCINATED, Grade

# Columns that are no names: the model said that it does not know, or named nobody.
UNKNOWN, NOBODY = Grade.abstain.value, Grade.no_name.value


def confusion(answers: Sequence[GradedAnswer], allowed: Mapping[str, Collection[str]]) -> dict[str, Counter[str]]:
    """Character -> how many of its answers gave which name, UNKNOWN or NOBODY; every answer counts once.

    A right answer counts under the character's own name, a wrong one under the first wrong name in it.
    allowed: probe -> names that are not wrong there (`analysis.facts.character_results.allowed_names_of`).
    """
    found: dict[str, Counter[str]] = {}
    for graded in answers:
        found.setdefault(graded.character, Counter())[_named(graded, allowed)] += 1
    return found


def _named(graded: GradedAnswer, allowed: Mapping[str, Collection[str]]) -> str:
    if graded.grade == Grade.correct:
        return graded.character
    if graded.grade == Grade.abstain:
        return UNKNOWN
    fine = {graded.character, *allowed.get(graded.answer.probe, ())}
    wrong = [name for name in graded.names if name not in fine]
    return wrong[0] if graded.grade in HALLUCINATED and wrong else NOBODY


def names_given(matrices: Sequence[Mapping[str, Counter[str]]], characters: Sequence[str]) -> list[str]:
    """The columns of matrices side by side: the characters that were named, then outsiders by name."""
    given = {name for matrix in matrices for counts in matrix.values() for name in counts} - {UNKNOWN, NOBODY}
    return [*(name for name in characters if name in given), *sorted(given - set(characters))]
