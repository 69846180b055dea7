"""The metrics of a trial by name, and by which of them trials and epochs are ordered."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from trainables.scoring import SCORE_AND_PARTS

# Of an epoch's training: the ledger's name -> that of charts and of W&B.
METRICS: dict[str, str] = {
    "train_loss": "train/loss",
    "eval_loss": "eval/loss",
    "learning_rate": "train/learning_rate",
    "grad_norm": "train/grad_norm",
}
OBJECTIVE, TIE_BREAK = "score", "name_margin"
# Of an evaluation, in the ledger and in tables.
SCORES: tuple[str, ...] = (*SCORE_AND_PARTS, TIE_BREAK)


def rank(row: Mapping[str, Any]) -> tuple[bool, float, float]:
    """What trials and epochs are ordered by, higher is better: within the limit, the score, the name margin.

    Without a score, a row is below every other.
    """
    score = _or_lowest(row.get(OBJECTIVE))
    return (score > -math.inf and row.get("feasible", True), score, _or_lowest(row.get(TIE_BREAK)))


def better(candidate: Mapping[str, Any], incumbent: Mapping[str, Any]) -> bool:
    """Whether a candidate beats an incumbent; a missing score loses against any."""
    return rank(candidate) > rank(incumbent)


def _or_lowest(value: float | None) -> float:
    return -math.inf if value is None or math.isnan(value) else float(value)
