"""The grader against people: two readers graded 200 answers without sight of its code."""

from __future__ import annotations

from benchmarks.grading import DOCUMENT, documented, read
from trainables.grading import Grade


def test_the_sample_holds_every_grade_both_languages_and_real_answers() -> None:
    items = read()
    assert len(items) == 200
    assert {item.first for item in items} == {grade.value for grade in Grade}
    assert {item.facts["study"] for item in items} == {"demo", "english"}
    assert sum(item.facts["source"] == "demo" for item in items) >= 130


def test_the_grader_reads_as_people_do() -> None:
    agreed = [item for item in read() if item.first == item.second]
    assert sum(item.now == item.first for item in agreed) >= 0.94 * len(agreed)


def test_what_people_call_right_and_wrong_names_counts_so() -> None:
    agreed = [item for item in read() if item.first == item.second]
    wrong_names = {"mixed", "wrong_known", "wrong_unknown"}
    for counted in ({"correct"}, wrong_names):
        same = sum((item.now in counted) == (item.first in counted) for item in agreed)
        assert same >= 0.96 * len(agreed), counted


def test_the_page_says_what_the_answers_say() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert documented(text) == text
