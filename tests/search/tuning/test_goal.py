"""What Optuna is told under a limit and with several objectives, live and rebuilt alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from search.run.ledger import Ledger
from search.tuning.optuna_study import Goal, rebuild
from search.tuning.searcher import LedgerSearcher
from search.tuning.stop_request import Halt
from spaces.space import Space, space_of

SPACE = {"learning_rate": {"log_uniform": [1e-4, 1e-2]}, "rank": {"choice": [4, 8, 16]}}


@pytest.fixture
def space() -> Space:
    """A space of two knobs."""
    return space_of("test", SPACE)


def run_trials(ledger: Ledger, space: Space, goal: Goal, trials: int) -> LedgerSearcher:
    """A made-up sweep: small ranks forget nothing, larger ones gain more and forget."""
    search = LedgerSearcher(
        ledger,
        space,
        {},
        trials=trials,
        seed=3,
        sampler="tpe",
        task=lambda trial, config, seed: {"trial": trial, "rank": config.rank},
        halt=Halt(ledger.path.parent),
        goal=goal,
    )
    while isinstance(asked := search.suggest("x"), dict):
        lost = {4: 0.0, 8: 0.05, 16: 0.3}[asked["rank"]]
        parts: dict[str, Any] = {"gain": asked["rank"] / 16, "degradation": lost, "hallucination": 0.0}
        feasible = goal.max_degradation is None or lost <= goal.max_degradation
        metrics = {**parts, "score": parts["gain"] - lost, "feasible": feasible}
        ledger.record_epoch(asked["trial"], 1, metrics)
        ledger.finish(asked["trial"], "completed")
        search.on_trial_complete("x")
    return search


def test_a_limit_makes_trials_beyond_it_infeasible_for_optuna(tmp_path: Path, space: Space) -> None:
    ledger = Ledger.create(tmp_path / "ledger.sqlite")
    search = run_trials(ledger, space, Goal(max_degradation=0.05), 12)
    by_rank = {trial.params["rank"]: trial.constraints for trial in search.study.trials}
    assert by_rank == {
        4: {"degradation": -0.05},
        8: {"degradation": 0.0},
        16: {"degradation": pytest.approx(0.25)},
    }
    # Rank 16 scores best and is beyond the limit.
    assert search.study.best_trial.params["rank"] == 8
    assert {row.config["rank"] for row in ledger.trials() if not row.feasible} == {16}


@pytest.mark.parametrize("goal", [Goal(), Goal("pareto"), Goal("pareto", 0.1), Goal("score", 0.05)])
def test_a_rebuilt_study_is_the_one_that_was_told_live(tmp_path: Path, space: Space, goal: Goal) -> None:
    ledger = Ledger.create(tmp_path / "ledger.sqlite")
    live = run_trials(ledger, space, goal, 14).study
    rebuilt = rebuild(ledger, space, goal)
    assert rebuilt.directions == live.directions

    def facts(study: Any) -> list[Any]:
        return [(trial.params, trial.values, trial.constraints, trial.state) for trial in study.trials]

    assert facts(rebuilt) == facts(live)


def test_an_interrupted_sweep_with_a_goal_goes_on_as_the_undisturbed_one(tmp_path: Path, space: Space) -> None:
    goal = Goal("pareto", 0.05)
    whole, halves = Ledger.create(tmp_path / "a.sqlite"), Ledger.create(tmp_path / "b.sqlite")
    run_trials(whole, space, goal, 16)
    run_trials(halves, space, goal, 12)
    run_trials(halves, space, goal, 16)
    assert [row.config for row in halves.trials()] == [row.config for row in whole.trials()]


def test_pareto_keeps_the_trade_off_and_the_plain_score_does_not(tmp_path: Path, space: Space) -> None:
    ledger = Ledger.create(tmp_path / "ledger.sqlite")
    study = run_trials(ledger, space, Goal("pareto"), 14).study
    assert {trial.params["rank"] for trial in study.best_trials} == {4, 8, 16}
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MINIMIZE", "MINIMIZE"]
