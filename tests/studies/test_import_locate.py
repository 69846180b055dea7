"""Pictures that rows name as another machine, another tool or another file system did."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Literal

import pytest
from foreign_data import lines, paint
from hypothesis import given
from hypothesis import strategies as st

from skazka_text.problems import InputError
from studies.importers.convert import Imported, PicturesMissing, import_rows
from studies.importers.found import Found
from studies.importers.locate import as_named, locate
from studies.importers.options import ImportOptions
from studies.importers.tree import walk

Form = Literal["NFC", "NFD", "NFKC", "NFKD"]


def located(root: Path, *names: str) -> list[str | None]:
    """Where each of the pictures that rows name was found below a folder; None for one that was not."""
    rows, _ = locate([Found(f"row {name}", Path("\0"), name) for name in names], root)
    pictures = [row.picture for row in rows if isinstance(row, Found)]
    return [path.relative_to(root).as_posix() if path != Path("\0") else None for path in pictures]


@pytest.mark.parametrize(
    "name",
    [
        "/data/upload/1/a b.png",
        "/data/upload/1/a%20b.png",
        "/data/local-files/?d=upload/1/a%20b.png",
        "data/local-files/upload/1/a b.png",
        "s3://bucket/some/upload/1/a b.png",
        "https://host:8080/data/upload/1/a%20b.png?X-Amz-Expires=3600#x",
        "http://host/data/local-files/?d=upload/1/a%20b.png",
        "gs://bucket/a b.png",
        "file:///home/masha/upload/1/a%20b.png",
        "file:///C:/upload/1/a%20b.png",
        "C:\\Users\\Маша\\upload\\1\\a b.png",
        "\\\\server\\share\\upload\\1\\A B.PNG",
        "upload\\1\\a b.png",
        "./upload/1/a b.png",
        "../set/upload/1/a b.png",
        "/home/masha/pictures/1/a b.png",
        "~/a b.png",
        "a b.png",
        "1/a b.png",
        "Upload/1/A b.png",
        "/data/upload/1/0f3a9c1b-a b.png",
        "/data/upload/1/0f3a9c1b-a_b.png",
    ],
)
def test_a_path_of_another_machine_is_found_by_its_end(tmp_path: Path, name: str) -> None:
    paint(tmp_path / "upload" / "1" / "a b.png", 1, 2, 3)
    paint(tmp_path / "upload" / "1" / "b.png", 1, 2, 3)
    assert located(tmp_path, name) == ["upload/1/a b.png"]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("kolobok/1.png", id="another folder's picture of that name"),
        pytest.param("/home/masha/2.png", id="no such name"),
        pytest.param("https://host/1.png/", id="ambiguous"),
        pytest.param("/", id="no name"),
        pytest.param("", id="empty"),
        pytest.param("..", id="above"),
        pytest.param("x" * 5000, id="long"),
        pytest.param("http://[broken/9.png", id="no address"),
    ],
)
def test_what_is_not_there_is_not_made_up(tmp_path: Path, name: str) -> None:
    paint(tmp_path / "gena" / "1.png", 1, 2, 3)
    paint(tmp_path / "cheburashka" / "1.png", 1, 2, 3)
    assert located(tmp_path, name) == [None]


def test_one_file_is_never_two_pictures(tmp_path: Path) -> None:
    paint(tmp_path / "1.png", 1, 2, 3)
    assert located(tmp_path, "/a/gena/1.png", "/a/kolobok/1.png") == [None, None]
    assert located(tmp_path, "/a/gena/1.png", "/a/gena/1.png") == ["1.png", "1.png"]


def test_the_longest_end_decides(tmp_path: Path) -> None:
    for folder in ("gena", "kolobok", "old/kolobok"):
        paint(tmp_path / folder / "1.png", 1, 2, 3)
    assert located(tmp_path, "/x/gena/1.png", "/x/old/kolobok/1.png") == ["gena/1.png", "old/kolobok/1.png"]


@pytest.mark.parametrize(("row", "file"), [("NFC", "NFD"), ("NFD", "NFC"), ("NFKD", "NFC")])
def test_a_path_matches_its_file_whatever_the_unicode_form(tmp_path: Path, row: Form, file: Form) -> None:
    name = "Чебурашка й/ёлка й.png"
    stored = unicodedata.normalize(file, name)
    paint(tmp_path / stored, 1, 2, 3)
    rows = [Found("1", tmp_path / unicodedata.normalize(row, name), unicodedata.normalize(row, name))]
    [found], remarks = locate(rows, tmp_path)
    assert isinstance(found, Found)
    assert found.picture == tmp_path / stored
    # The same path needs no remark.
    assert remarks == []


PARTS = st.lists(st.sampled_from(["a", "b", "c_d", "й", "1"]), min_size=1, max_size=4)


@given(prefix=PARTS, path=PARTS)
def test_any_prefix_of_another_machine_is_left_out(prefix: list[str], path: list[str]) -> None:
    named = as_named("/" + "/".join([*prefix, *path]))
    assert named.foreign
    assert named.parts[-len(path) :] == tuple(path)
    assert as_named("C:\\" + "\\".join([*prefix, *path])) == named


def export(tmp_path: Path, lie: str, prefix: str = "/data/upload/7/", **said: object) -> Imported:
    """An import of eight rows whose pictures lie in a folder beside the table."""
    rows = []
    for number in range(8):
        paint(tmp_path / "set" / lie / f"{number}.png", number * 30, 1, 1)
        rows.append({"image": f"{prefix}{number}.png", "character": ("Гена", "Матрёшка")[number % 2]})
    (tmp_path / "set" / "tables").mkdir(exist_ok=True)
    table = tmp_path / "set" / "tables" / "rows.jsonl"
    table.write_text(lines(rows), encoding="utf-8")
    (tmp_path / "out").mkdir(exist_ok=True)
    options = {"from": str(table), "targets": ["Гена"], **said}
    return import_rows(ImportOptions.model_validate(options), tmp_path / "out", "ru")


def test_pictures_found_by_their_end_are_told(tmp_path: Path) -> None:
    found = export(tmp_path, "tables/upload/7")
    assert found.skipped == []
    assert found.remarks[0] == (
        "8 pictures found by the end of their path, first /data/upload/7/0.png as upload/7/0.png: "
        "if that is wrong, say where they lie with --pictures"
    )


@pytest.mark.parametrize("prefix", ["/data/upload/7/", "images/", "../images/", ""])
def test_pictures_beside_the_folder_of_the_table_are_read_when_it_is_named(tmp_path: Path, prefix: str) -> None:
    with pytest.raises(PicturesMissing, match=r"8 of 8 rows .* — .*--pictures FOLDER.*--allow-missing"):
        export(tmp_path, "images", prefix)
    found = export(tmp_path, "images", prefix, pictures=str(tmp_path / "set"))
    assert found.skipped == []
    assert sum(row["rows"] for row in found.characters) == 8


def test_a_table_never_names_a_file_outside(tmp_path: Path) -> None:
    paint(tmp_path / "secret.png", 1, 2, 3)
    paint(tmp_path / "set" / "mine.png", 1, 2, 3)
    assert located(tmp_path / "set", str(tmp_path / "secret.png"), "../secret.png") == [None, None]
    assert [path.name for path in walk(tmp_path / "set").files] == ["mine.png"]


def test_a_folder_of_pictures_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--pictures: no folder 'gone' — check the path"):
        export(tmp_path, "images", pictures="gone")
