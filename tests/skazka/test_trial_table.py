"""The table of trials at every width: no id, state or score is cut, and what there is no room for is left out."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from search.run.trial_row import STATES, TrialRow
from skazka.table import failures, winner_line
from skazka.terminal import beside
from skazka.trial_table import trials_table
from spaces.trial_config import TrialConfig

CONFIG = TrialConfig(epochs=12).model_dump(mode="json")
PARTS = {"gain": 0.5, "degradation": 0.1, "hallucination": 0.2}


def trial(number: int, name: str = "", **fields: Any) -> TrialRow:
    """A searched trial, or a baseline where it is named."""
    trial_id = f"t{number:04d}"
    kind = "baseline" if name else "search"
    return TrialRow(trial_id, number, kind, name or trial_id, CONFIG, 7, True, **fields)  # type: ignore[arg-type]


def repeat(of: TrialRow, number: int, **fields: Any) -> TrialRow:
    """A finalist: the same configuration with a seed of its own."""
    names = (f"{of.id}-r{number}", f"{of.name}-r{number}")
    return TrialRow(names[0], 1_000_000 + number, "finalist", names[1], CONFIG, 8, False, of.id, **fields)


def ended(score: float) -> dict[str, Any]:
    """The fields of a trial that ended with a score."""
    return {"state": "completed", "score": score, "started": 1.0, "finished": 2.0, **PARTS}


HAND = trial(0, "lora_v2", **ended(0.3))
FOUND = trial(5, **ended(0.4))
ROWS = [
    HAND,
    trial(1, "базовая конфигурация команды", state="interrupted", started=1.0),
    trial(2, state="failed", finished=2.0, error="NaN loss"),
    FOUND,
    repeat(HAND, 2, **ended(0.31)),
    repeat(HAND, 1, **ended(0.29)),
    repeat(FOUND, 1, state="running", started=2.0),
]


def drawn(rows: list[TrialRow], width: int, **options: Any) -> list[str]:
    """The lines on a terminal of that width."""
    console = Console(file=io.StringIO(), force_terminal=True, color_system=None, width=width, highlight=False)
    options = {"epochs": {}, "shown": len(rows), **options}
    console.print(trials_table(rows, width=width, **options), crop=False)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return [line.rstrip() for line in text.replace("\x1b[0m", "").replace("\x1b[2m", "").splitlines()]


def test_repeats_stand_under_their_trial_and_no_name_repeats_an_id() -> None:
    lines = drawn(ROWS, 200)
    assert [line.split()[:2] for line in lines] == [
        ["trial", "name"],
        ["t0001", "базовая"],
        # Its trial is shown with the ended ones, and takes its repeats along.
        ["t0005", "completed"],
        ["t0005-r1", "running"],
        ["t0000", "lora_v2"],
        ["t0000-r1", "completed"],
        ["t0000-r2", "completed"],
        ["t0002", "failed"],
    ]
    assert [line[:4] for line in lines if "-r" in line] == ["  t0"] * 3


def test_the_winner_leads_whatever_its_first_score() -> None:
    lines = drawn(ROWS, 200, winner="t0000")
    names = [line.split()[0] for line in lines]
    assert names.index("t0000") < names.index("t0005")


def test_a_repeat_without_its_trial_keeps_its_name() -> None:
    # The live table shows the best only.
    lines = drawn([repeat(HAND, 1, state="running")], 200)
    assert lines[1].split()[:3] == ["t0000-r1", "lora_v2-r1", "running"]


def test_the_columns_leave_in_a_fixed_order() -> None:
    rows = [HAND, FOUND]
    titles = {width: drawn(rows, width)[0].split() for width in (200, 80, 70, 34, 10)}
    everything = ["trial", "name", "state", "epoch", "score", "gain", "degradation", "hallucination", "lr", "r"]
    assert titles[200] == everything
    assert titles[80] == everything[:-2]
    assert titles[70] == ["trial", "name", "state", "score", "gain", "degradation", "hallucination"]
    assert titles[34] == ["trial", "name", "state", "score"]
    assert titles[10] == ["trial", "state", "score"]


def test_an_epoch_is_counted_and_not_guessed() -> None:
    lines = drawn(ROWS, 200, epochs={"t0001": 7, "t0002": 3})
    assert [line for line in lines if "t0001" in line and " 7/12" in line]
    assert [line for line in lines if "t0002" in line and " 3/12" in line]
    assert [line for line in lines if "t0005 " in line and " 12/12" in line]


@given(
    # The ids, the longest state and the score take 31.
    width=st.integers(31, 300),
    names=st.lists(st.sampled_from(["", "x", "Чебурашка и его друзья", "名前" * 20, "a" * 90]), min_size=1, max_size=5),
    state=st.sampled_from(STATES),
)
def test_no_id_state_or_score_is_cut_and_no_line_is_too_wide(width: int, names: list[str], state: Any) -> None:
    rows = [trial(place, name, **{**ended(-0.25), "state": state}) for place, name in enumerate(names)]
    rows.append(repeat(rows[0], 1, **ended(0.125)))
    lines = drawn(rows, width)
    console = Console(width=400)
    assert max(console.render_str(line, highlight=False, markup=False).cell_len for line in lines) <= width
    for row in rows:
        (line,) = [line for line in lines if row.id in line.split()]
        assert {row.id, row.state, f"{row.score:.3f}"} <= set(line.split())


def test_trials_that_failed_alike_are_one_line() -> None:
    rows = [trial(number, state="failed", error="NaN loss", log=f"trials/t{number}/log") for number in range(12)]
    rows.append(trial(12, state="failed", error="другая\x1b[31m"))
    shown = failures(rows)
    named = ", ".join(f"t{number:04d}" for number in range(10))
    assert shown[0] == f"{named} and 2 more: NaN loss — the whole story: trials/t0/log"
    assert shown[1] == "t0012: другая\x1b[31m"


@pytest.mark.parametrize(
    ("repeats", "test", "told"),
    [
        (3, 0.25, "lora_v2 (t0002), trained again 3 times: search +0.3000 on average, test +0.2500"),
        (1, None, "lora_v2 (t0002), trained again once: search +0.3000 on average"),
    ],
)
def test_the_winner_in_one_line(repeats: int, test: float | None, told: str) -> None:
    won = {"id": "t0002", "name": "lora_v2", "repeats": repeats, "retrained": 0.3, "test": test}
    assert winner_line(won) == told


def test_a_long_line_goes_on_under_itself_between_words() -> None:
    console = Console(file=io.StringIO(), width=24)
    console.print(beside("failed", "t0000, t0001: a reason\x1b[31m", 6))
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    assert [line.rstrip() for line in text.splitlines()] == ["failed  t0000, t0001: a", "        reason\\x1b[31m"]
