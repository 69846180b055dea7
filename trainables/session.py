"""One trial in training: train an epoch, answer the probes, grade the answers, score the grades, report."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from studies.study import Study, read_study
from trainables import checkpoint
from trainables.answering import Interviewer
from trainables.answers import GradedAnswer, grade_answers, grader_of
from trainables.base_model import BaseModel
from trainables.engine import Engine, NotFinite
from trainables.epoch_report import EpochReport, Evaluation
from trainables.examination import naming
from trainables.facts import elsewhere
from trainables.grading import Grader
from trainables.metrics import better
from trainables.prepared import Prepared
from trainables.scoring import compare, name_margin, score_answers, scored_roles
from trainables.task import TrialTask
from trainables.training_set import select

# Of a trained adapter, beside 1: less of it may bring back what it made the model forget.
SCALES = (0.85, 0.7, 0.5)


@dataclass(frozen=True)
class Workshop:
    """What a worker keeps over its trials: the study, the shared data, and the engine with its base."""

    key: tuple[Path, Path, str]
    study: Study
    prepared: Prepared
    engine: Engine
    grader: Grader

    @classmethod
    def build(cls, task: TrialTask) -> Workshop:
        """Load the base and the shared data of a task's sweep."""
        study = read_study(task.study / "study.yaml")
        prepared = Prepared.load(task.prepared)
        spec, trust = study.file.base_model, task.trust_remote_code
        base = BaseModel.load(task.base_model, spec, prompting=prepared.prompting, trust_remote_code=trust)
        tokens = study.file.evaluation.max_new_tokens
        interviewer = Interviewer(base, prepared.features, prepared.names, max_new_tokens=tokens)
        engine = Engine(base, prepared.features, interviewer, spec.micro_batch)
        return cls(workshop_key(task), study, prepared, engine, grader_of(study))


def workshop_key(task: TrialTask) -> tuple[Path, Path, str]:
    """Tasks with the same key can share a workshop."""
    return (task.study, task.prepared, task.base_model)


class TrialSession:
    """A trial from its newest checkpoint (or from nothing) to its last epoch."""

    def __init__(self, task: TrialTask, workshop: Workshop) -> None:
        self.task = task
        self.workshop = workshop
        self.engine = workshop.engine
        self.evaluation = workshop.study.file.evaluation
        self.best: Mapping[str, Any] = {}
        self.warnings: list[str] = []
        self.hold = checkpoint.Hold(task.folder)
        prepared = workshop.prepared
        if (odd := elsewhere(prepared.device, self.engine.base.device.type)) is not None:
            self.warnings.append(odd)
        data = select(task.config, prepared.training, prepared.replay, self.evaluation.held_out)
        try:
            self.engine.open(task.config, task.seed, data)
        except BaseException:
            self.hold.release()
            raise

    def resume(self) -> EpochReport | None:
        """Go on from the newest whole checkpoint; returns its report, which may never have arrived."""
        found, skipped = checkpoint.newest(self.task.folder, self.task.identity)
        self.warnings += skipped
        if found is None:
            return None
        self.engine.restore(found.epoch, found.adapter(), found.state())
        report = EpochReport.from_data(found.report)
        self.best = report.best_so_far
        return report

    def told(self) -> list[str]:
        """The warnings since the last call."""
        warnings, self.warnings = self.warnings, []
        return warnings

    def epoch(self) -> EpochReport:
        """Train one epoch and report it; the checkpoint is on disk before the report is returned."""
        start = time.monotonic()
        asked = self.engine.seat.micro_batch
        trained = self.engine.train_epoch()
        if (fits := self.engine.seat.micro_batch) < asked:
            said = f"out of memory: micro-batch {fits} instead of {asked}; the batch itself stays what it was"
            self.warnings.append(said)
        epoch = self.engine.seat.epoch
        done = epoch >= self.task.config.epochs
        eval_loss = self.engine.held_out_loss()
        evaluation = self._evaluate() if done or epoch % self.evaluation.every == 0 else None
        if evaluation is not None:
            evaluation = self._scaled(evaluation) if done and self.task.config.scale_search else evaluation
            if better(evaluation.ranked_by, self.best):
                self.best = {"epoch": epoch, **evaluation.ranked_by}
        report = EpochReport(
            epoch=epoch,
            **vars(trained),
            eval_loss=eval_loss,
            cut_answers=self.engine.seat.data.cut_answers,
            done=done,
            evaluation=evaluation,
            best_so_far=self.best,
            seconds=time.monotonic() - start,
        )
        state = self.engine.state(getattr(torch, self.task.moments))
        checkpoint.write(self.task.folder, epoch, self.task.identity, report.data, state, self.engine.save_adapter)
        checkpoint.prune(self.task.folder, self.task.identity, {epoch, self.best.get("epoch", epoch)})
        return report

    def _evaluate(self) -> Evaluation:
        study, before = self.workshop.study, self.workshop.prepared.before
        after = self._answers()
        roles = scored_roles(before, study.roles, self.task.known_share)
        score = score_answers(before, after, roles, study.file.score)
        if not math.isfinite(score.score):
            raise NotFinite("the score is not a number")
        return Evaluation(
            score=score,
            feasible=self.task.max_degradation is None or score.degradation <= self.task.max_degradation,
            name_margin=name_margin(after),
            accuracy={change.character: change.after for change in compare(before, after, roles)},
            answers=after,
        )

    def _scaled(self, unscaled: Evaluation) -> Evaluation:
        """The evaluation at the best scale of the trained adapter, which stays set; the largest of equals."""
        best, found = 1.0, unscaled
        for scale in SCALES:
            self.engine.set_scale(scale)
            evaluated = self._evaluate()
            if better(evaluated.ranked_by, found.ranked_by):
                best, found = scale, evaluated
        self.engine.set_scale(best)
        return replace(found, scale=best)

    def _answers(self) -> list[GradedAnswer]:
        probes = self.workshop.study.probes_of("search")
        answers = self.engine.ask(self.workshop.prepared.probes, naming(probes))
        return grade_answers(self.workshop.grader, probes, answers)

    def close(self) -> None:
        """Leave the engine's seat."""
        try:
            self.engine.close()
        finally:
            self.hold.release()
