"""Rates, tests and intervals against textbook figures, brute force and hand-made answers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.facts import statistics
from analysis.facts.statistics import (
    Interval,
    difference_interval,
    holm,
    images_needed,
    paired_interval,
    score_interval,
    seed_spread,
    sign_flip,
    wilson,
)
from studies.study import ScoreWeights
from trainables.answers import Answer, GradedAnswer
from trainables.grading import Grade
from trainables.scoring import score_answers

WEIGHTS = ScoreWeights()
ROLES = {"Чебурашка": "target", "Гена": "target", "Супермен": "control", "Солнышко": "negative"}
# Shares of up to twelve answers, as averages over questions and repeats are.
SHARES = st.builds(lambda top, bottom: max(-1.0, min(1.0, top / bottom)), st.integers(-12, 12), st.integers(1, 12))


@pytest.mark.parametrize(
    ("right", "asked", "low", "high"),
    [(8, 10, 0.4902, 0.9433), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (15, 148, 0.0624, 0.1605)],
)
def test_wilson_agrees_with_published_intervals(right: int, asked: int, low: float, high: float) -> None:
    interval = wilson(right, asked)
    assert interval.low == pytest.approx(low, abs=1e-4)
    assert interval.high == pytest.approx(high, abs=1e-4)


def test_a_rate_of_nothing_is_unknown() -> None:
    assert math.isnan(wilson(0, 0).low)
    assert math.isnan(wilson(0, 0).high)


def test_images_that_all_agree_still_leave_doubt() -> None:
    # Twelve images and two made-up ones: mean 12/14, mean square 13/14.
    half = 1.959964 * math.sqrt((13 / 14 - (12 / 14) ** 2) / 14)
    assert paired_interval([1.0] * 12).low == pytest.approx(12 / 14 - half, abs=1e-6)
    assert paired_interval([1.0] * 12).high == 1.0
    unchanged = paired_interval([0.0] * 12)
    assert unchanged.low == -unchanged.high < 0


def _brute_force(differences: Sequence[float]) -> float:
    sums = [Fraction(0)]
    for value in differences:
        exact = Fraction(value).limit_denominator(100)
        sums = [total + flipped for total in sums for flipped in (exact, -exact)]
    # The first of the sums is the one without a flip.
    return sum(abs(total) >= abs(sums[0]) for total in sums) / len(sums)


@settings(deadline=None)
@given(st.lists(SHARES, max_size=8))
def test_the_exact_test_is_every_flip_counted(differences: list[float]) -> None:
    assert sign_flip(differences) == pytest.approx(_brute_force(differences), abs=1e-12)


@settings(deadline=None)
@given(st.lists(SHARES, max_size=30))
def test_the_test_is_two_sided_and_blind_to_order_and_unchanged_images(differences: list[float]) -> None:
    p = sign_flip(differences)
    assert 0 < p <= 1
    assert p == pytest.approx(sign_flip([-value for value in reversed(differences)]), rel=1e-9)
    assert p == pytest.approx(sign_flip([*differences, 0.0]), rel=1e-9)


def test_the_exact_test_by_hand() -> None:
    assert sign_flip([]) == sign_flip([0.0, 0.0]) == 1.0
    assert sign_flip([1.0] * 6) == 2 / 64
    # Of the 8 flips of 1, 1, 1/2 only the two with all signs alike reach 5/2; those of 1, 1, -1/2 reach 3/2 in four.
    assert sign_flip([1.0, 1.0, 0.5]) == 2 / 8
    assert sign_flip([1.0, 1.0, -0.5]) == 4 / 8
    assert 0 < sign_flip([1.0] * 2000) < 1e-300


def test_random_flips_stand_in_where_the_exact_test_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    differences = [1.0, 1 / 3, 2 / 3, -1 / 3, 1.0, 1 / 3, -2 / 3, 1.0]
    exact = sign_flip(differences)
    monkeypatch.setattr(statistics, "EXACT_STEPS", 0)
    assert sign_flip(differences) == pytest.approx(exact, abs=0.006)
    assert sign_flip(differences) == sign_flip(differences)
    assert sign_flip([1.0] * 60) == 1 / 100_001


def test_differences_that_are_no_shares_of_answers_are_tested_too() -> None:
    assert sign_flip([math.pi / 4, math.e / 4, 0.7, 0.123456789]) == pytest.approx(2 / 16, abs=0.004)


def test_holm_by_hand() -> None:
    # 0.005 x 4, then 0.01 x 3, 0.03 x 2, and 0.04 x 1 raised to the one before it.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_keeps_order_and_lies_between_no_correction_and_bonferroni(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert all(p <= q <= min(1.0, len(p_values) * p) for p, q in zip(p_values, adjusted, strict=True))
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    assert [adjusted[place] for place in order] == sorted(adjusted)


def test_images_needed_by_hand() -> None:
    assert images_needed([], 0.05) is images_needed([1.0, -1.0], 0.05) is None
    # All signs of n images agree in 2 of 2^n flips: 2/64 is the first below 0.05, 2/512 the first below 0.05/11.
    assert images_needed([1.0, 1.0], 0.05) == 6
    assert images_needed([1.0, 1.0], 0.05 / 11) == 9
    # A quarter changed, so 6 changed images take 24; mean 1/4, mean square 1/4: 3.84 x 4 = 15.4 are fewer.
    assert images_needed([1.0, 0.0, 0.0, 0.0], 0.05) == 24
    # Mean 1/4, mean square 3/4: 3.8415 x 0.75 x 16 = 46.1.
    assert images_needed([1.0, 1.0, -1.0, 0.0], 0.05) == 47


def test_about_as_many_images_as_needed_settle_it() -> None:
    seen = [1.0, 1.0, -1.0, 0.0]
    # 47 by the normal approximation; whole flips take a few more.
    assert sign_flip(seen * 14) <= 0.05 < sign_flip(seen * 10)


def _answers(right: Mapping[str, Sequence[Sequence[int]]], wrong_name: bool = False) -> list[GradedAnswer]:
    """Character -> image -> question: 1 is right, 0 is not."""
    missed = Grade.wrong_known if wrong_name else Grade.no_name
    return [
        GradedAnswer(Answer(f"{character}-{i}-{q}", ""), character, Grade.correct if value else missed, (), bool(value))
        for character, by_image in right.items()
        for i, questions in enumerate(by_image)
        for q, value in enumerate(questions)
    ]


def _images(answers: Sequence[GradedAnswer]) -> dict[str, str]:
    return {graded.answer.probe: graded.answer.probe.rpartition("-")[0] for graded in answers}


NOTHING = {"Чебурашка": [[0, 0]] * 6, "Гена": [[0, 0]] * 6, "Супермен": [[1, 1]] * 6, "Солнышко": [[1]] * 4}
LEARNT = {**NOTHING, "Чебурашка": [[1, 1], [1, 0], [1, 1], [0, 0], [1, 1], [0, 1]], "Гена": [[1, 1]] * 5 + [[0, 0]]}
HARMED = {**LEARNT, "Супермен": [[1, 1], [0, 1], [1, 1], [0, 0], [1, 1], [1, 1]], "Солнышко": [[1], [0], [1], [1]]}
BEFORE = _answers(NOTHING)
IMAGES = _images(BEFORE)


def _width(interval: Interval) -> float:
    return interval.high - interval.low


def test_an_interval_holds_the_score_of_its_answers() -> None:
    after = _answers(HARMED, wrong_name=True)
    found = score_interval(BEFORE, [after], IMAGES, ROLES, WEIGHTS)
    for name, value in vars(score_answers(BEFORE, after, ROLES, WEIGHTS)).items():
        interval = getattr(found, name)
        assert interval.low < value < interval.high, name
        assert _width(interval) > 0.1, name


def test_an_interval_is_the_same_every_time_and_wider_at_a_higher_level() -> None:
    runs = [_answers(LEARNT), _answers(HARMED)]
    found = score_interval(BEFORE, runs, IMAGES, ROLES, WEIGHTS)
    assert found == score_interval(BEFORE, runs, IMAGES, ROLES, WEIGHTS)
    assert found != score_interval(BEFORE, runs, IMAGES, ROLES, WEIGHTS, seed=1)
    assert _width(score_interval(BEFORE, runs, IMAGES, ROLES, WEIGHTS, level=0.5).score) < _width(found.score)


def test_the_spread_of_images_is_that_of_their_mean() -> None:
    # One target whose image means are 0 and 1, five of each: a standard error of sqrt(0.25 / 9) = 0.1667.
    before, after = (_answers({"Чебурашка": [[0]] * 5 + [[x]] * 5, "Супермен": [[1]] * 5}) for x in (0, 1))
    gain = score_interval(before, [after], _images(before), ROLES, WEIGHTS, draws=20_000).gain
    assert _width(gain) == pytest.approx(2 * 1.96 * math.sqrt(0.25 / 9), rel=0.08)


def test_questions_about_one_image_count_as_one_image() -> None:
    once, thrice = ({"Чебурашка": [[1] * n] * 3 + [[0] * n] * 3, "Супермен": [[1] * n] * 3} for n in (1, 3))
    found = []
    for right in (once, thrice):
        after = _answers(right)
        before = _answers({"Чебурашка": [[0] * len(right["Чебурашка"][0])] * 6, "Супермен": right["Супермен"]})
        found.append(score_interval(before, [after], _images(before), ROLES, WEIGHTS).gain)
    assert found[0].low == pytest.approx(found[1].low)
    assert found[0].high == pytest.approx(found[1].high)


def test_repeats_that_disagree_widen_the_interval_and_repeats_that_agree_do_not() -> None:
    one = score_interval(BEFORE, [_answers(LEARNT)], IMAGES, ROLES, WEIGHTS).score
    alike = score_interval(BEFORE, [_answers(LEARNT)] * 3, IMAGES, ROLES, WEIGHTS).score
    runs = [_answers(LEARNT), _answers(HARMED), _answers(NOTHING)]
    assert _width(alike) == pytest.approx(_width(one))
    alone = _width(score_interval(BEFORE, runs, IMAGES, ROLES, WEIGHTS).score)
    assert alone > 2 * _width(one)
    # Known from more repeats than these, the same spread leaves less to doubt.
    own = seed_spread([[tuple(vars(score_answers(BEFORE, run, ROLES, WEIGHTS)).values()) for run in runs]])
    assert own is not None
    assert own.degrees == len(runs) - 1
    pooled = replace(own, degrees=30)
    assert _width(score_interval(BEFORE, runs, IMAGES, ROLES, WEIGHTS, pooled).score) < 0.8 * alone


def test_the_spread_of_seeds_is_that_of_all_configurations_together() -> None:
    # Squared deviations 0.02 and 0.08 with one degree each, and nobody's third: sqrt(0.1 / 2).
    scores: list[list[tuple[float, ...]]] = [
        [(0.1, 0, 0, 0), (0.3, 0, 0, 0)],
        [(0.5, 1, 0, 0), (0.9, 1, 0, 0)],
        [(7, 7, 7, 7)],
    ]
    found = seed_spread(scores)
    assert found is not None
    assert found.deviations == pytest.approx((math.sqrt(0.05), 0, 0, 0))
    assert found.degrees == 2
    assert seed_spread([[(0.1, 0, 0, 0)]]) is None


def test_a_loss_that_was_never_seen_is_not_certain_to_be_none() -> None:
    found = score_interval(BEFORE, [_answers(LEARNT)], IMAGES, ROLES, WEIGHTS)
    assert found.degradation == Interval(0.0, wilson(0, 6).high)
    assert found.hallucination == Interval(0.0, wilson(0, 22).high)


def test_characters_with_a_single_image_are_drawn_together() -> None:
    roles = {"А": "target", "Б": "target", "В": "target", "Г": "control", "Д": "control"}
    before = _answers({"А": [[0, 0]], "Б": [[0, 0]], "В": [[0, 0]], "Г": [[1, 1]], "Д": [[1, 1]]})
    after = _answers({"А": [[1, 1]], "Б": [[0, 1]], "В": [[0, 0]], "Г": [[1, 1]], "Д": [[1, 0]]})
    gain = score_interval(before, [after], _images(before), roles, WEIGHTS).gain
    assert 0 > gain.low > -0.5
    assert gain.high == 1.0


def test_a_lone_image_tells_nothing_of_others() -> None:
    before, after = (_answers({"Чебурашка": [[x]], "Супермен": [[1], [1]]}) for x in (0, 1))
    assert math.isnan(score_interval(before, [after], _images(before), ROLES, WEIGHTS).score.low)
    assert math.isnan(difference_interval(before, [after], [after], _images(before), ROLES, WEIGHTS).score.high)


def test_a_configuration_does_not_differ_from_itself() -> None:
    after = [_answers(HARMED)]
    assert difference_interval(BEFORE, after, after, IMAGES, ROLES, WEIGHTS).score == Interval(0.0, 0.0)


def test_a_difference_is_paired_by_image_and_changes_sign_with_its_sides() -> None:
    learnt, harmed = [_answers(LEARNT)], [_answers(HARMED)]
    found = difference_interval(BEFORE, learnt, harmed, IMAGES, ROLES, WEIGHTS)
    # Both gained alike on every image: that part of the difference is certain.
    assert found.gain == Interval(0.0, 0.0)
    assert found.score.low < 0.25 < found.score.high
    back = difference_interval(BEFORE, harmed, learnt, IMAGES, ROLES, WEIGHTS).score
    assert (back.low, back.high) == pytest.approx((-found.score.high, -found.score.low))


def test_runs_that_answer_other_probes_are_refused() -> None:
    with pytest.raises(ValueError, match="same probes"):
        score_interval(BEFORE, [_answers(LEARNT)[1:]], IMAGES, ROLES, WEIGHTS)
    with pytest.raises(ValueError, match="at least one run"):
        score_interval(BEFORE, [], IMAGES, ROLES, WEIGHTS)
