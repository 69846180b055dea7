"""The table of trials, the best one, and the summary."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from fake_runs import add_repeat, add_trial, make_run

from analysis.facts.trials import COLUMNS, best_trial, summary, trials_table
from analysis.report import write_report
from search.run.trial_row import TrialRow
from skazka.api import Run
from trainables.scoring import Score


def _row(number: int, **values: Any) -> TrialRow:
    return TrialRow(f"t{number:04d}", number, "search", f"t{number:04d}", {}, 0, True, **values)


def test_failed_trials_are_rows_and_missing_numbers_are_nan(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run")
    add_trial(folder, ledger, 0, {"Чебурашка": ["Чебурашка"] * 3}, name="lora_v1", config={"rank": 8})
    add_trial(folder, ledger, 1, None, state="failed", error="NotFinite: the loss is not a number")
    table = trials_table(ledger.trials())
    assert list(table.columns) == list(COLUMNS)
    assert list(table["state"]) == ["completed", "failed"]
    assert table["rank"][0] == 8
    assert table["gain"][0] == pytest.approx(0.5)
    assert math.isnan(table["score"][1])
    assert table["error"][1] == "NotFinite: the loss is not a number"
    assert table["seconds"][0] >= 0


def test_a_repeat_says_what_it_repeats_and_has_its_test_score(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run")
    row = add_trial(folder, ledger, 0, {"Чебурашка": ["Чебурашка"] * 3}, name="lora_v1")
    repeat = add_repeat(folder, ledger, row, 1, {"Чебурашка": ["Чебурашка"] * 3})
    table = trials_table(ledger.trials(), {repeat.id: Score(0.4, 0.5, 0.1, 0.0)}).set_index("id")
    assert list(table["repeat_of"].fillna("")) == ["", "t0000"]
    assert table["test_score"]["t0000-r1"] == 0.4
    assert table["test_degradation"]["t0000-r1"] == 0.1
    assert math.isnan(table["test_score"]["t0000"])
    assert table["seed"]["t0000-r1"] == 1


def test_a_run_without_trials_is_an_empty_table(tmp_path: Path) -> None:
    table = trials_table(make_run(tmp_path / "run")[1].trials())
    assert list(table.columns) == list(COLUMNS)
    assert len(table) == 0


def test_the_name_margin_breaks_a_tie_and_a_missing_one_loses() -> None:
    rows = [
        _row(0, state="completed", score=0.5),
        _row(1, state="completed", score=0.5, name_margin=-0.2),
        _row(2, state="stopped", score=0.5, name_margin=0.1),
        _row(3, state="completed", score=0.4, name_margin=9.0),
    ]
    best = best_trial(rows)
    assert best is not None
    assert best.id == "t0002"


def test_only_completed_and_stopped_trials_can_be_best() -> None:
    rows = [
        _row(0, state="running", score=0.9),
        _row(1, state="failed", score=0.8),
        _row(2, state="completed"),
        _row(3, state="interrupted", score=0.7),
    ]
    assert best_trial(rows) is None
    assert best_trial([]) is None


def test_of_equal_trials_the_earlier_is_best() -> None:
    best = best_trial([_row(4, state="completed", score=0.5), _row(2, state="completed", score=0.5)])
    assert best is not None
    assert best.number == 2


def test_summary_counts_asked_trials_without_a_row_as_pending(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run")
    ledger.set_meta("trials_asked", 5)
    add_trial(folder, ledger, 0, {"Чебурашка": ["Чебурашка"] * 3}, name="lora_v1")
    add_trial(folder, ledger, 1, None, state="failed", error="out of memory")
    add_trial(folder, ledger, 2, None, state="running")
    with folder.driving():
        found = summary(folder)
    assert found["driven"]
    assert found["trials"] == {
        "completed": 1,
        "stopped": 0,
        "failed": 1,
        "interrupted": 0,
        "running": 1,
        "pending": 2,
    }
    assert set(found) == {"run", "driven", "report", "trials", "best", "winner", "fitness", "changed"}
    assert set(found["best"]) == {"id", "name", "config", "score", "gain", "degradation", "hallucination"}
    assert found["best"]["name"] == "lora_v1"
    assert found["report"] is None
    json.dumps(found, allow_nan=False)


def test_nothing_runs_where_nobody_drives(tmp_path: Path) -> None:
    """A driver that was killed left its trials running in the ledger."""
    folder, ledger = make_run(tmp_path / "run")
    add_trial(folder, ledger, 0, None, state="running")
    found = summary(folder)
    assert not found["driven"]
    assert (found["trials"]["running"], found["trials"]["interrupted"]) == (0, 1)
    assert list(Run(folder).trials()["state"]) == ["interrupted"]
    # The ledger itself is the driver's: looking changes nothing in it.
    assert ledger.trial("t0000").state == "running"


def test_summary_names_the_report_once_it_is_written(tmp_path: Path) -> None:
    folder, _ = make_run(tmp_path / "run")
    path = write_report(folder, formats=("md",))
    assert summary(folder)["report"] == str(path)
    assert summary(folder)["best"] is None
    assert sum(summary(folder)["trials"].values()) == 0
