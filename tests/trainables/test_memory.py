"""What saves memory changes nothing else: micro-batches, a retry when memory ran out, gradient checkpointing."""

from __future__ import annotations

import inspect
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from spaces.trial_config import TrialConfig
from studies.checks import load_study
from studies.study import BaseModelSpec
from trainables.answering import Interviewer
from trainables.base_model import BaseModel
from trainables.engine import Engine
from trainables.prepared import Prepared, prepare
from trainables.session import TrialSession, Workshop
from trainables.task import TrialTask
from trainables.training_set import TrainingSet


@pytest.fixture(scope="module")
def prepared(tiny_study: Path) -> Prepared:
    """What the trials of a sweep share."""
    study = load_study(tiny_study)
    return prepare(study, BaseModel.load(study.base_model, study.file.base_model))


def engine(model: Path, prepared: Prepared, micro_batch: int | None = None, **spec: Any) -> Engine:
    """A new engine on a base of its own."""
    base = BaseModel.load(str(model), BaseModelSpec(id="model", dtype="float32", **spec))
    interviewer = Interviewer(base, prepared.features, prepared.names, max_new_tokens=4)
    return Engine(base, prepared.features, interviewer, micro_batch)


def uneven(prepared: Prepared) -> TrainingSet:
    """Four rows with answers of 1, 2, 3 and 1 tokens: a mean of micro-batches' means would be another loss."""
    rows = [row for _, row in prepared.training][:4]
    return TrainingSet(
        tuple(replace(row, answer=row.answer[: 1 + place % 3]) for place, row in enumerate(rows)), (), (), 0, 0
    )


def trained(engine: Engine, prepared: Prepared, dropout: float = 0.0) -> tuple[list[float], torch.Tensor]:
    """Losses of two epochs, and all LoRA weights after them."""
    engine.open(TrialConfig(learning_rate=1e-3, rank=4, batch_size=4, epochs=2, dropout=dropout), 5, uneven(prepared))
    losses = [engine.train_epoch().train_loss for _ in range(2)]
    weights = torch.cat([weight.detach().flatten() for weight in engine.seat.parameters])
    return losses, weights


class Full:
    """Stands before a model and has memory for so many rows only."""

    def __init__(self, model: Any, rows: int) -> None:
        self.rows = rows
        self.asked: list[int] = []
        self.forward = model.forward
        self.__signature__ = inspect.signature(model.forward)

    def __call__(self, *args: Any, **inputs: Any) -> Any:
        self.asked.append(len(inputs["input_ids"]))
        if torch.is_grad_enabled() and self.asked[-1] > self.rows:
            # Some of the pass is done before memory runs out: dropout has drawn.
            torch.rand(7)
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self.forward(*args, **inputs)


def limit(monkeypatch: pytest.MonkeyPatch, engine: Engine, rows: int) -> Full:
    """Leave an engine memory for so many rows."""
    limited = Full(engine.base.model, rows)
    monkeypatch.setattr(engine.base.model, "forward", limited)
    return limited


@pytest.mark.parametrize("micro_batch", [1, 3])
def test_micro_batches_add_up_to_the_batch(tiny_model: Path, prepared: Prepared, micro_batch: int) -> None:
    losses, weights = trained(engine(tiny_model, prepared), prepared)
    parted, same = trained(engine(tiny_model, prepared, micro_batch), prepared)
    assert parted == pytest.approx(losses, abs=1e-5)
    # Adam makes as large a step of a gradient near 0 as of any: its rounding shows, and no more.
    torch.testing.assert_close(same, weights, atol=1e-4, rtol=1e-4)


def test_out_of_memory_goes_on_with_half_as_if_begun_so(
    tiny_model: Path, prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = engine(tiny_model, prepared)
    limited = limit(monkeypatch, short, 2)
    losses, weights = trained(short, prepared, dropout=0.3)
    assert short.seat.micro_batch == 2
    assert limited.asked[:3] == [4, 2, 2]
    # Dropout draws the same numbers as when micro-batches of 2 were asked for from the start.
    expected, same = trained(engine(tiny_model, prepared, 2), prepared, dropout=0.3)
    assert losses == expected
    assert torch.equal(weights, same)


def test_memory_for_no_row_at_all_is_a_failure(
    tiny_model: Path, prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = engine(tiny_model, prepared)
    limited = limit(monkeypatch, short, 0)
    with pytest.raises(torch.OutOfMemoryError):
        trained(short, prepared)
    assert limited.asked == [4, 2, 1]


def test_gradient_checkpointing_gives_the_same_weights(tiny_model: Path, prepared: Prepared) -> None:
    losses, weights = trained(engine(tiny_model, prepared), prepared)
    saving = engine(tiny_model, prepared, gradient_checkpointing=True)
    hooks = [len(module._forward_hooks) for module in saving.base.model.modules()]
    for _ in range(2):
        saved, same = trained(saving, prepared)
        assert saved == pytest.approx(losses, abs=1e-6)
        torch.testing.assert_close(same, weights, atol=1e-6, rtol=1e-4)
    saving.close()
    # peft adds a hook a trial, for another kind of checkpointing.
    assert [len(module._forward_hooks) for module in saving.base.model.modules()] == hooks


def test_a_smaller_micro_batch_is_told_once(
    tiny_study: Path, tiny_model: Path, prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared.save(tmp_path / "prepared")
    settings = {"learning_rate": 1e-3, "rank": 4, "epochs": 2, "batch_size": 4}
    task = TrialTask(
        trial="t0000",
        config=TrialConfig.model_validate(settings),
        seed=3,
        folder=tmp_path / "trial",
        study=tiny_study,
        prepared=tmp_path / "prepared",
        base_model=str(tiny_model),
    )
    session = TrialSession(task, Workshop.build(task))
    # Half of its two images a target are held out: two rows are a batch.
    limit(monkeypatch, session.engine, 1)
    session.epoch()
    assert session.told() == ["out of memory: micro-batch 1 instead of 4; the batch itself stays what it was"]
    session.epoch()
    assert session.told() == []
    session.close()
