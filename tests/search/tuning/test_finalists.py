"""Who is trained again, who of them wins, and what is left alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.run.ledger import Ledger
from search.run.trial_row import TrialRow
from search.tuning import finalists
from spaces.trial_config import TrialConfig

CONFIG = TrialConfig().model_dump(mode="json")


def row(number: int, score: float | None, kind: Any = "search", **given: Any) -> TrialRow:
    """A completed trial; failed without a score."""
    state: Any = "completed" if score is not None else "failed"
    facts = {"state": state, "score": score, "degradation": 0.0, **given}
    return TrialRow(f"t{number:04d}", number, kind, f"t{number:04d}", CONFIG, 0, True, **facts)


def repeat(of: TrialRow, n: int, score: float | None, **given: Any) -> TrialRow:
    """One repeat of a finalist."""
    own = row(finalists.FIRST_REPEAT + 10 * of.number + n, score, "finalist", **given)
    return replace(own, id=f"{of.id}-r{n}", name=f"{of.name}-r{n}", repeat_of=of.id)


def test_the_best_and_every_baseline_with_a_score_are_chosen_once() -> None:
    rows = [row(0, 0.9, "baseline"), row(1, 0.1, "baseline"), row(2, None, "baseline"), row(3, 0.5), row(4, 0.7)]
    rows += [row(5, 0.6), row(6, 0.99, feasible=False)]
    assert [one.id for one in finalists.chosen(rows, 2)] == ["t0000", "t0004", "t0001"]
    assert [one.id for one in finalists.chosen(rows, 0)] == ["t0000", "t0001"]


@pytest.mark.parametrize(("searched", "asked", "wanted"), [(7, None, 0), (8, None, 3), (1, 2, 2), (20, 0, 0)])
def test_a_sweep_has_finalists_by_itself_from_eight_searched_trials_on(
    searched: int, asked: int | None, wanted: int
) -> None:
    rows = [row(n, 0.1) for n in range(searched)]
    rows += [row(100 + n, 0.1, "baseline") for n in range(8)] + [row(200, None)]
    assert finalists.wanted(rows, asked) == wanted


def test_repeats_get_seeds_of_their_own_and_are_entered_once(tmp_path: Path) -> None:
    ledger = Ledger.create(tmp_path / "ledger.sqlite")
    for one in (row(0, 0.3, "baseline"), row(1, 0.5), row(2, 0.4)):
        ledger.add(one)
    for _ in range(2):
        finalists.enter(ledger, 1, 2, seed=5)
    repeats = [one for one in ledger.trials() if one.repeat_of]
    assert [one.id for one in repeats] == ["t0001-r1", "t0000-r1", "t0001-r2", "t0000-r2"]
    assert {one.state for one in repeats} == {"pending"}
    assert {one.config["rank"] for one in repeats} == {16}
    first, second = ({one.seed for one in repeats if one.id.endswith(end)} for end in ("r1", "r2"))
    assert len(first) == len(second) == 1
    assert len(first | second | {0, 5}) == 4
    # More trials changed who is best: the new one is entered beside those that are there.
    ledger.add(row(3, 0.9))
    finalists.enter(ledger, 1, 2, seed=5)
    assert [one.id for one in ledger.trials() if one.repeat_of][4:] == ["t0003-r1", "t0003-r2"]
    assert len({one.number for one in ledger.trials()}) == len(ledger.trials())


def test_the_winner_has_the_best_mean_of_its_repeats_and_not_the_best_score() -> None:
    lucky, steady = row(0, 0.9), row(1, 0.6)
    rows = [lucky, steady, repeat(lucky, 1, 0.8), repeat(lucky, 2, 0.0), repeat(lucky, 3, 0.1)]
    rows += [repeat(steady, 1, 0.55), repeat(steady, 2, 0.5), repeat(steady, 3, 0.6)]
    won = finalists.winner(rows)
    assert won is not None
    assert won.trial.id == "t0001"
    assert won.mean == pytest.approx(0.55)
    assert won.median is not None
    assert won.median.id == "t0001-r1"
    assert [one.trial.id for one in finalists.standings(rows)] == ["t0001", "t0000"]


def test_there_is_no_winner_while_a_repeat_is_to_be_run() -> None:
    one = row(0, 0.5)
    waiting = replace(repeat(one, 2, 0.4), state="interrupted")
    assert finalists.winner([one, repeat(one, 1, 0.5), waiting]) is None
    assert finalists.winner([one]) is None


def test_a_failed_repeat_does_not_count_and_its_trial_may_still_win() -> None:
    one, other = row(0, 0.5), row(1, 0.4)
    rows = [one, other, repeat(one, 1, None), repeat(one, 2, 0.6), repeat(other, 1, None)]
    won = finalists.winner(rows)
    assert won is not None
    assert (won.trial.id, won.mean) == ("t0000", 0.6)
    assert [standing.mean for standing in finalists.standings(rows)] == [0.6, None]


def test_a_finalist_beyond_the_limit_cannot_win() -> None:
    one, other = row(0, 0.9), row(1, 0.4)
    rows = [one, other, repeat(one, 1, 0.9, degradation=0.2), repeat(one, 2, 0.9, degradation=0.1)]
    rows += [repeat(other, 1, 0.3, degradation=0.0)]
    won = finalists.winner(rows, max_degradation=0.1)
    assert won is not None
    assert won.trial.id == "t0001"
    still = finalists.winner(rows, max_degradation=0.16)
    assert still is not None
    assert still.trial.id == "t0000"


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=9))
def test_the_median_repeat_has_as_many_above_as_below(scores: list[float]) -> None:
    one = row(0, 0.0)
    standing = finalists.Standing(one, tuple(repeat(one, n, score) for n, score in enumerate(scores)))
    assert standing.median is not None
    middle = standing.median.score
    assert middle == sorted(scores)[(len(scores) - 1) // 2]
