"""Trials as a table that a terminal has room for: columns leave it one by one, nothing in it is cut."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from analysis.facts.trials import best_trial
from search.run.trial_row import TrialRow
from skazka_text.printable import printable
from trainables.metrics import rank
from trainables.scoring import PART_NAMES, SCORE_AND_PARTS

GAP = 2
# A name that makes the table too wide goes on in the next line, but is not narrower than this.
NAME = 16
# What leaves first where the terminal is narrow; a trial's id, state and score never do.
LEAVING = ("r", "lr", "epoch", *reversed(PART_NAMES), "name")
NUMBERS = ("epoch", *SCORE_AND_PARTS, "lr", "r")


@dataclass(frozen=True)
class Column:
    """width: columns of the terminal; a longer cell goes on in the next line."""

    title: str
    cells: list[str]
    width: int


def trials_table(
    rows: Sequence[TrialRow], epochs: Mapping[str, int], width: int, shown: int = 12, winner: str | None = None
) -> Table:
    """Trials that have not ended first, then the winner and the best; a repeat stands under its trial.

    epochs: where those stand that did not run to their end. width: columns of the terminal. shown: rows at most, but
    for those that have not ended. winner: the id of the trial that won; until there is one the best is emphasised.
    """
    lead = winner or getattr(best_trial(rows), "id", None)
    arranged = list(_arranged(_first(rows, shown, winner)))
    columns = _fitting(_columns(arranged, epochs), width)
    # Rich would cut what it has no room for; a terminal breaks the line.
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), width=_whole(columns))
    for column in columns:
        justify: Literal["left", "right"] = "right" if column.title in NUMBERS else "left"
        table.add_column(column.title, justify=justify, overflow="fold", width=column.width)
    for place, (row, _) in enumerate(arranged):
        style = "bold green" if row.id == lead else "dim" if row.state == "failed" else ""
        table.add_row(*(Text(column.cells[place]) for column in columns), style=style)
    return table


def _first(rows: Sequence[TrialRow], shown: int, winner: str | None) -> list[TrialRow]:
    running = [row for row in rows if row.finished is None]
    ended = [row for row in rows if row.finished is not None]
    ended.sort(key=lambda row: (row.id == winner, *rank(vars(row))), reverse=True)
    return [*running, *ended[: max(0, shown - len(running))]]


def _arranged(rows: Sequence[TrialRow]) -> Iterator[tuple[TrialRow, bool]]:
    """The rows, each with whether it stands under its trial."""
    known = {row.id for row in rows}
    for row in rows:
        if row.repeat_of not in known:
            yield row, False
            repeats = (other for other in rows if other.repeat_of == row.id)
            yield from ((repeat, True) for repeat in sorted(repeats, key=lambda repeat: repeat.number))


def _columns(arranged: Sequence[tuple[TrialRow, bool]], epochs: Mapping[str, int]) -> list[Column]:
    rows = [row for row, _ in arranged]
    cells: dict[str, list[str]] = {
        "trial": [f"  {printable(row.id)}" if under else printable(row.id) for row, under in arranged],
        # The name of a searched trial is its id, and that of a repeat is its trial's with the repeat's number.
        "name": ["" if under or row.name == row.id else printable(row.name) for row, under in arranged],
        "state": [row.state for row in rows],
        "epoch": [_epoch(row, epochs) for row in rows],
        **{name: [_number(getattr(row, name)) for row in rows] for name in SCORE_AND_PARTS},
        "lr": [f"{row.config['learning_rate']:.1e}" for row in rows],
        "r": [str(row.config["rank"]) for row in rows],
    }
    return [Column(title, mine, max(map(cell_len, (title, *mine)))) for title, mine in cells.items()]


def _fitting(columns: list[Column], width: int) -> list[Column]:
    """The columns that there is room for, and none without anything in it."""
    kept = [column for column in columns if column.title != "name" or any(column.cells)]
    for leaves in LEAVING:
        if _whole([_narrowed(column, NAME) for column in kept]) > width:
            kept = [column for column in kept if column.title != leaves]
    missing = _whole(kept) - width
    return [_narrowed(column, max(NAME, column.width - max(0, missing))) for column in kept]


def _narrowed(column: Column, width: int) -> Column:
    return replace(column, width=min(column.width, width)) if column.title == "name" else column


def _whole(columns: Sequence[Column]) -> int:
    return sum(column.width for column in columns) + GAP * (len(columns) - 1)


def _epoch(row: TrialRow, epochs: Mapping[str, int]) -> str:
    last = row.config["epochs"]
    return f"{last if row.state == 'completed' else epochs.get(row.id, 0)}/{last}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
