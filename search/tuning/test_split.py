"""The test probes: opened after the winner is in the ledger, to report and never to choose."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

import ray
from ray.exceptions import RayActorError, RayTaskError
from ray.util import ActorPool

from search.options import Options
from search.run.ledger import BASE, Ledger
from search.run.run_folder import RunFolder
from search.run.trial_row import TrialRow
from search.tuning.finalists import Standing, standings
from skazka_text.problems import Refusal
from skazka_text.secrets import redact
from trainables.answers import GradedAnswer
from trainables.checkpoint_files import checkpoint_folder, read_manifest
from trainables.facts import Facts, elsewhere
from trainables.task import NO_GPU

# How often an examiner whose process died is started again.
RESTARTS = 3
log = logging.getLogger(__name__)
Progress = Callable[[int, int], None]


class OpeningError(Refusal, RuntimeError):
    """The test probes could not be asked; what was answered so far stands."""


class Examiner:
    """On a worker: a base model, and the test probes of a run."""

    def __init__(self, run: str, gpus: float) -> None:
        if gpus == 0:
            os.environ.update(NO_GPU)
        import torch

        from trainables.base_model import BaseModel
        from trainables.examination import Examination
        from trainables.lora_trial import end_with_parent
        from trainables.memory import limit_memory

        end_with_parent()
        torch.set_num_threads(1)
        self.folder = RunFolder(Path(run))
        study, manifest = self.folder.study(), self.folder.manifest()
        limit_memory(gpus)
        spec, trust = study.file.base_model, Options.recorded(manifest).trust_remote_code
        model = manifest["base_model"]["id"]
        facts = Facts.read(self.folder.prepared)
        base = BaseModel.load(model, spec, prompting=facts.prompting, trust_remote_code=trust)
        self.odd = elsewhere(facts.device, base.device.type)
        self.examination = Examination(study, base, "test")

    def oddity(self) -> str | None:
        """What is to be said of the device on which it asks."""
        return self.odd

    def ask(self, trial: str, epoch: int | None) -> tuple[str, list[GradedAnswer] | str]:
        """A trial's graded answers, from the checkpoint of that epoch; the bare base's without one.

        Where the checkpoint cannot be used, the reason in place of the answers.
        """
        adapter = None
        if epoch is not None:
            adapter = checkpoint_folder(self.folder.trial(trial), epoch)
            try:
                read_manifest(adapter)
            except (OSError, ValueError, KeyError, TypeError) as error:
                return trial, f"not tested: its checkpoint cannot be used ({error})"
        return trial, self.examination.answers(adapter)


def unasked(ledger: Ledger) -> list[TrialRow]:
    """The finalists' repeats that were not asked the test probes yet."""
    repeats = [row for standing in standings(ledger.trials()) for row in standing.scored]
    return [row for row in repeats if not ledger.answers(row.id, "test")]


def open_test(
    folder: RunFolder, ledger: Ledger, winner: Standing, *, cpus: float, gpus: float, slots: int, progress: Progress
) -> None:
    """Ask the bare base and every finalist's repeats the test probes, on `slots` workers at once.

    The winner is committed before the first probe is opened. Raises OpeningError when a worker fails.
    """
    known = ledger.meta("winners", [])
    if not known or known[-1]["trial"] != winner.trial.id:
        entry = {"trial": winner.trial.id, "mean": winner.mean, "time": time.time()}
        ledger.set_meta("winners", [*known, entry])
    todo: list[tuple[str, int | None]] = [(row.id, row.best_epoch) for row in unasked(ledger)]
    if not ledger.answers(BASE, "test"):
        todo.insert(0, (BASE, None))
    if not todo:
        return
    examiner = ray.remote(num_cpus=cpus, num_gpus=gpus, max_restarts=RESTARTS, max_task_retries=RESTARTS)(Examiner)
    examiners = [examiner.remote(str(folder.path), gpus) for _ in range(min(slots, len(todo)))]
    pool = ActorPool(examiners)
    progress(0, len(todo))
    try:
        if (odd := ray.get(examiners[0].oddity.remote())) is not None:
            ledger.warn(winner.trial.id, f"test probes: {odd}")
            log.warning("test probes: %s", odd)
        answers = pool.map_unordered(lambda actor, task: actor.ask.remote(*task), todo)
        for done, (trial, answered) in enumerate(answers, start=1):
            if isinstance(answered, str):
                ledger.warn(trial, answered)
                log.warning("%s: %s", trial, answered)
            else:
                ledger.put_answers(trial, "test", answered)
            progress(done, len(todo))
    except (RayActorError, RayTaskError) as error:
        cause = error.cause if isinstance(error, RayTaskError) else error
        last = (redact(str(cause)).strip().splitlines() or ["no message"])[-1]
        raise OpeningError(f"the test probes could not be asked ({last})", "skazka resume asks the rest") from error
    ledger.backup()
