"""The Ray Tune Trainable: one trial on the actor that holds its GPU or CPU."""

from __future__ import annotations

import contextlib
import json
import traceback
from typing import TYPE_CHECKING, Any

from ray import tune

from trainables.task import TrialTask

if TYPE_CHECKING:
    from trainables.session import TrialSession, Workshop


class LoraTrial(tune.Trainable):  # type: ignore[misc]
    """One epoch a step. The base stays loaded while Tune reuses the actor for further trials.

    A configuration that cannot be trained is a reported failure, and the actor goes on to the next
    trial. Any other exception may have left the base or the device in an unknown state: it is raised,
    and Tune ends the actor with it. Nothing fallible happens in `setup` and `reset_config`.
    """

    _workshop: Workshop | None = None
    _session: TrialSession | None = None

    def setup(self, config: dict[str, Any]) -> None:
        """Remember the task; the first step does the work."""
        self._task = TrialTask.model_validate(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take the next trial."""
        self._end_session()
        self._task = TrialTask.model_validate(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """Train one epoch and report it, or report why that failed."""
        try:
            if self._session is None:
                from trainables.session import TrialSession

                self._session = TrialSession(self._task, self._open_workshop())
                return _result(self._session.resume() or self._session.epoch())
            return _result(self._session.epoch())
        except ArithmeticError as error:
            self._log(traceback.format_exc())
            self._end_session()
            return {"failure": f"{type(error).__name__}: {error}".splitlines()[0], "done": True}
        except Exception:
            self._log(traceback.format_exc())
            raise

    def save_checkpoint(self, checkpoint_dir: str) -> dict[str, Any]:
        """Nothing: a trial's checkpoints lie in its own folder, written before each report."""
        return {}

    def load_checkpoint(self, checkpoint: dict[str, Any] | None) -> None:
        """Nothing: the first step finds the newest checkpoint itself."""

    def cleanup(self) -> None:
        """Free the seat when Tune stops the actor."""
        self._end_session()

    def _log(self, text: str) -> None:
        # A folder that cannot be written may be the very failure that is being told.
        with contextlib.suppress(OSError):
            self._task.folder.mkdir(parents=True, exist_ok=True)
            (self._task.folder / "error.log").write_text(text, encoding="utf-8")

    def _open_workshop(self) -> Workshop:
        # Here and not above: the driver imports this module too, and it never needs torch.
        import torch

        from trainables.session import Workshop, workshop_key

        if self._workshop is None or self._workshop.key != workshop_key(self._task):
            torch.set_num_threads(1)
            self._workshop = Workshop.build(self._task)
        return self._workshop

    def _end_session(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None


def _result(report: dict[str, Any]) -> dict[str, Any]:
    """What Tune needs to see of a report; the whole of it travels as one JSON string, which Tune leaves alone."""
    seen: dict[str, Any] = {name: report[name] for name in ("epoch", "score", "done") if name in report}
    return {**seen, "report": json.dumps(report, ensure_ascii=False)}
