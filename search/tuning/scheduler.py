"""The scheduler's wrapper: every result is in the ledger before anyone decides on it."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ray import cloudpickle
from ray.exceptions import RayTaskError
from ray.tune.schedulers import AsyncHyperBandScheduler, FIFOScheduler, TrialScheduler

from search.options import Scheduling
from search.run.ledger import Ledger
from search.run.trial_row import End
from search.tuning.stop_request import Halt
from studies.files import DiskFull
from trainables.answers import graded_from_data
from trainables.epoch_report import metrics_of
from trainables.lora_trial import describe
from trainables.metrics import OBJECTIVE
from trainables.task import ERROR_LOG, HANG_LOG

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Patience:
    """How often a trial is tried again: after failures of its training, after deaths of its process."""

    max_failures: int
    max_lost: int

    @property
    def starts(self) -> int:
        """The most attempts that one trial may take within one attempt of the sweep."""
        return 1 + self.max_failures + self.max_lost

    def again(self, end: End, attempts: Sequence[Mapping[str, Any]]) -> bool:
        """Whether a trial that now ends as `failed` or `lost` gets another attempt."""
        events = [attempt["event"] for attempt in attempts]
        since = len(events) - events[::-1].index("retried") if "retried" in events else 0
        limit = self.max_lost if end == "lost" else self.max_failures
        return events[since:].count(end) < limit


class LedgerScheduler(TrialScheduler):  # type: ignore[misc]
    """Commits each result, then lets the scheduler inside decide.

    The scheduler inside knows trials by the ledger's ids, so that what was replayed to it on a
    resume and what comes new are one history.
    """

    def __init__(self, ledger: Ledger, inner: TrialScheduler, patience: Patience, halt: Halt) -> None:
        super().__init__()
        self.ledger = ledger
        self.inner = inner
        self.patience = patience
        self.halt = halt
        self._stopped: set[str] = set()

    def set_search_properties(self, metric: str | None, mode: str | None, **spec: Any) -> bool:
        """The metric is the ledger's."""
        return True

    def replay(self) -> None:
        """Show the scheduler inside every epoch that the ledger holds, in commit order."""
        rows = {row.id: row for row in self.ledger.trials() if row.repeat_of is None}
        for trial in rows:
            self.inner.on_trial_add(None, _known_as(trial))
        for trial, metrics in self.ledger.epochs_in_commit_order():
            if metrics.get(OBJECTIVE) is None or trial not in rows:
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
        with self.halt.on_trouble():
            # A resumed trial reports its newest checkpoint again: the replay has shown it already.
            if self._commit(_id(trial), result) and OBJECTIVE in result and not self._is_repeat(trial):
                decision = self.inner.on_trial_result(tune_controller, _known_as(_id(trial)), result)
                if decision == TrialScheduler.STOP:
                    self._stopped.add(_id(trial))
        return str(TrialScheduler.STOP if _id(trial) in self._stopped else TrialScheduler.CONTINUE)

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """Commit the last result and the trial's end."""
        with self.halt.on_trouble():
            self._commit(_id(trial), result)
            if "disk_full" in result:
                self.halt.trouble = DiskFull(result["disk_full"])
                self.ledger.finish(_id(trial), "interrupted", result["disk_full"])
            elif "lost" in result:
                self._give_up(trial, "lost", result["lost"])
            elif "failure" in result:
                self._give_up(trial, "failed", result["failure"], ERROR_LOG)
            elif _id(trial) in self._stopped:
                self.ledger.finish(_id(trial), "stopped")
            else:
                self.ledger.finish(_id(trial), "completed")
                if OBJECTIVE in result and not self._is_repeat(trial):
                    self.inner.on_trial_complete(tune_controller, _known_as(_id(trial)), result)

    def on_trial_error(self, tune_controller: Any, trial: Any) -> None:
        """A step raised, or the trial's process died."""
        error = _error_of(trial)
        with self.halt.on_trouble():
            if isinstance(error, RayTaskError):
                self._give_up(trial, "failed", describe(error.cause), ERROR_LOG)
            elif self._hung(trial):
                self._give_up(trial, "lost", "a step took longer than --trial-timeout", HANG_LOG)
            else:
                self._give_up(trial, "lost", f"the process died: {describe(error)}")

    def on_trial_remove(self, tune_controller: Any, trial: Any) -> None:
        """A trial was taken out before it ran: it stays to be run."""
        with self.halt.on_trouble():
            self.ledger.finish(_id(trial), "interrupted", "removed before it ran")

    def _is_repeat(self, trial: Any) -> bool:
        """Whether it is a finalist's: those run to their end, for they are compared with each other."""
        return self.ledger.trial(_id(trial)).repeat_of is not None

    def _give_up(self, trial: Any, end: End, cause: str, log: str | None = None) -> None:
        """End an attempt; the searcher hands the trial out again while there is patience."""
        again = self.patience.again(end, self.ledger.attempts(_id(trial)))
        path = None if log is None else f"trials/{_id(trial)}/{log}"
        self.ledger.finish(_id(trial), end, cause, again=again, log=path)

    def _hung(self, trial: Any) -> bool:
        path = Path(trial.config["folder"]) / HANG_LOG
        return path.is_file() and path.stat().st_size > 0

    def choose_trial_to_run(self, tune_controller: Any) -> Any:
        """The scheduler inside chooses."""
        return self.inner.choose_trial_to_run(tune_controller)

    def debug_string(self) -> str:
        """What the scheduler inside says of itself."""
        return str(self.inner.debug_string())

    def _commit(self, trial: str, result: dict[str, Any]) -> bool:
        for warning in json.loads(result.get("warnings", "[]")):
            self.ledger.warn(trial, warning)
            log.warning("%s: %s", trial, warning)
        if "report" not in result:
            return False
        report = json.loads(result["report"])
        answers = [graded_from_data(graded) for graded in report.get("answers", ())]
        return self.ledger.record_epoch(trial, report["epoch"], metrics_of(report), answers)


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


def _error_of(trial: Any) -> BaseException:
    """The exception that Tune caught for a trial.

    It lies in Tune's local file for it, written a moment ago by this very process; `Trial.get_error`
    looks at the storage, which the file reaches only later.
    """
    path = trial.pickled_error_file
    if path is None or not Path(path).is_file():
        return RuntimeError("no message")
    with Path(path).open("rb") as file:
        error: BaseException = cloudpickle.load(file)
    return error


def _id(trial: Any) -> str:
    return str(trial.config["trial"])


def _known_as(trial: str) -> SimpleNamespace:
    return SimpleNamespace(trial_id=trial)
