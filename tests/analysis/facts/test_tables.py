"""The table of characters from hand-made graded answers: every count and status by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from fake_runs import make_study

from analysis.facts.character_results import allowed_names_of, character_results
from analysis.facts.evidence import evidence
from analysis.facts.trials import by_score
from analysis.messages.catalogue import Messages
from analysis.sections.character_table import CharacterRow, character_table, evidence_note, shorten
from search.run.trial_row import TrialRow
from trainables.answers import Answer, GradedAnswer
from trainables.grading import Grade

ROLES = {"Чебурашка": "target", "Супермен": "control", "Солнышко": "negative"}
RIGHT, WRONG, UNKNOWN = ("correct", ()), ("no_name", ()), ("abstain", ())
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


def _tested(character: str, before: Sequence[Given], after: Sequence[Given], language: str = "ru") -> str:
    """The status with evidence, an image for each answer."""
    first, second = _answers({character: before}), _answers({character: after})
    images = {graded.answer.probe: graded.answer.probe for graded in first}
    results = character_results(first, second, ROLES)
    return character_table(results, Messages(language), evidence(first, [second], images, ROLES))[0].status


def _changed(up: int, down: int) -> tuple[list[GradedAnswer], list[list[GradedAnswer]], dict[str, str]]:
    """Answers about a target, and their images, of which so many became right and so many wrong."""
    before = _answers({"Чебурашка": [WRONG] * up + [RIGHT] * down})
    after = _answers({"Чебурашка": [RIGHT] * up + [WRONG] * down})
    return before, [after], {graded.answer.probe: graded.answer.probe for graded in before}


def test_counts_without_evidence_claim_nothing() -> None:
    assert _row("Чебурашка", [UNKNOWN] * 3, [RIGHT, RIGHT, ("wrong_fact", ())]) == CharacterRow(
        "Чебурашка",
        "правильный ответ на 0 из 3 вопросов",
        "правильный ответ на 2 из 3 вопросов",
        "правильных ответов стало больше: 0 → 2",
    )


def test_a_target_whose_improvement_is_supported() -> None:
    assert _tested("Чебурашка", [WRONG] * 6, [RIGHT] * 6) == "улучшение: правильных ответов было 0, стало 6 (p = 0.031)"
    english = _tested("Чебурашка", [WRONG] * 20, [RIGHT] * 20, "en")
    assert english == "improvement: 0 right answers before, 20 after (p < 0.001)"


def test_a_target_whose_improvement_may_be_chance_says_so_and_what_would_settle_it() -> None:
    before, after = [WRONG] * 3 + [RIGHT] * 3, [RIGHT] * 5 + [WRONG]
    # 3 up and 1 down of 6: p = 10/16; 3.84 x 4 x 6 / 2^2 = 23.05.
    assert _tested("Чебурашка", before, after) == (
        "правильных ответов стало больше: 3 → 5; может быть случайностью, p = 0.62; для вывода нужно около 24 картинок"
    )
    assert _tested("Чебурашка", before, after, "en") == (
        "more right answers: 3 → 5; may be chance, p = 0.62; about 24 images would settle it"
    )


def test_many_images_are_said_in_round_numbers() -> None:
    # 6 up and 5 down of 11: 3.84 x 11 x 11 = 464.8.
    before, after = [WRONG] * 6 + [RIGHT] * 5, [RIGHT] * 6 + [WRONG] * 5
    assert _tested("Чебурашка", before, after).endswith("p = 1; для вывода нужно около 460 картинок")


def test_a_p_just_above_the_limit_is_not_rounded_to_it() -> None:
    found = evidence(*_changed(9, 2), ROLES)
    near = {name: replace(one, p_holm=0.0504) for name, one in found.items()}
    results = character_results(_changed(9, 2)[0], _changed(9, 2)[1][0], ROLES)
    assert "может быть случайностью, p > 0.05;" in character_table(results, Messages("ru"), near)[0].status


def test_all_questions_right() -> None:
    assert _row("Чебурашка", [UNKNOWN] * 36, [RIGHT] * 36).after == "правильный ответ на все 36 вопросов"
    assert _row("Чебурашка", [UNKNOWN], [RIGHT]).after == "правильный ответ на 1 из 1 вопроса"


def test_a_target_without_improvement_says_how_often_it_abstained() -> None:
    row = _row("Чебурашка", [UNKNOWN] * 3, [UNKNOWN, UNKNOWN, ("no_name", ())])
    assert row.status == "без улучшения; «не знаю» 2 раза (до дообучения: 3)"


def test_a_target_that_got_worse_is_not_called_unimproved() -> None:
    row = _row("Чебурашка", [RIGHT, RIGHT], [RIGHT, ("wrong_fact", ())])
    assert row.status == "правильных ответов стало меньше: 2 → 1"
    status = _tested("Чебурашка", [RIGHT] * 6, [WRONG] * 6)
    assert status == "ухудшение: правильных ответов было 6, стало 0 (p = 0.031)"
    assert _tested("Чебурашка", [RIGHT] * 6, [WRONG] * 6, "en") == "worse: 6 right answers before, 0 after (p = 0.031)"


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


def test_a_control_that_regained_what_it_lost_is_not_degraded_and_names_the_loss() -> None:
    before, after = [RIGHT, RIGHT, UNKNOWN], [RIGHT, ("wrong_known", ("Чебурашка",)), RIGHT]
    row = _row("Супермен", before, after)
    assert row.before == row.after == "правильный ответ на 2 из 3 вопросов"
    assert row.status.startswith("потерян 1 правильный ответ (всего 2 → 2); галлюцинация: чужое имя в 1 ответе")
    assert _tested("Супермен", before, after) == row.status


def test_a_control_is_degraded_where_the_loss_is_supported() -> None:
    lost = [RIGHT] * 2 + [WRONG] * 6
    assert _tested("Супермен", [RIGHT] * 8, lost) == "деградация: потеряно 6 правильных ответов (p = 0.031)"
    assert _tested("Супермен", [RIGHT] * 8, lost, "en") == "degradation: 6 right answers lost (p = 0.031)"


def test_a_control_whose_loss_may_be_chance_says_so() -> None:
    lost = [RIGHT] * 6 + [WRONG] * 2
    # Two of eight images changed: 6 changed ones take 24, the normal approximation 15.4.
    assert _tested("Супермен", [RIGHT] * 8, lost) == (
        "потеряно 2 правильных ответа (всего 8 → 6); может быть случайностью, p = 0.5; "
        "для вывода нужно около 24 картинок"
    )
    assert _tested("Супермен", [RIGHT] * 8, lost, "en").startswith("2 right answers lost (in all 8 → 6); may be chance")


def test_a_stable_control() -> None:
    assert _row("Супермен", [RIGHT] * 3, [RIGHT] * 3).status == "без деградации"


def test_a_negative_counts_how_often_it_was_named_as_someone() -> None:
    row = _row("Солнышко", [RIGHT, UNKNOWN, UNKNOWN], [("wrong_known", ("Чебурашка",))] * 2 + [UNKNOWN])
    assert row.before == "чужое имя в 0 из 3 ответов"
    assert row.after == "чужое имя в 2 из 3 ответов"
    assert row.status.startswith("чужое имя чаще; галлюцинация: чужое имя в 2 ответах (до дообучения: 0): Чебурашка")


def test_a_negative_named_more_often_beyond_chance() -> None:
    named = ("wrong_known", ("Чебурашка",))
    assert _tested("Солнышко", [UNKNOWN] * 6, [named] * 6).startswith(
        "чужое имя стало встречаться чаще (p = 0.031); галлюцинация: чужое имя в 6 ответах (до дообучения: 0)"
    )
    assert _tested("Солнышко", [named] * 6, [WRONG] * 6, "en") == "wrong names have become rarer (p = 0.031)"
    assert _tested("Солнышко", [UNKNOWN] * 6, [named] + [UNKNOWN] * 5).startswith(
        "чужое имя чаще; может быть случайностью, p = 1; для вывода нужно около 36 картинок; галлюцинация:"
    )


def test_where_nothing_changed_the_statuses_claim_nothing() -> None:
    assert _tested("Чебурашка", [WRONG] * 6, [WRONG] * 6) == "без улучшения"
    assert _tested("Супермен", [RIGHT] * 6, [RIGHT] * 6) == "без деградации"
    assert _tested("Солнышко", [WRONG] * 6, [WRONG] * 6) == "чужое имя так же часто"


def test_the_note_says_what_statuses_rest_on() -> None:
    found = evidence(*_changed(9, 2), ROLES)
    assert "p не больше 0.05 с поправкой Холма" in evidence_note(found, Messages("ru"))
    assert "p of at most 0.05" in evidence_note(found, Messages("en"))
    assert "нельзя" in evidence_note(None, Messages("ru"))
    assert "cannot be tested" in evidence_note(None, Messages("en"))


def test_the_english_table() -> None:
    row = _row("Чебурашка", [UNKNOWN] * 3, [RIGHT, RIGHT, UNKNOWN], "en")
    assert row.after == "2 of 3 questions answered right"
    assert row.status == "more right answers: 0 → 2; “I do not know” 1 time (before: 3)"


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
