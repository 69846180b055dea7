"""How long a study's rows are, and what one trial on them costs in memory and time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from spaces.problems import Problem
from spaces.trial_config import TrialConfig
from studies.rows import Row
from studies.study import Study
from trainables.answering import Interviewer
from trainables.answers import ASK_BATCH
from trainables.base_model import BaseModel, VisionFeatures
from trainables.checkpoint_files import checkpoint_bytes
from trainables.engine import Engine
from trainables.examination import RowError, check_sees, encode, naming, read_row
from trainables.training_set import TrainingSet

# Bytes a trained weight: itself, its gradient and Adam's two moments, each in float32.
TRAINED_BYTES = 16
# Optimizer steps that are timed, after one that is not.
TIMED_STEPS = 2


@dataclass(frozen=True)
class RowLength:
    """Tokens of one training row: of its picture (part of the prompt, 0 without one), its prompt, and its answer."""

    image: int
    prompt: int
    answer: int


@dataclass(frozen=True)
class Cost:
    """What a trial needs. Bytes and seconds; None where it was not measured.

    weights: the base. trained: adapter with gradients and optimizer. activations: of one micro-batch. step: an
    optimizer step. answer: a probe's answer.
    """

    weights: int
    trained: int
    activations: int
    step: float | None
    answer: float | None

    @property
    def memory(self) -> int:
        """All of it."""
        return self.weights + self.trained + self.activations

    @property
    def checkpoint(self) -> int:
        """Of an epoch, on disk."""
        return checkpoint_bytes(self.trained // TRAINED_BYTES)

    def seconds(self, study: Study, config: TrialConfig) -> float | None:
        """One trial: its steps and its evaluations."""
        if self.step is None or self.answer is None:
            return None
        rows = len(study.training)
        steps = -(-rows // config.batch_size) * config.epochs
        evaluations = -(-config.epochs // study.file.evaluation.every)
        return steps * self.step + evaluations * len(study.probes_of("search")) * self.answer


def row_lengths(study: Study, base: BaseModel) -> list[RowLength]:
    """The lengths of all training rows; the vision tower is not asked.

    Raises RowError with every row of the study, of the test side too, that the base cannot be shown.
    """
    check_sees(study, base)
    token = base.model.config.image_token_id if base.encoder.sees else None
    lengths = []
    problems: list[Problem] = []
    rows: list[Row] = [*study.training, *study.replay, *study.probes]
    for row in rows:
        try:
            encoded, _ = read_row(study, base, row)
        except RowError as error:
            problems += error.problems
            continue
        lengths.append(RowLength(encoded.prompt.count(token), len(encoded.prompt), len(encoded.answer)))
    if problems:
        raise RowError(problems)
    return lengths[: len(study.training)]


def spread(values: Sequence[int]) -> tuple[int, int, int]:
    """Least, median and greatest."""
    return min(values), round(statistics.median(values)), max(values)


def cut_share(lengths: Sequence[RowLength], max_length: int) -> float:
    """The share of answers that would lose tokens, in [0, 1]."""
    return sum(row.prompt + row.answer > max_length for row in lengths) / len(lengths)


def cost(study: Study, base: BaseModel, config: TrialConfig, *, measure: bool) -> Cost:
    """The cost of a trial of this configuration; with `measure` a few steps are trained and a few probes asked."""
    features: dict[str, VisionFeatures] = {}
    longest = sorted(study.training, key=lambda row: len(row.answer), reverse=True)[: config.batch_size]
    rows = [encode(study, base, features, row) for row in longest]
    probes = {probe.id: encode(study, base, features, probe) for probe in study.probes_of("search")[:ASK_BATCH]}
    names = {name: tuple(base.encoder.answer_ids("?", name)) for name in study.names}
    interviewer = Interviewer(base, features, names, max_new_tokens=study.file.evaluation.max_new_tokens)
    engine = Engine(base, features, interviewer, study.file.base_model.micro_batch)
    engine.open(config, 0, TrainingSet(tuple(row.cut(config.max_length) for row in rows)))
    try:
        trained = sum(weight.numel() for weight in engine.seat.parameters) * TRAINED_BYTES
        step = answer = None
        if measure:
            step = _seconds_a_step(engine)
            start = time.perf_counter()
            engine.ask(probes, naming(study.probes_of("search")[:ASK_BATCH]))
            answer = (time.perf_counter() - start) / len(probes)
    finally:
        engine.close()
    weights = sum(weight.numel() * weight.element_size() for weight in base.model.parameters())
    at_once = min(config.batch_size, study.file.base_model.micro_batch or config.batch_size)
    length = min(config.max_length, max(len(row.prompt) + len(row.answer) for row in rows))
    size = base.model.dtype.itemsize
    held = activation_bytes(
        base.model.config.get_text_config(), at_once, length, size, study.file.base_model.gradient_checkpointing
    )
    return Cost(weights, trained, held, step, answer)


def _seconds_a_step(engine: Engine) -> float:
    engine.train_epoch()
    start = time.perf_counter()
    for _ in range(TIMED_STEPS):
        engine.train_epoch()
    if engine.base.device.type == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - start) / TIMED_STEPS


def activation_bytes(text: Any, rows: int, tokens: int, size: int, checkpointing: bool) -> int:
    """An estimate of what a micro-batch keeps for its backward pass, without attention's own matrix, and the logits.

    text: the text model's configuration. size: bytes a number. A layer keeps 34 bytes a token and hidden unit in half
    precision, with checkpointing 2. Source: Korthikanti et al., Reducing Activation Recomputation in Large
    Transformer Models, MLSys 2023.
    """
    each = rows * tokens * text.hidden_size * size
    layers = text.num_hidden_layers * (each if checkpointing else 17 * each)
    # In the base's precision, once more in float32, and its gradient.
    logits = rows * tokens * text.vocab_size * (size + 8)
    return int(layers + logits)
