"""The verdict of a run, at each stage of it: unchecked, being checked, won, within chance, lost to hand work."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from fake_runs import MANIFEST, add_repeat, add_trial, graded, make_run

from analysis.facts.findings import Findings
from analysis.facts.run_data import RunData
from analysis.facts.shown import shown_trials
from analysis.messages.catalogue import Messages
from analysis.render.document import Code, Facts, Section, Table, Text
from analysis.report import build_document
from search.run.ledger import BASE, Ledger
from search.run.run_folder import RunFolder

Texts = Mapping[str, Sequence[str]]
GOOD: Texts = {"Чебурашка": ["Чебурашка"] * 3, "Колобок": ["Колобок"] * 3, "Супермен": ["Супермен"] * 3}
POOR: Texts = {"Чебурашка": ["Чебурашка"], "Супермен": ["Супермен"] * 3}
BROKEN: Texts = {**GOOD, "Супермен": ["Чебурашка"] * 3, "Солнышко": ["Колобок"] * 3}


def _data(folder: RunFolder, ledger: Ledger) -> RunData:
    return RunData.load(folder, ledger, time.time())


def _sections(folder: RunFolder, ledger: Ledger, language: str = "ru") -> dict[str, Section]:
    data = _data(folder, ledger)
    document = build_document(data, Messages(language), shown_trials(data))
    return {section.key: section for section in document.sections}


def _headline(section: Section) -> Text:
    block = section.blocks[0]
    assert isinstance(block, Text)
    return block


def _fact(section: Section, label: str) -> str:
    return next(
        text for block in section.blocks if isinstance(block, Facts) for name, text in block.items if name == label
    )


def _commands(section: Section) -> str:
    return next(block.text for block in section.blocks if isinstance(block, Code))


def _with_finalists(
    tmp_path: Path, baseline: Texts, found: Texts, *, baseline_kind: bool = True, tested: int = 1
) -> Section:
    """A run whose two configurations were trained again twice and asked the test probes."""
    folder, ledger = make_run(tmp_path / "run", tested=tested)
    first = add_trial(folder, ledger, 0, baseline, name="lora_v1" if baseline_kind else None)
    second = add_trial(folder, ledger, 1, found)
    ledger.put_answers(BASE, "test", graded(folder.study(), {"Супермен": ["Супермен"] * tested}, "test"))
    for repeat in (1, 2):
        for trial, texts in ((first, baseline), (second, found)):
            one = {name: list(answers[:tested]) for name, answers in texts.items()}
            add_repeat(folder, ledger, trial, repeat, texts, test=one)
    return _sections(folder, ledger)["verdict"]


def test_without_finalists_a_victory_is_called_unchecked(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run")
    add_trial(folder, ledger, 0, POOR, name="lora_v1")
    add_trial(folder, ledger, 1, GOOD)
    section = _sections(folder, ledger)["verdict"]
    assert _headline(section).tone == "unsure"
    assert _headline(section).text.startswith("Пока впереди t0001 (score 1.00), но эта победа не проверена")
    real = _fact(section, "Настоящая ли это победа")
    assert "лучшая из 2 конфигураций, и заново её не обучали" in real
    # POOR: one of three of one of two targets.
    assert "У лучшей ручной конфигурации, lora_v1 (t0000): 0.17. Разница +0.83" in real
    won = _fact(section, "Что победило")
    assert "Правильных ответов о целевых персонажах (вопросы search): 0 % → 100 %. О контрольных: 100 % → 100 %." in won
    assert "--finalists 3" in _commands(section)


def test_what_was_tried_is_said_first(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run")
    ledger.set_meta("trials_asked", 4)
    add_trial(folder, ledger, 0, POOR, name="lora_v1")
    add_trial(folder, ledger, 1, GOOD)
    tried = _fact(_sections(folder, ledger)["verdict"], "Что пробовали")
    assert tried.startswith("2 конфигурации LoRA (ручных 1, найденных поиском 1). Модель учили узнавать: Чебурашка, ")
    assert "При этом она не должна забыть: Супермен." in tried
    # Two trials of three epochs of 2, 4 and 6 seconds.
    assert "Время обучения: 0 мин 24 с. Ещё не закончены 2 испытания." in tried


def test_what_broke_names_the_forgotten_and_whom_they_are_taken_for(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run")
    add_trial(folder, ledger, 0, BROKEN)
    broke = _fact(_sections(folder, ledger)["verdict"], "Что сломалось")
    # Three images cannot show it at 5 %.
    assert broke.startswith("Потеряно, но может быть случайностью: Супермен (3 из 3).")
    assert "Супермен (3 из 3, чаще всего «Чебурашка»), Солнышко (3 из 3, чаще всего «Колобок»)." in broke


def test_a_winner_that_one_test_image_supports_is_within_chance(tmp_path: Path) -> None:
    # One image a character: its interval is drawn over roles, and differs between the two targets.
    section = _with_finalists(tmp_path, {**POOR, "Чебурашка": ["Чебурашка"] * 3}, GOOD)
    assert _headline(section).tone == "unsure"
    assert "Победила t0001, но её отличие от лучшей ручной конфигурации, lora_v1 (t0000), может быть" in (
        _headline(section).text
    )
    real = _fact(section, "Настоящая ли это победа")
    assert real.startswith("Проверено: 2 повтора с новыми seed, оценка по вопросам test")
    assert "У лучшей ручной конфигурации, lora_v1 (t0000): 0.50. Разница +0.50" in real


def test_a_winner_that_many_test_images_support_is_called_real(tmp_path: Path) -> None:
    section = _with_finalists(tmp_path, {"Супермен": ["Супермен"] * 3}, GOOD, tested=3)
    assert _headline(section).tone == "good"
    assert "это не случайность: на вопросах test она лучше лучшей ручной конфигурации, lora_v1 (t0000)" in (
        _headline(section).text
    )
    assert "Разница +1.00 (95 %: от 1.00 до 1.00): ноль вне интервала." in _fact(section, "Настоящая ли это победа")


def test_a_baseline_that_wins_is_said_to_be_unbeaten(tmp_path: Path) -> None:
    section = _with_finalists(tmp_path, GOOD, POOR)
    assert _headline(section).text.startswith("Лучшей осталась ручная конфигурация lora_v1 (t0000)")
    assert "У лучшей из найденных поиском, t0001: 0.50." in _fact(section, "Настоящая ли это победа")


def test_without_baselines_the_winner_is_held_against_the_untrained_model(tmp_path: Path) -> None:
    section = _with_finalists(tmp_path, POOR, GOOD, baseline_kind=False, tested=3)
    assert _headline(section).tone == "good"
    assert "на вопросах test она лучше модели без дообучения" in _headline(section).text


def test_finalists_that_are_still_trained_leave_the_verdict_open(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run")
    trial = add_trial(folder, ledger, 0, GOOD)
    add_repeat(folder, ledger, trial, 1, GOOD)
    add_repeat(folder, ledger, trial, 2, None, state="running")
    with folder.driving():
        sections = _sections(folder, ledger)
    assert "финалисты обучены заново не все" in _fact(sections["verdict"], "Настоящая ли это победа")
    assert any(isinstance(block, Text) and "победителя ещё нет" in block.text for block in sections["finalists"].blocks)
    assert _commands(sections["verdict"]).startswith("skazka status")


def test_a_study_without_test_probes_is_not_told_to_open_them(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run", tested=0)
    trial = add_trial(folder, ledger, 0, GOOD)
    for repeat in (1, 2):
        add_repeat(folder, ledger, trial, repeat, GOOD)
    sections = _sections(folder, ledger)
    assert "в исследовании нет вопросов test" in _headline(sections["verdict"]).text
    real = _fact(sections["verdict"], "Настоящая ли это победа")
    assert "2 повтора с новыми seed; вопросов test в исследовании нет" in real
    read = [text for block in sections["reading"].blocks if isinstance(block, Facts) for _, text in block.items]
    assert any(text.endswith("Вопросов test в этом исследовании нет.") for text in read)


def test_search_retrained_and_test_scores_stand_side_by_side(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run")
    trial = add_trial(folder, ledger, 0, GOOD)
    ledger.put_answers(BASE, "test", graded(folder.study(), {"Супермен": ["Супермен"]}, "test"))
    add_repeat(folder, ledger, trial, 1, POOR, test={"Супермен": ["Супермен"]})
    add_repeat(folder, ledger, trial, 2, GOOD, test={"Супермен": ["Супермен"], "Колобок": ["Колобок"]})
    add_repeat(folder, ledger, trial, 3, None, state="failed")
    section = _sections(folder, ledger)["finalists"]
    table = next(block for block in section.blocks if isinstance(block, Table))
    name, search, mean, worst, best, repeats, test, interval, less_repeats, less_test = table.rows[0]
    assert (name, search, best, repeats) == ("t0000, победитель", 1.0, 1.0, "2 из 3")
    assert worst == pytest.approx(1 / 6)
    assert mean == pytest.approx(7 / 12)
    # Test: nothing learnt in one repeat, one of two targets in the other.
    assert test == pytest.approx(0.25)
    # A single image of the only control cannot be exchanged for another.
    assert interval == "интервал не вычислить: картинок слишком мало"
    assert less_repeats == pytest.approx(5 / 12)
    assert less_test == pytest.approx(0.75)
    said = [block.text for block in section.blocks if isinstance(block, Text)]
    assert "Оценка search, по которой выбирали, завышена против повторов на 0.42 (финалистов: 1)." in said


def test_the_section_says_why_there_are_no_finalists(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run")
    add_trial(folder, ledger, 0, GOOD)
    assert any("от 8" in t or "не меньше 8 испытаний" in t for t in _texts(_sections(folder, ledger)["finalists"]))
    options = {**MANIFEST["options"], "finalists": 0}
    ledger.set_meta("manifest", {**MANIFEST, "options": options})
    assert any("--finalists 0" in t for t in _texts(_sections(folder, ledger)["finalists"]))


def _texts(section: Section) -> list[str]:
    return [block.text for block in section.blocks if isinstance(block, Text)]


def test_of_a_winner_the_repeat_with_the_median_score_is_told(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run")
    trial = add_trial(folder, ledger, 0, GOOD)
    for repeat, texts in enumerate((POOR, GOOD, GOOD), start=1):
        add_repeat(folder, ledger, trial, repeat, texts)
    data = _data(folder, ledger)
    findings = Findings(data, [])
    assert findings.adapter is not None
    assert findings.adapter.id == data.winner.median.id  # type: ignore[union-attr]
    assert [row.id for row in shown_trials(data)] == ["t0000", "t0000-r1", "t0000-r2", "t0000-r3"]


def test_failed_and_interrupted_trials_are_to_be_run_again(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run")
    add_trial(folder, ledger, 0, GOOD)
    add_trial(folder, ledger, 1, None, state="failed", error="out of memory")
    add_trial(folder, ledger, 2, None, state="interrupted")
    commands = _commands(_sections(folder, ledger)["next"])
    assert f"skazka resume {folder.path}\nskazka resume {folder.path} --retry-failed" in commands


def test_the_verdict_is_the_same_in_both_languages(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run")
    add_trial(folder, ledger, 0, POOR, name="lora_v1")
    add_trial(folder, ledger, 1, GOOD)
    russian, english = (_sections(folder, ledger, language)["verdict"] for language in ("ru", "en"))
    assert [type(block) for block in russian.blocks] == [type(block) for block in english.blocks]
    assert "Difference +0.83" in _fact(english, "Is it real")
    assert _commands(russian) == _commands(english)
