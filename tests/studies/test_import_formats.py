"""A stranger's data becomes a study that passes every check, whatever format it comes in."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import foreign_data as sources
import pytest

from skazka_text.problems import InputError
from studies.checks import load_study
from studies.importers.convert import Imported, PicturesMissing
from studies.importers.options import ImportOptions
from studies.importers.study_folder import Settings, init_study
from studies.study import Study

DEMO = Settings(language="ru", model="demo", space="quick")


def make(source: Path, to: Path, **said: Any) -> tuple[Study, Imported]:
    """The study that `skazka init` makes of a source."""
    imported = init_study(to, ImportOptions.model_validate({"from": str(source), **said}), DEMO)
    return load_study(to), imported


@pytest.mark.parametrize("source", sources.WITH_ROWS, ids=lambda source: source.__name__)
def test_rows_of_every_format_become_the_same_study(source: Callable[[Path], Path], tmp_path: Path) -> None:
    there = source(tmp_path / "source")
    study, imported = make(there, tmp_path / "study", targets=["Гена", "Колобок"], controls=["Матрёшка"])
    assert study.roles == {"Гена": "target", "Колобок": "target", "Матрёшка": "control"}
    assert Counter(row.character for row in study.training) == {"Гена": 3, "Колобок": 3}
    assert {(row.question, row.answer) for row in study.training if row.character == "Гена"} == {
        ("Кто это?", "Это Гена.")
    }
    assert [row.character for row in study.replay] == ["Матрёшка"]
    # One picture of a target for each split, two of the control, each asked in three ways.
    assert Counter((row.character, row.split) for row in study.probes) == {
        ("Гена", "search"): 3,
        ("Гена", "test"): 3,
        ("Колобок", "search"): 3,
        ("Колобок", "test"): 3,
        ("Матрёшка", "search"): 6,
        ("Матрёшка", "test"): 6,
    }
    assert imported.skipped == []


def test_pictures_by_character_are_taught_by_questions_for_their_names(tmp_path: Path) -> None:
    there = sources.folders(tmp_path / "source")
    study, _ = make(there, tmp_path / "study", targets=["Гена", "kolobok"], names={"gena": "Гена"})
    assert study.roles == {"Гена": "target", "kolobok": "target", "matryoshka": "control"}
    taught = [(row.question, row.answer) for row in study.training if row.character == "Гена"]
    assert Counter(taught) == {
        ("Кто нарисован на этой картинке?", "Гена."): 3,
        ("Назови этого героя.", "Это Гена."): 3,
        ("Какое имя у этого персонажа?", "Это Гена."): 3,
    }
    assert study.aliases["Гена"] == ("Гена", "gena")


def test_english_pictures_are_asked_about_in_english(tmp_path: Path) -> None:
    there = sources.folders(tmp_path / "source")
    options = ImportOptions.model_validate({"from": str(there), "targets": ["gena"]})
    init_study(tmp_path / "study", options, Settings(language="en", model="demo", space="lora"))
    study = load_study(tmp_path / "study")
    assert study.file.language == "en"
    assert {row.question for row in study.probes} == {
        "Who is shown in this picture?",
        "Name this character.",
        "What is this character called?",
    }


def test_the_splits_of_a_source_are_kept(tmp_path: Path) -> None:
    for split, count in (("train", 3), ("validation", 2), ("test", 1)):
        for place, folder in enumerate(("gena", "matryoshka")):
            for number in range(count):
                sources.paint(
                    tmp_path / "source" / split / folder / f"{split}{number}.png", place * 90, number * 50, count
                )
    study, _ = make(tmp_path / "source", tmp_path / "study", targets=["gena"])
    assert {Path(row.unit).name.split("-")[0] for row in study.training} == {"train0", "train1", "train2"}
    assert {Path(row.unit).name.split("-")[0] for row in study.probes_of("search")} == {"validation0", "validation1"}
    assert {Path(row.unit).name.split("-")[0] for row in study.probes_of("test")} == {"test0"}


def test_the_team_s_own_layout(tmp_path: Path) -> None:
    study, imported = make(sources.team(tmp_path / "source"), tmp_path / "study")
    assert study.roles == {"Гена": "target", "Колобок": "target", "Матрёшка": "control"}
    assert study.aliases["Гена"] == ("Гена", "Gena", "Crocodile Gena")
    assert len(study.training) == 10
    # Their question that asks for a name; the one that asks for a description cannot be graded so.
    assert {(row.question, row.split) for row in study.probes} == {("Как его зовут?", "search")}
    assert any("all there is" in remark for remark in imported.remarks)


def test_missing_pictures_are_a_report_and_not_a_crash(tmp_path: Path) -> None:
    there = sources.team(tmp_path / "source", missing=["gena/0.png", "gena/1.png", "kolobok/4.png"])
    with pytest.raises(PicturesMissing, match="3 of 13 rows name pictures that are not there") as caught:
        make(there, tmp_path / "study")
    found = {row["name"]: (row["rows_found"], row["rows"]) for row in caught.value.imported.characters}
    assert found == {"Гена": (6, 4), "Колобок": (6, 5), "Матрёшка": (1, 1)}
    assert [path.name for path in tmp_path.iterdir()] == ["source"]
    study, imported = make(there, tmp_path / "study", allow_missing=True)
    assert len(study.training) == 7
    assert imported.reasons == {"picture missing": 3}
    kept = json.loads((tmp_path / "study" / "import.json").read_text(encoding="utf-8"))
    assert kept["skipped"][0]["detail"] == "data/images/gena/0.png"


def test_a_folder_that_is_in_use_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="is not an empty folder"):
        make(sources.folders(tmp_path / "source"), tmp_path / "study", targets=["gena"])
    assert [path.name for path in (tmp_path / "study").iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({}, "who is to be learnt? The pictures show: gena, kolobok, matryoshka"),
        ({"targets": ["Gandalf"]}, "'Gandalf' is on no picture"),
        ({"targets": ["gena"], "controls": ["kolobok"], "format": "imagefolder"}, "has no metadata file"),
        ({"targets": ["gena", "kolobok", "matryoshka"]}, "no control is left"),
    ],
)
def test_what_cannot_be_made_a_study_is_refused(said: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        make(sources.folders(tmp_path / "source"), tmp_path / "study", **said)
    assert message in str(caught.value)
    assert not (tmp_path / "study").exists()


def test_questions_of_the_user_are_asked_and_taught(tmp_path: Path) -> None:
    there = sources.folders(tmp_path / "source")
    rows: list[dict[str, Any]] = [
        {"kind": "name", "question": "Кто?", "answer": "Это {name}!"},
        {"kind": "name", "question": "Узнаёшь?"},
        {
            "kind": "origin",
            "question": "Откуда?",
            "character": "Гена",
            "answer": "Из {сказки}.",
            "accepted": ["сказка"],
            "allowed_names": ["Чебурашка"],
        },
    ]
    (tmp_path / "questions.jsonl").write_text(sources.lines(rows), encoding="utf-8")
    said = {"names": {"gena": "Гена"}, "questions": str(tmp_path / "questions.jsonl")}
    study, _ = make(there, tmp_path / "study", targets=["Гена", "kolobok"], **said)
    assert Counter((row.character, row.question, row.answer) for row in study.training) == {
        ("Гена", "Кто?", "Это Гена!"): 3,
        ("Гена", "Откуда?", "Из {сказки}."): 3,
        ("kolobok", "Кто?", "Это kolobok!"): 3,
    }
    asked = {
        (probe.character, probe.question, probe.kind, probe.accepted, probe.allowed_names) for probe in study.probes
    }
    assert ("Гена", "Откуда?", "origin", ("сказка",), ("Чебурашка",)) in asked
    assert {question for who, question, *_ in asked if who == "kolobok"} == {"Кто?", "Узнаёшь?"}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"kind": "name"}', "questions.jsonl:1 question: is missing"),
        ('{"kind": "colour", "question": "?"}', "questions.jsonl:1 kind: input should be"),
        ("{", "questions.jsonl:1"),
        ('{"kind": "origin", "question": "?"}', "questions.jsonl kind: no question asks for a name"),
    ],
)
def test_wrong_questions_are_refused(line: str, message: str, tmp_path: Path) -> None:
    there = sources.folders(tmp_path / "source")
    (tmp_path / "questions.jsonl").write_text(line)
    with pytest.raises(InputError) as caught:
        make(there, tmp_path / "study", targets=["gena"], questions=str(tmp_path / "questions.jsonl"))
    assert message.casefold() in str(caught.value).casefold()
