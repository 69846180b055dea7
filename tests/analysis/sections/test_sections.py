"""The sections of a run's report: who was learnt, confused and kept, what settings did, and what may be browsed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from fake_runs import MANIFEST, add_repeat, add_trial, make_run

from analysis.facts.run_data import RunData
from analysis.facts.shown import shown_trials
from analysis.messages.catalogue import Messages
from analysis.render.document import Answers, AskedProbe, Chart, Document, Facts, Section, Table, Text
from analysis.report import build_document
from search.run.ledger import Ledger
from search.run.run_folder import RunFolder

Texts = Mapping[str, Sequence[str]]
KEPT: Texts = {"Супермен": ["Супермен"] * 3}
GOOD: Texts = {**KEPT, "Чебурашка": ["Чебурашка"] * 3}
SWAPPED: Texts = {"Чебурашка": ["Колобок", "Чебурашка", "Чебурашка"], "Супермен": ["Чебурашка", "Супермен", "Не знаю"]}


def _document(folder: RunFolder, ledger: Ledger, trials: str | None = None) -> Document:
    data = RunData.load(folder, ledger, time.time())
    return build_document(data, Messages("ru"), shown_trials(data, trials))


def _find(document: Document, key: str) -> Section:
    sections = [inner for section in document.sections for inner in (section, *section.sections)]
    return next(section for section in sections if section.key == key)


def _facts(section: Section) -> dict[str, str]:
    return {name: text for block in section.blocks if isinstance(block, Facts) for name, text in block.items}


def _table(section: Section) -> Table:
    return next(block for block in section.blocks if isinstance(block, Table))


def _run(tmp_path: Path) -> tuple[RunFolder, Ledger]:
    """A baseline that confuses, and two searched trials of which one learns Чебурашка."""
    folder, ledger = make_run(tmp_path / "run")
    add_trial(folder, ledger, 0, SWAPPED, name="lora_v1", config={"rank": 8})
    add_trial(folder, ledger, 1, GOOD, config={"rank": 16, "max_length": 64}, cut_answers=1)
    add_trial(folder, ledger, 2, KEPT, config={"rank": 16})
    return folder, ledger


def test_successes_name_the_best_and_how_many_taught_it(tmp_path: Path) -> None:
    facts = _facts(_find(_document(*_run(tmp_path)), "successes"))
    assert list(facts) == ["Чебурашка"]
    assert facts["Чебурашка"] == (
        "лучше всего t0001 (0 → 3 из 3). Правильных ответов прибавилось в 2 из 3 конфигураций."
    )


def test_the_scale_that_the_best_is_exported_with_is_told(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run")
    add_trial(folder, ledger, 0, KEPT)
    assert "Множитель адаптера" not in _facts(_find(_document(folder, ledger), "best"))
    add_trial(folder, ledger, 1, GOOD, config={"scale_search": True}, scale=0.85)
    assert _facts(_find(_document(folder, ledger), "best"))["Множитель адаптера"] == "0.85"


def test_problems_name_who_was_never_learnt_and_who_was_forgotten(tmp_path: Path) -> None:
    section = _find(_document(*_run(tmp_path)), "problems")
    facts = _facts(section)
    assert facts["Колобок"] == (
        "у лучшей конфигурации 0 → 0 из 3. Половины правильных ответов не дала ни одна из 3 конфигураций."
    )
    assert facts["Контрольные персонажи"].endswith("Супермен (1 из 3).")
    assert "Чебурашка" not in facts
    rows = {row[0]: row[1:] for row in _table(section).rows}
    # Shares 2/3, 1 and 0; one training image each.
    assert rows["Чебурашка"] == ["100 %", "56 %", "2 из 3", 1, "Колобок (1)"]
    assert any(isinstance(block, Text) and "Перекоса в данных нет" in block.text for block in section.blocks)


def test_few_images_are_named_beside_who_was_not_learnt(tmp_path: Path) -> None:
    folder, ledger = _run(tmp_path)
    data = RunData.load(folder, ledger, time.time())
    for place in range(3):
        extra = data.study.training[0].model_copy(update={"image": f"more-{place}.png"})
        data.study.training.append(extra)
    found = _find(build_document(data, Messages("ru"), []), "problems")
    assert "Обучающих картинок 1, у других целевых в среднем 4: не хватает данных." in _facts(found)["Колобок"]
    said = [block.text for block in found.blocks if isinstance(block, Text)]
    assert any("больше всего у Чебурашка (4), меньше всего у Колобок (1): разница в 4.00 раза" in text for text in said)


def test_confusion_matrices_stand_before_and_after_the_best(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run")
    add_trial(folder, ledger, 0, SWAPPED, name="lora_v1")
    section = _find(_document(folder, ledger), "problems")
    before, after = (_table(inner) for inner in section.sections)
    assert [column.title for column in after.columns] == [
        "показан ↓ / назван →",
        "Чебурашка",
        "Колобок",
        "Супермен",
        "«не знаю»",
        "без имени или неверно",
    ]
    assert list(after.rows[0]) == ["Чебурашка", "2", "1", "", "", ""]
    assert list(after.rows[2]) == ["Супермен", "1", "", "1", "1", ""]
    assert list(before.rows[2]) == ["Супермен", "", "", "3", "", ""]


def test_stability_says_what_a_control_turned_into(tmp_path: Path) -> None:
    facts = _facts(_find(_document(*_run(tmp_path)), "stability"))
    assert facts == {
        "Супермен": "стабильно в 2 из 3 конфигураций; иначе: lora_v1 (t0000) (потеряно 2 из 3, чужое имя: Чебурашка)."
    }


def test_settings_are_compared_and_cut_answers_told(tmp_path: Path) -> None:
    section = _find(_document(*_run(tmp_path)), "knobs")
    facts = _facts(section)
    # 0.5 less the mean of SWAPPED's (1/3 - 2/3 - 0.5 × 2/12) and KEPT's 0.
    assert facts["max_length"].startswith("256 против 64: score -0.7083, но по 2 и 1 испытаниям сказать нельзя")
    assert facts["max_length"].endswith("Обрезано обучающих ответов при max_length: 64: 50 %, 256: 0 %.")
    assert [row[0] for row in _table(section).rows] == ["rank", "max_length"]


def test_a_trial_says_what_it_was_and_what_became_of_it(tmp_path: Path) -> None:
    folder, ledger = _run(tmp_path)
    ledger.set_meta("wandb:t0001", {"url": "https://wandb.example/t0001", "epoch": 3, "state": "completed"})
    document = _document(folder, ledger, "t0001,t0002")
    facts = _facts(_find(document, "trial-t0001"))
    assert facts["Итог"].startswith("score 0.5000 = gain 0.5000")
    assert facts["Итог"].endswith("эпоха 3 из 10")
    assert facts["max_length"] == "max_length обрезает 1 обучающий ответ"
    assert facts["W&B"] == "https://wandb.example/t0001"
    assert "W&B" not in _facts(_find(document, "trial-t0002"))
    # The best stands open, the others folded.
    assert [_find(document, f"trial-{trial}").folded for trial in ("t0001", "t0002")] == [False, True]


def test_a_trial_beyond_the_limit_is_said_to_be(tmp_path: Path) -> None:
    folder, ledger = _run(tmp_path)
    ledger.set_meta("manifest", {**MANIFEST, "options": {**MANIFEST["options"], "max_degradation": 0.05}})
    row = ledger.trial("t0000")
    with ledger.transaction() as db:
        ledger._put_trial(db, replace(row, feasible=False))
    document = _document(folder, ledger)
    assert "победить не может" in _facts(_find(document, "trial-t0000"))["Предел"]
    states = {row[0]: row[2] for row in _table(_find(document, "all")).rows}
    assert states["lora_v1 (t0000)"] == "за пределом"
    assert "degradation не больше 0.05" in _facts(_find(document, "overview"))["Настройки"]
    intro = _find(document, "pareto").blocks[0]
    assert isinstance(intro, Text)
    assert intro.text.endswith("За пределом degradation 0.05 осталась 1 конфигурация.")


def test_a_repeat_tells_its_test_score(tmp_path: Path) -> None:
    folder, ledger = _run(tmp_path)
    add_repeat(folder, ledger, ledger.trial("t0001"), 1, GOOD, test={"Колобок": ["Колобок"]})
    ledger.put_answers("base", "test", [])
    assert "На вопросах test" not in _facts(_find(_document(folder, ledger), "trial-t0001-r1"))
    ledger.put_answers("base", "test", ledger.answers("t0001-r1", "test"))
    told = _facts(_find(_document(folder, ledger), "trial-t0001-r1"))["На вопросах test"]
    assert told.startswith("score 0.0000 = gain 0.0000")


def test_the_answers_of_the_trials_shown_can_be_browsed(tmp_path: Path) -> None:
    folder, ledger = _run(tmp_path)
    add_trial(folder, ledger, 3, None, state="failed", error="out of memory")
    section = _find(_document(folder, ledger, "t0000,t0003"), "answers")
    (browser,) = [block for block in section.blocks if isinstance(block, Answers)]
    # A trial that was never evaluated has nothing to show.
    assert browser.trials == [("t0000", "lora_v1 (t0000)")]
    assert len(browser.probes) == 12
    assert browser.probes[0] == AskedProbe(
        id="search-0-0",
        image="image-0-0.png",
        character="Чебурашка",
        question="Кто это?",
        gold="Чебурашка",
        before=("Не знаю", "abstain"),
        after={"t0000": ("Колобок", "wrong_known")},
    )


def test_the_cost_adds_up(tmp_path: Path) -> None:
    folder, ledger = _run(tmp_path)
    options = {**MANIFEST["options"], "gpus_per_trial": 0.5}
    ledger.set_meta("manifest", {**MANIFEST, "options": options})
    facts = _facts(_find(_document(folder, ledger), "cost"))
    # Three trials of 2, 4 and 6 seconds.
    assert facts["Обучение и оценка, всего"] == "0 мин 36 с"
    assert facts["Эпоха, медиана"] == "4.00 с"
    # 36 seconds of half a GPU.
    assert facts["GPU-часов"] == "0.01"


def test_every_section_has_its_own_key_and_every_chart_what_both_formats_need(tmp_path: Path) -> None:
    document = _document(*_run(tmp_path))
    sections = [inner for section in document.sections for inner in (section, *section.sections)]
    keys = [section.key for section in sections]
    keys += [block.key for section in sections for block in section.blocks if isinstance(block, Table | Chart)]
    assert len(keys) == len(set(keys))
    charts = [block for section in sections for block in section.blocks if isinstance(block, Chart)]
    assert charts
    assert all(chart.picture and chart.figure and chart.figure["data"] for chart in charts)
