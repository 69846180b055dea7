"""The table of characters from hand-made graded answers: every count and status by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from fake_runs import make_study

from analysis.messages import Messages
from analysis.tables import CharacterRow, allowed_names_of, by_score, character_results, character_table, shorten
from search.trial_row import TrialRow
from trainables.answers import Answer, GradedAnswer
from trainables.grading import Grade

ROLES = {"Чебурашка": "target", "Супермен": "control", "Солнышко": "negative"}
RIGHT, UNKNOWN = ("correct", ()), ("abstain", ())
Given = tuple[str, tuple[str, ...]]


def _answers(given: Mapping[str, Sequence[Given]]) -> list[GradedAnswer]:
    graded = []
    for character, answers in given.items():
        for number, (grade, names) in enumerate(answers):
            right = grade == "correct" or (grade == "abstain" and ROLES[character] == "negative")
            answer = Answer(f"{character}-{number}", f"Это {', '.join(names) or 'ответ'}.")
            graded.append(GradedAnswer(answer, character, Grade(grade), names, right))
    return graded


def _row(character: str, before: Sequence[Given], after: Sequence[Given], language: str = "ru") -> CharacterRow:
    results = character_results(_answers({character: before}), _answers({character: after}), ROLES)
    return character_table(results, Messages(language))[0]


def test_a_target_that_improved() -> None:
    assert _row("Чебурашка", [UNKNOWN] * 3, [RIGHT, RIGHT, ("wrong_fact", ())]) == CharacterRow(
        "Чебурашка",
        "правильный ответ на 0 из 3 вопросов",
        "правильный ответ на 2 из 3 вопросов",
        "улучшение: правильных ответов было 0, стало 2",
    )


def test_all_questions_right() -> None:
    assert _row("Чебурашка", [UNKNOWN] * 36, [RIGHT] * 36).after == "правильный ответ на все 36 вопросов"
    assert _row("Чебурашка", [UNKNOWN], [RIGHT]).after == "правильный ответ на 1 из 1 вопроса"


def test_a_target_without_improvement_says_how_often_it_abstained() -> None:
    row = _row("Чебурашка", [UNKNOWN] * 3, [UNKNOWN, UNKNOWN, ("no_name", ())])
    assert row.status == "без улучшения; «не знаю» 2 раза (до дообучения: 3)"


def test_a_target_that_got_worse_is_not_called_unimproved() -> None:
    row = _row("Чебурашка", [RIGHT, RIGHT], [RIGHT, ("wrong_fact", ())])
    assert row.status == "ухудшение: правильных ответов было 2, стало 1"


def test_hallucination_names_the_most_frequent_first_and_quotes_one_answer() -> None:
    karlsson, gena = ("wrong_unknown", ("Карлсон",)), ("wrong_known", ("Гена",))
    row = _row("Чебурашка", [UNKNOWN] * 4, [karlsson, gena, gena, ("mixed", ("Чебурашка", "Гена"))])
    assert row.status == (
        "без улучшения; галлюцинация: чужое имя в 4 ответах (до дообучения: 0): "
        "Гена (3 раза), Карлсон (1 раз); например, «Это Гена.»"
    )


def test_more_names_than_shown_are_counted() -> None:
    row = _row("Чебурашка", [UNKNOWN] * 5, [("wrong_known", (name,)) for name in "АБВГД"])
    assert "А (1 раз), Б (1 раз), В (1 раз) и ещё 2 имени" in row.status


def test_a_name_that_the_probe_allows_is_no_hallucination_on_it() -> None:
    before = _answers({"Чебурашка": [UNKNOWN]})
    after = _answers({"Чебурашка": [("wrong_known", ("Гена", "Колобок"))]})
    allowed = {"Чебурашка-0": {"Гена"}}
    assert character_results(before, after, ROLES, allowed)[0].wrong_names == (("Колобок", 1),)


def test_the_grader_says_what_a_probe_allows(tmp_path: Path) -> None:
    study = make_study(tmp_path / "study")
    probe = study.probes[0].model_copy(update={"allowed_names": ("сказка про Колобка",)})
    study.probes[0] = probe
    assert allowed_names_of(study) == {probe.id: frozenset({"Чебурашка", "Колобок"})}


def test_a_control_that_lost_answers_is_degraded_by_its_flips() -> None:
    row = _row("Супермен", [RIGHT, RIGHT, UNKNOWN], [RIGHT, ("wrong_known", ("Чебурашка",)), RIGHT])
    assert row.before == row.after == "правильный ответ на 2 из 3 вопросов"
    assert row.status.startswith("деградация: потерян 1 правильный ответ; галлюцинация: чужое имя в 1 ответе")


def test_a_stable_control() -> None:
    assert _row("Супермен", [RIGHT] * 3, [RIGHT] * 3).status == "без деградации"


def test_a_negative_counts_how_often_it_was_named_as_someone() -> None:
    row = _row("Солнышко", [RIGHT, UNKNOWN, UNKNOWN], [("wrong_known", ("Чебурашка",))] * 2 + [UNKNOWN])
    assert row.before == "чужое имя в 0 из 3 ответов"
    assert row.after == "чужое имя в 2 из 3 ответов"
    assert row.status.startswith("чужое имя чаще; галлюцинация: чужое имя в 2 ответах (до дообучения: 0): Чебурашка")


def test_the_english_table() -> None:
    row = _row("Чебурашка", [UNKNOWN] * 3, [RIGHT, RIGHT, UNKNOWN], "en")
    assert row.after == "2 of 3 questions answered right"
    assert row.status == "improvement: 0 right answers before, 2 after; “I do not know” 1 time (before: 3)"


def test_answers_to_other_probes_are_refused() -> None:
    with pytest.raises(ValueError, match="same probes"):
        character_results(_answers({"Чебурашка": [UNKNOWN]}), _answers({"Супермен": [UNKNOWN]}), ROLES)


def test_trials_are_sorted_by_score_with_failed_ones_last() -> None:
    def row(number: int, state: str, score: float | None) -> TrialRow:
        return TrialRow(f"t{number}", number, "search", f"t{number}", {}, 0, True, state=state, score=score)  # type: ignore[arg-type]

    rows = [row(0, "failed", 0.9), row(1, "completed", 0.1), row(2, "running", None), row(3, "stopped", 0.4)]
    assert [row.number for row in by_score(rows)] == [3, 1, 2, 0]


def test_a_long_answer_is_cut_on_one_line() -> None:
    assert shorten("а\nб") == "а б"
    assert len(shorten("слово " * 50)) <= 80
    assert shorten("слово " * 50).endswith("…")
