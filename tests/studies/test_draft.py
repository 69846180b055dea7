"""A study folder is written whole or not at all, also where the folder is there already."""

from __future__ import annotations

from pathlib import Path

import pytest

from skazka_text.problems import InputError
from studies.new_folder import drafted


def write(to: Path) -> None:
    with drafted("DIR", to, last="study.yaml") as draft:
        (draft / "images").mkdir()
        (draft / "study.yaml").write_text("name: mine")
        (draft / "a.jsonl").write_text("{}")


def fail(to: Path) -> None:
    with drafted("DIR", to, last="study.yaml") as draft:
        (draft / "study.yaml").write_text("name: mine")
        raise RuntimeError


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    write(tmp_path / "some" / "study")
    assert names(tmp_path / "some") == ["study"]
    assert names(tmp_path / "some" / "study") == ["a.jsonl", "images", "study.yaml"]


@pytest.mark.parametrize("held", [[], ["lost+found"]])
def test_an_empty_folder_is_written_into_and_not_replaced(tmp_path: Path, held: list[str]) -> None:
    """A mount point can neither be removed nor renamed."""
    study = tmp_path / "study"
    study.mkdir(mode=0o750)
    for name in held:
        (study / name).mkdir()
    before = (study.stat().st_ino, study.stat().st_mode)
    write(study)
    assert (study.stat().st_ino, study.stat().st_mode) == before
    assert names(study) == sorted([*held, "a.jsonl", "images", "study.yaml"])
    assert names(tmp_path) == ["study"]


@pytest.mark.parametrize("there", [True, False])
def test_after_a_failure_nothing_is_left(tmp_path: Path, there: bool) -> None:
    study = tmp_path / "study"
    if there:
        study.mkdir()
    with pytest.raises(RuntimeError):
        fail(study)
    assert names(tmp_path) == (["study"] if there else [])
    assert not there or names(study) == []


def test_a_place_that_holds_anything_is_refused(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / ".hidden").write_text("x")
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("gone")
    for name in ("full", "file", "link", "file/below"):
        with pytest.raises(InputError, match=r"empty folder|Not a directory|File exists"):
            write(tmp_path / name)
    assert names(tmp_path) == ["file", "full", "link"]
