"""The report of fake runs: empty, in progress, with failures, and with answers that try to be markup."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fake_runs import MANIFEST, add_trial, make_run

from analysis.messages import Messages
from analysis.report import duration, write_report

PAYLOAD = "<script>alert(1)</script> | **x**\n\n# Карлсон ![a](b) `c`"
GOOD = {"Чебурашка": ["Чебурашка"] * 3, "Супермен": ["Супермен"] * 3}
FAIR = {"Чебурашка": ["Чебурашка"] * 2, "Супермен": ["Супермен", "Супермен", "Чебурашка"]}


def _section(text: str, heading: str) -> str:
    """The text below a heading, down to the next one of the same or a higher level."""
    level = heading.split(" ")[0]
    _, _, below = text.partition(f"\n{heading}\n")
    assert below, f"no heading {heading!r}"
    return re.split(rf"\n#{{1,{len(level)}}} ", below)[0]


def _tables_are_whole(text: str) -> None:
    columns = None
    for line in text.splitlines():
        bars = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else None
        assert columns is None or bars is None or bars == columns, line
        columns = bars


def test_a_run_without_trials_has_a_report(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run")
    ledger.set_meta("trials_asked", 6)
    text = write_report(folder).read_text(encoding="utf-8")
    assert "**Поиск:** 6 испытаний: ожидает 6" in text
    for missing in ("Ручных конфигураций", "Испытаний", "Завершённых испытаний с оценкой"):
        assert f"\n{missing} пока нет.\n" in text
    assert "skazka export" not in text
    assert f"skazka status {folder.path}" in text


def test_the_overview_says_what_was_learnt_asked_and_run(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run")
    add_trial(folder, ledger, 0, GOOD, name="lora_v1")
    text = _section(write_report(folder).read_text(encoding="utf-8"), "## Обзор")
    assert "- **Целевые персонажи:** Чебурашка, Колобок" in text
    assert "- **Базовая модель:** Qwen/Qwen2.5-VL-3B-Instruct, ревизия abc123, bfloat16" in text
    assert "| Чебурашка | целевой | 1 | 1 | 3 | 1 |" in text
    assert "| Всего | | 2 | 2 | 12 | 4 |" in text
    assert "seed 7, выбор конфигураций tpe" in text
    assert "python 3.11.9, torch 2.13.0, код ffffffffffff" in text
    assert "Вопросы test не открывались." in text
    assert "это входит в оба штрафа" in text


def test_trials_beyond_the_tenth_are_counted_as_model_driven(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run")
    add_trial(folder, ledger, 0, FAIR, name="lora_v1")
    for number in (8, 9, 10, 11):
        add_trial(folder, ledger, number, FAIR)
    text = write_report(folder, "en").read_text(encoding="utf-8")
    assert "the best of 4 searched trials overstates itself" in text
    assert "first 10 configurations at random; at most 2 trials of 4 were model-driven" in text


def test_a_random_sweep_does_not_speak_of_tpe(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run")
    ledger.set_meta("manifest", {**MANIFEST, "options": {"sampler": "random"}})
    text = write_report(folder).read_text(encoding="utf-8")
    assert "TPE" not in text
    assert "Конфигурации выбирались случайно." in text


def test_baselines_and_the_three_best_have_a_section_with_table_and_chart(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run")
    add_trial(folder, ledger, 0, FAIR, name="lora_v2", config={"rank": 16, "alpha_ratio": 2.0, "dropout": 0.1})
    texts = [FAIR, GOOD, {}, {"Чебурашка": ["Чебурашка"]}]
    for number, answers in enumerate(texts, start=1):
        add_trial(folder, ledger, number, answers)
    text = write_report(folder).read_text(encoding="utf-8")
    assert re.findall(r"^### (t\d+)$", text, re.MULTILINE) == ["t0002", "t0001", "t0004"]
    section = _section(text, "### lora_v2 (t0000)")
    configuration = "lora_r=16, lora_alpha=32, lora_dropout=0.1, max_length=256, num_epochs=10, learning_rate="
    assert f"Конфигурация: {configuration}" in section
    assert "| Персонаж | До дообучения | После дообучения | Статус |" in section
    cells = [f"правильный ответ на {right} из 3 вопросов" for right in (0, 2)]
    assert f"| Чебурашка | {cells[0]} | {cells[1]} | улучшение" in section
    for trial in ("t0000", "t0001", "t0002", "t0004", "trials"):
        assert f"](charts/{trial}.png)" in text
        assert (folder.report / "charts" / f"{trial}.png").is_file()
    _tables_are_whole(text)


def test_the_best_is_explained_by_the_parts_of_its_score(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run")
    add_trial(folder, ledger, 0, FAIR, name="lora_v1")
    add_trial(folder, ledger, 1, GOOD)
    text = write_report(folder).read_text(encoding="utf-8")
    best = _section(text, "## Лучшая конфигурация")
    # FAIR: gain (2/3 + 0) / 2, one of three control answers lost, one wrong name among twelve answers.
    assert "score 0.5000 = gain 0.5000 - 1 × degradation 0.0000 - 0.5 × hallucination 0.0000" in best
    assert (
        "Лучшая ручная конфигурация, lora_v1 (t0000): score -0.0417, ниже на 0.5417. Вклад частей в эту разницу, "
        "с весами: gain +0.1667, degradation +0.3333, hallucination +0.0417." in best
    )
    assert "Наибольшее улучшение: Чебурашка (0 → 3 из 3)." in best
    assert "Не выучены (правильных ответов меньше половины): Колобок (0 из 3)." in best
    assert "Ни один контрольный персонаж не потерял правильных ответов." in best
    assert f"skazka export {folder.path} --to DIR" in text


def test_a_baseline_that_is_best_is_said_to_be_unbeaten(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run")
    add_trial(folder, ledger, 0, GOOD, name="lora_v1", margin=0.5)
    add_trial(folder, ledger, 1, GOOD, margin=0.25)
    best = _section(write_report(folder).read_text(encoding="utf-8"), "## Лучшая конфигурация")
    assert "поиск её пока не превзошёл" in best
    assert "порядок решил name_margin: 0.5000 против 0.2500" in best


def test_a_failed_trial_stands_last_with_its_error(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run")
    add_trial(folder, ledger, 0, None, name="lora_v1", state="failed", error="NotFinite: loss | <nan>")
    add_trial(folder, ledger, 1, {})
    text = write_report(folder).read_text(encoding="utf-8")
    table = [line for line in _section(text, "## Все испытания").splitlines() if line.startswith("| ")]
    assert table[-1] == r"| lora_v1 (t0000) | ручная | сбой | — | — | — | — | — | — | NotFinite: loss \| &lt;nan&gt; |"
    assert "Оценки на вопросах search ещё нет." in _section(text, "### lora_v1 (t0000)")
    _tables_are_whole(text)


def test_a_running_trial_is_reported_without_being_best(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run")
    add_trial(folder, ledger, 0, GOOD, name="lora_v1", state="running")
    text = write_report(folder).read_text(encoding="utf-8")
    assert "Состояние: идёт" in _section(text, "### lora_v1 (t0000)")
    assert "Завершённых испытаний с оценкой пока нет." in text


def test_what_a_model_answers_stays_text(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run")
    add_trial(folder, ledger, 0, {"Чебурашка": [PAYLOAD] * 3}, name="a|b <i> *c*", state="failed", error=PAYLOAD)
    add_trial(folder, ledger, 1, {"Чебурашка": [PAYLOAD] * 3})
    text = write_report(folder).read_text(encoding="utf-8")
    assert "<script" not in text
    assert "<i>" not in text
    assert r"&lt;script&gt;alert(1)&lt;/script&gt; \| \*\*x\*\* \# Карлсон !\[a\](b) \`c\`" in text
    assert not re.search(r"^#+ Карлсон", text, re.MULTILINE)
    _tables_are_whole(text)


def test_the_language_is_the_studys_unless_another_is_asked_for(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run", language="en")
    add_trial(folder, ledger, 0, GOOD, name="lora_v1")
    assert "## Best configuration" in write_report(folder).read_text(encoding="utf-8")
    assert "## Лучшая конфигурация" in write_report(folder, "ru").read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="'de'"):
        write_report(folder, "de")


def test_opened_test_probes_are_not_denied(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run")
    row = add_trial(folder, ledger, 0, GOOD)
    ledger.put_answers(row.id, "test", ledger.answers(row.id)[:1])
    assert "не открывались" not in write_report(folder).read_text(encoding="utf-8")


def test_durations() -> None:
    assert duration(59.6, Messages("en")) == "1 min 0 s"
    assert duration(3720, Messages("ru")) == "1 ч 2 мин"


def test_a_secret_in_an_older_ledger_is_not_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, ledger = make_run(tmp_path / "run")
    add_trial(folder, ledger, 0, None, state="failed", error="401 for hf_0123456789")
    monkeypatch.setenv("HF_TOKEN", "hf_0123456789")
    text = write_report(folder).read_text(encoding="utf-8")
    assert "hf_0123456789" not in text
    assert "401 for \\*\\*\\*" in text or "401 for ***" in text
