"""What W&B is told of an epoch, a trial and a sweep, under W&B's names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from search.run.trial_row import TrialRow, ranked
from search.tuning.finalists import winner
from skazka_text.printable import printable
from trainables.metrics import METRICS, SCORES

# The ledger's name -> W&B's.
NAMES = {**METRICS, **{name: f"eval/{name}" for name in SCORES}}


def logged(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """One epoch of the ledger under W&B's names; what is missing stays away."""
    found = {name: metrics[own] for own, name in NAMES.items() if metrics.get(own) is not None}
    accuracy = metrics.get("accuracy") or {}
    by_character = {f"eval/accuracy/{printable(name)}": value for name, value in accuracy.items() if value is not None}
    return {"epoch": metrics["epoch"], **found, **by_character}


def best_of(row: TrialRow) -> dict[str, Any]:
    """A trial's best epoch with its score and parts; empty until there is one."""
    found = {"epoch": row.best_epoch, **{name: getattr(row, name) for name in SCORES}}
    return {f"best/{name}": value for name, value in found.items() if value is not None}


def sweep_summary(rows: Sequence[TrialRow], max_degradation: float | None) -> dict[str, Any]:
    """Trials by state, the best by search score, and the winner of the finalists where there is one."""
    summary: dict[str, Any] = {f"trials/{state}": count for state, count in Counter(row.state for row in rows).items()}
    best = ranked([row for row in rows if row.repeat_of is None and row.feasible])
    if best:
        summary |= {"best/trial": best[0].id, "best/name": printable(best[0].name), **best_of(best[0])}
    won = winner(rows, max_degradation)
    if won is not None:
        summary |= {"winner/trial": won.trial.id, "winner/mean_score": won.mean}
    return summary
