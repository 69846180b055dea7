"""A model that calls everyone by one name has learnt nobody."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.facts.apart import said_elsewhere
from analysis.facts.character_results import character_results
from analysis.facts.evidence import evidence
from analysis.facts.statistics import told_apart
from analysis.messages.catalogue import Messages
from analysis.sections.character_table import character_table
from studies.checks import load_study
from studies.study import Study, find_study
from trainables.answers import Answer, GradedAnswer, grade_answers, grader_of

THIRDS = st.integers(0, 3).map(lambda value: value / 3)


def test_the_p_value_counts_the_ways_to_choose() -> None:
    # Of the 6 ways to choose 2 of 4 images only one holds both right ones.
    assert told_apart([1, 1], [0, 0]) == pytest.approx(1 / 6)
    assert told_apart([1, 0], [1, 0]) == pytest.approx(5 / 6)
    assert told_apart([0, 0], [1, 1]) == 1.0
    assert told_apart([], [1.0]) == told_apart([1.0], []) == told_apart([0, 0], [0]) == 1.0


@given(st.lists(THIRDS, min_size=1, max_size=4), st.lists(THIRDS, min_size=1, max_size=4))
def test_the_p_value_is_that_of_all_choices(own: list[float], others: list[float]) -> None:
    whole = [Fraction(value).limit_denominator(3) for value in [*own, *others]]
    sums = [sum(chosen) for chosen in combinations(whole, len(own))]
    seen = sum(whole[: len(own)])
    assert told_apart(own, others) == pytest.approx(sum(total >= seen for total in sums) / len(sums))


@pytest.fixture(scope="module")
def study() -> Study:
    """The demo."""
    return load_study(find_study("demo"))


def answers(study: Study, told: dict[str, str]) -> list[GradedAnswer]:
    """Everyone's name questions answered as `told` says, by the character in the picture; "Не знаю" elsewhere."""
    probes = study.probes_of("search")
    given_answers = [
        Answer(probe.id, told.get(probe.character, "Не знаю.") if probe.kind == "name" else "Не знаю.")
        for probe in probes
    ]
    return grade_answers(grader_of(study), probes, given_answers)


def test_what_is_said_about_others_is_counted_by_image(study: Study) -> None:
    found = said_elsewhere(study, answers(study, {"Колобок": "Чебурашка.", "Матрёшка": "Чебурашка."}))
    # A third of the questions about each of Колобок's 12 images call him Чебурашка; a control is nobody's rival.
    assert found["Чебурашка"]["Колобок"] == pytest.approx([1 / 3] * 12)
    assert found["Чебурашка"]["Алёша Попович"] == [0.0] * 12
    assert set(found["Чебурашка"]) == set(study.named("target")) - {"Чебурашка"}
    assert {share for shares in found["Колобок"].values() for share in shares} == {0.0}


@pytest.mark.parametrize(
    "called_so", [("Алёша Попович",), ("Алёша Попович", "Колобок"), ("Чебурашка", "Колобок", "Алёша Попович")]
)
def test_one_name_for_two_or_more_is_no_improvement(study: Study, called_so: tuple[str, ...]) -> None:
    images = {probe.id: probe.unit for probe in study.probes}
    everyone = len(called_so) > 1
    before = answers(study, {})
    after = answers(study, {name: "Алёша Попович." for name in called_so})
    found = evidence(before, [after], images, study.roles, [said_elsewhere(study, after)])
    assert found["Алёша Попович"].supported != everyone
    assert found["Алёша Попович"].confused == everyone
    rows = character_table(character_results(before, after, study.roles), Messages("en"), found)
    status = next(row.status for row in rows if row.character == "Алёша Попович")
    assert ("does not tell them apart" in status) == everyone
    assert status.startswith("improvement") != everyone


@pytest.mark.parametrize(("other", "claimed"), [("Алёша Попович.", True), ("Колобок.", False), ("Не знаю.", False)])
def test_a_claim_about_repeats_must_hold_of_each(study: Study, other: str, claimed: bool) -> None:
    images = {probe.id: probe.unit for probe in study.probes}
    runs = [answers(study, {"Алёша Попович": said}) for said in ("Алёша Попович.", "Алёша Попович.", other)]
    said = [said_elsewhere(study, run) for run in runs]
    assert evidence(answers(study, {}), runs, images, study.roles, said)["Алёша Попович"].supported == claimed


def test_without_other_targets_nothing_is_compared(study: Study, tmp_path: Path) -> None:
    before, after = answers(study, {}), answers(study, {"Алёша Попович": "Алёша Попович."})
    images = {probe.id: probe.unit for probe in study.probes}
    found = evidence(before, [after], images, study.roles, [{"Алёша Попович": {}}])
    assert found["Алёша Попович"].p_apart is None
    assert found["Алёша Попович"].supported
