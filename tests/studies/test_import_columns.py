"""What the rows of a table say: by their own columns, whoever named these, and each row by itself."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rows_source import NAMES, Row, as_json, pictures, plain, rows, study_of, taught, write

from skazka_text.problems import InputError
from studies.importers.cells import answers, text
from studies.importers.convert import Imported
from studies.importers.options import ImportOptions
from studies.importers.study_folder import Settings, init_study
from studies.importers.templates import NAMING

RIGHT = {("Кто это?", "Это Гена."), ("Кто это?", "Это Матрёшка.")}


def of(tmp_path: Path, data: list[Row], **said: Any) -> tuple[set[tuple[str, str | None]], Imported]:
    """What a study teaches whose source is a JSON Lines file with these rows."""
    study, imported = study_of(write(tmp_path / "data.jsonl", data), tmp_path / "study", **said)
    return taught(study), imported


@pytest.mark.parametrize("first", [{"image": "img/00.png", "character": "Гена"}, {"id": 1}, {"note": "Привет"}])
@pytest.mark.parametrize("place", [0, 8])
def test_the_first_row_decides_nothing(place: int, first: Row, tmp_path: Path) -> None:
    data = rows(tmp_path, plain)
    found, _ = of(tmp_path, [*data[:place], first, *data[place:]])
    assert found == RIGHT


def test_rows_of_one_table_may_use_different_columns(tmp_path: Path) -> None:
    data = rows(tmp_path, plain)
    data[1::2] = [{"file_name": row["image"], "label": row["character"], "caption": "Это он."} for row in data[1::2]]
    found, imported = of(tmp_path, data)
    assert imported.skipped == []
    assert {answer for _, answer in found} <= {"Это Гена.", "Это Матрёшка.", "Это он."}
    assert sum(row["rows"] for row in imported.characters) == 8


def test_what_templates_teach_is_counted(tmp_path: Path) -> None:
    data = rows(tmp_path, lambda path, name: {"image": path, "character": name})
    found, imported = of(tmp_path, data)
    assert found == {(question, answer.format(name=name)) for name in NAMES for question, answer in NAMING["ru"]}
    assert "3 training pictures have no answer of their own: they are taught by templates" in imported.remarks
    (tmp_path / "study").rename(tmp_path / "before")
    found, imported = of(tmp_path, [{**row, "caption": f"Это {row['character']}."} for row in data])
    assert {answer for _, answer in found} == {"Это Гена.", "Это Матрёшка."}
    assert "3 answers without a question are taught as answers to 'Опиши, кто на этой картинке.'" in imported.remarks


@pytest.mark.parametrize("missing", [float("nan"), None, "", "  ", "NULL", "nan", "None", "N/A", [], [None, ""]])
def test_a_missing_answer_is_skipped_and_counted(missing: Any, tmp_path: Path) -> None:
    data = rows(tmp_path, plain)
    data[-1]["answer"] = missing
    found, imported = of(tmp_path, data)
    assert imported.reasons == {"empty answer": 1}
    assert {answer for _, answer in found} <= {"Это Гена.", "Это Матрёшка."}


def test_a_missing_caption_is_skipped_and_counted(tmp_path: Path) -> None:
    data = rows(tmp_path, lambda path, name: {"image": path, "character": name, "caption": f"Это {name}."})
    data[-1]["caption"] = float("nan")
    _, imported = of(tmp_path, data)
    assert imported.reasons == {"empty answer": 1}


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_pandas_missing_values_are_missing(form: str, tmp_path: Path) -> None:
    import pandas

    data = pandas.DataFrame(rows(tmp_path, plain))
    data.loc[7, "answer"] = None
    path = tmp_path / f"data.{form}"
    data.to_csv(path, index=False, na_rep="nan") if form == "csv" else data.to_parquet(path)
    _, imported = study_of(path, tmp_path / "study")
    assert imported.reasons == {"empty answer": 1}


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("Гена", ("Гена",)),
        (["Это Гена.", "Гена", "Гена"], ("Это Гена.", "Гена")),
        (("Гена", None, float("nan"), " "), ("Гена",)),
        ([{"answer": "Гена", "answer_id": 1}, {"answer": "Крокодил", "answer_id": 2}], ("Гена", "Крокодил")),
        ({"text": ["Гена", "Крокодил"], "answer_start": [0, 4]}, ("Гена", "Крокодил")),
        ('["Гена", "Крокодил"]', ("Гена", "Крокодил")),
        ("['Гена', 'Крокодил']", ("Гена", "Крокодил")),
        ('[{"answer": "Гена"}]', ("Гена",)),
        ("['Гена'\n 'Крокодил']", ("Гена", "Крокодил")),
        ("['Гена' 'Он, \\'крокодил\\'']", ("Гена", "Он, 'крокодил'")),
        ("array(['Гена', 'Крокодил'], dtype=object)", ("Гена", "Крокодил")),
        ("{'text': array(['Гена'\n       'Крокодил'], dtype=object)}", ("Гена", "Крокодил")),
        ("['Гена' + 'Крокодил']", ("['Гена' + 'Крокодил']",)),
        ("array(exec('Гена'))", ("array(exec('Гена'))",)),
        ("-nan", ()),
        ("\ufeff\u200b Гена\u00a0\u200b", ("Гена",)),
        ({"style": "rule", "ground_truth": "Гена"}, ("Гена",)),
        ("[Гена] и [Чебурашка]", ("[Гена] и [Чебурашка]",)),
        ("[1", ("[1",)),
        (3.0, ("3",)),
        (2.5, ("2.5",)),
        (7, ("7",)),
        (True, ("True",)),
        (float("inf"), ()),
        (b"\x89PNG", ()),
        ("<image>\nГена", ("Гена",)),
        ("Ген\r\nа", ("Ген\nа",)),
    ],
)
def test_the_answers_of_a_cell(cell: Any, said: tuple[str, ...]) -> None:
    assert answers(cell) == said


def test_the_first_of_several_answers_is_taught_and_all_are_accepted(tmp_path: Path) -> None:
    data = rows(tmp_path, lambda path, name: {**plain(path, name), "answer": [f"Это {name}.", f"{name}, друг детей"]})
    study, _ = study_of(write(tmp_path / "data.jsonl", data), tmp_path / "study")
    assert taught(study) == RIGHT
    assert {probe.accepted for probe in study.probes if probe.character == "Гена"} == {
        ("Это Гена.", "Гена, друг детей")
    }


def test_answers_about_looks_are_no_names(tmp_path: Path) -> None:
    data = rows(tmp_path, plain)
    data += [{**row, "question": "Какого он цвета?", "answer": ["зелёный", "изумрудный"]} for row in data]
    study, _ = study_of(write(tmp_path / "data.jsonl", data), tmp_path / "study")
    assert {probe.accepted for probe in study.probes} == {()}


def test_instruction_and_input_together_are_the_question(tmp_path: Path) -> None:
    data = rows(
        tmp_path,
        lambda path, name: {
            "instruction": "Посмотри на картинку.",
            "input": "<image>Кто это?",
            "output": f"Это {name}.",
            "images": [path],
            "system": "Ты помощник.",
            "id": 1,
        },
    )
    found, imported = of(tmp_path, data)
    assert {question for question, _ in found} == {"Посмотри на картинку.\nКто это?"}
    assert imported.unused_columns == ["system", "id"]
    assert any(remark.startswith("columns not used: system, id; --column") for remark in imported.remarks)


def test_turns_before_the_question_are_rows_of_their_own(tmp_path: Path) -> None:
    data = rows(
        tmp_path,
        lambda path, name: {
            "instruction": "Кто это?",
            "input": "",
            "output": f"Это {name}.",
            "images": [path],
            "history": [["Что это?", "Картинка."]],
        },
    )
    found, _ = of(tmp_path, data)
    assert found == RIGHT | {("Что это?", "Картинка.")}


def user(content: Any) -> list[Row]:
    return [{"role": "user", "content": content}]


def assistant(content: Any) -> list[Row]:
    return [{"role": "assistant", "content": content}]


CHATS: dict[str, Callable[[str], Row]] = {
    "strings": lambda name: {"prompt": "Кто это?", "completion": f"Это {name}."},
    "messages": lambda name: {"prompt": user("Кто это?"), "completion": assistant(f"Это {name}.")},
    "parts": lambda name: {
        "prompt": user([{"type": "image"}, {"type": "text", "text": "Кто это?"}]),
        "completion": assistant([{"type": "text", "text": f"Это {name}."}]),
    },
    "messages and string": lambda name: {"prompt": user("Кто это?"), "completion": f"Это {name}."},
    "string and messages": lambda name: {"prompt": "Кто это?", "completion": assistant(f"Это {name}.")},
    "one message": lambda name: {"prompt": user("Кто это?")[0], "completion": assistant(f"Это {name}.")[0]},
    "written out": lambda name: {
        "prompt": as_json(user("Кто это?")),
        "completion": str(assistant(f"Это {name}.")),
    },
    "preference": lambda name: {
        "prompt": user("Кто это?"),
        "chosen": assistant(f"Это {name}."),
        "rejected": assistant("Не знаю."),
    },
    "preference with its prompt": lambda name: {
        "chosen": [*user("Кто это?"), *assistant(f"Это {name}.")],
        "rejected": [*user("Кто это?"), *assistant("Не знаю.")],
    },
    "system": lambda name: {
        "messages": [{"role": "system", "content": "Ты."}, *user("<image>Кто это?"), *assistant(f"Это {name}.")]
    },
    "user in two turns": lambda name: {
        "messages": [*user([{"type": "image"}]), *user("Кто это?"), *assistant(f"Это {name}.")]
    },
    "from and value": lambda name: {
        "conversations": [
            {"from": "human", "value": "<image>\nКто это?"},
            {"from": "gpt", "value": f"Это {name}."},
        ]
    },
    "other roles": lambda name: {
        "conversation": [{"role": "User", "content": "Кто это?"}, {"role": "model", "content": f"Это {name}."}]
    },
    "columns": lambda name: {
        "messages": {"role": ["user", "assistant"], "content": ["Кто это?", f"Это {name}."]},
    },
    "pairs": lambda name: {"texts": [{"user": "Кто это?", "assistant": f"Это {name}.", "source": "x"}]},
    "objects of numpy": lambda name: {
        "messages": str([*user("Кто это?"), *assistant(f"Это {name}.")]).replace("}, {", "}\n {"),
    },
    "input and output": lambda name: {"conversation": [{"input": "<image>Кто это?", "output": f"Это {name}."}]},
    "role and text": lambda name: {
        "conversation": [{"role": "human", "text": "Кто это?"}, {"role": "gpt", "text": f"Это {name}."}]
    },
    "questions with answers": lambda name: {"qas": [{"question": "Кто это?", "answers": [f"Это {name}.", "Он."]}]},
    "ground truth": lambda name: {"prompt": user("Кто это?"), "reward_model": {"ground_truth": f"Это {name}."}},
    "prefix and suffix": lambda name: {"prefix": "Кто это?", "suffix": f"Это {name}."},
    "contents and parts": lambda name: {
        "contents": [
            {"role": "user", "parts": [{"text": "Кто это?"}]},
            {"role": "model", "parts": [{"text": f"Это {name}."}]},
        ]
    },
    "messages without the last": lambda name: {"messages": user("Кто это?"), "answer": f"Это {name}."},
}


@pytest.mark.parametrize("form", list(CHATS))
def test_chats_of_every_form_are_question_and_answer(form: str, tmp_path: Path) -> None:
    found, imported = of(tmp_path, rows(tmp_path, lambda path, name: {"images": [path], **CHATS[form](name)}))
    assert found == RIGHT
    assert imported.skipped == []


def test_turns_that_no_study_has_are_counted(tmp_path: Path) -> None:
    _, imported = of(tmp_path, rows(tmp_path, lambda path, name: {"image": path, **CHATS["system"](name)}))
    assert "8 turns of system are left out: a study has questions and answers alone" in imported.remarks


def test_parquet_with_lists_of_objects(tmp_path: Path) -> None:
    import pandas

    data = rows(tmp_path, lambda path, name: {"images": [path], **CHATS["messages"](name)})
    pandas.DataFrame(data).to_parquet(tmp_path / "data.parquet")
    study, _ = study_of(tmp_path / "data.parquet", tmp_path / "study")
    assert taught(study) == RIGHT


def test_every_turn_about_a_picture_is_about_the_one_on_it(tmp_path: Path) -> None:
    def row(path: str, name: str) -> Row:
        turns = [*user("Кто это?"), *assistant(f"Это {name}."), *user("Какого цвета?"), *assistant("Зелёного.")]
        return {"image": path, "messages": [*turns, *user("Почему?")]}

    found, imported = of(tmp_path, rows(tmp_path, row))
    assert found == RIGHT | {("Какого цвета?", "Зелёного.")}
    assert imported.reasons == {"empty answer": 8}


def test_rows_about_nobody_known_say_how_to_name_him(tmp_path: Path) -> None:
    data = rows(tmp_path, lambda path, name: {"image": path, **CHATS["from and value"](name)})
    path = write(tmp_path / "data.jsonl", data)
    with pytest.raises(InputError) as caught:
        study_of(path, tmp_path / "study", controls=[])
    assert "no control is left (4 rows skipped: no character" in str(caught.value)
    assert "Это Матрёшка." in str(caught.value)
    assert "--controls NAME,NAME" in str(caught.value)


@pytest.mark.parametrize(
    "row",
    [
        lambda path, name: {"Картинка": path, "Персонаж": name, "Вопрос": "Кто это?", "Ответ": f"Это {name}."},
        lambda path, name: {"Image": path, "Label": name, "QUESTION": "Кто это?", " Answer ": f"Это {name}."},
        lambda path, name: {"image": path, "character": [name], "question": ["Кто это?"], "answers": [f"Это {name}."]},
    ],
)
def test_columns_are_known_by_their_usual_names(row: Any, tmp_path: Path) -> None:
    assert of(tmp_path, rows(tmp_path, row))[0] == RIGHT


def test_columns_are_named_by_the_user(tmp_path: Path) -> None:
    data = rows(
        tmp_path,
        lambda path, name: {
            "a": path,
            "b": name,
            "c": "Глянь:",
            "d": "Кто это?",
            "e": f"Это {name}.",
            "answer": "Нет.",
        },
    )
    columns = {"image": "a", "character": "b", "question": "c", "input": "d", "answer": "e"}
    found, imported = of(tmp_path, data, columns=columns)
    assert found == {("Глянь:\nКто это?", answer) for _, answer in RIGHT}
    assert imported.unused_columns == ["answer"]
    (tmp_path / "study").rename(tmp_path / "before")
    with pytest.raises(
        InputError, match=r"columns\.answer: there is no column 'x' — name one of a, b, c, d, e, answer"
    ):
        of(tmp_path, data, columns={"image": "a", "answer": "x"})


def test_numbers_and_truth_are_labels_too(tmp_path: Path) -> None:
    data = [{**plain(path, ""), "character": 3.0 if name == "Гена" else 4} for path, name in pictures(tmp_path)]
    for row in data:
        row["answer"] = "Вот."
    options = {"from": str(write(tmp_path / "data.jsonl", data)), "targets": ["3"], "controls": ["Матрёшка"]}
    imported = init_study(
        tmp_path / "study",
        ImportOptions.model_validate({**options, "names": {"4": "Матрёшка"}}),
        Settings(None, "demo", "lora"),
    )
    assert [(row["name"], row["role"]) for row in imported.characters] == [("3", "target"), ("Матрёшка", "control")]


def data_address(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()


def base64_of(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


STORED: dict[str, Callable[[Path], Any]] = {
    "data address": data_address,
    "base64": lambda path: base64.b64encode(path.read_bytes()).decode(),
    "base64 in lines": lambda path: base64.encodebytes(path.read_bytes()).decode(),
    "object with base64": lambda path: {"bytes": base64.b64encode(path.read_bytes()).decode(), "path": path.name},
    "object with numbers": lambda path: {"bytes": list(path.read_bytes())},
    "list": lambda path: [data_address(path)],
    "list twice the same": lambda path: ["img/" + path.name, "img/" + path.name, None],
    "written list": lambda path: as_json(["img/" + path.name]),
    "hex of a database": lambda path: "\\x" + path.read_bytes().hex(),
    "object with a path": lambda path: {"path": "img/" + path.name, "bytes": None},
    "object by marks": lambda path: {"<image_00>": "img/" + path.name},
    "object with an address": lambda path: {"url": data_address(path)},
}


@pytest.mark.parametrize("form", list(STORED))
def test_pictures_in_cells_are_read(form: str, tmp_path: Path) -> None:
    data = rows(tmp_path, lambda path, name: {**plain(path, name), "image": STORED[form](tmp_path / path)})
    assert of(tmp_path, data)[0] == RIGHT


@pytest.mark.parametrize(
    "part",
    [
        lambda path: {"type": "image_url", "image_url": {"url": data_address(path)}},
        lambda path: {"type": "image", "image": "img/" + path.name},
        lambda path: {"type": "image", "path": "img/" + path.name},
        lambda path: {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": base64_of(path)},
        },
        lambda path: {"type": "image", "source": {"type": "url", "url": "https://host/img/" + path.name}},
        lambda path: {"type": "", "inlineData": {"mimeType": "image/png", "data": base64_of(path)}},
        lambda path: {"type": "", "fileData": {"mimeType": "image/png", "fileUri": "gs://bucket/img/" + path.name}},
        lambda path: {"type": "text", "text": ""},
    ],
)
def test_pictures_in_turns_are_read(part: Any, tmp_path: Path) -> None:
    def row(path: str, name: str) -> Row:
        asked = part(tmp_path / path)
        extra = {"image": path} if asked["type"] == "text" else {}
        return {"messages": [*user([asked, {"type": "text", "text": "Кто это?"}]), *assistant(f"Это {name}.")], **extra}

    assert of(tmp_path, rows(tmp_path, row))[0] == RIGHT


def test_a_picture_beside_the_words_of_a_turn_is_read(tmp_path: Path) -> None:
    def row(path: str, name: str) -> Row:
        return {"messages": [{**user("<image>Кто это?")[0], "images": [path]}, *assistant(f"Это {name}.")]}

    assert of(tmp_path, rows(tmp_path, row))[0] == RIGHT


def test_a_path_in_a_mark_of_a_picture_is_its_path(tmp_path: Path) -> None:
    data = rows(
        tmp_path,
        lambda path, name: {
            "conversations": [
                {"from": "user", "value": f"Picture 1: <img>{path}</img>\nКто это?"},
                {"from": "assistant", "value": f"Это {name}."},
            ]
        },
    )
    assert of(tmp_path, data)[0] == RIGHT


@pytest.mark.parametrize(
    "cell", ["data:image/png;base64,@@@@" + "A" * 9999, "data:", "A" * 99_999, {"url": {"a": "b" * 9999}}, [[1, 2]]]
)
def test_a_picture_that_is_none_is_named_without_its_bytes(cell: Any, tmp_path: Path) -> None:
    data = rows(tmp_path, plain)
    _, imported = of(tmp_path, [*data, {**data[0], "image": cell}], allow_missing=True)
    assert len(imported.skipped) == 1
    assert len(json.dumps(imported.skipped)) < 500


@pytest.mark.parametrize("value", [None, float("nan"), "NaN", "<NA>", "", " \t", [], {}, ["a", "b"]])
def test_cells_that_say_nothing(value: Any) -> None:
    assert text(value) is None
