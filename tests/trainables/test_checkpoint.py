"""Checkpoints are whole or skipped, and one process at a time trains a trial."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from trainables import checkpoint
from trainables.checkpoint import Checkpoint, Hold
from trainables.checkpoint_files import ADAPTER, MANIFEST, STATE
from trainables.task import StillHeld

IDENTITY: dict[str, Any] = {"trial": "t0001", "config": {"rank": 8}, "seed": 7}


def write(folder: Path, epoch: int) -> Checkpoint:
    """A checkpoint whose weights are the number of its epoch."""

    def save_adapter(target: str) -> None:
        save_file({"lora": torch.tensor([float(epoch)])}, Path(target) / ADAPTER)
        (Path(target) / "adapter_config.json").write_text(json.dumps({"r": 8}))

    state = {"moments": torch.tensor([epoch / 2])}
    return checkpoint.write(folder, epoch, IDENTITY, {"epoch": epoch, "score": 0.5}, state, save_adapter)


@pytest.fixture
def trial(tmp_path: Path) -> Path:
    """The folder of a trial with three checkpoints."""
    for epoch in (1, 2, 3):
        write(tmp_path / "t0001", epoch)
    return tmp_path / "t0001"


def test_the_newest_is_read_as_it_was_written(trial: Path) -> None:
    found, skipped = checkpoint.newest(trial, IDENTITY)
    assert found is not None
    assert (found.epoch, found.report, skipped) == (3, {"epoch": 3, "score": 0.5}, [])
    assert (found.adapter()["lora"].item(), found.state()["moments"].item()) == (3.0, 1.5)


def test_a_trial_without_checkpoints_begins_anew(tmp_path: Path) -> None:
    assert checkpoint.newest(tmp_path / "t0001", IDENTITY) == (None, [])


def cut(path: Path) -> None:
    """Leave the half of a file."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    """Change a bit of a file's last byte but one."""
    data = bytearray(path.read_bytes())
    data[-2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("name", [ADAPTER, STATE, MANIFEST, "adapter_config.json"])
@pytest.mark.parametrize("damage", [cut, flip, Path.unlink])
def test_a_torn_one_is_skipped_and_told(trial: Path, name: str, damage: Callable[[Path], None]) -> None:
    damage(trial / "epoch-0003" / name)
    found, skipped = checkpoint.newest(trial, IDENTITY)
    assert found is not None
    assert found.epoch == 2
    assert len(skipped) == 1
    assert skipped[0].startswith("checkpoint epoch-0003 is skipped: ")


def test_where_all_are_torn_each_is_told(trial: Path) -> None:
    for folder in trial.glob("epoch-*"):
        cut(folder / STATE)
    found, skipped = checkpoint.newest(trial, IDENTITY)
    assert found is None
    assert [line.split()[1] for line in skipped] == ["epoch-0003", "epoch-0002", "epoch-0001"]


@pytest.mark.parametrize("changed", [{"trial": "t0002"}, {"config": {"rank": 4}}, {"seed": 8}])
def test_another_trial_s_is_skipped(trial: Path, changed: dict[str, Any]) -> None:
    found, skipped = checkpoint.newest(trial, {**IDENTITY, **changed})
    assert found is None
    assert all("another configuration or seed" in line for line in skipped)


def test_what_a_killed_writer_left_is_cleared_by_the_next(trial: Path) -> None:
    for name in (".writing-epoch-0002", ".writing-epoch-0004"):
        (trial / name).mkdir()
        (trial / name / STATE).write_bytes(b"half")
    write(trial, 4)
    assert sorted(path.name for path in trial.iterdir()) == [f"epoch-000{epoch}" for epoch in (1, 2, 3, 4)]


def test_a_writer_that_fails_leaves_the_earlier_ones(trial: Path) -> None:
    def fail(target: str) -> None:
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        checkpoint.write(trial, 4, IDENTITY, {}, {}, fail)
    found, skipped = checkpoint.newest(trial, IDENTITY)
    assert (found and found.epoch, skipped) == (3, [])


def test_an_epoch_that_is_written_again_replaces_the_torn_one(trial: Path) -> None:
    cut(trial / "epoch-0003" / ADAPTER)
    write(trial, 3)
    found, skipped = checkpoint.newest(trial, IDENTITY)
    assert (found and found.epoch, skipped) == (3, [])


def test_pruning_and_writing_set_aside_what_is_not_known_for_the_trial_s(trial: Path) -> None:
    """A ledger that went back to its backup gives a number a second time: the first one's work stays."""
    other = {**IDENTITY, "seed": 8}
    checkpoint.write(trial, 3, other, {"epoch": 3}, {}, lambda target: None)
    cut(trial / "epoch-0001" / MANIFEST)
    checkpoint.prune(trial, other, {3})
    assert sorted(path.name.rpartition("aside-")[2][18:] for path in trial.glob("aside-*")) == [
        "epoch-0001",
        "epoch-0002",
        "epoch-0003",
    ]
    [aside] = trial.glob("aside-*-epoch-0003")
    assert checkpoint.read(aside, IDENTITY).epoch == 3
    found, skipped = checkpoint.newest(trial, other)
    assert (found and found.epoch, skipped) == (3, [])


def test_pruning_keeps_what_it_is_told(trial: Path) -> None:
    checkpoint.prune(trial, IDENTITY, {1, 3})
    assert sorted(path.name for path in trial.iterdir()) == ["epoch-0001", "epoch-0003"]


def test_a_second_holder_gives_up_after_its_patience(tmp_path: Path) -> None:
    first = Hold(tmp_path / "t0001")
    with pytest.raises(StillHeld, match=r"another process has been training in .*t0001 for 0\.05 s"):
        Hold(tmp_path / "t0001", patience=0.05)
    Hold(tmp_path / "t0002", patience=0.05).release()
    first.release()
    Hold(tmp_path / "t0001", patience=0.05).release()


def test_a_second_holder_waits_until_the_first_lets_go(tmp_path: Path) -> None:
    first = Hold(tmp_path)
    timer = threading.Timer(0.2, first.release)
    timer.start()
    second = Hold(tmp_path, patience=30)
    timer.join()
    with pytest.raises(StillHeld):
        Hold(tmp_path, patience=0)
    second.release()
