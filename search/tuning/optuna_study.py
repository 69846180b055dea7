"""What Optuna knows of a sweep: its study, rebuilt from the ledger and from nothing else. Without Ray."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from search.options import Objective, Options, Sampler
from search.run.ledger import Ledger
from search.run.trial_row import ENDED, SCORED, TrialRow
from spaces.space import Domain, Space
from spaces.trial_config import TrialConfig
from trainables.metrics import OBJECTIVE
from trainables.scoring import PART_NAMES, PARTS

DUPLICATE = "duplicate:"


@dataclass(frozen=True)
class Told:
    """What Optuna is told of one trial: a value for each objective, None without a score, and the constraints."""

    values: list[float] | None
    constraints: dict[str, float]
    state: TrialState


FAILED = Told(None, {}, TrialState.FAIL)


@dataclass(frozen=True)
class Goal:
    """What a sweep looks for.

    objective: `score`, or `pareto`: what is gained against every penalty together.
    max_degradation: trials above it, [0, 1], are infeasible; None sets no limit.
    """

    objective: Objective = "score"
    max_degradation: float | None = None

    @classmethod
    def of(cls, options: Options) -> Self:
        """What a sweep with these options looks for."""
        return cls(options.objective, options.max_degradation)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that Optuna optimises, in the order of its values."""
        return PART_NAMES if self.objective == "pareto" else (OBJECTIVE,)

    @property
    def directions(self) -> list[str]:
        """Optuna's direction of each metric."""
        penalties = {part.name for part in PARTS if part.direction == "min"}
        return ["minimize" if name in penalties else "maximize" for name in self.metrics]

    def told(self, row: TrialRow) -> Told:
        """What the ledger's row means to Optuna: stopped trials count with their best epoch so far."""
        if row.state in SCORED and row.score is not None:
            values = [float(getattr(row, name)) for name in self.metrics]
            return Told(values, self._constraints(row), TrialState.COMPLETE)
        return FAILED if row.state in ENDED else Told(None, {}, TrialState.RUNNING)

    def _constraints(self, row: TrialRow) -> dict[str, float]:
        if self.max_degradation is None or row.degradation is None:
            return {}
        return {"degradation": row.degradation - self.max_degradation}


def make_sampler(sampler: Sampler, seed: int, number: int) -> optuna.samplers.BaseSampler:
    """A sampler of its own for each trial number: a rebuilt study suggests what an uninterrupted one would."""
    own = zlib.crc32(f"{seed}-{number}".encode())
    if sampler == "random":
        return optuna.samplers.RandomSampler(seed=own)
    return optuna.samplers.TPESampler(seed=own)


def rebuild(ledger: Ledger, space: Space, goal: Goal | None = None) -> optuna.Study:
    """The Optuna study of a ledger: every number in order, interrupted trials as RUNNING, finalists left out."""
    goal = goal or Goal()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(directions=goal.directions, sampler=make_sampler("random", 0, 0))
    history = {
        row.number: _frozen(space, row.config, goal.told(row)) if row.in_space else _frozen(space, {}, FAILED)
        for row in ledger.trials()
        if row.repeat_of is None
    }
    for key, twin in ledger.metas(DUPLICATE).items():
        told = FAILED if twin["values"] is None else Told(twin["values"], twin["constraints"], TrialState.COMPLETE)
        history[int(key.removeprefix(DUPLICATE))] = _frozen(space, twin["config"], told)
    for number in range(len(history)):
        study.add_trial(history[number])
    return study


def _frozen(space: Space, config: Mapping[str, Any], told: Told) -> FrozenTrial:
    checked = TrialConfig.model_validate(config)
    if not config or not space.contains(checked):
        # A space that was changed since, and accepted, may not hold what was tried before.
        return create_trial(state=TrialState.FAIL)
    parameters = space.parameters(checked)
    return create_trial(
        state=told.state,
        values=told.values,
        params=parameters,
        distributions={knob: distribution(space.knobs[knob]) for knob in parameters},
        constraints=told.constraints or None,
    )


def tell(study: optuna.Study, number: int, told: Told) -> None:
    """Tell a study of its own trial that has ended; one that it was told of before is left alone."""
    asked = study.trials[number]
    if told.state == TrialState.RUNNING or asked.state != TrialState.RUNNING:
        return
    trial = optuna.trial.Trial(study, asked._trial_id)
    for name, value in told.constraints.items():
        trial.set_constraint(name, value)
    study.tell(number, told.values, state=told.state)


def distribution(domain: Domain) -> BaseDistribution:
    """A domain as Optuna's distribution, the one that `Domain.suggest` makes."""
    if domain.choice is not None:
        return CategoricalDistribution(domain.choice)
    if domain.integer is not None:
        return IntDistribution(*domain.integer)
    low, high = domain.uniform or domain.log_uniform or (0.0, 0.0)
    return FloatDistribution(low, high, log=domain.log_uniform is not None)
