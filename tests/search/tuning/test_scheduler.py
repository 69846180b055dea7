"""The scheduler's wrapper without Ray's loop: what is committed when a trial reports, fails, dies or fills the disk."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray import cloudpickle
from ray.exceptions import ActorDiedError, RayTaskError
from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from search.run.ledger import Ledger
from search.run.trial_row import TrialRow
from search.tuning.scheduler import LedgerScheduler, Patience
from search.tuning.stop_request import Halt
from spaces.trial_config import TrialConfig


@pytest.fixture
def scheduler(tmp_path: Path) -> LedgerScheduler:
    """A scheduler over a ledger with one running trial."""
    ledger = Ledger.create(tmp_path / "ledger.sqlite")
    ledger.add(TrialRow("t0000", 0, "search", "t0000", TrialConfig().model_dump(mode="json"), 0, True))
    ledger.start("t0000")
    return LedgerScheduler(ledger, FIFOScheduler(), Patience(max_failures=1, max_lost=2), Halt(tmp_path))


def trial(folder: Path, error: BaseException | None = None) -> SimpleNamespace:
    """What Tune hands over of a trial; `error` lies in a file, where Tune puts it."""
    path = folder / "error.pkl"
    if error is not None:
        path.write_bytes(cloudpickle.dumps(error))
    config = {"trial": "t0000", "folder": str(folder)}
    return SimpleNamespace(config=config, pickled_error_file=str(path) if error else None)


def reported(epoch: int, **fields: Any) -> dict[str, Any]:
    """A step's result."""
    return {"epoch": epoch, "report": json.dumps({"epoch": epoch, "score": 0.5, **fields}), "warnings": "[]"}


def events(scheduler: LedgerScheduler) -> list[str]:
    """What happened to the trial."""
    return [attempt["event"] for attempt in scheduler.ledger.attempts("t0000")]


def test_a_result_is_committed_before_anyone_decides(scheduler: LedgerScheduler, tmp_path: Path) -> None:
    assert scheduler.on_trial_result(None, trial(tmp_path), reported(1)) == TrialScheduler.CONTINUE
    assert [entry["epoch"] for entry in scheduler.ledger.epochs("t0000")] == [1]


def test_a_failure_is_tried_again_as_often_as_patience_allows(scheduler: LedgerScheduler, tmp_path: Path) -> None:
    for state in ("interrupted", "failed"):
        scheduler.on_trial_complete(None, trial(tmp_path), {"failure": "NotFinite: the loss is nan", "done": True})
        row = scheduler.ledger.trial("t0000")
        assert (row.state, row.error, row.log) == (state, "NotFinite: the loss is nan", "trials/t0000/error.log")
        if state == "interrupted":
            scheduler.ledger.start("t0000")
    scheduler.ledger.retry("t0000")
    scheduler.ledger.start("t0000")
    scheduler.on_trial_complete(None, trial(tmp_path), {"failure": "again", "done": True})
    assert scheduler.ledger.trial("t0000").state == "interrupted"


def test_deaths_and_failures_are_counted_apart(scheduler: LedgerScheduler, tmp_path: Path) -> None:
    scheduler.on_trial_complete(None, trial(tmp_path), {"failure": "it broke", "done": True})
    for state in ("interrupted", "interrupted", "failed"):
        scheduler.ledger.start("t0000")
        scheduler.on_trial_error(None, trial(tmp_path, ActorDiedError()))
        assert scheduler.ledger.trial("t0000").state == state
    assert events(scheduler) == ["started", "failed", *["started", "lost"] * 3]


def test_an_error_that_was_raised_is_a_failure_with_its_own_words(scheduler: LedgerScheduler, tmp_path: Path) -> None:
    error = RayTaskError("step", "Traceback ...", RuntimeError("first line\nCUDA error: an illegal memory access"))
    scheduler.on_trial_error(None, trial(tmp_path, error))
    assert events(scheduler) == ["started", "failed"]
    assert scheduler.ledger.trial("t0000").error == "RuntimeError: CUDA error: an illegal memory access"


def test_a_full_disk_interrupts_the_trial_and_ends_the_sweep(scheduler: LedgerScheduler, tmp_path: Path) -> None:
    scheduler.on_trial_complete(None, trial(tmp_path), {"disk_full": "t0000: no space left", "done": True})
    assert scheduler.ledger.trial("t0000").state == "interrupted"
    assert scheduler.halt.stop_all()


def test_a_warning_of_a_worker_is_kept(scheduler: LedgerScheduler, tmp_path: Path) -> None:
    result = {**reported(2), "warnings": json.dumps(["checkpoint epoch-0003 is skipped: torn"])}
    scheduler.on_trial_result(None, trial(tmp_path), result)
    assert scheduler.ledger.attempts("t0000")[-1]["cause"] == "checkpoint epoch-0003 is skipped: torn"


def test_a_secret_in_an_error_does_not_reach_the_ledger(
    scheduler: LedgerScheduler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_canary_0123456789")
    failure = {"failure": "OSError: 401 for hf_canary_0123456789", "done": True}
    scheduler.on_trial_complete(None, trial(tmp_path), failure)
    assert scheduler.ledger.trial("t0000").error == "OSError: 401 for ***"
    scheduler.ledger.close()
    assert all(b"canary" not in path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
