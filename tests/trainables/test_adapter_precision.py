"""Training in bfloat16 keeps no float32 copies of inputs; in float32, with DoRA and in asking nothing changes."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel

from spaces.trial_config import TrialConfig
from studies.checks import load_study
from studies.study import BaseModelSpec
from trainables import engine as engines
from trainables.activations import saved_bytes
from trainables.answering import Interviewer
from trainables.base_model import BaseModel
from trainables.engine import Engine
from trainables.losses import answer_loss
from trainables.prepared import Prepared, prepare
from trainables.training_set import TrainingSet


@pytest.fixture(scope="module")
def prepared(tiny_study: Path) -> Prepared:
    """What the trials of a sweep share."""
    study = load_study(tiny_study)
    return prepare(study, BaseModel.load(study.base_model, study.file.base_model))


def opened(model: Path, prepared: Prepared, dtype: str, **knobs: Any) -> Engine:
    """An engine with a trial of every layer open."""
    base = BaseModel.load(str(model), BaseModelSpec.model_validate({"id": "model", "dtype": dtype}))
    engine = Engine(base, prepared.features, Interviewer(base, prepared.features, prepared.names, max_new_tokens=4))
    settings = {"learning_rate": 1e-2, "rank": 4, "epochs": 2, "dropout": 0.1, "target_modules": "attention+mlp"}
    rows = tuple(row for _, row in prepared.training)
    engine.open(TrialConfig.model_validate({**settings, **knobs}), 3, TrainingSet(rows))
    return engine


def trained(engine: Engine) -> torch.Tensor:
    """All LoRA weights after two epochs."""
    for _ in range(2):
        engine.train_epoch()
    return torch.cat([weight.detach().flatten() for weight in engine.seat.parameters])


def kept(engine: Engine) -> int:
    """Bytes that one batch keeps for its backward pass."""
    seat = engine.seat
    seat.model.train()
    batch = engine.base.inputs(seat.data.rows, engine.features)
    # As the engine finds it: `as_peft_has_it` puts another there.
    with engines.inputs_as_they_are(seat.model, dora=seat.config.dora):  # type: ignore[attr-defined]
        return saved_bytes(seat.model, lambda: answer_loss(seat.model, batch, 0.0))


def as_peft_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inputs are cast to the adapter's float32."""
    monkeypatch.setattr(engines, "inputs_as_they_are", lambda *_, **__: nullcontext())
    monkeypatch.setattr(engines, "take_any_precision", lambda _: None)


def test_bfloat16_keeps_no_copies_in_float32(
    tiny_model: Path, prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = opened(tiny_model, prepared, "bfloat16")
    few, weights = kept(ours), trained(ours)
    as_peft_has_it(monkeypatch)
    plain = opened(tiny_model, prepared, "bfloat16")
    assert few < 0.75 * kept(plain)
    same = trained(plain)
    # The same training to bfloat16's rounding: another direction would be at a right angle.
    assert torch.cosine_similarity(weights, same, dim=0) > 0.99
    # What trains stays in float32.
    assert {weight.dtype for weight in ours.seat.parameters} == {torch.float32}


@pytest.mark.parametrize(("dtype", "dora"), [("float32", False), ("float32", True), ("bfloat16", True)])
def test_nothing_else_is_trained_otherwise(
    tiny_model: Path, prepared: Prepared, monkeypatch: pytest.MonkeyPatch, dtype: str, dora: bool
) -> None:
    weights = trained(opened(tiny_model, prepared, dtype, dora=dora))
    as_peft_has_it(monkeypatch)
    assert torch.equal(trained(opened(tiny_model, prepared, dtype, dora=dora)), weights)


def test_a_trial_is_asked_as_whoever_loads_its_adapter_asks_it(
    tiny_model: Path, tiny_study: Path, prepared: Prepared, tmp_path: Path
) -> None:
    engine = opened(tiny_model, prepared, "bfloat16")
    trained(engine)
    names = [probe.id for probe in load_study(tiny_study).probes_of("search") if probe.kind == "name"]
    own = engine.ask(prepared.probes, names)
    engine.save_adapter(str(tmp_path))
    engine.close()
    loaded = PeftModel.from_pretrained(engine.base.model, str(tmp_path))
    assert engine.interviewer.ask(loaded, prepared.probes, names) == own
