"""The engine: one resident base model and the seat of the trial that it trains."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from peft.tuners.lora import LoraLayer
from peft.utils import get_peft_model_state_dict, set_peft_model_state_dict

from skazka_text.problems import Refusal
from spaces.trial_config import TrialConfig
from trainables.adapter_precision import inputs_as_they_are, take_any_precision
from trainables.answering import Interviewer
from trainables.answers import Answer
from trainables.base_model import BaseModel
from trainables.checkpoint_files import adapted_module
from trainables.encoding import Encoded
from trainables.losses import answer_loss, divergence, parts
from trainables.memory import AtOnce, batches
from trainables.optimization import parameter_groups, rate_at
from trainables.random_state import random_state, set_random_state
from trainables.training_set import TrainingSet
from trainables.training_state import restore_training, training_state
from trainables.vision_features import VisionFeatures

MAX_GRAD_NORM = 1.0
# Of the one adapter that peft holds.
ADAPTER = "default"


class NotFinite(Refusal, ArithmeticError):
    """The loss or a gradient stopped being a number; the configuration cannot be trained."""

    def __str__(self) -> str:
        # As it stands in the ledgers of earlier versions.
        return f"{self.message}: {self.remedy}" if self.remedy else self.message


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
    # Rows on the device; a batch is the sum of its micro-batches.
    at_once: AtOnce
    epoch: int = 0
    # Optimizer steps so far.
    steps: int = 0
    # Of the adapter's output, in answering and saving.
    scale: float = 1.0

    @property
    def micro_batch(self) -> int:
        """Rows at once on the device."""
        return self.at_once.rows or self.config.batch_size


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
        adapted = self.base.adapted(config.target_modules)
        model = get_peft_model(self.base.model, lora_config(config, adapted.targets))
        # What peft adds for reentrant checkpointing, which is not ours: every trial would add to it.
        self.base.model.disable_input_require_grads()
        try:
            self._seat = self._take_seat(config, seed, data, model, adapted.names)
        except BaseException:
            # An adapter left on the base would train along with the next trial's.
            self.base.model = model.unload()
            raise

    def _take_seat(self, config: TrialConfig, seed: int, data: TrainingSet, model: Any, adapted: Set[str]) -> Seat:
        take_any_precision(model)
        trained = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
        if strays := set(map(adapted_module, trained)) ^ adapted:
            raise RuntimeError(f"LoRA must adapt the text model's layers alone, got {sorted(strays)[:3]}")
        groups = parameter_groups(trained, config)
        parameters = [parameter for group in groups for parameter in group["params"]]
        optimizer = torch.optim.AdamW(groups, lr=config.learning_rate, weight_decay=config.weight_decay)
        total = data.steps(config.batch_size) * config.epochs
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate_at(step, total, config))
        micro_batch = min(config.batch_size, self.micro_batch or config.batch_size)
        return Seat(config, seed, data, model, parameters, optimizer, schedule, AtOnce(micro_batch))

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
            raise NotFinite(f"the gradient norm is {norm} in epoch {seat.epoch + 1}", "lower the learning rate")
        seat.optimizer.step()
        seat.schedule.step()
        seat.optimizer.zero_grad(set_to_none=True)
        seat.steps += 1
        return value, norm

    def _backward(self, seat: Seat, rows: Sequence[Encoded]) -> float:
        """Gradients of a batch; out of memory, the same again from smaller micro-batches."""
        before = random_state()

        def undo() -> None:
            seat.optimizer.zero_grad(set_to_none=True)
            set_random_state(before, self.base.device)

        with inputs_as_they_are(seat.model, dora=seat.config.dora):
            return seat.at_once.run(lambda size: self._accumulate(seat, rows, size), len(rows), undo)

    def _accumulate(self, seat: Seat, rows: Sequence[Encoded], size: int) -> float:
        """Mean loss over a batch's answer tokens (nats), its gradient summed over micro-batches of `size` rows."""
        total = 0.0
        for part, share in parts(rows, size):
            batch = self.base.inputs(part, self.features)
            total += self._add_gradient(seat, answer_loss(seat.model, batch, seat.config.label_smoothing) * share)
        if seat.config.kl_on is not None and seat.config.kl_weight is not None:
            held = rows if seat.config.kl_on == "target" else seat.data.beside(len(rows), seat.seed, seat.steps)
            for part, share in parts(held, size):
                apart = divergence(seat.model, self.base.inputs(part, self.features))
                total += self._add_gradient(seat, apart * seat.config.kl_weight * share)
        return total

    def _add_gradient(self, seat: Seat, loss: torch.Tensor) -> float:
        value = float(loss.detach())
        if not math.isfinite(value):
            raise NotFinite(f"the loss is {value} in epoch {seat.epoch + 1}", "lower the learning rate")
        torch.autograd.backward(loss)
        return value

    @torch.no_grad()
    def held_out_loss(self) -> float:
        """Mean loss over held-out rows, nats a token; NaN when nothing is held out."""
        seat = self.seat
        seat.model.eval()
        rows = seat.data.held_out
        tokens = sum(len(row.answer) for row in rows)
        if not tokens:
            return math.nan
        return AtOnce(seat.micro_batch).run(lambda size: self._summed_loss(rows, size), len(rows)) / tokens

    def _summed_loss(self, rows: Sequence[Encoded], size: int) -> float:
        """The loss summed over the rows' answer tokens, nats, of `size` rows at once."""
        total = 0.0
        for part in batches(rows, size):
            loss = answer_loss(self.seat.model, self.base.inputs(part, self.features), 0.0)
            total += float(loss) * sum(len(row.answer) for row in part)
        return total

    def ask(self, probes: Mapping[str, Encoded], naming: Sequence[str]) -> list[Answer]:
        """Answer probes with the open trial's adapter, or with the bare base when no trial is open."""
        model = self.base.model if self._seat is None else self._seat.model
        return self.interviewer.ask(model, probes, naming)

    def state(self, moments: torch.dtype = torch.float32) -> dict[str, torch.Tensor]:
        """Everything beside the adapter that the next epoch depends on: see `training_state`."""
        return training_state(self.seat.optimizer, moments)

    def restore(self, epoch: int, adapter: Mapping[str, torch.Tensor], state: Mapping[str, torch.Tensor]) -> None:
        """Put the open trial where it was after `epoch`, from what `save_adapter` and `state` gave then."""
        seat = self.seat
        # What peft does not know of, it leaves out without a word.
        if strays := set(get_peft_model_state_dict(seat.model, save_embedding_layers=False)) ^ set(adapter):
            raise RuntimeError(f"the checkpoint adapts other modules than this trial: {sorted(strays)[0]}")
        set_peft_model_state_dict(seat.model, dict(adapter))
        seat.epoch = epoch
        seat.steps = epoch * seat.data.steps(seat.config.batch_size)
        restore_training(seat.optimizer, seat.schedule, seat.steps, state, self.base.device)

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


def lora_config(config: TrialConfig, targets: Mapping[str, Any]) -> LoraConfig:
    """The peft configuration of a trial; targets: its arguments that say what is adapted."""
    alpha = config.alpha
    return LoraConfig(
        r=config.rank,
        # peft declares an int, but divides by the rank: 0.5 * 5 must not round.
        lora_alpha=int(alpha) if float(alpha).is_integer() else alpha,
        lora_dropout=config.dropout,
        **targets,
        use_rslora=config.rslora,
        use_dora=config.dora,
        init_lora_weights="gaussian" if config.init == "gaussian" else True,
        task_type="CAUSAL_LM",
    )
