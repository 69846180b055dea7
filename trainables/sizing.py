"""How long a study's rows are, and what one trial on them costs in memory and time: measured where it can be."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from skazka_text.problems import Problem
from spaces.space import Space
from spaces.trial_config import TrialConfig
from studies.rows import Row
from studies.study import Study
from trainables.activations import activation_bytes
from trainables.answering import Interviewer
from trainables.answers import ASK_BATCH
from trainables.base_model import BaseModel
from trainables.checkpoint_files import checkpoint_bytes
from trainables.encoding import Encoded
from trainables.engine import Engine
from trainables.examination import RowError, check_sees, encode, encode_names, naming, read_row
from trainables.training_set import TrainingSet
from trainables.vision_features import VisionFeatures

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

    weights: the base. trained: adapter with gradients and optimizer. activations: what its longest rows take beside, in
    a micro-batch, or in asking where that is more. step: an optimizer step. answer: a probe's answer. micro_batch: rows
    that went onto the device at once, fewer than were asked for where its memory ran out.
    """

    weights: int
    trained: int
    activations: int
    step: float | None
    answer: float | None
    micro_batch: int = 1

    @property
    def memory(self) -> int:
        """All of it."""
        return self.weights + self.trained + self.activations

    @property
    def least(self) -> int:
        """With one row at once."""
        return self.weights + self.trained + self.activations // self.micro_batch

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

    Raises RowError with every row of the study, of the test side too, that the base cannot be shown, and every name.
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
    try:
        encode_names(study, base)
    except RowError as error:
        problems += error.problems
    if problems:
        raise RowError(problems)
    return lengths[: len(study.training)]


def spread(values: Sequence[int]) -> tuple[int, int, int]:
    """Least, median and greatest."""
    return min(values), round(statistics.median(values)), max(values)


def cut_share(lengths: Sequence[RowLength], max_length: int) -> float:
    """The share of answers that would lose tokens, in [0, 1]."""
    return sum(row.prompt + row.answer > max_length for row in lengths) / len(lengths)


class Sizer:
    """Tries trials of a study out, on its longest rows, with a base that stays loaded."""

    def __init__(self, study: Study, base: BaseModel, lengths: Sequence[RowLength]) -> None:
        """lengths: of all training rows, in their order."""
        self.study = study
        self.base = base
        self.features: dict[str, VisionFeatures] = {}
        self._order = sorted(range(len(lengths)), key=lambda place: -(lengths[place].prompt + lengths[place].answer))
        self._longest: list[Encoded] = []
        names = encode_names(study, base)
        interviewer = Interviewer(base, self.features, names, max_new_tokens=study.file.evaluation.max_new_tokens)
        self.engine = Engine(base, self.features, interviewer, study.file.base_model.micro_batch)

    def cost(self, config: TrialConfig, *, measure: bool, timed: bool = True) -> Cost:
        """The cost of a trial of this configuration.

        measure: train a few steps and, with `timed`, ask a few probes; on GPUs that gives the memory, too, of all that
        the base is spread over. Elsewhere it is counted from what autograd keeps.
        """
        rows = self._rows(config.batch_size)
        weights = sum(weight.numel() * weight.element_size() for weight in self.base.model.parameters())
        engine = self.engine
        engine.open(config, 0, TrainingSet(tuple(row.cut(config.max_length) for row in rows)))
        try:
            trained = sum(weight.numel() for weight in engine.seat.parameters) * TRAINED_BYTES
            gpus = self.base.gpus if measure else []
            for gpu in gpus:
                torch.cuda.reset_peak_memory_stats(gpu)
            held = 0 if gpus else self._counted(engine.seat.data.rows)
            step = _seconds_a_step(engine, TIMED_STEPS if timed else 1) if measure else None
            answer = self._seconds_an_answer() if measure and timed else None
            if gpus:
                held = sum(map(torch.cuda.max_memory_allocated, gpus)) - weights - trained
            return Cost(weights, trained, max(held, 0), step, answer, min(engine.seat.micro_batch, len(rows)))
        finally:
            engine.close()

    def _rows(self, count: int) -> list[Encoded]:
        """The longest training rows."""
        wanted = self._order[:count]
        for place in wanted[len(self._longest) :]:
            self._longest.append(encode(self.study, self.base, self.features, self.study.training[place]))
        return self._longest[: len(wanted)]

    def _counted(self, rows: Sequence[Encoded]) -> int:
        """Bytes that the largest micro-batch of these rows takes."""
        at_once = rows[: self.engine.seat.micro_batch]
        answers = sum(len(row.answer) for row in at_once)
        tokens = max(len(row.prompt) + len(row.answer) for row in at_once)
        return activation_bytes(self.engine, at_once[0], len(at_once), tokens, answers)

    def _seconds_an_answer(self) -> float:
        asked = self.study.probes_of("search")[:ASK_BATCH]
        probes = {probe.id: encode(self.study, self.base, self.features, probe) for probe in asked}
        start = time.perf_counter()
        self.engine.ask(probes, naming(asked))
        return (time.perf_counter() - start) / len(probes)


def corners(space: Space, config: TrialConfig) -> list[TrialConfig]:
    """The configurations of a space that memory depends on: the ends of its batches, each with each choice of layers.

    Rank and length are the greatest, DoRA on where the space has it; what is not searched is as in `config`.
    """

    def ends(knob: str) -> list[Any]:
        return sorted({*space.knobs[knob].ends()} if knob in space.knobs else {getattr(config, knob)})

    most = {knob: ends(knob)[-1] for knob in ("rank", "max_length")}
    dora = {"dora": True, "scale_search": False} if space.reaches("dora", True) else {}
    batch_sizes = dict.fromkeys((ends("batch_size")[0], ends("batch_size")[-1]))
    return [
        config.model_copy(update={**most, **dora, "batch_size": batch_size, "target_modules": layers})
        for batch_size in batch_sizes
        for layers in ends("target_modules")
    ]


def _seconds_a_step(engine: Engine, timed: int) -> float:
    """The mean of so many steps after one that is not timed, and before which Adam keeps no moments."""
    engine.train_epoch()
    start = time.perf_counter()
    for _ in range(timed):
        engine.train_epoch()
    if engine.base.gpus:
        torch.cuda.synchronize()
    return (time.perf_counter() - start) / timed
