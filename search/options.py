"""How a sweep runs: declared once, for the command line, the Python signature and what a manifest keeps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from skazka_text.problems import InputError, Problem, ValueRefused, explain
from trainables.task import Moments

# In which Ray counts resources, of one CPU or GPU.
UNITS = 10_000
# Ten years: beyond what a timer of the operating system takes.
MAX_SECONDS = 315_360_000
# What every random generator of a trial takes, multiplied by its epochs.
MAX_SEED = 2**32 - 1


def _check_seconds(value: float) -> float:
    if not 0 < value < MAX_SECONDS:
        raise ValueRefused(f"must be above 0 and below 10 years, got {value}", "give e.g. 30m")
    return value


def _check_share(value: float) -> float:
    if not 0 <= value <= 1:
        raise ValueRefused(f"must be between 0 and 1, got {value}", "give a share of the controls' probes, e.g. 0.05")
    return value


def _check_cpus(value: float) -> float:
    if not 1 / UNITS <= value < math.inf:
        raise ValueRefused(f"must be {1 / UNITS} or more, got {value}", "give 1")
    return value


def _check_gpus(value: float) -> float:
    if value != 0 and not 1 / UNITS <= value < math.inf:
        raise ValueRefused(f"must be 0, or {1 / UNITS} or more, got {value}", "give 0")
    if value > 1 and value != int(value):
        message = f"must be whole above 1, got {value}: a trial has one part of a GPU, or whole ones"
        raise ValueRefused(message, f"give {int(value)} or {int(value) + 1}")
    return value


Seconds = Annotated[float, AfterValidator(_check_seconds)]
Share = Annotated[float, AfterValidator(_check_share)]
Cpus = Annotated[float, AfterValidator(_check_cpus)]
Gpus = Annotated[float, AfterValidator(_check_gpus)]
Sampler = Literal["tpe", "random"]
Scheduling = Literal["fifo", "asha"]
Objective = Literal["score", "pareto"]


class Options(BaseModel):
    """How a sweep runs; each description is the command line's help, in its order.

    gpus_per_trial: None takes one where there are any. max_concurrent: None fills the cluster.
    time_budget, trial_timeout: seconds, None is unbounded. address: None starts Ray on this machine.
    finalists: None is 3 where at least 8 searched trials have a score, else none.
    max_degradation: [0, 1]; None sets no limit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    trials: int = Field(12, ge=1, description="Baselines and searched trials together.")
    seed: int = Field(0, ge=0, le=MAX_SEED, description="Seed of training and search.")
    gpus_per_trial: Gpus | None = Field(
        None, description="GPUs a trial, fractions allowed.  [default: 1 where there are any]"
    )
    cpus_per_trial: Cpus = Field(1.0, description="CPU cores a trial.")
    max_concurrent: int | None = Field(None, ge=1, description="Trials at once.  [default: as many as fit]")
    time_budget: Seconds | None = Field(None, description="Stop after this time, e.g. 30m; resume later.")
    address: str | None = Field(None, description="Running Ray cluster: auto or HOST:PORT.  [default: this machine]")
    sampler: Sampler = Field("tpe", description="Optuna sampler.")
    scheduler: Scheduling = Field("fifo", description="asha stops trials that fall behind.")
    max_failures: int = Field(1, ge=0, description="New attempts of a trial whose training raised.")
    max_lost: int = Field(10, ge=0, description="New attempts of a trial whose process died.")
    trial_timeout: Seconds | None = Field(None, description="Give a process up whose epoch takes longer, e.g. 30m.")
    finalists: int | None = Field(
        None, ge=0, description="Train the best N and the baselines again.  [default: 3, after 8 trials]"
    )
    repeats: int = Field(3, ge=1, description="How often each finalist is trained again.")
    max_degradation: Share | None = Field(None, description="Trials above it are infeasible, e.g. 0.05.")
    objective: Objective = Field("score", description="pareto searches gain against degradation and hallucination.")
    moments: Moments = Field(
        "float32",
        description="Adam's moments in checkpoints; bfloat16 saves a third of the disk, but no resume to the bit.",
    )
    wandb: bool = Field(False, description="Show the sweep on Weights & Biases.")
    trust_remote_code: bool = Field(False, description="Run the Python code that comes with the base model.")
    allow_unknown_controls: bool = Field(False, description="Search although the base knows none of the controls.")

    @classmethod
    def asked(cls, **values: Any) -> Self:
        """As a user asks for them. Raises InputError with every option that is out of range."""
        try:
            return cls(**values)
        except ValidationError as error:
            raise InputError(_problem(detail) for detail in error.errors()) from error

    @classmethod
    def recorded(cls, manifest: Mapping[str, Any]) -> Options:
        """As a run's manifest keeps them; the defaults are what versions did that did not know an option yet.

        Not checked: a run that was let in once can be read for ever.
        """
        kept = manifest.get("options") or {}
        return Options.model_construct(**{name: kept[name] for name in cls.model_fields if name in kept})


def option_name(field: str) -> str:
    """A field's name on the command line."""
    return f"--{field.replace('_', '-')}"


def _problem(detail: Any) -> Problem:
    name = str(detail["loc"][0])
    return Problem("", option_name(name), *_explain(detail, name))


def _explain(detail: Any, name: str) -> tuple[str, str]:
    """What is wrong with the option, and the remedy."""
    limits, value = detail.get("ctx", {}), detail["input"]
    if detail["type"] == "greater_than_equal":
        return f"must be at least {limits['ge']}, got {value}", "give a larger number"
    if detail["type"] == "less_than_equal":
        return f"must be at most {limits['le']}, got {value}", "give a smaller number"
    if detail["type"] == "literal_error":
        field = Options.model_fields[name]
        return f"must be one of {', '.join(get_args(field.annotation))}, got {value}", f"give {field.default}"
    return explain(detail, name)
