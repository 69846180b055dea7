"""What load_study refuses: with file, line, field and remedy, all at once, and before anything is decoded."""

from __future__ import annotations

import json
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageFile
from small_study import drop, edit, make_small_study

from skazka_text.problems import InputError, Problem
from studies.checks import load_study

Break = Callable[[Path], object]
YAML, TRAINING, PROBES, REPLAY = "study.yaml", "training.jsonl", "probes.jsonl", "replay.jsonl"
IMAGE = "images/train-2.png"  # on line 2 of training.jsonl and nowhere else


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """The folder of a valid study."""
    return make_small_study(tmp_path / "small")


def problems_of(folder: Path) -> list[Problem]:
    """Why a study is refused."""
    with pytest.raises(InputError) as caught:
        load_study(folder)
    assert all(problem.remedy for problem in caught.value.problems)
    return caught.value.problems


def places(problems: list[Problem]) -> list[tuple[str, int | None, str]]:
    """Where the problems are."""
    return [(problem.file, problem.line, problem.field) for problem in problems]


# --- one text changed on one line ---


@pytest.mark.parametrize(
    ("file", "line", "old", "new", "field", "message"),
    [
        (YAML, 9, "target", "hero", "characters[0].role", "got 'hero'"),
        (YAML, 9, "target", '"target "', "characters[0].role", "got 'target '"),
        (YAML, 10, "aliases", "alias", "characters[0].alias", "unknown key 'alias'"),
        (YAML, 1, "small", "''", "name", "at least 1 character"),
        (YAML, 1, "small", "' small'", "name", "got ' small'"),
        (YAML, 2, "en", "fr", "language", "got 'fr'"),
        (YAML, 3, "float32", "int8", "base_model.dtype", "got 'int8'"),
        (YAML, 3, "float32", "float16", "base_model.dtype", "float16 is not for training"),
        (YAML, 3, "float32", "float16, quantization: 4bit", "base_model.dtype", "float16 is not for training"),
        (YAML, 3, "id: model", "id: ./nowhere", "base_model.id", "no model folder './nowhere'"),
        (YAML, 3, "id: model", "id: images", "base_model.id", "no config.json"),
        (YAML, 4, "training.jsonl", "no.jsonl", "training", "no file 'no.jsonl'"),
        (YAML, 4, "training.jsonl", "../training.jsonl", "training", "outside the study folder"),
        (YAML, 4, "training.jsonl", "/etc/hostname", "training", "outside the study folder"),
        (YAML, 10, "Crocodile", "matryoshka", "characters[1].name", "already names characters[0]"),
        (YAML, 18, "1.0e-4", "2", "baselines.hand.learning_rate", "got 2"),
        (YAML, 19, "rank", "r", "baselines.hand.r", "unknown key 'r'"),
        (YAML, 19, "8", "true", "baselines.hand.rank", "must not be true or false, got True"),
        (YAML, 20, "true", "false", "baselines.hand", "replay is off"),
        (TRAINING, 2, '"answer": "It is Gena."', '"answer": ""', "answer", "got ''"),
        (TRAINING, 2, '"answer": "It is Gena."', '"answer": " "', "answer", "got ' '"),
        (TRAINING, 2, '"answer"', '"reply"', "answer", "is missing"),
        (TRAINING, 2, '"It is Gena."', '"It is Gena.", "answer": "Gena."', "answer", "stands twice"),
        (TRAINING, 2, '"Gena"', '"Gene"', "character", "unknown character 'Gene'"),
        (TRAINING, 2, IMAGE, "images/no.png", "image", "no file"),
        (TRAINING, 2, IMAGE, "images", "image", "no file"),
        (TRAINING, 2, IMAGE, "../outside.png", "image", "outside the study folder"),
        (TRAINING, 2, IMAGE, "images/../" + IMAGE, "image", "outside the study folder"),
        (TRAINING, 2, IMAGE, "/outside.png", "image", "outside the study folder"),
        (TRAINING, 2, "{", "", "", "not valid JSON"),
        (PROBES, 3, '"accepted": ["cartoon"], ', "", "accepted", "origin has no accepted answer"),
        (PROBES, 3, '["cartoon"]', '[""]', "accepted[0]", "got ''"),
        (PROBES, 3, '["cartoon"]', '["?!"]', "accepted", "no letter and no digit"),
        (PROBES, 3, "origin", "colour", "kind", "got 'colour'"),
        (PROBES, 3, '"p3"', '"p1"', "id", "'p1' is used twice"),
        (PROBES, 7, "images/test-3.png", "images/search-3.png", "image", "same picture"),
        (PROBES, 6, "images/search-3.png", IMAGE, "image", "same picture"),
        (REPLAY, 1, '"Matryoshka"', '"Doll"', "character", "unknown character 'Doll'"),
    ],
)
def test_one_wrong_text(small: Path, file: str, line: int, old: str, new: str, field: str, message: str) -> None:
    edit(small / file, line, old, new)
    problems = problems_of(small)
    at_fault = [problem for problem in problems if (problem.file, problem.field) == (file, field)]
    assert len(at_fault) == 1, problems
    assert message in at_fault[0].message
    expected = 11 if "already names" in message else 17 if field == "baselines.hand" else line
    assert at_fault[0].line == expected


@pytest.mark.parametrize(
    ("file", "numbers", "place", "message"),
    [
        (PROBES, (4,), (YAML, 11, "characters[1]"), "Matryoshka has no probe in split search"),
        (PROBES, (7,), (YAML, 13, "characters[2]"), "Knight has no probe in split test"),
        (TRAINING, (1, 2), (YAML, 8, "characters[0]"), "target Gena has no training row"),
        (REPLAY, (1,), (YAML, 20, "baselines.hand.replay"), "no replay rows"),
        (YAML, (6,), (YAML, 19, "baselines.hand.replay"), "no replay rows"),
        (YAML, (3,), (YAML, 1, "base_model"), "is missing"),
    ],
)
def test_something_left_out(
    small: Path, file: str, numbers: tuple[int, ...], place: tuple[str, int, str], message: str
) -> None:
    drop(small / file, *numbers)
    [problem] = problems_of(small)
    assert places([problem]) == [place]
    assert message in problem.message


@pytest.mark.parametrize(("line", "role"), [(9, "target"), (12, "control")])
def test_a_role_that_nobody_has(small: Path, line: int, role: str) -> None:
    edit(small / YAML, line, role, "negative")
    problem = problems_of(small)[0]
    assert places([problem]) == [(YAML, 7, "characters")]
    assert role in problem.message


def test_a_character_that_is_listed_twice(small: Path) -> None:
    edit(small / YAML, 13, "Knight", "gena")
    problems = problems_of(small)
    assert (YAML, 13, "characters[2].name") in places(problems)


# --- all at once ---


def test_problems_of_two_files_are_reported_together(small: Path) -> None:
    edit(small / TRAINING, 1, "{", "")
    edit(small / PROBES, 2, '"test"', '"exam"')
    edit(small / PROBES, 5, '"name"', '"nickname"')
    assert places(problems_of(small)) == [(TRAINING, 1, ""), (PROBES, 2, "split"), (PROBES, 5, "kind")]


def test_what_the_study_lacks_is_reported_with_what_its_rows_lack(small: Path) -> None:
    edit(small / YAML, 3, "id: model", "id: nowhere")
    edit(small / YAML, 12, "control", "target")
    edit(small / TRAINING, 2, "train-2", "no")
    edit(small / PROBES, 3, '"p3"', '"p1"')
    (small / "images" / "replay-1.png").unlink()
    assert set(places(problems_of(small))) == {
        (YAML, 3, "base_model.id"),
        (YAML, 7, "characters"),
        (YAML, 11, "characters[1]"),
        (TRAINING, 2, "image"),
        (PROBES, 3, "id"),
        (REPLAY, 1, "image"),
        (REPLAY, 1, "character"),
    }


# --- files and pictures ---


def test_a_study_in_another_encoding(small: Path) -> None:
    (small / YAML).write_bytes("name: проба\n".encode("cp1251"))
    [problem] = problems_of(small)
    assert problem.file == YAML
    assert "utf-8" in problem.message


def test_rows_in_another_encoding(small: Path) -> None:
    (small / TRAINING).write_bytes("Гена".encode("cp1251"))
    [problem] = problems_of(small)
    assert places([problem]) == [(TRAINING, None, "")]
    assert "UTF-8" in problem.message


@pytest.mark.parametrize("text", ["", "# nothing\n", "- a list\n", "just text\n"])
def test_a_study_file_that_is_no_mapping(small: Path, text: str) -> None:
    (small / YAML).write_text(text)
    [problem] = problems_of(small)
    assert problem.file == YAML


def damaged(path: Path) -> None:
    """A PNG whose middle is zeros."""
    Image.effect_noise((64, 64), 80).save(path, "PNG")
    content = path.read_bytes()
    third = len(content) // 3
    path.write_bytes(content[:third] + bytes(third) + content[2 * third :])


def truncated(kind: str) -> Break:
    """The first half of a picture."""

    def write(path: Path) -> None:
        Image.effect_noise((64, 64), 80).convert("RGB").save(path, kind)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return write


def linked_outside(path: Path) -> None:
    """A link to a picture beside the study's folder."""
    outside = path.parents[2] / "outside.png"
    Image.new("RGB", (4, 4)).save(outside)
    path.unlink()
    path.symlink_to(outside)


def folder_linked_outside(path: Path) -> None:
    """The folder of the pictures is a link."""
    images = path.parent
    shutil.copytree(images, images.parents[1] / "elsewhere")
    shutil.rmtree(images)
    images.symlink_to(images.parents[1] / "elsewhere")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.unlink(), "no file"),
        (lambda path: path.write_text("not a picture"), "cannot be read as an image"),
        (lambda path: path.write_bytes(b""), "cannot be read as an image"),
        (truncated("PNG"), "cannot be read as an image"),
        (truncated("JPEG"), "cannot be read as an image"),
        (truncated("GIF"), "cannot be read as an image"),
        (damaged, "cannot be read as an image"),
        (linked_outside, "link that leaves the study folder"),
        (folder_linked_outside, "link that leaves the study folder"),
    ],
    ids=["missing", "text", "empty", "half a PNG", "half a JPEG", "half a GIF", "damaged", "link", "linked folder"],
)
def test_a_picture_that_cannot_be_used(small: Path, spoil: Break, message: str) -> None:
    spoil(small / IMAGE)
    [problem] = [problem for problem in problems_of(small) if problem.file == TRAINING and problem.line == 2]
    assert problem.field == "image"
    assert message in problem.message


def test_a_format_that_starts_another_program_is_not_opened(small: Path) -> None:
    Image.new("RGB", (4, 4)).save(small / IMAGE, "EPS")
    [problem] = problems_of(small)
    assert "cannot be read as an image" in problem.message


def pickle_of(path: Path) -> None:
    """A pickle that would make a file if it were read."""
    path.write_bytes(b"cos\nsystem\n(S'touch " + str(path.parent / "ran").encode() + b"'\ntR.")


@pytest.mark.parametrize(
    ("name", "message"),
    [("pytorch_model.bin", "no weights in safetensors files"), ("model.safetensors", "damaged model.safetensors")],
)
def test_a_model_in_a_pickle_is_refused_unread(small: Path, name: str, message: str) -> None:
    (small / "model" / "model.safetensors").unlink()
    pickle_of(small / "model" / name)
    [problem] = problems_of(small)
    assert places([problem]) == [(YAML, 3, "base_model.id")]
    assert message in problem.message
    assert not (small / "model" / "ran").exists()


@pytest.mark.parametrize("name", ["../small", "/small", "a/b", "..", '"a\\x1bb"', "a\\b"])
def test_a_name_that_is_no_folder_s(small: Path, name: str) -> None:
    edit(small / YAML, 1, "small", name)
    [problem] = problems_of(small)
    assert places([problem]) == [(YAML, 1, "name")]


def test_a_link_inside_the_folder_is_fine(small: Path) -> None:
    (small / IMAGE).rename(small / "kept.png")
    (small / IMAGE).symlink_to("../kept.png")
    load_study(small)


def png_claiming(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header claims a size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [50_000, 8_001])
def test_a_pixel_bomb_is_refused_without_decoding(small: Path, monkeypatch: pytest.MonkeyPatch, side: int) -> None:
    decoded: list[tuple[int, int]] = []
    load = ImageFile.ImageFile.load

    def watched(image: ImageFile.ImageFile) -> object:
        decoded.append(image.size)
        return load(image)

    monkeypatch.setattr(ImageFile.ImageFile, "load", watched)
    (small / IMAGE).write_bytes(png_claiming(side, side))
    [problem] = problems_of(small)
    assert places([problem]) == [(TRAINING, 2, "image")]
    assert "pixels" in problem.message
    assert set(decoded) == {(4, 4)}


@pytest.mark.parametrize(
    ("copy", "onto", "place"),
    [
        ("train-1", "search-2", (PROBES, 4, "image")),
        ("replay-1", "test-1", (PROBES, 2, "image")),
        ("search-3", "test-3", (PROBES, 7, "image")),
    ],
)
def test_the_same_picture_under_two_names_on_two_sides(
    small: Path, copy: str, onto: str, place: tuple[str, int, str]
) -> None:
    shutil.copy(small / "images" / f"{copy}.png", small / "images" / f"{onto}.png")
    [problem] = problems_of(small)
    assert places([problem]) == [place]
    assert copy in problem.message
    assert onto in problem.message


def test_the_same_picture_twice_on_one_side_is_fine(small: Path) -> None:
    shutil.copy(small / "images" / "train-1.png", small / IMAGE)
    load_study(small)


# --- once crashes or silence ---


def crashes(spoil: Break, error: type[Exception] | None, reason: str, name: str) -> Any:
    """Something that once crashed: the exception and where it came from stand beside it."""
    return pytest.param(spoil, id=name)


def write_row(**fields: Any) -> Break:
    """Write the second training row with other fields."""

    def write(folder: Path) -> None:
        lines = (folder / TRAINING).read_text().splitlines()
        (folder / TRAINING).write_text(f"{lines[0]}\n{json.dumps(json.loads(lines[1]) | fields)}\n")

    return write


def link_to_itself(folder: Path) -> None:
    """The picture is a link to itself."""
    (folder / IMAGE).unlink()
    (folder / IMAGE).symlink_to(Path(IMAGE).name)


def avif_of_zeros(folder: Path) -> None:
    """The picture is an AVIF whose header is whole and whose pixels are zeros."""
    Image.effect_noise((64, 64), 80).convert("RGB").save(folder / IMAGE, "AVIF")
    content = (folder / IMAGE).read_bytes()
    header = content.index(b"mdat") + 4
    (folder / IMAGE).write_bytes(content[:header] + bytes(len(content) - header))


@pytest.mark.parametrize(
    "spoil",
    [
        crashes(write_row(image="images/a\0.png"), ValueError, "Path.resolve raises on a zero byte", "zero byte"),
        crashes(write_row(image="a" * 300), OSError, "Path.is_file raises ENAMETOOLONG", "long name"),
        crashes(link_to_itself, RuntimeError, "Path.resolve raises on a loop (Python 3.11, 3.12)", "link loop"),
        crashes(
            avif_of_zeros,
            RuntimeError,
            "Pillow's AVIF decoder raises RuntimeError, which inspect does not expect",
            "damaged AVIF",
        ),
        crashes(
            lambda folder: edit(folder / TRAINING, 2, "{", "[" * 100_000),
            RecursionError,
            "json.loads: RecursionError is no JSONDecodeError",
            "deep JSON",
        ),
        crashes(
            lambda folder: edit(folder / TRAINING, 2, '"It is Gena."', "9" * 5_000),
            ValueError,
            "json.loads: a plain ValueError for an integer of over 4300 digits",
            "long number",
        ),
    ],
)
def test_a_row_that_is_refused_and_not_a_crash(small: Path, spoil: Break) -> None:
    spoil(small)
    [problem] = problems_of(small)
    assert (problem.file, problem.line) == (TRAINING, 2)


@pytest.mark.parametrize("mark", ["\u2028", "\u0085"])
def test_a_row_with_a_line_separator_inside_its_text(small: Path, mark: str) -> None:
    edit(small / TRAINING, 2, "It is Gena.", f"It is{mark}Gena.")
    assert load_study(small).training[1].answer == f"It is{mark}Gena."


def test_a_model_s_config_that_is_refused_and_not_a_crash(small: Path) -> None:
    # json.loads: RecursionError is no ValueError.
    (small / "model" / "config.json").write_text("[" * 100_000)
    assert places(problems_of(small)) == [(YAML, 3, "base_model.id")]


@pytest.mark.parametrize("text", ["evaluation: {every: true}", "score: {degradation: false}"])
def test_a_switch_is_no_number(small: Path, text: str) -> None:
    edit(small / YAML, 2, "en", f"en\n{text}")
    [problem] = problems_of(small)
    assert problem.line == 3
    assert "must not be true or false" in problem.message


def test_an_unknown_space_is_refused_with_its_line(small: Path) -> None:
    edit(small / YAML, 15, "own.yaml", "nope")
    assert places(problems_of(small)) == [(YAML, 15, "space")]


@pytest.mark.parametrize("absolute", [True, False])
def test_a_space_outside_the_folder_is_refused(small: Path, absolute: bool) -> None:
    outside = small.parent / "outside.yaml"
    outside.write_text("rank: {choice: [4]}\n")
    edit(small / YAML, 15, "own.yaml", str(outside) if absolute else "../outside.yaml")
    assert places(problems_of(small)) == [(YAML, 15, "space")]


def test_an_alias_that_is_taken_is_refused_where_it_stands(small: Path) -> None:
    edit(small / YAML, 14, "negative", "negative\n    aliases: [gena]")
    assert places(problems_of(small)) == [(YAML, 15, "characters[2].aliases[0]")]


def test_a_missing_file_is_named_as_the_user_named_it(small: Path) -> None:
    edit(small / YAML, 4, "training.jsonl", "image_rows.jsonl")
    [problem] = problems_of(small)
    assert "'image_rows.jsonl'" in problem.message


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Алёша", "Алеша"),
        ("Spider-Man", "Spider Man"),
        ("Spider-Man", "spiderman"),
        ("Виннипух", "Винни-Пух"),
        ("Гена", "**ГЕНА**"),
        ("Гена", "Ге\u0301на"),
        ("Баба-яга", "Баба\u2011Яга"),
    ],
)
def test_names_that_grading_cannot_tell_apart(small: Path, first: str, second: str) -> None:
    edit(small / YAML, 10, "Crocodile", json.dumps(first))
    edit(small / YAML, 14, "negative", f"negative\n    aliases: [{json.dumps(second)}]")
    [problem] = problems_of(small)
    assert (problem.file, problem.line, problem.field) == (YAML, 15, "characters[2].aliases[0]")
    assert f"already names characters[0], as {first!r}" in problem.message


@pytest.mark.parametrize(("first", "second"), [("Лис", "Лиса"), ("Александр", "Александра"), ("Иван", "Иван-царевич")])
def test_names_that_share_a_form_or_a_word_are_told_apart(small: Path, first: str, second: str) -> None:
    edit(small / YAML, 10, "Crocodile", first)
    edit(small / YAML, 14, "negative", f"negative\n    aliases: [{second}]")
    assert load_study(small).aliases["Knight"][-1] == second


@pytest.mark.parametrize(("line", "old", "new"), [(10, "Crocodile", "'?!'"), (2, "en", "en\nlexicon: {'?!': []}")])
def test_a_name_without_letters(small: Path, line: int, old: str, new: str) -> None:
    edit(small / YAML, line, old, new)
    assert [problem.file for problem in problems_of(small)] == [YAML]


@pytest.mark.parametrize(
    ("line", "role", "other", "file"), [(9, "target", "negative", TRAINING), (12, "control", "target", REPLAY)]
)
def test_rows_of_a_character_that_must_not_be_trained_on(
    small: Path, line: int, role: str, other: str, file: str
) -> None:
    edit(small / YAML, line, role, other)
    assert (file, 1, "character") in places(problems_of(small))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("gradient_checkpointing: 1", "base_model.gradient_checkpointing: input should be a valid boolean"),
        ("micro_batch: 0", "base_model.micro_batch: input should be greater than or equal to 1"),
        ("quantization: 3bit", "base_model.quantization: input should be 'none', '8bit' or '4bit', got '3bit'"),
        ("image_size: 224, max_pixels: 9000", "image_size and max_pixels are both given — keep one of them"),
        ("image_size: true", "base_model.image_size: must not be true or false"),
    ],
)
def test_options_of_the_base_model_are_checked(tmp_path: Path, options: str, message: str) -> None:
    folder = make_small_study(tmp_path / "small")
    edit(folder / "study.yaml", 3, "dtype: float32", f"dtype: float32, {options}")
    with pytest.raises(InputError) as caught:
        load_study(folder)
    assert message.casefold() in str(caught.value).casefold()


@pytest.mark.parametrize("trained", ["train-1", "replay-1"])
def test_a_picture_saved_anew_may_not_stand_on_another_side(small: Path, trained: str) -> None:
    with Image.open(small / "images" / f"{trained}.png") as picture:
        picture.convert("RGBA").save(small / "images" / "test-3.png", compress_level=0)
    [problem] = problems_of(small)
    assert (problem.file, problem.line, problem.field) == ("probes.jsonl", 7, "image")
    assert problem.message == (f"'images/test-3.png' in test is the same picture as 'images/{trained}.png' in training")
