"""The report of fake runs: empty, in progress, with failures, and with answers that try to be markup."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from fake_runs import MANIFEST, add_repeat, add_trial, make_run
from PIL import Image

from analysis.facts.trials import COLUMNS
from analysis.report import write_report
from search.run.run_folder import RunFolder
from skazka_text.problems import InputError

PAYLOAD = "<script>alert(1)</script> | **x**\n\n# Карлсон ![a](b) `c`"
GOOD = {"Чебурашка": ["Чебурашка"] * 3, "Супермен": ["Супермен"] * 3}
FAIR = {"Чебурашка": ["Чебурашка"] * 2, "Супермен": ["Супермен", "Супермен", "Чебурашка"]}


def _markdown(folder: RunFolder, language: str | None = None, trials: str | None = None) -> str:
    return write_report(folder, language, ("md",), trials).read_text(encoding="utf-8")


def _section(text: str, heading: str) -> str:
    """The text below a heading, down to the next one of the same or a higher level."""
    level = heading.split(" ")[0]
    _, _, below = text.partition(f"\n{heading}")
    assert below, f"no heading {heading!r}"
    found = re.split(rf"^#{{1,{len(level)}}} ", below, maxsplit=1, flags=re.MULTILINE)
    return found[0]


def _tables_are_whole(text: str) -> None:
    columns = None
    for line in text.splitlines():
        bars = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else None
        assert columns is None or bars is None or bars == columns, line
        columns = bars


def test_a_run_without_trials_has_a_report(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run")
    ledger.set_meta("trials_asked", 6)
    text = _markdown(folder)
    assert "Итога пока нет: ни у одного испытания нет оценки." in text
    assert "- **Поиск:** 6 испытаний: ожидает 6" in text
    assert "skazka export" not in text
    assert f"skazka resume {folder.path}" in text
    assert len(re.findall("^## ", text, re.MULTILINE)) == 16
    _tables_are_whole(text)


def test_the_overview_says_what_was_learnt_asked_and_run(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run")
    add_trial(folder, ledger, 0, GOOD, name="lora_v1")
    ledger.set_meta("accepted_changes", [{"changes": ["study.yaml has changed"]}])
    text = _section(_markdown(folder), "## Обзор\n")
    assert "- **Целевые персонажи:** Чебурашка, Колобок" in text
    assert "- **Базовая модель:** Qwen/Qwen2.5-VL-3B-Instruct, ревизия abc123, bfloat16" in text
    assert "| Чебурашка | целевой | 1 | 1 | 3 | 1 |" in text
    assert "| Всего |  | 2 | 2 | 12 | 4 |" in text
    assert "seed 7, выбор конфигураций tpe" in text
    assert "python 3.11.9, torch 2.13.0, код ffffffffffff" in text
    assert "- **Железо:** Linux, 2 ядра" in text
    assert "- **Изменено по ходу поиска, с согласия:** study.yaml has changed" in text


def test_the_numbers_are_explained(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run")
    add_trial(folder, ledger, 0, GOOD, name="lora_v1")
    text = _section(_markdown(folder), "## Как читать числа")
    assert "score = gain - 1 × degradation - 0.5 × hallucination." in text
    assert "это входит в оба штрафа" in text
    assert "Вопросы test не открывались." in text
    assert "поправкой Холма" in text


def test_trials_beyond_the_tenth_are_counted_as_model_driven(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run")
    add_trial(folder, ledger, 0, FAIR, name="lora_v1")
    for number in (8, 9, 10, 11):
        add_trial(folder, ledger, number, FAIR)
    text = _markdown(folder, "en")
    assert "the best of 4 searched trials overstates itself" in text
    assert "first 10 configurations at random; at most 2 trials of 4 were model-driven" in text


def test_a_random_sweep_does_not_speak_of_tpe(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run")
    ledger.set_meta("manifest", {**MANIFEST, "options": {"sampler": "random"}})
    text = _markdown(folder)
    assert "TPE" not in text
    assert "Конфигурации выбирались случайно." in text


def test_baselines_and_the_three_best_have_a_section_with_table_and_chart(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run")
    add_trial(folder, ledger, 0, {}, name="lora_v2", config={"rank": 16, "alpha_ratio": 2.0, "dropout": 0.1})
    texts = [FAIR, GOOD, {}, {"Чебурашка": ["Чебурашка"]}]
    for number, answers in enumerate(texts, start=1):
        add_trial(folder, ledger, number, answers, config={"images_per_character": 21})
    text = _markdown(folder)
    heads = re.findall(r"^### (lora_v2|t\d+) ", text, re.MULTILINE)
    assert heads == ["t0002", "t0001", "t0004", "lora_v2"]
    assert "### t0002 (по 21 картинке на персонажа; lora_r=16, lora_alpha=32, lora_dropout=0.05" in text
    section = _section(text, "### t0002 ")
    assert "- **Конфигурация:** lora_r=16, lora_alpha=32, lora_dropout=0.05, max_length=256, num_epochs=10," in section
    assert "| Персонаж | До дообучения | После дообучения | Статус |" in section
    assert "| Чебурашка | правильный ответ на 0 из 3 вопросов | правильный ответ на все 3 вопроса | " in section
    pictures = set(re.findall(r"\]\((charts/[^)]+)\)", text))
    drawn = ("t0000", "t0001", "t0002", "t0004", "trials", "pareto", "parallel")
    assert pictures == {f"charts/{name}.png" for name in drawn}
    for picture in pictures:
        with Image.open(folder.report / picture) as image:
            assert image.size[0] == 900
    _tables_are_whole(text)


def test_the_trials_that_are_asked_for_are_shown(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run")
    for number in range(5):
        add_trial(folder, ledger, number, GOOD)
    assert re.findall(r"^### (t\d+) ", _markdown(folder, trials="t0004,best:1"), re.MULTILINE) == ["t0004", "t0000"]
    with pytest.raises(InputError, match="no trial 't0009'"):
        _markdown(folder, trials="best:1,t0009")


def test_the_best_is_explained_by_the_parts_of_its_score(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run")
    add_trial(folder, ledger, 0, FAIR, name="lora_v1")
    add_trial(folder, ledger, 1, GOOD)
    text = _markdown(folder)
    best = _section(text, "## Лучшая конфигурация")
    # FAIR: gain (2/3 + 0) / 2, one of three control answers lost, one wrong name among twelve answers.
    assert "score 0.5000 = gain 0.5000 - 1 × degradation 0.0000 - 0.5 × hallucination 0.0000" in best
    assert (
        "Лучшая ручная конфигурация, lora_v1 (t0000): score -0.0417, разница +0.5417. Вклад частей в неё, с весами: "
        "gain +0.1667, degradation +0.3333, hallucination +0.0417." in best
    )
    assert "Наибольшее улучшение: Чебурашка (0 → 3 из 3)." in best
    assert "Не выучены (правильных ответов меньше половины): Колобок (0 из 3)." in best
    assert "Ни один правильный ответ не потерян: Супермен." in best
    assert f"skazka export {folder.path} --to adapters/best" in text
    parts = _section(text, "## Что на что меняется")
    assert "| degradation | 0.0000 | 0.3333 | +0.3333 |" in parts


def test_a_baseline_that_is_best_is_said_to_be_unbeaten(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run")
    add_trial(folder, ledger, 0, GOOD, name="lora_v1", margin=0.5)
    add_trial(folder, ledger, 1, GOOD, margin=0.25)
    best = _section(_markdown(folder), "## Лучшая конфигурация")
    assert "поиск её пока не превзошёл" in best
    assert "порядок решил name_margin: 0.5000 против 0.2500" in best


def test_a_failed_trial_stands_last_with_its_error(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run")
    add_trial(folder, ledger, 0, None, name="lora_v1", state="failed", error="NotFinite: loss | <nan>")
    add_trial(folder, ledger, 1, {})
    text = _markdown(folder)
    table = [line for line in _section(text, "## Все испытания").splitlines() if line.startswith("| ")]
    assert table[-1] == r"| lora_v1 (t0000) | ручная | сбой | — | — | — | — | — | — | NotFinite: loss \| &lt;nan&gt; |"
    assert "Оценки на вопросах search ещё нет." in _section(text, "### lora_v1 (t0000) ")
    assert "Сбоем кончилось 1 испытание" in _section(text, "## Итог за минуту")
    _tables_are_whole(text)


def test_a_running_trial_is_reported_without_being_best(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run")
    add_trial(folder, ledger, 0, GOOD, name="lora_v1", state="running")
    with folder.driving():
        text = _markdown(folder)
    assert "- **Состояние:** идёт" in _section(text, "### lora_v1 (t0000) ")
    assert "Завершённых испытаний с оценкой пока нет." in text
    assert "Поиск идёт: дождитесь его конца." in _section(text, "## Итог за минуту")


def test_a_trial_that_a_killed_driver_left_is_to_be_resumed(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run")
    add_trial(folder, ledger, 0, GOOD, name="lora_v1", state="running")
    text = _markdown(folder)
    assert "- **Состояние:** прервано" in _section(text, "### lora_v1 (t0000) ")
    assert "Поиск идёт" not in text
    assert "skazka resume" in _section(text, "## Итог за минуту")


def test_what_a_model_answers_stays_text(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run")
    add_trial(folder, ledger, 0, {"Чебурашка": [PAYLOAD] * 3}, name="a|b <i> *c*", state="failed", error=PAYLOAD)
    add_trial(folder, ledger, 1, {"Чебурашка": [PAYLOAD] * 3})
    text = _markdown(folder)
    assert "<script" not in text
    assert "<i>" not in text
    assert r"&lt;script&gt;alert(1)&lt;/script&gt; \| \*\*x\*\* \# Карлсон !\[a\](b) \`c\`" in text
    assert not re.search(r"^#+ Карлсон", text, re.MULTILINE)
    _tables_are_whole(text)


def test_the_language_is_the_studys_unless_another_is_asked_for(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run", language="en")
    add_trial(folder, ledger, 0, GOOD, name="lora_v1")
    assert "## Best configuration" in _markdown(folder)
    assert "## Лучшая конфигурация" in _markdown(folder, "ru")
    with pytest.raises(ValueError, match="'de'"):
        write_report(folder, "de")


def test_the_formats_asked_for_are_written_and_the_path_to_open_is_returned(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run")
    add_trial(folder, ledger, 0, GOOD, name="lora_v1")
    assert write_report(folder, formats=("md",)) == folder.report / "report.md"
    assert not (folder.report / "report.html").exists()
    assert write_report(folder) == folder.report / "report.html"
    assert "lora_v1" in (folder.report / "report.html").read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="must be some of md, html, got 'pdf'"):
        write_report(folder, formats=("pdf",))


def test_the_trials_are_written_as_tables(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run")
    row = add_trial(folder, ledger, 0, GOOD, name="lora_v1", config={"images_per_character": 10})
    add_repeat(folder, ledger, row, 1, GOOD, test={"Чебурашка": ["Чебурашка"], "Колобок": ["Колобок"]})
    ledger.put_answers("base", "test", ledger.answers("t0000-r1", "test"))
    add_trial(folder, ledger, 1, None, state="failed", error="a, b\n")
    write_report(folder, formats=("md",))
    tables = [pd.read_csv(folder.report / "trials.csv"), pd.read_parquet(folder.report / "trials.parquet")]
    for table in tables:
        assert list(table.columns) == list(COLUMNS)
        assert list(table["id"]) == ["t0000", "t0001", "t0000-r1"]
        # The base answers as the repeat does: nothing is gained.
        assert table["test_score"][2] == 0.0
        assert table["images_per_character"][0] == 10
        assert pd.isna(table["score"][1])


def test_a_secret_in_an_older_ledger_is_not_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, ledger = make_run(tmp_path / "run")
    add_trial(folder, ledger, 0, None, state="failed", error="401 for hf_0123456789")
    monkeypatch.setenv("HF_TOKEN", "hf_0123456789")
    write_report(folder)
    for name in ("report.md", "report.html", "trials.csv"):
        text = (folder.report / name).read_text(encoding="utf-8")
        assert "hf_0123456789" not in text
        assert "401 for" in text
    assert "hf_0123456789" not in str(pd.read_parquet(folder.report / "trials.parquet")["error"][0])
