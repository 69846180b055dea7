"""What a run does to a base, part by part: prepare a study, train trials, run out of memory, do it all in 4 bit."""

from __future__ import annotations

import contextlib
import importlib.util
import math
from collections.abc import Iterator, Sequence
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
from trainables.encoding import Encoded
from trainables.engine import Engine
from trainables.loading import device
from trainables.memory import free_memory
from trainables.prepared import prepare
from trainables.session import TrialSession, Workshop
from trainables.sizing import Sizer, row_lengths
from trainables.task import TrialTask
from trainables.training_set import TrainingSet
from trainables.tryout import try_out

ATTENTION, ALL_LAYERS = "attention", "attention+mlp"
SHARED = {"learning_rate": 1e-3, "rank": 16, "epochs": 2, "max_length": 1024}
REPLAY = {"replay": True, "replay_ratio": 0.5, "kl": True, "kl_on": "replay", "kl_weight": 0.3}
# Of what a batch takes beside the base and its adapter, the share that is left to it when memory is to run out.
SCARCE = 0.6
# Two sums of one batch's losses, in bfloat16, may differ by this share.
LOSS_APART = 0.01


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
        "losses": [report["train_loss"] for report in reports],
        "warnings": session.told(),
        "score": reports[-1]["score"],
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


def out_of_memory(bench: Bench) -> dict[str, Any]:
    """One batch whole, then where it does not fit, then in the parts that did fit: all three losses are the same."""
    config = TrialConfig.model_validate({**SHARED, "batch_size": bench.size.batch, "epochs": 1})
    meter = Meter()
    with bench.at(bench.task("out of memory", config, bench.study()), meter) as workshop:
        engine = workshop.engine
        rows = [row for _, row in workshop.prepared.training][: config.batch_size]
        held = torch.cuda.memory_allocated() if torch.cuda.is_available() else 0
        with meter.step("whole"):
            whole, _ = _one_epoch(engine, config, rows)
        allowed = int(held + SCARCE * (meter.peaks.get("whole", held) - held))
        with scarce(engine, allowed, len(rows) // 2), meter.step("halved"):
            halved, fitted = _one_epoch(engine, config, rows)
        with meter.step("in parts"):
            in_parts, _ = _one_epoch(engine, config, rows, fitted)
    found = {"rows": len(rows), "fitted": fitted, "allowed": allowed, "loss": whole, "loss_halved": halved}
    found |= {"loss_in_parts": in_parts, "same": halved == in_parts, **meter.as_data()}
    if fitted == len(rows):
        raise RuntimeError(f"memory did not run out: {found}")
    if not all(math.isclose(loss, in_parts, rel_tol=LOSS_APART) for loss in (whole, halved)):
        raise RuntimeError(f"the losses differ: {found}")
    return found


def _one_epoch(
    engine: Engine, config: TrialConfig, rows: Sequence[Encoded], micro_batch: int | None = None
) -> tuple[float, int]:
    """The mean loss of a fresh adapter's first epoch, and how many rows the device got at once in the end."""
    free_memory()
    kept, engine.micro_batch = engine.micro_batch, micro_batch
    try:
        engine.open(config, 0, TrainingSet(tuple(rows)))
        return engine.train_epoch().train_loss, engine.seat.micro_batch
    finally:
        engine.micro_batch = kept
        engine.close()


@contextlib.contextmanager
def scarce(engine: Engine, allowed: int, rows: int) -> Iterator[None]:
    """Memory runs out: on a GPU above so many bytes, elsewhere, as an error that is raised, above so many rows."""
    if torch.cuda.is_available():
        free_memory()
        torch.cuda.set_per_process_memory_fraction(allowed / torch.cuda.get_device_properties(0).total_memory)
        try:
            yield
        finally:
            torch.cuda.set_per_process_memory_fraction(1.0)
        return

    def refuse(module: Any, inputs: tuple[torch.Tensor, ...]) -> None:
        if len(inputs[0]) > rows:
            raise torch.OutOfMemoryError(f"{len(inputs[0])} rows at once are too many")

    hook = engine.base.model.get_input_embeddings().register_forward_pre_hook(refuse)
    try:
        yield
    finally:
        hook.remove()
