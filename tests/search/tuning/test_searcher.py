"""The searcher without Ray: order, numbers, exact rebuilds, duplicates, failures."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState
from ray.tune.search import Searcher

from search.run.ledger import Ledger
from search.tuning.optuna_study import rebuild
from search.tuning.searcher import LedgerSearcher
from search.tuning.stop_request import Halt
from spaces.space import Space, space_of
from spaces.trial_config import TrialConfig
from studies.files import DiskFull

SPACE = {
    "learning_rate": {"log_uniform": [1e-4, 1e-2]},
    "rank": {"choice": [4, 8, 16]},
    "epochs": {"integer": [1, 9]},
    "replay": {"choice": [False, True]},
    "replay_ratio": {"uniform": [0.1, 1.0], "when": {"replay": True}},
}
INSIDE = TrialConfig(learning_rate=1e-3, rank=8, epochs=5)
OUTSIDE = TrialConfig(learning_rate=1e-3, rank=7, epochs=5)


def searcher(ledger: Ledger, space: Space, trials: int = 20, **options: Any) -> LedgerSearcher:
    """A searcher that hands out bare facts instead of tasks."""
    options = {"baselines": {"inside": INSIDE, "outside": OUTSIDE}, "seed": 3, "sampler": "tpe", **options}
    return LedgerSearcher(ledger, space, trials=trials, task=_task, halt=Halt(ledger.path.parent), **options)


def _task(trial: str, config: TrialConfig, seed: int) -> dict[str, Any]:
    return {"trial": trial, "config": config.model_dump(mode="json"), "seed": seed}


def score(config: dict[str, Any]) -> float:
    """A made-up trial: best near a learning rate of 2e-3 at rank 8 with replay."""
    return float(-abs(config["learning_rate"] - 2e-3) * 100 + (config["rank"] == 8) * 0.1 + config["replay"] * 0.2)


def step(search: LedgerSearcher, attempt: str = "x") -> dict[str, Any] | None:
    """One trial from ask to tell, as the scheduler's wrapper commits it."""
    asked = search.suggest(attempt)
    if not isinstance(asked, dict):
        return None
    trial = asked["trial"]
    search.ledger.record_epoch(trial, 1, {"score": score(asked["config"])})
    search.ledger.finish(trial, "completed")
    search.on_trial_complete(attempt)
    return asked


@pytest.fixture
def space() -> Space:
    """A space with a conditional knob."""
    return space_of("test", SPACE)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """An empty ledger."""
    return Ledger.create(tmp_path / "ledger.sqlite")


def test_baselines_come_first_and_the_total_is_kept(ledger: Ledger, space: Space) -> None:
    search = searcher(ledger, space, trials=5)
    while step(search):
        pass
    rows = ledger.trials()
    assert [(row.id, row.kind, row.name) for row in rows[:2]] == [
        ("t0000", "baseline", "inside"),
        ("t0001", "baseline", "outside"),
    ]
    assert [row.kind for row in rows[2:]] == ["search"] * 3
    assert search.suggest("y") == Searcher.FINISHED


def test_fewer_trials_than_baselines(ledger: Ledger, space: Space) -> None:
    search = searcher(ledger, space, trials=1)
    assert step(search) is not None
    assert search.suggest("y") == Searcher.FINISHED


def test_a_baseline_outside_the_space_is_not_told_to_optuna(ledger: Ledger, space: Space) -> None:
    search = searcher(ledger, space)
    for _ in range(4):
        step(search)
    states = [trial.state for trial in search.study.trials]
    assert states == [TrialState.COMPLETE, TrialState.FAIL, TrialState.COMPLETE, TrialState.COMPLETE]
    assert search.study.trials[0].params == {"learning_rate": 1e-3, "rank": 8, "epochs": 5, "replay": False}
    assert search.study.trials[1].params == {}


def test_conditional_knobs_exist_only_under_their_switch(ledger: Ledger, space: Space) -> None:
    search = searcher(ledger, space, sampler="random")
    while step(search):
        pass
    for trial in search.study.trials:
        if trial.params:
            assert ("replay_ratio" in trial.params) == trial.params["replay"]


@pytest.mark.parametrize("cut", [3, 11, 14])
def test_a_rebuilt_searcher_suggests_what_the_uninterrupted_one_would(
    ledger: Ledger, space: Space, tmp_path: Path, cut: int
) -> None:
    whole = searcher(ledger, space)
    expected = [step(whole) for _ in range(20)]
    broken = Ledger.create(tmp_path / "broken.sqlite")
    first = searcher(broken, space)
    got = [step(first) for _ in range(cut)]
    asked = first.suggest("cut off")  # handed out, then the driver dies
    assert isinstance(asked, dict)
    broken.interrupt("killed")
    second = searcher(broken, space)
    got += [step(second) for _ in range(20 - cut)]
    assert got == expected


def test_interrupted_trials_keep_their_ids_and_come_first(ledger: Ledger, space: Space) -> None:
    first = searcher(ledger, space)
    step(first)
    asked = [first.suggest(name) for name in ("a", "b")]
    ledger.interrupt("killed")
    second = searcher(ledger, space)
    assert [second.suggest(name) for name in ("c", "d")] == asked
    assert [trial.state for trial in rebuild(ledger, space).trials][2:] == [TrialState.RUNNING]


def test_a_failed_trial_is_told_as_failed_and_the_search_goes_on(ledger: Ledger, space: Space) -> None:
    search = searcher(ledger, space)
    asked = search.suggest("a")
    assert isinstance(asked, dict)
    ledger.finish(asked["trial"], "failed", "NotFinite")
    search.on_trial_complete("a", error=True)
    assert search.study.trials[0].state == TrialState.FAIL
    assert step(search) is not None


def test_a_small_space_is_exhausted_and_nothing_runs_twice(ledger: Ledger) -> None:
    search = searcher(ledger, space_of("small", {"rank": {"choice": [4, 8]}}), baselines={})
    count = 0
    while step(search):
        count += 1
    assert count == 2
    assert sorted(row.config["rank"] for row in ledger.trials()) == [4, 8]
    assert ledger.meta("trials_asked") == 2
    told = {trial.number: trial.value for trial in search.study.trials}
    assert {trial.number: trial.value for trial in rebuild(ledger, search.space).trials} == told


def test_it_pickles_without_its_study(ledger: Ledger, space: Space) -> None:
    search = searcher(ledger, space)
    step(search)
    copy = pickle.loads(pickle.dumps(search))
    assert step(copy) == step(searcher(ledger, space, trials=2)) or copy.ledger.trials()[1].name == "outside"


def test_it_waits_for_a_trial_that_may_come_back(ledger: Ledger, space: Space) -> None:
    search = searcher(ledger, space, trials=1)
    first = search.suggest("a")
    assert isinstance(first, dict)
    assert search.suggest("b") is None
    ledger.finish("t0000", "lost", "the process died", again=True)
    search.on_trial_complete("a", error=True)
    again = search.suggest("b")
    assert isinstance(again, dict)
    assert again["trial"] == "t0000"
    ledger.finish("t0000", "failed", "it broke")
    search.on_trial_complete("b")
    assert search.suggest("c") == Searcher.FINISHED


def test_nothing_is_handed_out_once_the_sweep_is_to_end(ledger: Ledger, space: Space) -> None:
    search = searcher(ledger, space)
    search.halt.signal = 15
    assert search.suggest("a") == Searcher.FINISHED
    assert ledger.trials() == []


def test_a_full_disk_ends_the_sweep_and_commits_nothing(
    ledger: Ledger, space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = searcher(ledger, space)

    def full(row: object) -> None:
        raise DiskFull("no space left")

    monkeypatch.setattr(ledger, "add", full)
    assert search.suggest("a") == Searcher.FINISHED
    assert search.halt.stop_all()
    with pytest.raises(DiskFull):
        search.halt.check()


def test_a_space_that_was_changed_forgets_what_it_does_not_hold(ledger: Ledger, space: Space) -> None:
    search = searcher(ledger, space, trials=6)
    while step(search) is not None:
        pass
    narrower = space_of("test", {**SPACE, "rank": {"choice": [4]}})
    study = rebuild(ledger, narrower)
    kept = [row for row in ledger.trials() if row.in_space and row.config["rank"] == 4]
    assert [trial.number for trial in study.trials if trial.state == TrialState.COMPLETE] == [
        row.number for row in kept
    ]
    assert len(study.trials) == 6
