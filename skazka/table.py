"""Trials as people read them on a terminal."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from analysis.trials import best_trial
from search.trial_row import SCORED, TrialRow
from spaces.printable import printable
from spaces.space import Domain, Space
from spaces.trial_config import TrialConfig
from trainables.metrics import rank


def finished_line(row: TrialRow) -> str:
    """A finished trial in one line, as a terminal may show it."""
    if row.score is None or row.state not in SCORED:
        return f"{label(row)} {row.state}: {printable(row.error or 'no score')}"
    parts = f"gain {row.gain:+.3f}, degradation {row.degradation:.3f}, hallucination {row.hallucination:.3f}"
    seconds = (row.finished or 0) - (row.started or 0)
    return f"{label(row)} {row.state} in {duration(seconds)}: score {row.score:+.4f} ({parts})"


def label(row: TrialRow) -> str:
    """A trial's id, with the name of a baseline, as a terminal may show it."""
    return printable(row.id if row.name == row.id else f"{row.id} {row.name}")


def trials_table(rows: list[TrialRow], epochs: dict[str, int], shown: int = 12) -> Table:
    """Running trials first, then the best finished ones; `epochs` says where the running ones stand."""
    table = Table(
        "trial", "name", "state", "epoch", "score", "gain", "degradation", "hallucination", "lr", "r", box=None
    )
    running = [row for row in rows if row.finished is None]
    finished = sorted((row for row in rows if row.finished is not None), key=lambda row: rank(vars(row)), reverse=True)
    best = best_trial(rows)
    for row in [*running, *finished[: max(0, shown - len(running))]]:
        style = "bold green" if best is not None and row.id == best.id else "dim" if row.state == "failed" else ""
        epoch = f"{epochs.get(row.id, row.config['epochs'] if row.finished else 0)}/{row.config['epochs']}"
        cells = [
            row.id,
            row.name,
            row.state,
            epoch,
            *map(_number, (row.score, row.gain, row.degradation, row.hallucination)),
        ]
        cells += [f"{row.config['learning_rate']:.1e}", str(row.config["rank"])]
        table.add_row(*(Text(printable(cell)) for cell in cells), style=style)
    return table


def space_table(space: Space) -> Table:
    """Every knob of a trial: what the space searches, under which switch, and what it leaves at its default."""
    conditional = any(domain.when for domain in space.knobs.values())
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("knob", no_wrap=True)
    table.add_column("values", overflow="fold", min_width=20)
    if conditional:
        table.add_column("only where", no_wrap=True)
    table.add_column("meaning", overflow="fold")
    for knob, field in sorted(TrialConfig.model_fields.items(), key=lambda item: item[0] not in space.knobs):
        domain = space.knobs.get(knob)
        values = f"fixed: {_value(field.default)}" if domain is None else _domain(domain)
        when = domain.when.items() if domain is not None else ()
        switches = [" and ".join(f"{switch}: {_value(on)}" for switch, on in when)] if conditional else []
        row = (knob, values, *switches, field.description or "")
        table.add_row(*map(Text, map(printable, row)), style="dim" if domain is None else None)
    return table


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


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
