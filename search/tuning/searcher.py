"""The searcher: Optuna's ask and tell under Ray Tune, rebuilt from the ledger and from nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import optuna
from optuna.trial import TrialState
from ray.tune.search import Searcher

from search.options import Sampler
from search.run.ledger import Ledger
from search.run.trial_row import SCORED, TrialRow
from search.tuning.optuna_study import DUPLICATE, FAILED, Goal, make_sampler, rebuild, tell
from search.tuning.stop_request import Halt
from spaces.space import Space
from spaces.trial_config import TrialConfig

MAX_REASKS = 20


class LedgerSearcher(Searcher):  # type: ignore[misc]
    """Hands out what waits first (interrupted trials, finalists), then the baselines, then Optuna's suggestions.

    A trial's id comes from Optuna's number and lives in its config and in the ledger; Tune's own id
    names an attempt. The ledger's row is committed before a suggestion is handed out, and the
    scheduler commits every result before this class tells Optuna.
    """

    def __init__(
        self,
        ledger: Ledger,
        space: Space,
        baselines: Mapping[str, TrialConfig],
        *,
        trials: int,
        seed: int,
        sampler: Sampler,
        task: Callable[[str, TrialConfig, int], dict[str, Any]],
        halt: Halt,
        goal: Goal | None = None,
    ) -> None:
        super().__init__()
        self.ledger = ledger
        self.space = space
        self.baselines = dict(baselines)
        self.trials = trials
        self.seed = seed
        self.sampler = sampler
        self.task = task
        self.halt = halt
        self.goal = goal or Goal()
        self._study: optuna.Study | None = None
        self._attempts: dict[str, str] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_study": None}

    def set_search_properties(self, metric: str | None, mode: str | None, config: dict[str, Any], **spec: Any) -> bool:
        """The metric is the ledger's; Tune has nothing to say about it."""
        return True

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """The task of the next trial; None while one that runs may still have to be handed out again.

        FINISHED when all are done or the space is exhausted.
        """
        with self.halt.on_trouble():
            row = None if self.halt.stop_all() else self._next()
            if row is not None:
                self.ledger.start(row.id)
                self._attempts[trial_id] = row.id
                return self.task(row.id, TrialConfig.model_validate(row.config), row.seed)
        return None if self._attempts and not self.halt.stop_all() else str(Searcher.FINISHED)

    def _next(self) -> TrialRow | None:
        if self._study is None:
            # Before anything new is committed: later it would hold this attempt's trials already.
            self._study = rebuild(self.ledger, self.space, self.goal)
        return self._waiting() or self._next_baseline() or self._next_search()

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Tell Optuna what the ledger says of the trial."""
        trial = self._attempts.pop(trial_id, None)
        if trial is None:
            return
        with self.halt.on_trouble():
            row = self.ledger.trial(trial)
            # A finalist is no trial of Optuna's; a baseline outside the space was told long ago.
            if row.repeat_of is None:
                tell(self.study, row.number, self.goal.told(row))

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: the ledger holds it all."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore: the study is rebuilt from the ledger."""

    @property
    def study(self) -> optuna.Study:
        """The Optuna study, rebuilt from the ledger by the first `suggest`."""
        if self._study is None:
            raise RuntimeError("the study is rebuilt by the first suggest")
        return self._study

    def _waiting(self) -> TrialRow | None:
        return next((row for row in self.ledger.trials() if row.state in ("interrupted", "pending")), None)

    def _entered(self) -> list[TrialRow]:
        return [row for row in self.ledger.trials() if row.repeat_of is None]

    def _next_baseline(self) -> TrialRow | None:
        rows = self._entered()
        entered = {row.name for row in rows if row.kind == "baseline"}
        for name, config in self.baselines.items():
            if name not in entered and len(rows) < self.trials:
                return self._enter_baseline(name, config)
        return None

    def _enter_baseline(self, name: str, config: TrialConfig) -> TrialRow:
        inside = self.space.contains(config)
        if inside:
            self.study.enqueue_trial(self.space.parameters(config))
        trial = self._ask()
        if inside:
            self.space.suggest(trial)
        else:
            # It takes a number, so that ids and Optuna's numbers agree, but Optuna learns nothing from it.
            self.study.tell(trial.number, state=TrialState.FAIL)
        return self._enter(trial.number, "baseline", name, config, inside)

    def _next_search(self) -> TrialRow | None:
        rows = self._entered()
        if len(rows) >= self.trials:
            return None
        known = {_key(row.config): row for row in rows}
        for _ in range(MAX_REASKS):
            trial = self._ask()
            config = self.space.suggest(trial)
            twin = known.get(_key(config.as_data()))
            if twin is None:
                return self._enter(trial.number, "search", f"t{trial.number:04d}", config, True)
            self._tell_duplicate(trial.number, twin)
        # The space holds nothing new: no more trials will come than there are.
        self.ledger.set_meta("trials_asked", len(rows))
        return None

    def _ask(self) -> optuna.Trial:
        number = len(self.study.trials)
        self.study.sampler = make_sampler(self.sampler, self.seed, number)
        return self.study.ask()

    def _enter(self, number: int, kind: Any, name: str, config: TrialConfig, inside: bool) -> TrialRow:
        row = TrialRow(f"t{number:04d}", number, kind, name, config.as_data(), self.seed, inside)
        self.ledger.add(row)
        return row

    def _tell_duplicate(self, number: int, twin: TrialRow) -> None:
        """The same configuration and seed has a score already (or none to give): take it, do not train."""
        told = self.goal.told(twin) if twin.state in SCORED else FAILED
        record = {"of": twin.id, "config": twin.config, "values": told.values, "constraints": told.constraints}
        self.ledger.set_meta(f"{DUPLICATE}{number}", record)
        tell(self.study, number, told)


def _key(config: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted(config.items()))
