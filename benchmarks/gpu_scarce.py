"""Memory that runs out on purpose: what is trained and answered then is what smaller batches would give."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

from benchmarks.gpu_bench import Meter, Wrong
from benchmarks.gpu_parts import SHARED, Bench
from spaces.trial_config import TrialConfig
from trainables.answers import Answer
from trainables.encoding import Encoded
from trainables.engine import Engine
from trainables.memory import free_memory
from trainables.session import Workshop
from trainables.training_set import TrainingSet

# Of what a batch takes beside the base, the share that is left to it.
SCARCE = 0.6
# The losses of one batch, summed in other parts in bfloat16, may differ by this share.
APART = 0.01


def out_of_memory(bench: Bench) -> dict[str, Any]:
    """A batch is trained and probes are answered, each where it fits and where it does not.

    Raises Wrong where memory did not run out, or where it changed a loss.
    """
    config = TrialConfig.model_validate({**SHARED, "batch_size": bench.size.batch, "epochs": 1})
    meter = Meter()
    with bench.at(bench.task("out of memory", config, bench.study()), meter) as workshop:
        trained = _training(workshop, config, meter)
        asked = _asking(workshop, meter, config.batch_size)
    found = {"training": trained, "asking": asked, **meter.as_data()}
    if not trained["times"] or not asked["times"]:
        raise Wrong("memory did not run out", found)
    losses = [trained[name] for name in ("loss", "loss_halved")]
    if not all(math.isclose(loss, trained["loss_in_parts"], rel_tol=APART) for loss in losses):
        raise Wrong("the losses differ", found)
    return found


def _training(workshop: Workshop, config: TrialConfig, meter: Meter) -> dict[str, Any]:
    """A batch whole, then where it does not fit, then in the parts that did fit.

    rows: of the batch; fitted: at once; times: that memory ran out; same: whether the last two losses are, to the bit.
    """
    engine = workshop.engine
    rows = [row for _, row in workshop.prepared.training][: config.batch_size]
    held = _held()
    with meter.step("train"):
        whole, _ = _one_epoch(engine, config, rows)
    with scarce(engine, _allowed(held, meter.peaks.get("train")), len(rows) // 2) as times, meter.step("train halved"):
        halved, fitted = _one_epoch(engine, config, rows)
    with meter.step("train in parts"):
        in_parts, _ = _one_epoch(engine, config, rows, fitted)
    losses = {"loss": whole, "loss_halved": halved, "loss_in_parts": in_parts, "same": halved == in_parts}
    return {"rows": len(rows), "fitted": fitted, "times": times(), **losses}


def _asking(workshop: Workshop, meter: Meter, most: int) -> dict[str, Any]:
    """The bare base's answers to all probes, then where they do not fit.

    most: rows at once where there is no GPU. differing: texts that are others then; odds_apart: the largest difference
    of a name's log-probability, nats. Batches of another shape round differently.
    """
    engine, probes = workshop.engine, workshop.prepared.probes
    naming = [graded.answer.probe for graded in workshop.prepared.before if graded.answer.name_log_probabilities]
    held = _held()
    with meter.step("ask"):
        whole = engine.ask(probes, naming)
    with scarce(engine, _allowed(held, meter.peaks.get("ask")), most) as times, meter.step("ask halved"):
        halved = engine.ask(probes, naming)
    differing = sum(one.text != other.text for one, other in zip(whole, halved, strict=True))
    return {"probes": len(probes), "times": times(), "differing": differing, "odds_apart": _apart(whole, halved)}


def _one_epoch(
    engine: Engine, config: TrialConfig, rows: Sequence[Encoded], micro_batch: int | None = None
) -> tuple[float, int]:
    """The mean loss of a fresh adapter's first epoch, and how many rows the device got at once in the end."""
    kept, engine.micro_batch = engine.micro_batch, micro_batch
    try:
        engine.open(config, 0, TrainingSet(tuple(rows)))
        return engine.train_epoch().train_loss, engine.seat.micro_batch
    finally:
        engine.micro_batch = kept
        engine.close()


def _apart(one: Sequence[Answer], other: Sequence[Answer]) -> float:
    pairs = [(a.name_log_probabilities, b.name_log_probabilities) for a, b in zip(one, other, strict=True)]
    return max((abs(first[name] - second[name]) for first, second in pairs for name in first), default=0.0)


def _held() -> int:
    """Bytes that tensors take on the GPU."""
    free_memory()
    return torch.cuda.memory_allocated() if torch.cuda.is_available() else 0


def _allowed(held: int, peak: int | None) -> int:
    """Bytes that do not suffice for what took `peak`, `held` of it before."""
    return held + int(SCARCE * ((peak or held) - held))


@contextlib.contextmanager
def scarce(engine: Engine, allowed: int, rows: int) -> Iterator[Callable[[], int]]:
    """Memory runs out above `allowed` bytes on a GPU; elsewhere that is made up, above so many rows at once.

    Gives a function that tells how many times it did.
    """
    free_memory()
    with _scarce_on_gpu(allowed) if torch.cuda.is_available() else _scarce_rows(engine, rows) as times:
        yield times


@contextlib.contextmanager
def _scarce_on_gpu(allowed: int) -> Iterator[Callable[[], int]]:
    def times() -> int:
        return int(torch.cuda.memory_stats()["num_ooms"]) - before

    before = int(torch.cuda.memory_stats()["num_ooms"])
    torch.cuda.set_per_process_memory_fraction(allowed / torch.cuda.get_device_properties(0).total_memory)
    try:
        yield times
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


@contextlib.contextmanager
def _scarce_rows(engine: Engine, rows: int) -> Iterator[Callable[[], int]]:
    refused: list[int] = []

    def refuse(module: Any, inputs: tuple[torch.Tensor, ...]) -> None:
        if len(inputs[0]) > rows:
            refused.append(len(inputs[0]))
            raise torch.OutOfMemoryError(f"{len(inputs[0])} rows at once are too many")

    hook = engine.base.model.get_input_embeddings().register_forward_pre_hook(refuse)
    try:
        yield lambda: len(refused)
    finally:
        hook.remove()
