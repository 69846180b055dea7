"""A table without pictures becomes a study of text alone, and the language of every study is that of its rows."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import foreign_data as sources
import pytest
from rows_source import Row, pictures, plain, rows, study_of, write

from skazka_text.problems import InputError
from studies.importers.language import language_of

RIDDLES = [f"Загадка номер {word}?" for word in ("раз", "два", "три", "четыре", "пять")]


def riddles(**more: Any) -> list[Row]:
    """Five questions about each of two characters."""
    return [
        {"question": f"{question} Это {number}", "answer": f"Это {name}.", **more}
        for number, name in enumerate(("Гена", "Матрёшка"))
        for question in RIDDLES
    ]


def counted(source: Path, to: Path, **said: Any) -> Counter[tuple[str, str]]:
    """(character, side) -> how many questions."""
    study, _ = study_of(source, to, **said)
    assert not study.has_pictures
    sides = [(row.character, "training") for row in (*study.training, *study.replay)]
    return Counter([*sides, *((probe.character, probe.split) for probe in study.probes)])


# Of a target's five questions one for each split, of a control's one for replay and half of the rest for each.
RIGHT = {
    ("Гена", "training"): 3,
    ("Гена", "search"): 1,
    ("Гена", "test"): 1,
    ("Матрёшка", "training"): 1,
    ("Матрёшка", "search"): 2,
    ("Матрёшка", "test"): 2,
}


@pytest.mark.parametrize("name", ["data.jsonl", "data.json", "data.csv", "data.parquet"])
def test_a_table_without_pictures_is_a_study_of_text(name: str, tmp_path: Path) -> None:
    import pandas

    table = pandas.DataFrame(riddles())
    path = tmp_path / name
    if name == "data.csv":
        table.to_csv(path, index=False)
    elif name == "data.parquet":
        table.to_parquet(path)
    else:
        write(path, riddles())
    assert counted(path, tmp_path / "study") == RIGHT


@pytest.mark.parametrize(
    "row",
    [
        lambda question, answer: {"messages": [
            {"role": "user", "content": question}, {"role": "assistant", "content": answer}
        ]},
        lambda question, answer: {"instruction": question, "input": "", "output": answer, "images": []},
        lambda question, answer: {"prompt": question, "completion": answer, "image": None},
    ],
)  # fmt: skip
def test_chats_and_instructions_may_be_of_text_alone(row: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "data.jsonl", [row(one["question"], one["answer"]) for one in riddles()])
    assert counted(path, tmp_path / "study") == RIGHT


def test_all_answers_of_an_asked_question_are_accepted(tmp_path: Path) -> None:
    data = [{**row, "answer": [row["answer"], "Он самый"]} for row in riddles()]
    study, _ = study_of(write(tmp_path / "data.jsonl", data), tmp_path / "study")
    assert {(probe.character, probe.kind, probe.accepted) for probe in study.probes} == {
        ("Гена", "name", ("Это Гена.", "Он самый")),
        ("Матрёшка", "name", ("Это Матрёшка.", "Он самый")),
    }


def test_only_questions_for_a_name_are_asked(tmp_path: Path) -> None:
    facts = [
        {"question": "Какого цвета Гена?", "answer": "Гена зелёный."},
        {"question": "Он какого цвета?", "answer": "Зелёный.", "character": "Гена"},
    ]
    study, _ = study_of(write(tmp_path / "data.jsonl", [*riddles(), *facts]), tmp_path / "study")
    assert {fact["question"] for fact in facts} <= {row.question for row in study.training}
    assert not {fact["question"] for fact in facts} & {probe.question for probe in study.probes}


def test_what_is_not_used_of_a_text_is_counted(tmp_path: Path) -> None:
    data = riddles()
    data += [
        data[0],
        {"question": data[0]["question"].upper() + "!", "answer": "Это Матрёшка."},
        {"question": "Кто?", "answer": None, "character": "Гена"},
        {"question": None, "answer": "Это Гена.", "character": "Гена"},
        {"question": "Кто поёт?", "answer": "Никто."},
        {"question": "Кто она?", "answer": "Не знаю.", "character": "Баба"},
    ]
    path = write(tmp_path / "data.jsonl", data)
    _, imported = study_of(path, tmp_path / "study", negatives=["Баба"], controls=["Матрёшка"])
    assert [(row["place"], row["reason"]) for row in imported.skipped] == [
        ("data.jsonl:11", "row twice"),
        ("data.jsonl:12", "question about another character"),
        ("data.jsonl:13", "empty answer"),
        ("data.jsonl:14", "no question"),
        ("data.jsonl:15", "no character"),
    ]
    assert "Баба is left out: no question for search, it has 1 in all" in imported.remarks
    assert "no row has a picture: a study of text alone" in imported.remarks


def test_negatives_of_a_text_but_the_last_are_replayed_too(tmp_path: Path) -> None:
    data = riddles()
    for place, name in enumerate(("Баба", "Леший")):
        data += [{"question": f"{riddle} {place + 2}", "answer": f"Это {name}."} for riddle in RIDDLES]
    path = write(tmp_path / "data.jsonl", data)
    assert counted(path, tmp_path / "study", negatives=["Баба", "Леший"]) == {
        **RIGHT,
        ("Баба", "training"): 1,
        ("Баба", "search"): 2,
        ("Баба", "test"): 2,
        ("Леший", "search"): 3,
        ("Леший", "test"): 2,
    }


def test_rows_without_a_picture_beside_others_are_skipped_and_named(tmp_path: Path) -> None:
    data = [{"question": "Привет", "answer": "Гена здесь"}, *rows(tmp_path, plain)]
    study, imported = study_of(write(tmp_path / "data.jsonl", data), tmp_path / "study")
    assert study.has_pictures
    assert [(row["place"], row["reason"], row["detail"]) for row in imported.skipped] == [
        ("data.jsonl:1", "no picture", "Привет")
    ]


def test_pictures_in_a_column_of_another_name_make_no_study_of_text(tmp_path: Path) -> None:
    data = [{"kartinka": path, "question": "Кто это?", "answer": name} for path, name in pictures(tmp_path)]
    with pytest.raises(InputError, match="these look so: kartinka — name it: --column image=kartinka"):
        study_of(write(tmp_path / "data.jsonl", data), tmp_path / "study")


def test_questions_about_pictures_are_refused_where_there_are_none(tmp_path: Path) -> None:
    questions = write(tmp_path / "questions.jsonl", [{"kind": "name", "question": "Кто это?"}])
    with pytest.raises(InputError, match="--questions: asks about pictures, and no row has one"):
        study_of(write(tmp_path / "data.jsonl", riddles()), tmp_path / "study", questions=str(questions))


def english(path: str, name: str) -> Row:
    return {"image": path, "character": name, "question": "Who is this?", "answer": f"This is him ({name})."}


@pytest.mark.parametrize(
    ("row", "said", "taken", "remark"),
    [
        (plain, None, "ru", "language: ru, as the rows are written; another one: --language"),
        (english, None, "en", "language: en, as the rows are written; another one: --language"),
        (english, "en", "en", None),
        (english, "ru", "ru", "rows are written in en, what is asked of pictures in ru: --language en asks alike"),
    ],
)
def test_the_language_is_that_of_the_rows(
    row: Any, said: str | None, taken: str, remark: str | None, tmp_path: Path
) -> None:
    path = write(tmp_path / "data.jsonl", rows(tmp_path, row))
    study, imported = study_of(path, tmp_path / "study", language=said)
    assert study.file.language == imported.language == taken
    assert [found for found in imported.remarks if "language" in found] == ([remark] if remark else [])
    asked = {probe.question for probe in study.probes}
    assert ("Who is shown in this picture?" in asked) == (taken == "en")


@pytest.mark.parametrize(("targets", "taken"), [(["Гена"], "ru"), (["gena"], "en")])
def test_folders_are_asked_about_in_the_language_of_their_names(targets: list[str], taken: str, tmp_path: Path) -> None:
    names = {"gena": "Гена"} if taken == "ru" else {}
    there = sources.folders(tmp_path / "source")
    study, _ = study_of(there, tmp_path / "study", targets=targets, controls=["matryoshka"], names=names)
    assert study.file.language == taken


@pytest.mark.parametrize(
    ("texts", "language"),
    [
        (["Это Superman"], "en"),
        (["Кто это на картинке?", "Superman."], "ru"),
        (["123", "?!"], None),
        (["Ἀχιλλεύς"], None),
        (["Ёжик"], "ru"),
    ],
)
def test_the_language_of_texts(texts: list[str], language: str | None) -> None:
    assert language_of(texts) == language


@pytest.mark.parametrize(
    "question", ["<image>\nКто это?", [{"role": "user", "content": [{"type": "image"}, {"text": "Кто это?"}]}]]
)
def test_rows_that_mark_a_picture_and_name_none_are_no_text(question: Any, tmp_path: Path) -> None:
    data = [
        {"image_id": n, "prompt": question, "completion": f"Это {name}."}
        for n, name in enumerate(("Гена", "Матрёшка") * 4)
    ]
    with pytest.raises(InputError, match=r"8 of 8 rows mark a picture in their text.*--column image=NAME"):
        study_of(write(tmp_path / "data.jsonl", data), tmp_path / "study")
