"""Folders as users lay them out: sides, wrappers, links, and what is no data."""

from __future__ import annotations

import os
import shutil
import sys
import unicodedata
from collections import Counter
from pathlib import Path

import pytest
from foreign_data import lines, paint
from PIL import Image

from skazka_text.problems import InputError
from studies.importers.convert import Imported, import_rows
from studies.importers.found import side_of
from studies.importers.layout import arrange
from studies.importers.options import ImportOptions
from studies.importers.tree import place_of, walk

CHARACTERS = ("Чебурашка", "Матрёшка")


def imported(tmp_path: Path, source: Path, **said: object) -> Imported:
    (tmp_path / "out").mkdir(exist_ok=True)
    options = {"from": str(source), "targets": ["Чебурашка"], **said}
    return import_rows(ImportOptions.model_validate(options), tmp_path / "out", "ru")


def counts(found: Imported) -> dict[str, tuple[int, int, int]]:
    """Character -> pictures in training, search and test."""
    return {row["name"]: (row["training"], row["search"], row["test"]) for row in found.characters}


def unread(found: Imported) -> dict[str, int]:
    """What was not read -> how often."""
    return {kind["what"]: kind["count"] for kind in found.unread}


def filled(*folders: Path, count: int = 4) -> None:
    """Pictures in each folder, no two alike."""
    for place, folder in enumerate(folders):
        for number in range(count):
            paint(folder / f"{number}.png", place * 20 + 1, number * 40, len(folder.parts))


@pytest.mark.parametrize(
    ("name", "side"),
    [
        *((name, "training") for name in ("train", "TRAIN", "Training", "train_images", "train2017", "обучение")),
        *((name, "search") for name in ("val", "Valid", "VALIDATION", "eval", "Evaluation", "dev", "val2017")),
        *((name, "test") for name in ("test", "Testing", "TEST", "test-set", "01_test", "тест")),
        *((name, None) for name in ("Чебурашка", "data", "train_and_test", "testament", "", "1", "Девочка")),
    ],
)
def test_sides_are_known_by_their_usual_names(name: str, side: str | None) -> None:
    assert side_of(name) == side


C, M = "Чебурашка", "Матрёшка"


@pytest.mark.parametrize(
    "above",
    [
        pytest.param([("train", C), ("Eval", C), ("TESTING", C), ("train", M)], id="side, character"),
        pytest.param([(C, "train"), (C, "dev"), (C, "test"), (M, "train")], id="character, side"),
        pytest.param([("data", "train", C), ("data", "val", C), ("data", "test", C), ("data", "train", M)], id="data"),
        pytest.param([("d", C, "train"), ("d", C, "val"), ("d", C, "test"), ("d", M, "train")], id="set, character"),
        pytest.param([("train", "images", C), ("val", "images", C), ("test", "images", C), ("train", "images", M)]),
        pytest.param([("train", C, "s1"), ("val", C, "s2"), ("test", C), ("train", M, "s1", "x")], id="below"),
    ],
)
@pytest.mark.parametrize("known", [set(), {"чебурашка"}])
def test_a_side_stands_above_or_below_a_character(above: list[tuple[str, ...]], known: set[str]) -> None:
    assert arrange(above, known) == [(C, "training"), (C, "search"), (C, "test"), (M, "training")]


@pytest.mark.parametrize(
    ("above", "expected"),
    [
        ([("Dev",), ("Val",)], [("Dev", None), ("Val", None)]),
        ([("train", "Dev"), ("train", "Гена")], [("Dev", "training"), ("Гена", "training")]),
        (
            [("Dev", "train"), ("Dev", "val"), ("Гена", "train")],
            [("Dev", "training"), ("Dev", "search"), ("Гена", "training")],
        ),
        ([("one", C), ("two", C), ("two", M)], [(C, None), (C, None), (M, None)]),
        ([(C,), (M,), ()], [(C, None), (M, None), (None, None)]),
        ([("train", C), ("extra", C), ("train",)], [(C, "training"), (C, None), (None, "training")]),
        ([(unicodedata.normalize("NFD", C), "a"), (M, "a")], [(unicodedata.normalize("NFD", C), None), (M, None)]),
    ],
)
def test_a_character_may_be_called_like_a_side_and_stand_anywhere(
    above: list[tuple[str, ...]], expected: list[tuple[str | None, str | None]]
) -> None:
    assert arrange(above, {"чебурашка"}) == expected


def test_pictures_of_sides_go_to_these_sides(tmp_path: Path) -> None:
    root = tmp_path / "pics" / "my_set"
    filled(*(root / name / side for name in CHARACTERS for side in ("Train", "evaluation", "testing")))
    found = imported(tmp_path, tmp_path / "pics")
    assert counts(found) == dict.fromkeys(CHARACTERS, (4, 4, 4))


def test_a_study_a_run_and_an_adapter_below_a_source_are_no_data(tmp_path: Path) -> None:
    root = tmp_path / "pics"
    filled(root / "Чебурашка", root / "Матрёшка", root / "old" / "images", root / "runs" / "a", root / "adapter")
    for marker in ("old/study.yaml", "runs/a/ledger.sqlite", "adapter/adapter_config.json"):
        (root / marker).write_text("x")
    for junk in ("__MACOSX/Чебурашка", ".ipynb_checkpoints", "@eaDir"):
        filled(root / junk)
    for name in ("Thumbs.db", ".DS_Store", "Чебурашка/desktop.ini"):
        (root / name).write_text("x")
    found = imported(tmp_path, root)
    assert [row["name"] for row in found.characters] == list(CHARACTERS)
    assert unread(found) == {"a run": 1, "a study": 1, "an adapter": 1, "hidden": 1, "left by the system": 5}


def test_every_file_that_is_no_picture_is_counted_by_suffix_and_place(tmp_path: Path) -> None:
    root = tmp_path / "pics"
    filled(root / "Чебурашка", root / "Матрёшка")
    for name in ("Чебурашка/0.txt", "Матрёшка/0.TXT", "Матрёшка/1.txt", "Чебурашка/film.MP4", "more.zip", "notes"):
        (root / name).write_text("words")
    found = imported(tmp_path, root)
    assert found.unread == [
        {
            "what": ".mp4 file",
            "count": 1,
            "folders": {"Чебурашка": 1},
            "first": "Чебурашка/film.MP4",
            "remedy": "save frames of it as pictures",
        },
        {
            "what": ".txt file",
            "count": 3,
            "folders": {"Матрёшка": 2, "Чебурашка": 1},
            "first": "Матрёшка/0.TXT",
            "remedy": "",
        },
        {"what": ".zip file", "count": 1, "folders": {".": 1}, "first": "more.zip", "remedy": "unpack it"},
        {"what": "file without a suffix", "count": 1, "folders": {".": 1}, "first": "notes", "remedy": ""},
    ]


@pytest.mark.parametrize("suffix", [".jfif", ".JPE", ".Jpeg", ".jpg_large", ""])
def test_a_jpeg_is_read_under_any_suffix(tmp_path: Path, suffix: str) -> None:
    root = tmp_path / "pics"
    filled(root / "Чебурашка", root / "Матрёшка")
    Image.new("RGB", (8, 8), "orange").save(root / "Чебурашка" / f"photo{suffix}", "JPEG")
    found = imported(tmp_path, root)
    assert (found.rows, found.skipped, found.unread) == (9, [], [])


def test_heic_that_nothing_reads_is_counted_with_its_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    root = tmp_path / "pics"
    filled(root / "Чебурашка", root / "Матрёшка")
    for number in range(3):
        header = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
        (root / "Чебурашка" / f"IMG_{number}.HEIC").write_bytes(header + bytes([number]))
    found = imported(tmp_path, root)
    assert found.reasons == {"HEIC picture": 3}
    assert found.skipped[0]["place"] == "Чебурашка/IMG_0.HEIC"
    assert found.skipped[0]["detail"].endswith("pip install 'skazka-tune[heif]'")


def test_links_are_followed_inside_the_source_and_named_outside(tmp_path: Path) -> None:
    root = tmp_path / "pics"
    filled(root / ".store" / "m", root / "Чебурашка", tmp_path / "elsewhere")
    (root / "Матрёшка").symlink_to("./.store/m")
    (root / "Супермен").symlink_to(tmp_path / "elsewhere")
    (root / "Чебурашка" / "loop").symlink_to("..")
    (root / "Чебурашка" / "self").symlink_to("self")
    (root / "Чебурашка" / "gone.png").symlink_to("gone-away.png")
    (root / "Чебурашка" / "secret.png").symlink_to(tmp_path / "elsewhere" / "0.png")
    (root / "Матрёшка.txt").write_text("../somewhere/Матрёшка")
    os.mkfifo(root / "Чебурашка" / "pipe.png")
    found = imported(tmp_path, root)
    assert counts(found) == {"Чебурашка": (2, 1, 1), "Матрёшка": (1, 2, 1)}
    assert unread(found) == {
        "a link copied as text": 1,
        "a link that leaves the source": 2,
        "a link to a folder above it": 1,
        "a link to nothing": 2,
        "hidden": 1,
        "neither file nor folder": 1,
    }
    outside = next(kind for kind in found.unread if kind["what"] == "a link that leaves the source")
    assert outside["first"] == f"Супермен -> {tmp_path / 'elsewhere'}"
    assert "give the folder that holds both" in outside["remedy"]


def test_a_picture_sorted_by_links_is_of_the_folder_with_the_link(tmp_path: Path) -> None:
    root = tmp_path / "pics"
    filled(root / "all", count=8)
    for number in range(8):
        folder = root / CHARACTERS[number % 2]
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.png").symlink_to(f"../all/{number}.png")
    found = imported(tmp_path, root)
    assert [row["name"] for row in found.characters] == list(CHARACTERS)
    assert unread(found) == {"read where a link names it": 8}


def test_links_that_lead_to_one_another_end(tmp_path: Path) -> None:
    for here in "abc":
        filled(tmp_path / here, count=1)
        for there in "abc":
            (tmp_path / here / f"to-{there}").symlink_to(f"../{there}")
    tree = walk(tmp_path)
    assert {place_of(path, tmp_path)[0] for path in tree.files} <= set("abc")
    assert Counter(one.what for one in tree.unread)["a link to a folder above it"] >= 3


def hub_cache(folder: Path) -> Path:
    """A dataset in the hub's cache, sorted by folders; its files are links to blobs without a suffix."""
    filled(folder / "made" / "Чебурашка", folder / "made" / "Матрёшка")
    snapshot = folder / "snapshots" / "abc"
    (folder / "blobs").mkdir()
    for number, path in enumerate(sorted((folder / "made").rglob("*.png"))):
        link = snapshot / path.relative_to(folder / "made")
        link.parent.mkdir(parents=True, exist_ok=True)
        path.rename(folder / "blobs" / f"{number:040x}")
        link.symlink_to(f"../../../blobs/{number:040x}")
    (folder / "made" / "Чебурашка").rmdir()
    (folder / "made" / "Матрёшка").rmdir()
    (folder / "made").rmdir()
    return snapshot


def test_a_snapshot_in_the_cache_of_the_hub_is_read_as_any_folder(tmp_path: Path) -> None:
    snapshot = hub_cache(tmp_path / "datasets--me--heroes")
    assert counts(imported(tmp_path, snapshot)) == {"Чебурашка": (2, 1, 1), "Матрёшка": (1, 2, 1)}
    (tmp_path / "out").rename(tmp_path / "first")
    assert imported(tmp_path, snapshot.parent.parent).rows == 8


def test_rows_in_the_cache_of_the_hub_name_its_links_and_nothing_beyond(tmp_path: Path) -> None:
    snapshot = hub_cache(tmp_path / "hub")
    filled(tmp_path / "hub" / "other")
    rows = [{"file_name": f"{name}/{number}.png", "character": name} for name in CHARACTERS for number in range(4)]
    rows.append({"file_name": "../../other/0.png", "character": "Чебурашка"})
    (tmp_path / "hub" / "blobs" / "rows").write_text(lines(rows), encoding="utf-8")
    (snapshot / "metadata.jsonl").symlink_to("../../blobs/rows")
    found = imported(tmp_path, snapshot, allow_missing=True)
    assert (found.format, found.rows) == ("imagefolder", 9)
    assert [row["detail"] for row in found.skipped] == ["../../other/0.png lies outside the source's folder"]


def test_one_of_several_snapshots_must_be_named_unless_main_is(tmp_path: Path) -> None:
    snapshot = hub_cache(tmp_path / "hub")
    (snapshot.parent / "old").mkdir()
    with pytest.raises(InputError, match="cache with 2 snapshots"):
        imported(tmp_path, tmp_path / "hub")
    (tmp_path / "hub" / "refs").mkdir()
    (tmp_path / "hub" / "refs" / "main").write_text("abc\n")
    assert imported(tmp_path, tmp_path / "hub").rows == 8


def test_a_decomposed_folder_is_the_character_that_was_named(tmp_path: Path) -> None:
    root = tmp_path / "pics"
    decomposed = unicodedata.normalize("NFD", "Змей Горыныч")
    filled(root / decomposed, root / unicodedata.normalize("NFD", "Матрёшка"))
    found = imported(tmp_path, root, targets=[unicodedata.normalize("NFC", "Змей Горыныч")])
    assert [row["name"] for row in found.characters] == ["Змей Горыныч", "Матрёшка"]


def test_a_source_without_anything_known_says_what_it_holds(tmp_path: Path) -> None:
    root = tmp_path / "pics"
    for name in ("a.mp4", "b.mp4", "c.zip"):
        root.mkdir(exist_ok=True)
        (root / name).write_text("x")
    with pytest.raises(InputError, match=r"nothing that is known: 2 x \.mp4 file \(first a\.mp4\), 1 x \.zip file"):
        imported(tmp_path, root)


def test_names_that_are_no_text_are_shown_and_read(tmp_path: Path) -> None:
    root = tmp_path / "pics"
    filled(root / "Чебурашка", root / "Матрёшка")
    for name in (b"\xd7\xe5\xe1.png", "a\nb'\"\u202e.png".encode(), "щ".encode() * 125 + b".png"):
        os.rename(root / "Чебурашка" / f"{len(name) % 4}.png", os.fsencode(root / "Чебурашка") + b"/" + name)
    found = imported(tmp_path, root)
    assert found.rows == 8
    assert found.skipped == []
    assert all(path.name.isprintable() for path in (tmp_path / "out" / "images").iterdir())


def test_a_picture_that_the_source_asks_about_is_not_trained_on(tmp_path: Path) -> None:
    root = tmp_path / "pics"
    filled(*(root / side / name for name in CHARACTERS for side in ("train", "val", "test")))
    for side, number in (("val", 0), ("test", 1)):
        with Image.open(root / side / "Чебурашка" / f"{number}.png") as picture:
            picture.save(root / "train" / "Чебурашка" / f"copy{number}.bmp")
    found = imported(tmp_path, root)
    assert counts(found) == dict.fromkeys(CHARACTERS, (4, 4, 4))
    assert found.reasons == {"row twice": 2}
    assert any(said.startswith("2 pictures stand on two sides of the source, first ") for said in found.remarks)


def test_where_nothing_is_left_it_is_told_what_was_skipped(tmp_path: Path) -> None:
    root = tmp_path / "pics"
    filled(root / "Матрёшка")
    (root / "Чебурашка").mkdir()
    (root / "Чебурашка" / "0.png").write_text("no picture")
    with pytest.raises(InputError, match=r"no target is left .*1 rows skipped: picture unreadable, first Чебурашка/0"):
        imported(tmp_path, root)


def test_the_folder_of_one_character_asks_for_the_one_above(tmp_path: Path) -> None:
    filled(tmp_path / "Чебурашка")
    with pytest.raises(InputError, match=r"4 pictures lie in .* itself.* — give the folder that holds"):
        imported(tmp_path, tmp_path / "Чебурашка")


def test_a_source_whose_sides_are_the_same_pictures_says_so(tmp_path: Path) -> None:
    root = tmp_path / "pics"
    filled(*(root / "train" / name for name in CHARACTERS))
    shutil.copytree(root / "train", root / "test")
    with pytest.raises(InputError, match=r"no target is left .*8 pictures stand on two sides of the source"):
        imported(tmp_path, root)
