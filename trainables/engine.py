"""The engine: one resident base model and the seat of the trial that it trains."""

from __future__ import annotations

import gc
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from peft.tuners.lora import LoraLayer
from peft.utils import set_peft_model_state_dict

from spaces.trial_config import TrialConfig
from trainables.answering import Interviewer, batches
from trainables.answers import Answer
from trainables.base_model import BaseModel, VisionFeatures
from trainables.encoding import Encoded
from trainables.families import Family, is_vision, lora_targets
from trainables.losses import answer_loss, divergence, parts
from trainables.optimization import parameter_groups, rate_at
from trainables.random_state import random_state, set_random_state
from trainables.training_set import TrainingSet

MAX_GRAD_NORM = 1.0
# Of the one adapter that peft holds.
ADAPTER = "default"


class NotFinite(ArithmeticError):
    """The loss or a gradient stopped being a number; the configuration cannot be trained."""


@dataclass(frozen=True)
class EpochResult:
    """One epoch: mean loss a row's batch (nats a token), last learning rate, mean gradient norm before clipping."""

    train_loss: float
    learning_rate: float
    grad_norm: float


@dataclass
class Seat:
    """A trial in training: its adapter on the base, its optimizer, and where it stands."""

    config: TrialConfig
    seed: int
    data: TrainingSet
    model: Any
    parameters: list[torch.nn.Parameter]
    optimizer: torch.optim.AdamW
    schedule: torch.optim.lr_scheduler.LambdaLR
    # Rows at once on the device; a batch is the sum of its micro-batches.
    micro_batch: int
    epoch: int = 0
    # Optimizer steps so far.
    steps: int = 0
    # Of the adapter's output, in answering and saving.
    scale: float = 1.0


class Engine:
    """Trains one LoRA at a time on a base that stays loaded; the base itself never changes."""

    def __init__(
        self,
        base: BaseModel,
        features: Mapping[str, VisionFeatures],
        interviewer: Interviewer,
        micro_batch: int | None = None,
    ) -> None:
        """micro_batch: rows at once on the device; None is the whole batch."""
        self.base = base
        self.micro_batch = micro_batch
        self.features = features
        self.interviewer = interviewer
        self._seat: Seat | None = None

    @property
    def seat(self) -> Seat:
        """The open trial. Raises RuntimeError when there is none."""
        if self._seat is None:
            raise RuntimeError("no trial is open in this engine")
        return self._seat

    def open(self, config: TrialConfig, seed: int, data: TrainingSet) -> None:
        """Take a trial in: a fresh adapter, optimizer and random state of its seed."""
        self.close()
        torch.manual_seed(seed)
        model = get_peft_model(self.base.model, lora_config(config, self.base.family))
        # What peft adds for reentrant checkpointing, which is not ours: every trial would add to it.
        self.base.model.disable_input_require_grads()
        try:
            self._seat = self._take_seat(config, seed, data, model)
        except BaseException:
            # An adapter left on the base would train along with the next trial's.
            self.base.model = model.unload()
            raise

    def _take_seat(self, config: TrialConfig, seed: int, data: TrainingSet, model: Any) -> Seat:
        trained = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
        if not trained or any(is_vision(name) for name in trained):
            raise RuntimeError(f"LoRA must adapt the text model alone, got {list(trained)[:3]}")
        groups = parameter_groups(trained, config)
        parameters = [parameter for group in groups for parameter in group["params"]]
        optimizer = torch.optim.AdamW(groups, lr=config.learning_rate, weight_decay=config.weight_decay)
        total = data.steps(config.batch_size) * config.epochs
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate_at(step, total, config))
        micro_batch = min(config.batch_size, self.micro_batch or config.batch_size)
        return Seat(config, seed, data, model, parameters, optimizer, schedule, micro_batch)

    def train_epoch(self) -> EpochResult:
        """Train one more epoch. Raises NotFinite when the loss is no number."""
        seat = self.seat
        seat.model.train()
        rows = seat.data.epoch(seat.seed, seat.epoch + 1)
        losses: list[float] = []
        norms: list[float] = []
        rate = math.nan
        for batch in batches(rows, seat.config.batch_size):
            rate = float(seat.schedule.get_last_lr()[0])
            loss, norm = self._train_step(seat, batch)
            losses.append(loss)
            norms.append(norm)
        seat.epoch += 1
        return EpochResult(math.fsum(losses) / len(losses), rate, math.fsum(norms) / len(norms))

    def _train_step(self, seat: Seat, rows: Sequence[Encoded]) -> tuple[float, float]:
        value = self._backward(seat, rows)
        norm = float(torch.nn.utils.clip_grad_norm_(seat.parameters, MAX_GRAD_NORM))
        if not math.isfinite(norm):
            raise NotFinite(f"the gradient norm is {norm} in epoch {seat.epoch + 1}: lower the learning rate")
        seat.optimizer.step()
        seat.schedule.step()
        seat.optimizer.zero_grad(set_to_none=True)
        seat.steps += 1
        return value, norm

    def _backward(self, seat: Seat, rows: Sequence[Encoded]) -> float:
        """Gradients of a batch; out of memory, the same again from smaller micro-batches."""
        while True:
            before = random_state()
            try:
                return self._accumulate(seat, rows)
            except torch.OutOfMemoryError:
                if min(seat.micro_batch, len(rows)) == 1:
                    raise
                seat.micro_batch = math.ceil(min(seat.micro_batch, len(rows)) / 2)
            # Outside the handler, whose traceback would hold the memory that is to be freed.
            seat.optimizer.zero_grad(set_to_none=True)
            _free_memory()
            set_random_state(before, self.base.device)

    def _accumulate(self, seat: Seat, rows: Sequence[Encoded]) -> float:
        """Mean loss over a batch's answer tokens (nats), its gradient summed over micro-batches."""
        total = 0.0
        for part, share in parts(rows, seat.micro_batch):
            batch = self.base.inputs(part, self.features)
            total += self._add_gradient(seat, answer_loss(seat.model, batch, seat.config.label_smoothing) * share)
        if seat.config.kl_on is not None and seat.config.kl_weight is not None:
            held = rows if seat.config.kl_on == "target" else seat.data.beside(len(rows), seat.seed, seat.steps)
            for part, share in parts(held, seat.micro_batch):
                apart = divergence(seat.model, self.base.inputs(part, self.features))
                total += self._add_gradient(seat, apart * seat.config.kl_weight * share)
        return total

    def _add_gradient(self, seat: Seat, loss: torch.Tensor) -> float:
        value = float(loss.detach())
        if not math.isfinite(value):
            raise NotFinite(f"the loss is {value} in epoch {seat.epoch + 1}: lower the learning rate")
        torch.autograd.backward(loss)
        return value

    @torch.no_grad()
    def held_out_loss(self) -> float:
        """Mean loss over held-out rows, nats a token; NaN when nothing is held out."""
        seat = self.seat
        seat.model.eval()
        total, tokens = 0.0, 0
        for batch in batches(seat.data.held_out, min(seat.config.batch_size, seat.micro_batch)):
            count = sum(len(row.answer) for row in batch)
            loss = seat.model(**self.base.inputs(batch, self.features), use_cache=False).loss
            total += float(loss) * count
            tokens += count
        return total / tokens if tokens else math.nan

    def ask(self, probes: Mapping[str, Encoded], naming: Sequence[str]) -> list[Answer]:
        """Answer probes with the open trial's adapter, or with the bare base when no trial is open."""
        model = self.base.model if self._seat is None else self._seat.model
        return self.interviewer.ask(model, probes, naming)

    def state(self, moments: torch.dtype = torch.float32) -> dict[str, torch.Tensor]:
        """Everything beside the adapter that the next epoch depends on, as named tensors.

        moments: of Adam; in another type than float32 they are rounded, and what is trained from them differs.
        """
        seat = self.seat
        tensors = {f"rng.{name}": value for name, value in random_state().items()}
        for index, kept in seat.optimizer.state_dict()["state"].items():
            for name, value in kept.items():
                # Beside the moments Adam keeps a count of its steps, which must not be rounded.
                kind = value.dtype if value.dim() == 0 else moments
                tensors[f"optimizer.{index}.{name}"] = value.detach().to("cpu", kind).contiguous()
        return tensors

    def restore(self, epoch: int, adapter: Mapping[str, torch.Tensor], state: Mapping[str, torch.Tensor]) -> None:
        """Put the open trial where it was after `epoch`, from what `save_adapter` and `state` gave then."""
        seat = self.seat
        set_peft_model_state_dict(seat.model, dict(adapter))
        optimizer = seat.optimizer.state_dict()
        optimizer["state"] = _moments(state)
        seat.optimizer.load_state_dict(optimizer)
        steps = seat.steps = epoch * seat.data.steps(seat.config.batch_size)
        seat.schedule.load_state_dict({**seat.schedule.state_dict(), "last_epoch": steps})
        for group, base_rate, scale in zip(
            seat.optimizer.param_groups, seat.schedule.base_lrs, seat.schedule.lr_lambdas, strict=True
        ):
            group["lr"] = base_rate * scale(steps)
        seat.schedule._last_lr = [group["lr"] for group in seat.optimizer.param_groups]
        random = {key.removeprefix("rng."): value for key, value in state.items() if key.startswith("rng.")}
        set_random_state(random, self.base.device)
        seat.epoch = epoch

    def set_scale(self, scale: float) -> None:
        """Scale the adapter's output, from 1 as trained; the weights stay what they are."""
        seat = self.seat
        for module in seat.model.modules():
            if isinstance(module, LoraLayer):
                module.set_scale(ADAPTER, scale)
        seat.scale = scale

    def save_adapter(self, folder: str) -> None:
        """Write the adapter as plain peft reads it; its scale is part of alpha."""
        seat = self.seat
        config = seat.model.peft_config[ADAPTER]
        trained_alpha = config.lora_alpha
        config.lora_alpha = trained_alpha if seat.scale == 1 else trained_alpha * seat.scale
        try:
            # No embedding is trained: left to itself, peft asks the hub at each save whether one was.
            seat.model.save_pretrained(folder, safe_serialization=True, save_embedding_layers=False)
        finally:
            config.lora_alpha = trained_alpha

    def close(self) -> None:
        """Take the adapter off the base, which is then bit for bit what it was."""
        if self._seat is not None:
            self.base.model = self._seat.model.unload()
            self.base.model.requires_grad_(False)
            self._seat = None


def lora_config(config: TrialConfig, family: Family) -> LoraConfig:
    """The peft configuration of a trial."""
    alpha = config.alpha
    return LoraConfig(
        r=config.rank,
        # peft declares an int, but divides by the rank: 0.5 * 5 must not round.
        lora_alpha=int(alpha) if float(alpha).is_integer() else alpha,
        lora_dropout=config.dropout,
        target_modules=lora_targets(config.target_modules, family),
        use_rslora=config.rslora,
        use_dora=config.dora,
        init_lora_weights="gaussian" if config.init == "gaussian" else True,
        task_type="CAUSAL_LM",
    )


def _free_memory() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _moments(state: Mapping[str, torch.Tensor]) -> dict[int, dict[str, torch.Tensor]]:
    moments: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in state.items():
        if key.startswith("optimizer."):
            _, index, name = key.split(".", 2)
            moments.setdefault(int(index), {})[name] = value
    return moments
