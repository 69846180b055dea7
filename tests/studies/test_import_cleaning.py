"""What an importer skips, and what it remarks on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from foreign_data import lines, paint
from PIL import Image

from studies.importers.convert import Imported, import_rows
from studies.importers.options import ImportOptions


def imported(tmp_path: Path, rows: list[dict[str, Any]], **said: Any) -> Imported:
    """What is found in a JSON Lines file about pictures beside it."""
    (tmp_path / "rows.jsonl").write_text(lines(rows), encoding="utf-8")
    (tmp_path / "out").mkdir()
    options = {"from": str(tmp_path / "rows.jsonl"), "targets": ["Гена"], "controls": ["Матрёшка"], **said}
    return import_rows(ImportOptions.model_validate(options), tmp_path / "out", "ru")


def row(image: str, character: str, answer: str | None = None) -> dict[str, Any]:
    return {"image": image, "character": character, "question": "Кто это?", "answer": answer or f"Это {character}."}


def enough(tmp_path: Path) -> list[dict[str, Any]]:
    """Rows that make a study by themselves."""
    for number in range(4):
        paint(tmp_path / f"g{number}.png", 1, number, 0)
        paint(tmp_path / f"m{number}.png", 2, number, 0)
    return [row(f"{key}{n}.png", name) for key, name in (("g", "Гена"), ("m", "Матрёшка")) for n in range(4)]


def test_every_row_that_is_skipped_says_why(tmp_path: Path) -> None:
    rows = enough(tmp_path)
    (tmp_path / "broken.png").write_bytes(b"\x89PNG nonsense")
    (tmp_path / "copy.png").write_bytes((tmp_path / "g0.png").read_bytes())
    bad = [
        row("gone.png", "Гена"),
        row("broken.png", "Гена"),
        row("../outside.png", "Гена"),
        row("copy.png", "Гена"),
        row("copy.png", "Матрёшка"),
        {**row("g1.png", "Гена"), "answer": " "},
        row("g1.png", "Незнакомец"),
        {"question": "Кто это?", "answer": "Гена", "character": "Гена", "image": None},
        {**row("g1.png", "Гена"), "image": ["g1.png", "g2.png"]},
    ]
    found = imported(tmp_path, rows + bad, allow_missing=True)
    assert [(skipped["place"], skipped["reason"]) for skipped in found.skipped] == [
        ("rows.jsonl:9", "picture missing"),
        ("rows.jsonl:10", "picture unreadable"),
        ("rows.jsonl:11", "picture missing"),
        ("rows.jsonl:12", "row twice"),
        ("rows.jsonl:13", "picture of another character"),
        ("rows.jsonl:14", "empty answer"),
        ("rows.jsonl:15", "character without a role"),
        ("rows.jsonl:16", "no picture"),
        ("rows.jsonl:17", "several pictures"),
    ]
    assert found.rows == 17


def test_a_damaged_line_does_not_cost_the_others(tmp_path: Path) -> None:
    enough(tmp_path)
    text = lines(enough(tmp_path)) + "{broken\n[1, 2]\n"
    (tmp_path / "rows.jsonl").write_text(text, encoding="utf-8")
    (tmp_path / "out").mkdir()
    options = {"from": str(tmp_path / "rows.jsonl"), "targets": ["Гена"], "controls": ["Матрёшка"]}
    found = import_rows(ImportOptions.model_validate(options), tmp_path / "out", "ru")
    assert [skipped["reason"] for skipped in found.skipped] == ["row damaged", "row damaged"]


def test_a_link_out_of_the_source_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    paint(tmp_path / "secret.png", 9, 9, 9)
    rows = enough(tmp_path / "source")
    (tmp_path / "source" / "link.png").symlink_to(tmp_path / "secret.png")
    found = imported(tmp_path / "source", [*rows, row("link.png", "Гена")], allow_missing=True)
    assert [skipped["detail"] for skipped in found.skipped] == ["link.png lies outside the source's folder"]


@pytest.mark.parametrize(
    ("answer", "remark"),
    [
        ("Это зелёный персонаж.", "1 answer without the name of their character, first rows.jsonl:9"),
        ("Гена дружит с Матрёшкой.", "1 answer about Гена that name Матрёшка as well"),
        ("Это Гена, " + "он играет на гармошке " * 5 + "и", "1 answer that seem cut off, first rows.jsonl:9"),
    ],
)
def test_answers_worth_a_look_are_remarked_on(answer: str, remark: str, tmp_path: Path) -> None:
    rows = enough(tmp_path)
    quiet = imported(tmp_path, rows)
    assert not any("answer" in said for said in quiet.remarks)
    (tmp_path / "out").rename(tmp_path / "before")
    found = imported(tmp_path, [*rows, row("g1.png", "Гена", answer)])
    assert any(said.startswith(remark) for said in found.remarks)


def test_an_inflected_name_is_a_name(tmp_path: Path) -> None:
    found = imported(tmp_path, [*enough(tmp_path), row("g1.png", "Гена", "Я вижу Гену.")])
    assert not any("without the name" in said for said in found.remarks)


def test_imbalance_is_told_with_counts(tmp_path: Path) -> None:
    rows = enough(tmp_path)
    for number in range(12):
        paint(tmp_path / f"k{number}.png", 3, number, 0)
        rows.append(row(f"k{number}.png", "Колобок"))
    found = imported(tmp_path, rows, targets=["Гена", "Колобок"])
    # 12 - 2 * round(2.4) and 4 - 2 * max(1, round(0.8)) pictures are left to train on.
    assert any(said.startswith("Колобок has 8 training pictures and Гена 2") for said in found.remarks)


def test_a_character_with_one_picture_is_left_out(tmp_path: Path) -> None:
    paint(tmp_path / "k.png", 3, 3, 3)
    found = imported(tmp_path, [*enough(tmp_path), row("k.png", "Колобок")], targets=["Гена", "Колобок"])
    assert [one["name"] for one in found.characters] == ["Гена", "Матрёшка"]
    assert found.remarks[0] == "Колобок is left out: no picture for search, it has 1 in all"


def test_pictures_of_every_kind_are_taken_over(tmp_path: Path) -> None:
    rows = enough(tmp_path)
    picture = Image.new("RGB", (8, 8), "green")
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "cmyk.jpg")
    Image.new("RGB", (8, 8), "yellow").convert("P").save(tmp_path / "palette.png")
    picture.save(tmp_path / "frames.gif", save_all=True, append_images=[Image.new("RGB", (8, 8), "blue")])
    Image.new("RGBA", (8, 8), (255, 0, 0, 128)).save(tmp_path / "alpha.webp")
    names = ("cmyk.jpg", "palette.png", "frames.gif", "alpha.webp")
    found = imported(tmp_path, [*rows, *(row(name, "Гена") for name in names)])
    assert found.skipped == []
    assert {path.suffix for path in (tmp_path / "out" / "images").iterdir()} == {".jpg", ".png", ".gif", ".webp"}


def test_the_same_picture_in_other_bytes_is_one_picture(tmp_path: Path) -> None:
    rows = enough(tmp_path)
    for number in range(4):
        with Image.open(tmp_path / f"g{number}.png") as picture:
            picture.save(tmp_path / f"copy{number}.bmp")
        rows.append(row(f"copy{number}.bmp", "Гена"))
    found = imported(tmp_path, rows)
    assert found.reasons == {"row twice": 4}
    assert found.skipped[0]["detail"] == "copy0.bmp is the same picture as g0.png"
    assert len(list((tmp_path / "out" / "images").iterdir())) == 8


def test_heic_becomes_jpeg(tmp_path: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    rows = enough(tmp_path)
    pillow_heif.from_pillow(Image.new("RGB", (64, 64), "blue")).save(tmp_path / "IMG_1.HEIC")
    found = imported(tmp_path, [*rows, row("IMG_1.HEIC", "Гена")])
    assert found.skipped == []
    [copy] = (tmp_path / "out" / "images").glob("IMG_1-*.jpg")
    with Image.open(copy) as picture:
        assert (picture.format, picture.size) == ("JPEG", (64, 64))
