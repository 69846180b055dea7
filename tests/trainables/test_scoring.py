"""Controls that the base does not know: they cannot be forgotten, and count among the wrong names alone."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studies.study import ScoreWeights
from trainables.answers import Answer, GradedAnswer
from trainables.grading import Grade
from trainables.scoring import UNKNOWN, score_answers, scored_roles

ROLES = {"Гена": "target", "Матрёшка": "control", "Супермен": "control", "Рыцарь": "negative"}
SHARE = 0.5


def _answers(grades: dict[str, Sequence[Grade]]) -> list[GradedAnswer]:
    return [
        GradedAnswer(Answer(f"{name}-{place}", ""), name, grade, (), grade == Grade.correct)
        for name, given in grades.items()
        for place, grade in enumerate(given)
    ]


def test_a_control_below_the_share_is_unknown_and_one_at_it_is_not() -> None:
    right, wrong = Grade.correct, Grade.no_name
    before = _answers(
        {"Гена": [wrong] * 4, "Матрёшка": [right, right, wrong, wrong], "Супермен": [right, *[wrong] * 3]}
    )
    assert scored_roles(before, ROLES, SHARE) == {**ROLES, "Супермен": UNKNOWN}


def test_runs_without_a_share_know_every_control() -> None:
    before = _answers({"Матрёшка": [Grade.abstain], "Супермен": [Grade.abstain]})
    assert scored_roles(before, ROLES, 0.0) == ROLES


def test_an_unknown_control_leaves_degradation_and_counts_in_hallucination() -> None:
    right, wrong, lost = Grade.correct, Grade.no_name, Grade.wrong_known
    before = _answers({"Гена": [wrong, wrong], "Матрёшка": [right, right], "Супермен": [wrong, right, wrong, wrong]})
    after = _answers({"Гена": [right, right], "Матрёшка": [right, wrong], "Супермен": [lost, lost, wrong, wrong]})
    score = score_answers(before, after, scored_roles(before, ROLES, SHARE), ScoreWeights())
    # By hand: gain 1; one of two answers about Матрёшка lost, Супермен's is not counted; 2 of 8 answers name wrongly.
    assert (score.gain, score.degradation, score.hallucination) == (1.0, 0.5, 0.25)
    assert score.score == pytest.approx(1.0 - 0.5 - 0.5 * 0.25)
    known = score_answers(before, after, ROLES, ScoreWeights())
    assert known.degradation == pytest.approx((0.5 + 0.25) / 2)


def test_without_any_known_control_nothing_is_forgotten_and_the_score_is_a_number() -> None:
    before = _answers({"Гена": [Grade.no_name], "Матрёшка": [Grade.no_name]})
    after = _answers({"Гена": [Grade.correct], "Матрёшка": [Grade.wrong_known]})
    score = score_answers(before, after, scored_roles(before, ROLES, SHARE), ScoreWeights())
    assert (score.score, score.degradation, score.hallucination) == (0.75, 0.0, 0.5)


@given(st.lists(st.sampled_from([Grade.correct, Grade.no_name]), min_size=1, max_size=8), st.floats(0, 1))
def test_only_controls_change_their_role_and_only_by_their_own_answers(grades: list[Grade], share: float) -> None:
    before = _answers({name: grades for name in ROLES})
    found = scored_roles(before, ROLES, share)
    known = sum(grade == Grade.correct for grade in grades) / len(grades) >= share
    assert found == {name: role if role != "control" or known else UNKNOWN for name, role in ROLES.items()}
