"""What a run does with a base, part by part: prepare a study, train trials, train one in 4 bit."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu_bench import Meter, NotTried
from benchmarks.gpu_model import Size, make_model, make_study
from spaces.trial_config import TrialConfig
from studies.checks import load_study
from studies.study import Study
from trainables import checkpoint
from trainables.base_model import BaseModel
from trainables.loading import device
from trainables.memory import free_memory
from trainables.prepared import prepare
from trainables.session import TrialSession, Workshop
from trainables.sizing import Sizer, row_lengths
from trainables.task import TrialTask
from trainables.tryout import try_out

ATTENTION, ALL_LAYERS = "attention", "attention+mlp"
SHARED = {"learning_rate": 1e-3, "rank": 16, "epochs": 2, "max_length": 1024}
REPLAY = {"replay": True, "replay_ratio": 0.5, "kl": True, "kl_on": "replay", "kl_weight": 0.3}


def config_of(trial: str, size: Size) -> TrialConfig:
    """The two configurations: a small one, and one with all that costs memory."""
    if trial == ATTENTION:
        return TrialConfig.model_validate({**SHARED, "batch_size": 2})
    return TrialConfig.model_validate({**SHARED, **REPLAY, "batch_size": size.batch, "target_modules": ALL_LAYERS})


@dataclass
class Bench:
    """Where everything lies, and the base that stays loaded from one part to the next."""

    folder: Path
    size: Size
    workshop: Workshop | None = None

    @property
    def model(self) -> Path:
        """The base's folder."""
        return self.folder / "model"

    @property
    def prepared(self) -> Path:
        """What all trials share."""
        return self.folder / "prepared"

    def study(self, name: str = "study", **base: Any) -> Study:
        """The study with further keys of base_model."""
        if not (self.folder / name).exists():
            make_study(self.folder / name, self.model, self.size, base)
        return load_study(self.folder / name)

    def task(self, trial: str, config: TrialConfig, study: Study) -> TrialTask:
        """A trial as a worker is told of it."""
        return TrialTask(
            trial=trial,
            config=config,
            seed=0,
            folder=self.folder / "trials" / trial,
            study=study.folder,
            prepared=self.prepared,
            base_model=study.base_model,
        )

    @contextlib.contextmanager
    def at(self, task: TrialTask, meter: Meter) -> Iterator[Workshop]:
        """The workshop of a task; what fails in it may leave the base in an unknown state, and it is loaded anew."""
        if self.workshop is None:
            with meter.step("load"):
                self.workshop = Workshop.build(task)
        try:
            yield self.workshop
        except BaseException:
            self.leave()
            raise

    def leave(self) -> None:
        """Free the base's memory."""
        self.workshop = None
        free_memory()


def base_model(bench: Bench) -> dict[str, Any]:
    """Make the base and its study."""
    make_model(bench.model, bench.size, device())
    study = bench.study()
    rows = {"training": len(study.training), "replay": len(study.replay), "probes": len(study.probes)}
    return {"bytes": sum(path.stat().st_size for path in bench.model.glob("*.safetensors")), "rows": rows}


def preparation(bench: Bench) -> dict[str, Any]:
    """Load, try out, look at every picture, ask the bare base."""
    study = bench.study()
    meter = Meter()
    with meter.step("load"):
        base = BaseModel.load(study.base_model, study.file.base_model)
    with meter.step("try out"):
        try_out(base, pictures=True)
    with meter.step("prepare"):
        prepared = prepare(study, base)
    with meter.step("save"):
        prepared.save(bench.prepared)
    return {**meter.as_data(), "pictures": len(prepared.features), "longest_prompt": prepared.longest_prompt()}


def trial(bench: Bench, name: str) -> dict[str, Any]:
    """A trial from its first epoch to its last checkpoint, beside what doctor says of it."""
    return _train(bench, bench.task(name, config_of(name, bench.size), bench.study()))


def four_bit(bench: Bench) -> dict[str, Any]:
    """The first trial for one epoch on a base in 4 bit."""
    if importlib.util.find_spec("bitsandbytes") is None:
        raise NotTried("bitsandbytes is not installed")
    if not torch.cuda.is_available():
        raise NotTried("4 bit needs a GPU, and none is seen here")
    bench.leave()
    study = bench.study("study in 4 bit", quantization="4bit")
    config = config_of(ATTENTION, bench.size).model_copy(update={"epochs": 1})
    try:
        return _train(bench, bench.task("4 bit", config, study))
    finally:
        bench.leave()


def _train(bench: Bench, task: TrialTask) -> dict[str, Any]:
    meter = Meter()
    with bench.at(task, meter) as workshop:
        # Before the trial: it tries steps of its own on the same base.
        doctor = _doctor(workshop, task.config)
        with meter.step("open"):
            session = TrialSession(task, workshop)
        engine = session.engine
        parts = [(engine, name) for name in ("train_epoch", "held_out_loss", "ask")]
        try:
            with meter.watching(*parts, (engine, "state"), (checkpoint, "write")):
                reports = [session.epoch() for _ in range(task.config.epochs)]
        finally:
            session.close()
    rows = [row for _, row in workshop.prepared.training]
    tokens = task.config.epochs * sum(len(row.prompt) + len(row.answer) for row in rows)
    return {
        **meter.as_data(),
        "doctor": doctor,
        "doctor_over_peak": doctor["memory"] / meter.peak if meter.peak else None,
        "tokens_a_second": tokens / meter.seconds["train_epoch"],
        "seconds_an_answer": meter.seconds["ask"] / len(workshop.prepared.probes),
        "losses": [report.train_loss for report in reports],
        "warnings": session.told(),
        "score": reports[-1].data["score"],
    }


def _doctor(workshop: Workshop, config: TrialConfig) -> dict[str, Any]:
    """What doctor says of a trial, bytes and seconds. activations_counted: without a GPU it would say so."""
    base, study = workshop.engine.base, workshop.study
    sizer = Sizer(study, base, row_lengths(study, base))
    counted = sizer.cost(config, measure=False)
    measured = sizer.cost(config, measure=True)
    free_memory()
    return {
        "memory": measured.memory,
        "weights": measured.weights,
        "trained": measured.trained,
        "activations": measured.activations,
        "activations_counted": counted.activations,
        "seconds": measured.seconds(study, config),
        "checkpoint_bytes": measured.checkpoint,
    }
