"""A file of rows is read whatever its name, encoding, delimiter or shape."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from rows_source import as_json, pictures, plain, rows, study_of, taught, write

from skazka_text.problems import InputError
from studies.importers.csv_records import csv_records
from studies.importers.found import Skipped
from studies.importers.json_records import json_records
from studies.study import Study

RIGHT = {("Кто это?", "Это Гена."), ("Кто это?", "Это Матрёшка.")}
COLUMNS = ("image", "character", "question", "answer")


def table(root: Path, delimiter: str = ",", end: str = "\n") -> str:
    cells = [COLUMNS, *([row[name] for name in COLUMNS] for row in rows(root, plain))]
    return "".join(delimiter.join(row) + end for row in cells)


def read(path: Path, tmp_path: Path, **said: Any) -> Study:
    """The study of a file, of which every row was used."""
    study, imported = study_of(path, tmp_path / "study", **said)
    assert imported.skipped == []
    assert imported.rows == 8
    return study


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1251", "koi8-r", "cp866"]
)
@pytest.mark.parametrize("name", ["data.csv", "data.jsonl"])
def test_the_encoding_is_found_out(name: str, encoding: str, tmp_path: Path) -> None:
    text = table(tmp_path) if name == "data.csv" else "".join(as_json(row) + "\n" for row in rows(tmp_path, plain))
    assert taught(read(write(tmp_path / name, text, encoding), tmp_path)) == RIGHT


def test_an_encoding_of_one_byte_is_told_and_may_be_named(tmp_path: Path) -> None:
    path = write(tmp_path / "data.csv", table(tmp_path), "cp1251")
    _, imported = study_of(path, tmp_path / "found")
    assert "data.csv is read as cp1251: another encoding is named with --encoding" in imported.remarks
    _, imported = study_of(path, tmp_path / "named", encoding="cp1251")
    assert not any("encoding" in remark for remark in imported.remarks)
    with pytest.raises(InputError, match=r"data.csv is not written in utf-8 — .*--encoding"):
        study_of(path, tmp_path / "wrong", encoding="utf-8")
    with pytest.raises(ValueError, match="no encoding of text"):
        study_of(path, tmp_path / "unknown", encoding="latin-99")
    assert not (tmp_path / "wrong").exists()


def test_what_is_no_text_is_refused_without_its_bytes(tmp_path: Path) -> None:
    for data, message in ((b"PK\3\4" + b"\0\xff" * 99, "archive"), (bytes(range(256)) * 9, "--encoding")):
        (tmp_path / "data.csv").write_bytes(data)
        with pytest.raises(InputError, match=message) as caught:
            study_of(tmp_path / "data.csv", tmp_path / "study")
        assert str(caught.value).isprintable()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("name", ["data.csv", "data.tsv", "data.txt"])
def test_the_delimiter_is_found_out(name: str, delimiter: str, tmp_path: Path) -> None:
    assert taught(read(write(tmp_path / name, table(tmp_path, delimiter)), tmp_path)) == RIGHT


@pytest.mark.parametrize(
    "before", ["sep=;\n", '"sep=;"\r\n', "\n\n", "\ufeff", "Разметка картинок;;;\r\n\r\n", "Разметка\n"]
)
def test_lines_before_the_columns_are_passed_by(before: str, tmp_path: Path) -> None:
    text = before + table(tmp_path, ";", "\r\n") + ";;;\r\n\r\n"
    assert taught(read(write(tmp_path / "data.csv", text, "utf-8-sig"), tmp_path)) == RIGHT


def test_cells_of_a_table_in_text() -> None:
    text = 'image,answer,answer\na.png,"Это ""Гена"", он\nкрокодил",x\nb.png,да, нет,x\nc.png\nd.png,e,,,\n'
    found = list(csv_records("t.csv", text))
    assert found == [
        ("t.csv:3", {"image": "a.png", "answer": 'Это "Гена", он\nкрокодил', "answer.1": "x"}),
        Skipped("t.csv:4", "row damaged", "4 cells under 3 columns: is a ',' in it not quoted?"),
        ("t.csv:5", {"image": "c.png", "answer": "", "answer.1": ""}),
        ("t.csv:6", {"image": "d.png", "answer": "e", "answer.1": ""}),
    ]


def test_a_quote_that_is_not_closed_does_not_swallow_the_file() -> None:
    found = list(csv_records("t.csv", 'image,answer\na.png,"Гена\nb.png,Матрёшка\n'))
    assert found == [
        ("t.csv:2", {"image": "a.png", "answer": '"Гена'}),
        ("t.csv:3", {"image": "b.png", "answer": "Матрёшка"}),
    ]


@pytest.mark.parametrize(
    "row",
    [
        'a.png, "Это ""Гена"", он", x',
        'a.png,"Это \\"Гена\\", он",x',
        'a.png,Это "Гена"\\, он,x',
    ],
)
def test_a_table_is_read_as_its_quotes_are_written(row: str) -> None:
    (found,) = csv_records("t.csv", f"image,answer,note\n{row}\n")
    assert found == ("t.csv:2", {"image": "a.png", "answer": 'Это "Гена", он', "note": "x"})


def test_a_backslash_that_is_part_of_a_path_stays() -> None:
    assert list(csv_records("t.csv", 'image,answer\n"C:\\set\\a.png","Гена\\"\n')) == [
        ("t.csv:2", {"image": "C:\\set\\a.png", "answer": "Гена\\"})
    ]


def test_a_cell_may_be_long() -> None:
    long = "а" * 300_000
    assert list(csv_records("t.csv", f"image,answer\na.png,{long}\n")) == [
        ("t.csv:2", {"image": "a.png", "answer": long})
    ]


def shapes(data: list[dict[str, Any]]) -> dict[str, str]:
    """The same rows in every shape of JSON."""
    one_by_one = [as_json(row) for row in data]
    return {
        "lines": "\n".join(one_by_one),
        "lines of Windows": "\r\n\r\n".join(one_by_one),
        "lines with commas": "[\n" + ",\n".join(one_by_one) + ",\n]",
        "list": as_json(data),
        "pretty list": json.dumps(data, ensure_ascii=False, indent=2),
        "list with a comma too many": json.dumps(data, indent=1)[:-2] + ",\n]",
        "pretty objects": "\n".join(json.dumps(row, indent=2) for row in data),
        "object": as_json({"version": 1, "data": data}),
        "object of another name": as_json({"info": {"a": 1}, "whatever": data}),
        "objects by name": as_json({f"row {number}": row for number, row in enumerate(data)}),
        "columns": as_json({name: [row[name] for row in data] for name in data[0]}),
        "split of pandas": as_json(
            {"columns": list(data[0]), "index": [0, 1, 2], "data": [list(row.values()) for row in data]}
        ),
        "objects by picture": as_json({row.get("image", ""): {"answer": row.get("answer")} for row in data}),
        "columns of pandas": as_json({name: {str(n): row[name] for n, row in enumerate(data)} for name in data[0]}),
    }


@pytest.mark.parametrize("name", ["data.json", "data.jsonl", "data.ndjson", "data.txt", "data"])
@pytest.mark.parametrize("shape", list(shapes([{}])))
def test_json_is_read_in_every_shape_under_any_name(shape: str, name: str, tmp_path: Path) -> None:
    data = [{"image": f"{number}.png", "answer": "Гена {не [Чебурашка],"} for number in range(3)]
    text = shapes(data)[shape]
    assert [record[1] for record in json_records(name, text) if not isinstance(record, Skipped)] == data


def test_half_a_sign_is_no_sign(tmp_path: Path) -> None:
    data = rows(tmp_path, lambda path, name: {**plain(path, name), "question": "Кто это? \ud83d"})
    study = read(write(tmp_path / "data.jsonl", "\n".join(map(json.dumps, data))), tmp_path)
    assert taught(study) == {("Кто это? \ufffd", answer) for _, answer in RIGHT}
    assert list(json_records("t", '[{"\\ud83d": ["\\ud83d\\ude00", "\\ude00"]}]')) == [
        ("t row 1", {"\ufffd": ["\U0001f600", "\ufffd"]})
    ]


def test_captions_by_picture_are_rows() -> None:
    text = as_json({"a.png": "Это Гена.", "b.png": ["Матрёшка.", "Кукла."]})
    assert list(json_records("t.json", text)) == [
        ("t.json row 1", {"image": "a.png", "caption": "Это Гена."}),
        ("t.json row 2", {"image": "b.png", "caption": ["Матрёшка.", "Кукла."]}),
    ]


def test_tasks_of_label_studio_are_rows_of_their_data_and_what_was_said() -> None:
    def result(name: str, kind: str, *words: str) -> dict[str, Any]:
        return {"from_name": name, "type": kind, "value": {"x": 1.5, kind: list(words)}}

    refused = {"was_cancelled": True, "result": [result("choice", "choices", "Матрёшка")]}
    said = [result("choice", "choices", "Гена"), result("answer", "text", "Это Гена."), {"type": "relation"}]
    task = {"id": 1, "annotations": [refused, {"result": said}], "data": {"image": "/data/upload/1/a.png"}}
    row = {"image": "/data/upload/1/a.png", "choice": ["Гена"], "answer": ["Это Гена."]}
    for text in (as_json([task]), as_json(task)):
        assert [record[1] for record in json_records("t.json", text) if not isinstance(record, Skipped)] == [row]


def test_splits_in_an_object_are_kept() -> None:
    text = as_json({"train": [{"image": "a.png"}], "test": [{"image": "b.png"}]})
    assert list(json_records("d.json", text)) == [
        ("d.json train row 1", {"split": "train", "image": "a.png"}),
        ("d.json test row 1", {"split": "test", "image": "b.png"}),
    ]


def test_an_object_with_several_tables_is_refused_by_their_names(tmp_path: Path) -> None:
    coco = {"images": [{"id": 1}], "annotations": [{"image_id": 1}], "categories": [{"id": 1}]}
    with pytest.raises(InputError, match="several lists of rows: 'images', 'annotations', 'categories'"):
        study_of(write(tmp_path / "data.json", as_json(coco)), tmp_path / "study")


def test_damaged_rows_cost_only_themselves() -> None:
    text = '{"image": "a.png"}\n{"image": \nnull\n[1]\n{"image": "b.png", "n": Infinity}\n'
    found = list(json_records("d.json", text))
    assert [record[0] for record in found if not isinstance(record, Skipped)] == ["d.json:1", "d.json:5"]
    assert [(row.place, row.detail) for row in found if isinstance(row, Skipped)] == [
        ("d.json:2", "Expecting value"),
        ("d.json:3", "must be an object, got null"),
        ("d.json:4", "must be an object, got a list"),
    ]


def test_a_list_that_breaks_off_gives_what_came() -> None:
    text = json.dumps([{"image": "a.png"}, {"image": "b.png"}, {"image": "c.png"}], indent=1)[:-12]
    found = list(json_records("d.json", text))
    assert [record[1]["image"] for record in found if not isinstance(record, Skipped)] == ["a.png", "b.png"]
    assert [row.place for row in found if isinstance(row, Skipped)] == ["d.json:8"]


@pytest.mark.parametrize("folder", ["data [v2]", "a*b", "who?", "[!x]", "{e,f}", "%20"])
@pytest.mark.parametrize("form", ["file", "folder", "saved", "csv"])
def test_a_path_is_no_pattern(form: str, folder: str, tmp_path: Path) -> None:
    import datasets
    import pyarrow.parquet
    from datasets.table import embed_table_storage

    root = tmp_path / folder
    if form == "csv":
        source = write(root / "data.csv", table(root))
    else:
        found = rows(tmp_path, lambda path, name: {**plain(path, name), "image": str(tmp_path / path)})
        data = datasets.Dataset.from_list(found).cast_column("image", datasets.Image())
        if form == "saved":
            data.save_to_disk(str(tmp_path / "saved"))
        else:
            (tmp_path / "saved").mkdir()
            embedded = embed_table_storage(data.with_format("arrow")[:])
            pyarrow.parquet.write_table(embedded, tmp_path / "saved" / "train.parquet")
        (tmp_path / "saved").rename(root)
        source = root / "train.parquet" if form == "file" else root
    assert taught(read(source, tmp_path)) == RIGHT


def test_files_of_a_folder_say_their_sides(tmp_path: Path) -> None:
    found = rows(tmp_path / "pictures", plain)
    there = tmp_path / "rows"
    write(there / "train-00000-of-00002.jsonl", [row for row in found if row["image"][-5] in "01"])
    write(there / "_annotations.valid.jsonl", [row for row in found if row["image"][-5] == "2"])
    write(there / "labels_test.jsonl", [row for row in found if row["image"][-5] == "3"])
    study, imported = study_of(there, tmp_path / "study", pictures=str(tmp_path / "pictures"))
    assert [(row["training"], row["search"], row["test"]) for row in imported.characters] == [(2, 1, 1), (2, 1, 1)]
    assert taught(study) == RIGHT


def test_a_file_without_rows_is_refused_with_what_was_seen(tmp_path: Path) -> None:
    pictures(tmp_path)
    write(tmp_path / "data.csv", "Foto,Wer\nimg/00.png,Гена\n")
    with pytest.raises(InputError) as caught:
        study_of(tmp_path / "data.csv", tmp_path / "study")
    assert "no column is known to hold pictures, but these look so: Foto" in str(caught.value)
    assert "--column image=Foto" in str(caught.value)
    write(tmp_path / "data.csv", "x,y\n1,2\n")
    with pytest.raises(InputError, match=r"its columns: x, y — say what a column holds: --column image\|"):
        study_of(tmp_path / "data.csv", tmp_path / "study")


def test_a_broken_sign_does_not_change_the_encoding(tmp_path: Path) -> None:
    data = table(tmp_path).encode().replace("Это Гена.".encode(), "Это Гена.".encode()[:-2] + b".", 1)
    (tmp_path / "data.csv").write_bytes(data)
    study, imported = study_of(tmp_path / "data.csv", tmp_path / "study")
    assert taught(study) - RIGHT <= {("Кто это?", "Это Ген\ufffd.")}
    assert "data.csv has 1 signs that are not UTF-8; each is read as \ufffd" in imported.remarks


def test_columns_without_a_name_are_numbered() -> None:
    assert list(csv_records("t.csv", ",image,answer,\n0,a.png,Гена,\n")) == [
        ("t.csv:2", {"column_1": "0", "image": "a.png", "answer": "Гена"})
    ]


def test_lines_as_python_prints_them_are_read() -> None:
    rows_of_python = "{'image': 'a.png', 'answer': None}\n{'image': 'b.png', 'answer': ['Гена']}\n{'image': \n"
    assert list(json_records("d.jsonl", rows_of_python)) == [
        ("d.jsonl:1", {"image": "a.png", "answer": None}),
        ("d.jsonl:2", {"image": "b.png", "answer": ["Гена"]}),
        Skipped("d.jsonl:3", "row damaged", "Expecting property name enclosed in double quotes"),
    ]


def test_parquet_of_any_type_is_read(tmp_path: Path) -> None:
    import pandas

    frame = pandas.DataFrame(rows(tmp_path, plain))
    frame["character"] = frame["character"].astype("category")
    frame["took"] = pandas.Timedelta(seconds=1)
    frame.to_parquet(tmp_path / "data.parquet")
    assert taught(read(tmp_path / "data.parquet", tmp_path)) == RIGHT


def test_a_table_that_names_no_columns_is_read_by_their_numbers(tmp_path: Path) -> None:
    path = write(tmp_path / "data.csv", table(tmp_path).split("\n", 1)[1])
    with pytest.raises(InputError, match=r"look so: column_1 — name it: --column image=column_1"):
        study_of(path, tmp_path / "study")
    columns = {name: f"column_{number}" for number, name in enumerate(COLUMNS, start=1)}
    assert taught(read(path, tmp_path, columns=columns)) == RIGHT
