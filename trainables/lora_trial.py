"""The Ray Tune Trainable: one trial on the actor that holds its GPU or CPU."""

from __future__ import annotations

import faulthandler
import json
import os
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from ray import tune

from skazka_text.secrets import redact
from studies.files import is_disk_full
from trainables.task import ERROR_LOG, HANG_LOG, NO_GPU, StillHeld, TrialTask

if TYPE_CHECKING:
    from trainables.epoch_report import EpochReport
    from trainables.session import TrialSession, Workshop


class LoraTrial(tune.Trainable):  # type: ignore[misc]
    """One epoch a step. The base stays loaded while Tune reuses the actor for further trials.

    Whatever a step raises is caught and returned as a failure, so that the actor goes on to the next
    trial; only an accelerator whose context is lost is raised, for the process must end with it.
    Nothing fallible happens in `setup` and `reset_config`.
    """

    _workshop: Workshop | None = None
    _session: TrialSession | None = None

    def setup(self, config: dict[str, Any]) -> None:
        """Remember the task; the first step does the work."""
        end_with_parent()
        self._task = TrialTask.model_validate(config)
        if self._task.gpus == 0:
            os.environ.update(NO_GPU)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take the next trial."""
        self._leave()
        self._task = TrialTask.model_validate(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """Train one epoch and report it, or report why that failed."""
        try:
            with self._watched():
                return self._resume_or_train()
        except Exception as error:
            return self._failed(error)

    def open_session(self) -> TrialSession:
        """A session of the task, on the workshop that this actor keeps."""
        # Here and not above: the driver imports this module too, and it never needs torch.
        import torch

        from trainables.memory import free_memory, limit_memory
        from trainables.session import TrialSession, Workshop, workshop_key

        if self._workshop is None or self._workshop.key != workshop_key(self._task):
            torch.set_num_threads(1)
            limit_memory(self._task.gpus)
            # Two bases do not fit; of one that a failed trial left, modules refer to each other.
            self._workshop = None
            free_memory()
            self._workshop = Workshop.build(self._task)
        return TrialSession(self._task, self._workshop)

    def _resume_or_train(self) -> dict[str, Any]:
        if self._session is not None:
            return _result(self._session.epoch(), self._session.told())
        self._session = self.open_session()
        report = self._session.resume() or self._session.epoch()
        return _result(report, self._session.told())

    def _failed(self, error: Exception) -> dict[str, Any]:
        self._log(traceback.format_exc())
        self._leave()
        if not isinstance(error, ArithmeticError):
            # It may have left the base in an unknown state: the next trial loads it anew.
            self._workshop = None
        if isinstance(error, StillHeld):
            return {"lost": str(error), "done": True}
        if is_disk_full(error):
            return {"disk_full": f"{self._task.trial}: no space left on the disk", "done": True}
        if (said := _no_room(error)) is not None:
            return {"failure": said, "done": True}
        if _device_lost(error):
            # Not the error itself: Ray Tune writes what is raised to a file of its own.
            raise RuntimeError(describe(error)) from None
        return {"failure": describe(error), "done": True}

    def _leave(self) -> None:
        session, self._session = self._session, None
        try:
            if session is not None:
                session.close()
        except Exception:
            self._workshop = None
            self._log(traceback.format_exc())

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Give the process up when a step takes longer than the task allows; the log says where it hung."""
        if self._task.timeout is None:
            yield
            return
        self._task.folder.mkdir(parents=True, exist_ok=True)
        with (self._task.folder / HANG_LOG).open("w") as file:
            faulthandler.dump_traceback_later(self._task.timeout, exit=True, file=file)
            try:
                yield
            finally:
                faulthandler.cancel_dump_traceback_later()

    def _log(self, text: str) -> None:
        # A folder that cannot be written may be the very failure that is being told.
        with suppress(OSError):
            self._task.folder.mkdir(parents=True, exist_ok=True)
            with (self._task.folder / ERROR_LOG).open("a", encoding="utf-8", errors="replace") as file:
                file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')}\n{redact(text)}\n")

    def save_checkpoint(self, checkpoint_dir: str) -> dict[str, Any]:
        """Nothing: a trial's checkpoints lie in its own folder, written before each report."""
        return {}

    def load_checkpoint(self, checkpoint: dict[str, Any] | None) -> None:
        """Nothing: the first step finds the newest checkpoint itself."""

    def cleanup(self) -> None:
        """Free the seat when Tune stops the actor."""
        self._leave()


def _result(report: EpochReport, warnings: Sequence[str]) -> dict[str, Any]:
    """What Tune needs to see of a report; the whole of it travels as one JSON string, which Tune leaves alone."""
    score = {} if report.evaluation is None else {"score": report.evaluation.score.score}
    return {
        "epoch": report.epoch,
        **score,
        "done": report.done,
        "report": json.dumps(report.data, ensure_ascii=False),
        "warnings": json.dumps(list(warnings)),
    }


@cache
def end_with_parent() -> None:
    """End this process when the raylet that started it is gone.

    Ray's own end of a worker whose raylet was killed was seen to take over two minutes, in which the trial
    was handed out anew.
    """
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()


def describe(error: BaseException) -> str:
    """An exception in one line: its type and the last line of its message."""
    lines = redact(str(error)).strip().splitlines()
    return f"{type(error).__name__}: {lines[-1]}" if lines else type(error).__name__


def _no_room(error: Exception) -> str | None:
    """What is said of a trial of which not even one row fits; None for another error."""
    import torch

    from trainables.loading import device
    from trainables.memory import is_out_of_memory, one_row_too_many

    return str(one_row_too_many(torch.device(device()))) if is_out_of_memory(error) else None


def _device_lost(error: Exception) -> bool:
    import torch

    return isinstance(error, torch.AcceleratorError)
