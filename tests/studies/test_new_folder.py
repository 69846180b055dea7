"""A new folder: whole or not there, and an empty one that is there already is written into."""

from __future__ import annotations

from pathlib import Path

import pytest

from studies.new_folder import DRAFT, draft_of, is_free, put_in_place


def make(target: Path) -> Path:
    """A folder in the making, of two files."""
    draft = draft_of(target)
    draft.mkdir()
    for name in ("a.txt", "b.txt"):
        (draft / name).write_text(name)
    return draft


def test_a_folder_that_is_not_there_is_made_beside_its_place(tmp_path: Path) -> None:
    target = tmp_path / "new"
    draft = make(target)
    assert draft.parent == tmp_path
    put_in_place(draft, target, last="a.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["new"]
    assert (target / "b.txt").read_text() == "b.txt"


def test_an_empty_folder_is_written_into_and_stays_the_same(tmp_path: Path) -> None:
    """A mount point cannot be renamed over."""
    target = tmp_path / "mounted"
    target.mkdir()
    (target / "lost+found").mkdir()
    before = target.stat().st_ino
    assert is_free(target)
    put_in_place(make(target), target, last="a.txt")
    assert target.stat().st_ino == before
    assert sorted(path.name for path in target.iterdir()) == ["a.txt", "b.txt", "lost+found"]


def test_a_link_to_an_empty_folder_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    target = tmp_path / "link"
    target.symlink_to("elsewhere")
    put_in_place(make(target), target, last="a.txt")
    assert target.is_symlink()
    assert (tmp_path / "elsewhere" / "a.txt").is_file()


def test_what_makes_the_folder_comes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moved: list[str] = []
    rename = Path.rename

    def noted(path: Path, to: Path) -> Path:
        moved.append(path.name)
        return rename(path, to)

    monkeypatch.setattr(Path, "rename", noted)
    put_in_place(make(tmp_path), tmp_path, last="a.txt")
    assert moved == ["b.txt", "a.txt"]


def test_a_folder_that_holds_anything_is_not_free(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "gone").symlink_to("nowhere")
    assert not is_free(tmp_path)
    assert not is_free(tmp_path / "file")
    assert not is_free(tmp_path / "gone")
    assert is_free(tmp_path / "new")
    (tmp_path / "killed").mkdir()
    (tmp_path / "killed" / DRAFT).mkdir()
    assert is_free(tmp_path / "killed")


def test_what_was_filled_meanwhile_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "there"
    target.mkdir()
    draft = make(target)
    (target / "theirs.txt").write_text("theirs")
    with pytest.raises(FileExistsError, match="is not empty"):
        put_in_place(draft, target, last="a.txt")
    assert (target / "theirs.txt").read_text() == "theirs"
    assert (draft / "a.txt").is_file()
