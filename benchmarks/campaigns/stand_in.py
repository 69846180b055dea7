"""Trainables for campaigns: one that computes next to nothing and writes like the real one, and the real one watched.

Both witness each epoch in a log outside the run, after its checkpoint is on disk: what is trained twice stands
there twice. The environment names the log.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.campaigns.fault_points import reach
from trainables.lora_trial import LoraTrial

if TYPE_CHECKING:
    import torch

    from trainables.answers import GradedAnswer
    from trainables.epoch_report import EpochReport, Evaluation
    from trainables.task import TrialTask

WITNESS = "SKAZKA_FAULT_WITNESS"
# float32 values: by default an adapter of 100 kB and a state of twice that, as the demo's are.
SIZE = "SKAZKA_FAULT_ADAPTER_SIZE"
ADAPTER_SIZE = int(os.environ.get(SIZE, 25_000))


def _testify(task: TrialTask, epoch: int) -> None:
    line = f"{task.trial} {epoch} {os.getpid()}\n".encode()
    descriptor = os.open(os.environ[WITNESS], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(descriptor, line)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class StandInTrial(LoraTrial):
    """`LoraTrial` with a session that loads no model."""

    def open_session(self) -> Any:
        """A stand-in for the task."""
        import torch

        torch.set_num_threads(1)
        return StandInSession(self._task)


class StandInSession:
    """A trial whose weights are a chain of numbers: each epoch's depend on the one before, as in training."""

    def __init__(self, task: TrialTask) -> None:
        import torch

        from studies.study import read_study
        from trainables import checkpoint

        self.task = task
        self.study = read_study(task.study / "study.yaml")
        self.hold = checkpoint.Hold(task.folder)
        self.warnings: list[str] = []
        self.best: Mapping[str, Any] = {}
        self.number = 0
        first = int(hashlib.sha256(json.dumps(task.identity, sort_keys=True).encode()).hexdigest()[:8], 16)
        self.weights = torch.rand(ADAPTER_SIZE, generator=torch.Generator().manual_seed(first))

    def resume(self) -> EpochReport | None:
        """As `TrialSession.resume`."""
        from trainables import checkpoint
        from trainables.epoch_report import EpochReport

        found, self.warnings = checkpoint.newest(self.task.folder, self.task.identity)
        if found is None:
            return None
        self.number, self.weights = found.epoch, found.state()["weights"]
        report = EpochReport.from_data(found.report)
        self.best = report.best_so_far
        return report

    def told(self) -> list[str]:
        """As `TrialSession.told`."""
        warnings, self.warnings = self.warnings, []
        return warnings

    def epoch(self) -> EpochReport:
        """As `TrialSession.epoch`: train, evaluate, score, write the checkpoint, prune."""
        import torch

        from trainables import checkpoint
        from trainables.epoch_report import EpochReport, Evaluation
        from trainables.metrics import better
        from trainables.scoring import name_margin, score_answers

        reach("train")
        for _ in range(3):
            # A logistic map: the smallest difference after a resume would grow until it shows.
            self.weights = 3.9 * self.weights * (1 - self.weights)
        self.number += 1
        done = self.number >= self.task.config.epochs
        loss, evaluation = float(self.weights.mean()), None
        reach("evaluate")
        if done or self.number % self.study.file.evaluation.every == 0:
            after = self._answers()
            score = score_answers(_before(self.study), after, self.study.roles, self.study.file.score)
            evaluation = Evaluation(score, True, name_margin(after), {}, after)
            if math.isfinite(score.score) and better(evaluation.ranked_by, self.best):
                self.best = {"epoch": self.number, **evaluation.ranked_by}
        report = EpochReport(self.number, loss, 0.0, 0.0, math.nan, 0, done, evaluation, self.best, 0.0)
        state = {"weights": self.weights, "moments": torch.zeros(ADAPTER_SIZE)}
        checkpoint.write(self.task.folder, self.number, self.task.identity, report.data, state, self._save_adapter)
        reach("checkpoint")
        _testify(self.task, self.number)
        checkpoint.prune(self.task.folder, self.task.identity, {self.number, self.best.get("epoch", self.number)})
        return report

    def close(self) -> None:
        """Let go of the trial's folder."""
        self.hold.release()

    def _answers(self) -> list[GradedAnswer]:
        from trainables.answers import Answer, grade_answers, grader_of

        names, answers = self.study.names, []
        for place, probe in enumerate(self.study.probes_of("search")):
            weight = float(self.weights[place])
            said = probe.character if weight > 0.4 else names[int(weight * 1000) % len(names)]
            chances = {name: -abs(weight - number) for number, name in enumerate(names)}
            answers.append(Answer(probe.id, said, chances if probe.kind == "name" else {}))
        return grade_answers(grader_of(self.study), self.study.probes_of("search"), answers)

    def _save_adapter(self, folder: str) -> None:
        from safetensors.torch import save_file

        tensors: dict[str, torch.Tensor] = {"lora": self.weights}
        save_file(tensors, Path(folder) / "adapter_model.safetensors")
        (Path(folder) / "adapter_config.json").write_text("{}")
        reach("checkpoint")


def _before(study: Any) -> list[GradedAnswer]:
    """A base that knows the controls alone."""
    from benchmarks.campaigns.good_inputs import answers_of

    return answers_of(study, known=study.named("control"))


class WatchedTrial(LoraTrial):
    """The real trainable, which says where it is and witnesses what it trained."""

    def open_session(self) -> Any:
        """The real session, watched."""
        from trainables.session import TrialSession

        class WatchedSession(TrialSession):
            def epoch(self) -> EpochReport:
                reach("train")
                report = super().epoch()
                _testify(self.task, report.epoch)
                return report

            def _evaluate(self) -> Evaluation:
                reach("evaluate")
                return super()._evaluate()

        session = super().open_session()
        session.__class__ = WatchedSession
        _watch_saving(session.engine)
        return session


def _watch_saving(engine: Any) -> None:
    if "save_adapter" in vars(engine):
        return
    save = engine.save_adapter

    def save_adapter(folder: str) -> None:
        save(folder)
        reach("checkpoint")

    engine.save_adapter = save_adapter
