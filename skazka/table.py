"""Trials and spaces as people read them on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from analysis.messages import words
from analysis.messages.catalogue import Messages
from search.run.trial_row import SCORED, TrialRow
from skazka_text.printable import printable
from spaces.space import Domain, Space
from spaces.trial_config import TrialConfig
from trainables.scoring import PARTS, ScorePart

# Columns below which a third column would be a ribbon.
ROOM_TO_EXPLAIN = 72
# So many trials that failed alike are named.
NAMED = 10


def finished_line(row: TrialRow) -> str:
    """A finished trial in one line, as a terminal may show it."""
    if row.score is None or row.state not in SCORED:
        return f"{label(row)} {row.state}: {printable(row.error or 'no score')}"
    parts = ", ".join(f"{part.name} {getattr(row, part.name):{_sign(part)}.3f}" for part in PARTS)
    seconds = (row.finished or 0) - (row.started or 0)
    return f"{label(row)} {row.state} in {duration(seconds)}: score {row.score:+.4f} ({parts})"


def _sign(part: ScorePart) -> str:
    """How a part is formatted: a penalty has no sign."""
    return "+" if part.direction == "max" else ""


def failures(rows: Sequence[TrialRow]) -> list[str]:
    """Which trials failed and why, a line an error."""
    trials: dict[str, list[TrialRow]] = {}
    for row in rows:
        if row.state == "failed":
            trials.setdefault(row.error or "no reason was kept", []).append(row)
    return [f"{_ids(failed)}: {error}{_log(failed[0])}" for error, failed in trials.items()]


def _ids(rows: Sequence[TrialRow]) -> str:
    more = len(rows) - NAMED
    return ", ".join(row.id for row in rows[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _log(row: TrialRow) -> str:
    return "" if row.log is None else f" — the whole story: {row.log}"


def winner_line(won: Mapping[str, Any]) -> str:
    """The winner of a run's summary, its scores on search and on test."""
    who = won["id"] if won["name"] == won["id"] else f"{won['name']} ({won['id']})"
    tested = "" if won["test"] is None else f", test {won['test']:+.4f}"
    times = "once" if won["repeats"] == 1 else f"{won['repeats']} times"
    return printable(f"{who}, trained again {times}: search {won['retrained']:+.4f} on average{tested}")


def label(row: TrialRow) -> str:
    """A trial's id, with the name of a baseline, as a terminal may show it."""
    return printable(row.id if row.name == row.id else f"{row.id} {row.name}")


def space_table(space: Space, width: int) -> Table:
    """Every knob of a trial: what the space searches, under which switch, and what it leaves at its default.

    width: columns of the terminal; where it is narrow, what a knob means is left out.
    """
    explained = width >= ROOM_TO_EXPLAIN
    conditional = explained and any(domain.when for domain in space.knobs.values())
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("knob", no_wrap=True)
    table.add_column("values", overflow="fold", min_width=20 if explained and not conditional else None)
    if conditional:
        table.add_column("only where", no_wrap=True)
    if explained:
        table.add_column("meaning", overflow="fold")
    for knob, field in sorted(TrialConfig.model_fields.items(), key=lambda item: item[0] not in space.knobs):
        domain = space.knobs.get(knob)
        values = f"fixed: {_value(field.default)}" if domain is None else _domain(domain)
        when = _when(domain)
        if explained:
            row = [knob, values, *([when] if conditional else []), field.description or ""]
        else:
            row = [knob, f"{values}, only where {when}" if when else values]
        table.add_row(*map(Text, map(printable, row)), style="dim" if domain is None else None)
    return table


def _when(domain: Domain | None) -> str:
    return " and ".join(f"{switch}: {_value(on)}" for switch, on in (domain.when.items() if domain else ()))


def _domain(domain: Domain) -> str:
    if domain.choice is not None:
        return ", ".join(map(_value, domain.choice))
    return " to ".join(map(_value, domain.ends())) + (", log" if domain.log_uniform else "")


def _value(value: object) -> str:
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else words.duration(seconds, Messages("en"))
