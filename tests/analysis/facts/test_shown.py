"""Which trials a report shows."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from fake_runs import add_repeat, add_trial, make_run

from analysis.facts.run_data import RunData
from analysis.facts.shown import shown_trials
from skazka_text.problems import InputError

RIGHT, POOR = {"Чебурашка": ["Чебурашка"] * 3, "Супермен": ["Супермен"] * 3}, {"Супермен": ["Супермен"] * 3}


def _run(tmp_path: Path) -> RunData:
    """Two baselines and four searched trials, t0005 the best; t0005 and lora_v1 were trained again."""
    folder, ledger = make_run(tmp_path / "run")
    baselines = [add_trial(folder, ledger, place, POOR, name=name) for place, name in enumerate(("lora_v1", "lora_v2"))]
    searched = [add_trial(folder, ledger, number, POOR) for number in (2, 3, 4)]
    best = add_trial(folder, ledger, 5, RIGHT)
    add_repeat(folder, ledger, best, 1, RIGHT)
    add_repeat(folder, ledger, baselines[0], 1, POOR)
    assert len(searched) == 3
    return RunData.load(folder, ledger, time.time())


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (None, ["t0005", "t0000", "t0001", "t0005-r1"]),
        ("best:1", ["t0005"]),
        ("best:4", ["t0005", "t0000", "t0001", "t0002"]),
        ("best:0", []),
        ("baselines", ["t0000", "t0001"]),
        ("finalists", ["t0000-r1", "t0005-r1"]),
        ("winner", ["t0005-r1"]),
        ("lora_v2, t0003 ,best:1,t0003", ["t0001", "t0003", "t0005"]),
        ("lora_v1-r1", ["t0000-r1"]),
    ],
)
def test_parts_are_taken_in_the_order_asked_and_each_trial_once(
    tmp_path: Path, asked: str | None, expected: list[str]
) -> None:
    found = [row.id for row in shown_trials(_run(tmp_path), asked)]
    # By default the best three: the two baselines are among them.
    assert found == expected


def test_all_are_all(tmp_path: Path) -> None:
    assert len(shown_trials(_run(tmp_path), "all")) == 8


def test_what_is_not_there_is_refused_all_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        shown_trials(_run(tmp_path), "best:1,t0077,best,")
    assert [str(problem).partition(" — ")[0] for problem in refused.value.problems] == [
        "--trials: there is no trial 't0077'",
        "--trials: there is no trial 'best'",
        "--trials: there is no trial ''",
    ]
    assert "use best:N, baselines" in str(refused.value)


def test_a_run_without_trials_shows_none(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run")
    assert shown_trials(RunData.load(folder, ledger, time.time())) == []
    assert shown_trials(RunData.load(folder, ledger, time.time()), "baselines,winner,best:3") == []
