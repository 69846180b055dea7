"""A verdict that flatters nobody: what could not be measured, what beats nothing, and what is not worth keeping."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from fake_runs import MANIFEST, add_repeat, add_trial, graded, make_run

from analysis.facts.run_data import RunData
from analysis.facts.shown import shown_trials
from analysis.facts.trials import summary
from analysis.messages.catalogue import Messages
from analysis.render.document import Code, Facts, Section, Text
from analysis.report import build_document
from search.run.ledger import BASE, Ledger
from search.run.run_folder import RunFolder

Texts = Mapping[str, Sequence[str]]
LEARNT: Texts = {"Чебурашка": ["Чебурашка"] * 3, "Колобок": ["Колобок"] * 3, "Супермен": ["Супермен"] * 3}
INVENTING: Texts = {**LEARNT, "Солнышко": ["Колобок"] * 3}


def _run(tmp_path: Path, base: Texts | None = None) -> tuple[RunFolder, Ledger]:
    """A run whose base answers so, and which takes controls known by half for known."""
    folder, ledger = make_run(tmp_path / "run")
    ledger.set_meta("manifest", {**MANIFEST, "score": {"known_share": 0.5}})
    if base is not None:
        ledger.put_answers(BASE, "search", graded(folder.study(), base))
    return folder, ledger


def _sections(folder: RunFolder, ledger: Ledger, language: str = "ru") -> dict[str, Section]:
    data = RunData.load(folder, ledger, time.time())
    document = build_document(data, Messages(language), shown_trials(data))
    return {section.key: section for section in document.sections}


def _said(section: Section) -> str:
    texts = [block.text for block in section.blocks if isinstance(block, Text | Code)]
    facts = [text for block in section.blocks if isinstance(block, Facts) for pair in block.items for text in pair]
    return "\n".join([*texts, *facts])


@pytest.mark.parametrize("language", ["ru", "en"])
def test_a_control_that_the_base_does_not_know_is_nowhere_said_to_be_kept(tmp_path: Path, language: str) -> None:
    folder, ledger = _run(tmp_path, {"Супермен": ["Спайдермен"] * 3})
    add_trial(folder, ledger, 0, {**LEARNT, "Супермен": ["Спайдермен"] * 3})
    sections = _sections(folder, ledger, language)
    whole = "\n".join(map(_said, sections.values()))
    flattery = (
        ("Не забыто", "Ни один правильный ответ не потерян") if language == "ru" else ("Not forgotten", "No right")
    )
    assert not any(text in whole for text in flattery)
    unmeasured = "базовая модель не знает: Супермен" if language == "ru" else "the base does not know: Супермен"
    assert unmeasured in _said(sections["verdict"])
    # What it says instead is often its name in other words.
    assert "Спайдермен" in _said(sections["stability"])
    assert "aliases" in _said(sections["stability"])


def test_runs_of_earlier_versions_keep_their_definition(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run")
    ledger.put_answers(BASE, "search", graded(folder.study(), {"Супермен": ["Спайдермен"] * 3}))
    add_trial(folder, ledger, 0, LEARNT)
    assert "Не забыто: Супермен" in _said(_sections(folder, ledger)["verdict"])


def test_an_adapter_that_names_strangers_is_not_recommended(tmp_path: Path) -> None:
    folder, ledger = _run(tmp_path)
    trial = add_trial(folder, ledger, 0, INVENTING)
    ledger.put_answers(BASE, "test", graded(folder.study(), {"Супермен": ["Супермен"]}, "test"))
    for repeat in (1, 2):
        add_repeat(
            folder, ledger, trial, repeat, INVENTING, test={name: given[:1] for name, given in INVENTING.items()}
        )
    sections = _sections(folder, ledger)
    verdict = _said(sections["verdict"])
    # One of four test answers names wrongly; the score is 1 - 0.5 / 4.
    assert "t0000 впереди, но зовёт чужим именем: в 25 % ответов на вопросы test (до дообучения в 0 %)" in verdict
    assert "Адаптер не сохранять: чужое имя в 25 % ответов на вопросы test (допустимо 10 %)." in verdict
    assert "skazka export" not in _said(sections["next"])
    # The study has a negative, and no row of it in replay.
    assert "Добавить в replay картинки разных посторонних" in _said(sections["next"])
    fitness = summary(folder)["fitness"]
    assert fitness == {"split": "test", "score": 0.875, "wrong_names": 0.25, "worth_keeping": False}


def test_a_best_that_gains_nothing_is_no_victory(tmp_path: Path) -> None:
    folder, ledger = _run(tmp_path)
    add_trial(folder, ledger, 0, {"Супермен": ["Супермен"] * 3}, name="lora_v1")
    add_trial(folder, ledger, 1, {})
    sections = _sections(folder, ledger)
    headline = sections["verdict"].blocks[0]
    assert isinstance(headline, Text)
    assert headline.tone == "bad"
    assert headline.text.startswith("Ни одна конфигурация не лучше модели без дообучения: у лучшей, lora_v1 (t0000), ")
    assert "Что победило" not in _said(sections["verdict"])
    assert "победа" not in _said(sections["verdict"])
    assert "skazka export" not in _said(sections["next"])
    assert "не лучше модели без дообучения (score 0.00 на вопросах search)" in _said(sections["next"])


def test_a_best_that_may_be_chance_is_saved_to_try_it_only(tmp_path: Path) -> None:
    folder, ledger = _run(tmp_path)
    # One of two targets on one of three pictures: the interval holds 0.
    add_trial(folder, ledger, 0, {"Чебурашка": ["Чебурашка", "", ""], "Супермен": ["Супермен"] * 3})
    sections = _sections(folder, ledger)
    assert "Не доказано, что хоть одна конфигурация лучше" in _said(sections["verdict"])
    assert "Что победило" not in _said(sections["verdict"])
    assert "чтобы его испробовать" in _said(sections["next"])
    assert "Сохранить адаптер лучшей конфигурации" not in _said(sections["next"])


def test_a_run_without_a_known_control_says_what_it_waits_for(tmp_path: Path) -> None:
    folder, ledger = _run(tmp_path, {"Супермен": ["Спайдермен"] * 3})
    ledger.set_meta("trials_asked", 2)
    said = _said(_sections(folder, ledger)["next"])
    assert "Базовая модель не знает ни одного контрольного: Супермен." in said
    assert f"skazka resume {folder.path} --allow-unknown-controls" in said
    ledger.set_meta("unknown_controls_allowed", True)
    assert "--allow-unknown-controls" not in _said(_sections(folder, ledger)["next"])


def test_an_adapter_that_learns_and_invents_nothing_is_recommended(tmp_path: Path) -> None:
    folder, ledger = _run(tmp_path)
    add_trial(folder, ledger, 0, LEARNT)
    sections = _sections(folder, ledger)
    assert "skazka export" in _said(sections["next"])
    assert "«Не знаю»: о целевых 0 %, о посторонних 100 %." in _said(sections["verdict"])
    assert summary(folder)["fitness"]["worth_keeping"] is True


def test_a_search_whose_best_did_without_replay_is_to_go_on(tmp_path: Path) -> None:
    folder, ledger = _run(tmp_path)
    study = folder.study_folder
    row = {"image": "image-2-4.png", "character": "Супермен", "question": "Кто это?", "answer": "Супермен."}
    (study / "replay.jsonl").write_text(json.dumps(row, ensure_ascii=False), encoding="utf-8")
    text = (study / "study.yaml").read_text(encoding="utf-8")
    (study / "study.yaml").write_text(f"{text}replay: replay.jsonl\n", encoding="utf-8")
    ledger.set_meta("frozen", folder.hashes())
    add_trial(folder, ledger, 0, INVENTING)
    assert f"skazka launch {MANIFEST['study']['folder']} --space forgetting" in _said(_sections(folder, ledger)["next"])
    add_trial(folder, ledger, 1, {}, config={"replay": True, "replay_ratio": 0.5})
    said = _said(_sections(folder, ledger)["next"])
    assert f"skazka resume {folder.path} --trials 24" in said
    assert "--space forgetting" not in said
