"""What is beyond chance: every claim by hand, and none where nothing changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.facts.evidence import evidence
from analysis.facts.statistics import paired_interval
from trainables.answers import Answer, GradedAnswer
from trainables.grading import Grade

ROLES = {"Чебурашка": "target", "Супермен": "control", "Солнышко": "negative"}
# One letter an answer, one word an image: right, wrong without a name, wrong name.
GRADES = {"+": Grade.correct, "-": Grade.no_name, "!": Grade.wrong_known}


def _answers(given: Mapping[str, str]) -> list[GradedAnswer]:
    return [
        GradedAnswer(Answer(f"{character} {i} {q}", ""), character, GRADES[letter], (), letter == "+")
        for character, words in given.items()
        for i, word in enumerate(words.split())
        for q, letter in enumerate(word)
    ]


def _images(answers: Sequence[GradedAnswer]) -> dict[str, str]:
    return {graded.answer.probe: graded.answer.probe.rpartition(" ")[0] for graded in answers}


BEFORE = _answers({"Чебурашка": "-- " * 8, "Супермен": "++ " * 8, "Солнышко": "- " * 8})
IMAGES = _images(BEFORE)


def test_a_target_that_improved_on_every_image() -> None:
    after = _answers({"Чебурашка": "++ " * 7 + "+-", "Супермен": "++ " * 8, "Солнышко": "- " * 8})
    found = evidence(BEFORE, [after], IMAGES, ROLES)
    target = found["Чебурашка"]
    assert (target.role, target.images, target.difference) == ("target", 8, 7.5 / 8)
    # All eight images agree: 2 of 2^8 flips, times three characters.
    assert (target.p, target.p_holm) == (2 / 256, 6 / 256)
    assert target.supported
    assert target.images_needed is None
    assert target.interval == paired_interval([1.0] * 7 + [0.5])
    for name in ("Супермен", "Солнышко"):
        assert (found[name].p, found[name].supported, found[name].images_needed) == (1.0, False, None)


def test_what_holds_alone_does_not_hold_for_the_most_noticed_of_three() -> None:
    after = _answers({"Чебурашка": "++ " * 6 + "-- " * 2, "Супермен": "++ " * 8, "Солнышко": "- " * 8})
    target = evidence(BEFORE, [after], IMAGES, ROLES)["Чебурашка"]
    assert (target.p, target.p_holm, target.supported) == (2 / 64, 6 / 64, False)
    # 7 changed images are needed for 0.05 / 3, and 6 of 8 changed: 9.3, rounded up.
    assert target.images_needed == 10


def test_a_supported_claim_leaves_more_for_the_others() -> None:
    after = _answers({"Чебурашка": "++ " * 8, "Супермен": "-- " * 6 + "++ " * 2, "Солнышко": "- " * 8})
    found = evidence(BEFORE, [after], IMAGES, ROLES)
    control = found["Супермен"]
    assert found["Чебурашка"].supported
    assert (control.difference, control.p, control.p_holm) == (-0.75, 2 / 64, 4 / 64)
    # 0.05 / 2 takes 7 changed images too; 6 of 8 changed.
    assert control.images_needed == 10


def test_a_control_that_regains_what_it_loses_is_not_degraded() -> None:
    before = _answers({"Супермен": "+- " * 8})
    found = evidence(before, [_answers({"Супермен": "-+ " * 8})], _images(before), ROLES)["Супермен"]
    assert (found.difference, found.p, found.images_needed) == (0.0, 1.0, None)


def test_a_negative_is_tested_by_wrong_names_not_by_right_answers() -> None:
    before = _answers({"Солнышко": "+ " * 8})
    lost = evidence(before, [_answers({"Солнышко": "- " * 8})], _images(before), ROLES)["Солнышко"]
    named = evidence(before, [_answers({"Солнышко": "! " * 8})], _images(before), ROLES)["Солнышко"]
    assert (lost.difference, lost.supported) == (0.0, False)
    assert (named.difference, named.supported) == (1.0, True)


def test_questions_and_repeats_of_an_image_are_one_observation() -> None:
    before = _answers({"Чебурашка": "---- " * 3})
    one, other = _answers({"Чебурашка": "++++ " * 3}), _answers({"Чебурашка": "++++ ++++ ++--"})
    found = evidence(before, [one, one, other], _images(before), ROLES)["Чебурашка"]
    assert found.difference == pytest.approx((1 + 1 + 10 / 12) / 3)
    assert (found.images, found.p, found.supported) == (3, 2 / 8, False)
    # Six images could reach 0.05.
    assert found.images_needed == 6


def test_more_images_are_asked_for_than_were_too_few() -> None:
    before = _answers({"Чебурашка": "- " * 9 + "+ + -"})
    after = _answers({"Чебурашка": "+ " * 9 + "- - -"})
    found = evidence(before, [after], _images(before), ROLES)["Чебурашка"]
    # 9 up, 2 down: 2 x (1 + 11 + 55) of 2^11 flips; the normal approximation asks for 3.84 x 11 x 12 / 7^2 = 10.3.
    assert (found.p, found.supported) == (134 / 2048, False)
    assert found.images_needed == 13


@settings(deadline=None)
@given(st.lists(st.sampled_from("+-!"), min_size=24, max_size=24), st.integers(1, 3))
def test_where_nothing_changed_nothing_is_claimed(letters: list[str], repeats: int) -> None:
    words = ["".join(letters[start : start + 2]) for start in range(0, 24, 2)]
    same = _answers({name: " ".join(words[4 * i : 4 * i + 4]) for i, name in enumerate(ROLES)})
    for found in evidence(same, [same] * repeats, _images(same), ROLES).values():
        assert (found.difference, found.p, found.p_holm, found.supported) == (0.0, 1.0, 1.0, False)
        assert found.interval.low < 0 < found.interval.high


def test_characters_stand_in_the_order_of_the_study_without_those_not_asked() -> None:
    before = _answers({"Солнышко": "-", "Чебурашка": "-"})
    assert list(evidence(before, [before], _images(before), ROLES)) == ["Чебурашка", "Солнышко"]


def test_runs_that_answer_other_probes_are_refused() -> None:
    with pytest.raises(ValueError, match="same probes"):
        evidence(BEFORE, [BEFORE, BEFORE[1:]], IMAGES, ROLES)
    with pytest.raises(ValueError, match="at least one run"):
        evidence(BEFORE, [], IMAGES, ROLES)
