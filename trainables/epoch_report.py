"""What one epoch of a trial came to, from the session to its checkpoint, to Ray Tune and to the ledger."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from trainables.answers import GradedAnswer, graded_from_data, graded_to_data
from trainables.scoring import Score

# What the ledger keeps elsewhere, or not at all.
_NOT_METRICS = ("epoch", "done", "answers", "best_so_far")


@dataclass(frozen=True)
class Evaluation:
    """The answers of an adapter to the search probes, and what they are worth.

    feasible: whether its degradation is within the sweep's limit. name_margin: nats, NaN where no name was asked.
    accuracy: character -> share of its probes answered right, [0, 1]. scale: of the adapter, where several were tried.
    """

    score: Score
    feasible: bool
    name_margin: float
    accuracy: Mapping[str, float]
    answers: Sequence[GradedAnswer]
    scale: float | None = None

    @property
    def ranked_by(self) -> dict[str, Any]:
        """What `metrics.better` compares."""
        return {"score": self.score.score, "name_margin": self.name_margin, "feasible": self.feasible}

    def as_data(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            **vars(self.score),
            "feasible": self.feasible,
            "name_margin": self.name_margin,
            "accuracy": dict(self.accuracy),
            "answers": [graded_to_data(graded) for graded in self.answers],
            **({} if self.scale is None else {"scale": self.scale}),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Evaluation:
        """The inverse of `as_data`; the first versions knew no limit and no accuracy."""
        return cls(
            score=Score(**{field.name: data[field.name] for field in fields(Score)}),
            feasible=data.get("feasible", True),
            name_margin=data["name_margin"],
            accuracy=data.get("accuracy", {}),
            answers=[graded_from_data(graded) for graded in data["answers"]],
            scale=data.get("scale"),
        )


@dataclass(frozen=True)
class EpochReport:
    """One epoch.

    train_loss, eval_loss: nats a token; eval_loss is NaN where no rows are held out. learning_rate: the last.
    grad_norm: mean before clipping. cut_answers: training answers that max_length cuts. done: whether it was the last.
    seconds: of the whole epoch. evaluation: None where the probes were not asked. best_so_far: `epoch`, `score`,
    `name_margin` and `feasible` of the best evaluated epoch; empty before there is one.
    """

    epoch: int
    train_loss: float
    learning_rate: float
    grad_norm: float
    eval_loss: float
    cut_answers: int
    done: bool
    evaluation: Evaluation | None
    best_so_far: Mapping[str, Any]
    seconds: float

    @cached_property
    def data(self) -> dict[str, Any]:
        """As JSON holds it, in a checkpoint and on the way to the ledger."""
        return {
            "epoch": self.epoch,
            "train_loss": self.train_loss,
            "learning_rate": self.learning_rate,
            "grad_norm": self.grad_norm,
            "eval_loss": self.eval_loss,
            "cut_answers": self.cut_answers,
            "done": self.done,
            **({} if self.evaluation is None else self.evaluation.as_data()),
            "best_so_far": dict(self.best_so_far),
            "seconds": self.seconds,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> EpochReport:
        """The inverse of `data`, also of what earlier versions wrote, who reported less."""
        return cls(
            epoch=data["epoch"],
            train_loss=data.get("train_loss", math.nan),
            learning_rate=data.get("learning_rate", math.nan),
            grad_norm=data.get("grad_norm", math.nan),
            eval_loss=data.get("eval_loss", math.nan),
            cut_answers=data.get("cut_answers", 0),
            done=data.get("done", False),
            evaluation=Evaluation.from_data(data) if "score" in data else None,
            best_so_far=data.get("best_so_far", {}),
            seconds=data.get("seconds", math.nan),
        )


def metrics_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers of a report's data, as the ledger keeps them."""
    return {name: value for name, value in data.items() if name not in _NOT_METRICS}
