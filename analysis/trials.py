"""The trials of a run as a table, the best of them, and a summary of the run as plain JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from search.ledger import Ledger
from search.run_folder import RunFolder
from search.trial_row import STATES, TrialRow, ranked
from spaces.trial_config import KNOBS, TrialConfig
from trainables.metrics import SCORES

if TYPE_CHECKING:
    import pandas as pd

REPORT_FILE = "report.md"
_IDENTITY = ("id", "number", "kind", "name", "state")
_NUMBERS = ("best_epoch", *SCORES)
_TIMES = ("started", "finished", "seconds")
COLUMNS: tuple[str, ...] = (*_IDENTITY, *KNOBS, *_NUMBERS, "error", "log", *_TIMES)


def trials_table(ledger: Ledger) -> pd.DataFrame:
    """One row a trial in the order of its number, failed and unfinished ones too; the columns are `COLUMNS`.

    started, finished: seconds since 1970; seconds: between the two, pauses of an interrupted trial included.
    A missing number is NaN, a missing text None or NaN.
    """
    import pandas as pd  # 0.6 s: `skazka status` imports this module and needs no table

    table = pd.DataFrame([_record(row) for row in ledger.trials()], columns=list(COLUMNS))
    return table.astype(dict.fromkeys((*_NUMBERS, *_TIMES), "float64"))


def _record(row: TrialRow) -> dict[str, Any]:
    config = TrialConfig.model_validate(row.config).model_dump()
    seconds = None if row.started is None or row.finished is None else row.finished - row.started
    return {**vars(row), **config, "seconds": seconds}


def best_trial(rows: Sequence[TrialRow]) -> TrialRow | None:
    """The best feasible trial that was not trained for a comparison: highest score, then highest name margin.

    None when none has a score.
    """
    return next((row for row in ranked(rows) if row.feasible and row.repeat_of is None), None)


def count_states(rows: Sequence[TrialRow], asked: int | None) -> dict[str, int]:
    """How many trials are in each state, finalists' repeats among them.

    asked: trials the sweep was asked for, None when unknown; those that have no row yet count as pending.
    """
    found = Counter(row.state for row in rows)
    counts: dict[str, int] = {state: found[state] for state in STATES}
    counts["pending"] += max(0, (asked or 0) - sum(row.repeat_of is None for row in rows))
    return counts


def summary(folder: RunFolder) -> dict[str, Any]:
    """Where a run stands, as plain JSON: `run`, `report` (None until written), `trials` by state, `best` or None."""
    with closing(folder.ledger()) as ledger:
        rows, asked = ledger.trials(), ledger.meta("trials_asked")
    report = folder.report / REPORT_FILE
    return {
        "run": str(folder.path),
        "report": str(report) if report.is_file() else None,
        "trials": count_states(rows, asked),
        "best": _best(best_trial(rows)),
    }


def _best(row: TrialRow | None) -> dict[str, Any] | None:
    if row is None:
        return None
    parts = ("id", "name", "config", "score", "gain", "degradation", "hallucination")
    return {name: getattr(row, name) for name in parts}
