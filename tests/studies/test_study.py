"""A study as it is read: found by name, in the file's order, and known by its content."""

from __future__ import annotations

import os
import shutil
import unicodedata
from pathlib import Path

import pytest
from small_study import edit, make_small_study, paint

from skazka_text.problems import InputError
from studies.checks import load_study
from studies.study import find_study, units_by_character


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """The folder of a valid study."""
    return make_small_study(tmp_path / "small")


def hash_of(folder: Path) -> str:
    """The content hash of the study in a folder, read anew."""
    return load_study(folder).content_hash


def test_a_valid_study_loads(small: Path) -> None:
    study = load_study(small)
    assert study.names == ["Gena", "Matryoshka", "Knight"]
    assert study.named("target") == ["Gena"]
    assert study.named("control") == ["Matryoshka"]
    assert study.roles["Knight"] == "negative"
    assert study.aliases["Gena"] == ("Gena", "Crocodile")
    assert study.base_model == str(small / "model")
    assert list(study.space().knobs) == ["rank"]
    assert study.space("quick").name == "quick"
    assert units_by_character(study.training) == {"Gena": ["images/train-1.png", "images/train-2.png"]}


def test_a_hub_id_stays_as_it_is(small: Path) -> None:
    edit(small / "study.yaml", 3, "id: model", "id: Qwen/Qwen2.5-VL-3B-Instruct")
    assert load_study(small).base_model == "Qwen/Qwen2.5-VL-3B-Instruct"


def test_the_probes_of_a_split_keep_the_file_s_order(small: Path) -> None:
    study = load_study(small)
    assert [probe.id for probe in study.probes_of("search")] == ["p1", "p3", "p4", "p6"]
    assert [probe.id for probe in study.probes_of("test")] == ["p2", "p5", "p7"]


def test_empty_lines_between_rows_are_no_rows(small: Path) -> None:
    rows = small / "training.jsonl"
    rows.write_text(rows.read_text().replace("\n", "\n\n \n"))
    assert len(load_study(small).training) == 2


# --- find_study ---


def test_a_study_is_found_by_folder_and_by_file(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(small.parent)
    for name in (small, str(small), "small", "small/study.yaml", small / "study.yaml"):
        assert find_study(name) == small / "study.yaml"


def test_the_bundled_study_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    demo = find_study(None)
    assert demo.is_file()
    assert demo.parent.name == "demo"
    assert find_study("demo") == demo


def test_the_user_s_own_folder_goes_before_a_bundled_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = make_small_study(tmp_path / "demo")
    monkeypatch.chdir(tmp_path)
    assert find_study("demo") == own / "study.yaml"


@pytest.mark.parametrize("name", ["nowhere", "empty", "small/no.yaml", "a" * 300])
def test_no_study_there_is_refused(small: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(small.parent)
    Path("empty").mkdir()
    with pytest.raises(InputError) as caught:
        find_study(name)
    [problem] = caught.value.problems
    assert problem.file == name
    assert problem.message == "no such study"
    assert "study.yaml" in problem.remedy


def test_the_home_of_nobody_is_refused() -> None:
    with pytest.raises(InputError):
        find_study("~no-such-user-here/study")


# --- content_hash ---


@pytest.mark.parametrize(
    ("file", "line", "old", "new"),
    [
        ("study.yaml", 1, "small", "other"),
        ("study.yaml", 19, "8", "4"),
        ("own.yaml", 1, "[4, 8]", "[4, 16]"),
        ("training.jsonl", 2, "It is Gena.", "It is Gena"),
        ("replay.jsonl", 1, "Who is it?", "Who?"),
        ("probes.jsonl", 3, "cartoon", "film"),
    ],
)
def test_the_hash_changes_with_a_yaml_or_row(small: Path, file: str, line: int, old: str, new: str) -> None:
    before = hash_of(small)
    edit(small / file, line, old, new)
    assert hash_of(small) != before


def test_the_hash_changes_with_any_image(small: Path) -> None:
    seen = {hash_of(small)}
    images = sorted((small / "images").iterdir())
    for image in images:
        kept = image.read_bytes()
        paint(image, 12)
        seen.add(hash_of(small))
        image.write_bytes(kept)
    assert len(seen) == len(images) + 1


def test_the_hash_changes_when_two_images_change_places(small: Path) -> None:
    before = hash_of(small)
    first, second = small / "images" / "search-1.png", small / "images" / "search-2.png"
    kept = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(kept)
    assert hash_of(small) != before


def test_the_hash_does_not_change_otherwise(small: Path) -> None:
    before = hash_of(small)
    assert hash_of(small / "study.yaml") == before
    (small / "notes.txt").write_text("not of the study")
    paint(small / "images" / "unused.png", 5)
    (small / "model" / "config.json").write_text('{"model_type": "llava"}')
    os.utime(small / "training.jsonl", (0, 0))
    assert hash_of(small) == before
    assert hash_of(Path(shutil.copytree(small, small.parent / "moved"))) == before


def test_a_study_file_by_another_name_is_hashed_itself(small: Path) -> None:
    (small / "study.yaml").rename(small / "my.yaml")
    before = hash_of(small / "my.yaml")
    edit(small / "my.yaml", 19, "8", "4")
    assert hash_of(small / "my.yaml") != before


def test_pictures_are_known_by_the_unicode_form_of_their_files(small: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "images/й.png")
    (small / "images" / "train-1.png").rename(small / decomposed)
    edit(small / "training.jsonl", 1, "images/train-1.png", unicodedata.normalize("NFC", decomposed))
    study = load_study(small)
    assert study.training[0].image == decomposed
    assert small / decomposed in study.files
