"""Every metric, declared once: its direction and its unit. Best, sort and charts read this."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Metric:
    """A number that a trial reports.

    direction: which way is better; None where neither is.
    """

    name: str
    direction: Literal["max", "min"] | None
    unit: str


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("score", "max", "points, at most 1"),
        Metric("gain", "max", "accuracy, -1 to 1"),
        Metric("degradation", "min", "share of control probes, 0 to 1"),
        Metric("hallucination", "min", "share of probes, 0 to 1"),
        Metric("name_margin", "max", "nats"),
        Metric("train_loss", "min", "nats a token"),
        Metric("eval_loss", "min", "nats a token"),
        Metric("learning_rate", None, "1"),
        Metric("grad_norm", None, "1"),
    )
}
SCORES: tuple[str, ...] = ("score", "gain", "degradation", "hallucination", "name_margin")
OBJECTIVE, TIE_BREAK = "score", "name_margin"


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
