"""The scheduler's wrapper: every result is in the ledger before anyone decides on it."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

from ray import cloudpickle
from ray.exceptions import RayActorError
from ray.tune.schedulers import AsyncHyperBandScheduler, FIFOScheduler, TrialScheduler

from search.ledger import Ledger, State
from trainables.answers import graded_from_data
from trainables.metrics import OBJECTIVE

Scheduling = Literal["fifo", "asha"]
# How often a trial whose process keeps dying is begun before it counts as failed.
MAX_STARTS = 4
NOT_METRICS = ("epoch", "done", "answers", "best_so_far")


class LedgerScheduler(TrialScheduler):  # type: ignore[misc]
    """Commits each result, then lets the scheduler inside decide.

    The scheduler inside knows trials by the ledger's ids, so that what was replayed to it on a
    resume and what comes new are one history.
    """

    def __init__(self, ledger: Ledger, inner: TrialScheduler) -> None:
        super().__init__()
        self.ledger = ledger
        self.inner = inner
        self._stopped: set[str] = set()

    def set_search_properties(self, metric: str | None, mode: str | None, **spec: Any) -> bool:
        """The metric is the ledger's."""
        return True

    def replay(self) -> None:
        """Show the scheduler inside every epoch that the ledger holds, in commit order."""
        rows = {row.id: row for row in self.ledger.trials()}
        for trial in rows:
            self.inner.on_trial_add(None, _known_as(trial))
        for trial, metrics in self.ledger.epochs_in_commit_order():
            if metrics.get(OBJECTIVE) is None:
                continue
            if metrics["epoch"] >= rows[trial].config["epochs"]:
                self.inner.on_trial_complete(None, _known_as(trial), metrics)
            elif self.inner.on_trial_result(None, _known_as(trial), metrics) == TrialScheduler.STOP:
                # Decided before the driver died, perhaps never carried out.
                self._stopped.add(trial)

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        """A trial was queued."""
        self.inner.on_trial_add(tune_controller, _known_as(_id(trial)))

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Commit an epoch, then ask whether the trial goes on."""
        new = self._commit(_id(trial), result)
        # A resumed trial reports its newest checkpoint again: the replay has shown it already.
        if new and OBJECTIVE in result:
            decision = self.inner.on_trial_result(tune_controller, _known_as(_id(trial)), result)
            if decision == TrialScheduler.STOP:
                self._stopped.add(_id(trial))
        return str(TrialScheduler.STOP if _id(trial) in self._stopped else TrialScheduler.CONTINUE)

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """Commit the last result and the trial's end."""
        self._commit(_id(trial), result)
        failure = result.get("failure")
        state: State = "failed" if failure else "stopped" if _id(trial) in self._stopped else "completed"
        self.ledger.finish(_id(trial), state, failure)
        if state == "completed" and OBJECTIVE in result:
            self.inner.on_trial_complete(tune_controller, _known_as(_id(trial)), result)

    def on_trial_error(self, tune_controller: Any, trial: Any) -> None:
        """A step raised, or the trial's process died: then the searcher hands the trial out again, a few times."""
        error = _error_of(trial)
        lines = str(error).strip().splitlines()
        starts = sum(event["event"] == "started" for event in self.ledger.attempts(_id(trial)))
        again = isinstance(error, RayActorError) and starts < MAX_STARTS
        self.ledger.finish(_id(trial), "interrupted" if again else "failed", lines[-1] if lines else "no message")

    def on_trial_remove(self, tune_controller: Any, trial: Any) -> None:
        """A trial was taken out before it ran: it stays to be run."""
        self.ledger.finish(_id(trial), "interrupted", "removed before it ran")

    def choose_trial_to_run(self, tune_controller: Any) -> Any:
        """The scheduler inside chooses."""
        return self.inner.choose_trial_to_run(tune_controller)

    def debug_string(self) -> str:
        """What the scheduler inside says of itself."""
        return str(self.inner.debug_string())

    def _commit(self, trial: str, result: dict[str, Any]) -> bool:
        if "report" not in result:
            return False
        report = json.loads(result["report"])
        metrics = {name: value for name, value in report.items() if name not in NOT_METRICS}
        answers = [graded_from_data(graded) for graded in report.get("answers", ())]
        return self.ledger.record_epoch(trial, report["epoch"], metrics, answers)


def make_scheduler(scheduling: Scheduling, max_epochs: int) -> TrialScheduler:
    """FIFO runs every trial to its end; ASHA stops those that fall behind."""
    if scheduling == "fifo":
        return FIFOScheduler()
    return AsyncHyperBandScheduler(
        time_attr="epoch",
        metric=OBJECTIVE,
        mode="max",
        max_t=max(2, max_epochs),
        grace_period=max(1, max_epochs // 4),
        reduction_factor=2,
    )


def _error_of(trial: Any) -> Any:
    """The exception that Tune caught for a trial.

    It lies in Tune's local file for it, written a moment ago by this very process; `Trial.get_error`
    looks at the storage, which the file reaches only later.
    """
    path = trial.pickled_error_file
    if path is None or not Path(path).is_file():
        return "the worker died"
    with Path(path).open("rb") as file:
        return cloudpickle.load(file)


def _id(trial: Any) -> str:
    return str(trial.config["trial"])


def _known_as(trial: str) -> SimpleNamespace:
    return SimpleNamespace(trial_id=trial)
