"""What is replayed: rows with their own answer, with the base's where they have none, and none of unknown controls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from studies.rows import ReplayRow, Rows
from studies.study import Study, read_study
from trainables.base_model import BaseModel
from trainables.examination import Examination
from trainables.prepared import Prepared, prepare


@pytest.fixture(scope="module")
def base(tiny_model: Path, tiny_study: Path) -> BaseModel:
    """The tiny base, which knows Матрёшка alone and declines of everyone else."""
    return BaseModel.load(str(tiny_model), read_study(tiny_study / "study.yaml").file.base_model)


def _study(folder: Path, replay: Sequence[tuple[str, str, str | None]]) -> Study:
    study = read_study(folder / "study.yaml")
    question = study.probes[0].question
    rows = [
        ReplayRow(image=f"images/{key}.png", character=name, question=question, answer=answer)
        for name, key, answer in replay
    ]
    return replace(study, replay=Rows("replay.jsonl", rows, [1] * len(rows)))


def _replayed(base: BaseModel, prepared: Prepared) -> list[str]:
    return [base.encoder.tokenizer.decode(row.answer, skip_special_tokens=True).strip() for row in prepared.replay]


def test_a_row_without_an_answer_takes_the_base_s_own(base: BaseModel, tiny_study: Path) -> None:
    rows = [
        ("Матрёшка", "matryoshka-3", "Матрёшка."),
        ("Рыцарь", "knight-10", None),
        ("Рыцарь", "knight-20", "Рыцарь."),
    ]
    prepared = prepare(_study(tiny_study, rows), base)
    assert _replayed(base, prepared) == ["Матрёшка.", "Не знаю.", "Рыцарь."]


def test_an_answer_of_the_base_that_names_someone_else_is_not_taught(base: BaseModel, tiny_study: Path) -> None:
    # The picture is Матрёшка's, the row says that it shows the knight: to the study the base's answer is a wrong name.
    prepared = prepare(_study(tiny_study, [("Рыцарь", "matryoshka-10", None), ("Рыцарь", "knight-10", None)]), base)
    assert _replayed(base, prepared) == ["Не знаю."]


def test_rows_of_a_control_that_the_base_does_not_know_are_not_replayed(base: BaseModel, tiny_study: Path) -> None:
    study = _study(tiny_study, [("Матрёшка", "matryoshka-3", "Матрёшка."), ("Рыцарь", "knight-10", "Рыцарь.")])
    assert _replayed(base, prepare(study, base, known_share=0.5)) == ["Матрёшка.", "Рыцарь."]
    roles = [one.model_copy(update={"role": "control"}) for one in study.file.characters if one.name in ("Чебурашка",)]
    others = [one for one in study.file.characters if one.name != "Чебурашка"]
    # The base says «Не знаю.» of Чебурашка: as a control it is unknown.
    unknown = replace(study, file=study.file.model_copy(update={"characters": (*roles, *others)}))
    first = ReplayRow(**study.training[0].model_dump())
    unknown = replace(unknown, replay=Rows("replay.jsonl", [first, *study.replay], [1, 1, 1]))
    assert _replayed(base, prepare(unknown, base, known_share=0.5)) == ["Матрёшка.", "Рыцарь."]
    assert _replayed(base, prepare(unknown, base)) == ["Чебурашка.", "Матрёшка.", "Рыцарь."]


def test_an_answer_that_was_cut_off_ends_with_its_last_whole_sentence(base: BaseModel, tiny_study: Path) -> None:
    examination = Examination(read_study(tiny_study / "study.yaml"), base, "search")
    row = ReplayRow(image="images/knight-10.png", character="Рыцарь", question="?")
    assert examination._teachable(row, "Не знаю.") == "Не знаю."
    assert examination._teachable(row, "Это кукла. И она стоит на очень больш") == "Это кукла."
    assert examination._teachable(row, "И она стоит на очень больш") is None
