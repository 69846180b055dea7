"""What launch takes back when it is refused, and what it never touches: whatever was prepared, tried or another's."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from search import launch as sweep
from search.launch import launch
from search.options import Options
from search.run.driver_lock import LOCK
from search.run.run_folder import RunFolder
from search.run.trial_row import TrialRow
from skazka_text.problems import InputError, Problem
from studies.files import set_aside

ROW = TrialRow("t0000", 0, "baseline", "hand", {}, seed=0, in_space=True)
Begin = Callable[[RunFolder], object]


def launch_refused(study: Path, run: Path, monkeypatch: pytest.MonkeyPatch, before: Begin) -> None:
    """Launch a sweep that is refused on its way, after something was begun."""

    def refuse(folder: RunFolder, *_: object) -> None:
        before(folder)
        raise InputError(Problem("study/study.yaml", "", "has changed since the run began"))

    monkeypatch.setattr(sweep, "_sweep", refuse)
    with pytest.raises(InputError, match="has changed since the run began"):
        launch(study, run=run, space_name=None, options=Options(trials=1))


def enter_a_trial(folder: RunFolder) -> None:
    """The least that a sweep can have begun."""
    folder.ledger().add(ROW)


def prepare(folder: RunFolder) -> None:
    """What may have taken an hour."""
    folder.prepared.mkdir()
    (folder.prepared / "rows.json").write_text("{}")


def lose_the_ledger(folder: RunFolder) -> None:
    """Nobody can say any more what the run holds."""
    folder.ledger_file.write_bytes(b"no ledger")


def test_a_run_that_never_began_leaves_nothing(
    tiny_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launch_refused(tiny_study, tmp_path / "run", monkeypatch, lambda folder: None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("begin", [enter_a_trial, prepare, lose_the_ledger])
def test_a_run_that_began_is_kept(
    tiny_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begin: Begin, there: bool
) -> None:
    run = tmp_path / "run"
    if there:
        run.mkdir()
    launch_refused(tiny_study, run, monkeypatch, begin)
    assert {"ledger.sqlite", "manifest.json", "space.json", "study"} <= {path.name for path in run.iterdir()}


def test_a_run_that_was_renamed_meanwhile_is_not_touched(
    tiny_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launch_refused(tiny_study, tmp_path / "run", monkeypatch, lambda folder: folder.path.rename(tmp_path / "kept"))
    assert (tmp_path / "kept" / "ledger.sqlite").is_file()


def test_an_empty_folder_is_left_as_it_was_found(
    tiny_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be a mount point, with what its file system keeps there."""
    (tmp_path / "lost+found").mkdir()
    launch_refused(tiny_study, tmp_path, monkeypatch, lambda folder: None)
    assert [path.name for path in tmp_path.iterdir()] == ["lost+found"]


def test_a_file_that_came_meanwhile_stays(tiny_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tmp_path / "run"
    launch_refused(tiny_study, run, monkeypatch, lambda folder: (folder.path / "notes.txt").write_text("mine"))
    assert [path.name for path in run.iterdir()] == ["notes.txt"]


def test_a_hidden_folder_of_another_s_is_not_cleared(tmp_path: Path) -> None:
    mine = tmp_path / ".run.new"
    mine.mkdir()
    (mine / "thesis.txt").write_text("mine")
    said = r"\.run\.new is in the way, .*thesis\.txt — move it away"
    with pytest.raises(InputError, match=said), RunFolder(tmp_path / "run").creating():
        pass
    assert (mine / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize("there", [False, True])
def test_what_a_killed_launch_left_is_cleared_by_the_next(tmp_path: Path, there: bool) -> None:
    folder = RunFolder(tmp_path / "run")
    if there:
        folder.path.mkdir()
    with folder.creating() as draft:
        left = draft.path
        (left / "study").mkdir()
        left.rename(tmp_path / "killed")
    (tmp_path / "killed").rename(left)
    with RunFolder.claim(folder.path).creating() as draft:
        assert [path.name for path in draft.path.iterdir()] == ["driver.lock"]


def test_what_is_set_aside_never_takes_another_s_place(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / "prepared").mkdir()
        (tmp_path / "prepared" / "rows.json").write_text(str(number))
        set_aside(tmp_path / "prepared")
    kept = sorted(path.read_text() for path in tmp_path.glob("aside-*-prepared/rows.json"))
    assert kept == ["0", "1", "2"]


def test_a_run_is_driven_while_its_driver_lives(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert not folder.is_driven()
    code = f"from search.run.run_folder import *\nwith RunFolder(Path({str(tmp_path)!r})).driving(): input('ready')"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]
    ) as driver:
        assert driver.stdout is not None
        assert driver.stdout.read(5) == b"ready"
        assert folder.is_driven()
        with pytest.raises(InputError, match="is being driven by another process"), folder.driving():
            pass
        driver.kill()
    assert not folder.is_driven()


def test_looking_at_a_run_does_not_keep_its_driver_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`skazka status` holds the lock for a moment, perhaps the one in which the run is resumed."""
    folder = RunFolder(tmp_path)
    looker = (tmp_path / LOCK).open("w")
    fcntl.flock(looker, fcntl.LOCK_SH)
    assert not folder.is_driven()
    monkeypatch.setattr("search.run.driver_lock.time.sleep", lambda seconds: looker.close() if seconds else None)
    with folder.driving():
        assert folder.is_driven()
