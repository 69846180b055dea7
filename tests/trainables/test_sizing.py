"""How long rows are and what a trial costs, by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from spaces.space import space_of
from spaces.trial_config import TargetModules, TrialConfig
from studies.checks import load_study
from studies.study import BaseModelSpec
from trainables.activations import saved_bytes
from trainables.adapter_precision import inputs_as_they_are
from trainables.base_model import BaseModel
from trainables.losses import answer_loss
from trainables.sizing import Cost, RowLength, Sizer, corners, cut_share, row_lengths, spread
from trainables.training_set import TrainingSet


def test_shares_and_spreads() -> None:
    rows = [RowLength(16, 20, answer) for answer in (5, 10, 30, 40)]
    assert spread([row.answer for row in rows]) == (5, 20, 40)
    # 20 + 30 and 20 + 40 tokens do not fit; 20 + 10 just does.
    assert cut_share(rows, 30) == 0.5
    assert cut_share(rows, 60) == 0.0


@pytest.fixture(scope="module")
def sizers(tiny_study: Path) -> dict[str, Sizer]:
    """By dtype; `checkpointing` computes its layers again."""
    study = load_study(tiny_study)
    found = {}
    for name in ("float32", "bfloat16", "checkpointing"):
        asked = {"checkpointing": {"dtype": "float32", "gradient_checkpointing": True}}.get(name, {"dtype": name})
        base = BaseModel.load(study.base_model, BaseModelSpec.model_validate({"id": "model", **asked}))
        found[name] = Sizer(study, base, row_lengths(study, base))
    return found


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("layers", ["attention", "attention+mlp"])
@pytest.mark.parametrize("dora", [False, True])
def test_activations_are_those_that_autograd_keeps(
    sizers: dict[str, Sizer], dtype: str, layers: TargetModules, dora: bool
) -> None:
    sizer = sizers[dtype]
    config = TrialConfig(rank=4, batch_size=4, target_modules=layers, dora=dora, dropout=0.1)
    told = sizer.cost(config, measure=False).activations
    rows = sizer._rows(4)
    engine = sizer.engine
    engine.open(config, 0, TrainingSet(tuple(rows)))
    try:
        model = engine.seat.model.train()
        batch = engine.base.inputs(rows, engine.features)
        with inputs_as_they_are(model, dora=dora):
            kept = saved_bytes(model, lambda: answer_loss(model, batch, 0.0))
    finally:
        engine.close()
    # Told from rows of words alone, of 8 to 24 tokens; the gradient of the logits comes beside.
    assert kept < told < 1.25 * kept


def test_what_is_detached_on_the_way_is_not_kept() -> None:
    weight = torch.nn.Parameter(torch.ones(100))

    def compute() -> torch.Tensor:
        # The squares of a thousand numbers each, and of a hundred at last.
        for _ in range(5):
            (weight.repeat(10) ** 2).detach()
        return ((weight + 1) ** 2).sum()

    assert saved_bytes(torch.nn.Linear(1, 1), compute) == 100 * 4


def test_less_is_kept_where_layers_are_computed_again(sizers: dict[str, Sizer]) -> None:
    config = TrialConfig(rank=4, batch_size=4, target_modules="attention+mlp")
    again = sizers["checkpointing"].cost(config, measure=False)
    assert again.activations < 0.6 * sizers["float32"].cost(config, measure=False).activations
    assert sizers["checkpointing"].base.model.is_activation_checkpointing


def test_the_cost_of_a_trial(sizers: dict[str, Sizer]) -> None:
    sizer = sizers["float32"]
    config = TrialConfig(rank=4, batch_size=2, epochs=3)
    found = sizer.cost(config, measure=True)
    assert found.weights == sum(weight.numel() for weight in sizer.base.model.parameters()) * 4
    # Four projections in each of four layers: q and o are 128x128, k and v 128x64, of rank 4.
    assert found.trained == 4 * (2 * 4 * (128 + 128) + 2 * 4 * (128 + 64)) * 16
    assert found.step is not None
    assert found.answer is not None
    assert found.step > 0 < found.answer
    assert found.least == found.weights + found.trained + found.activations // 2
    # The base is left bare.
    assert not any("lora" in name for name, _ in sizer.base.model.named_parameters())
    assert sizer.cost(config, measure=False).seconds(sizer.study, config) is None


@pytest.mark.parametrize("timed", [True, False])
def test_memory_is_that_of_all_gpus_once_adam_keeps_moments(
    sizers: dict[str, Sizer], monkeypatch: pytest.MonkeyPatch, timed: bool
) -> None:
    sizer = sizers["float32"]
    steps: list[int] = []

    def peak(gpu: str) -> int:
        steps.append(sizer.engine.seat.steps)
        return {"cuda:0": 10**9, "cuda:1": 2 * 10**9}[gpu]

    monkeypatch.setattr(BaseModel, "gpus", ["cuda:0", "cuda:1"])
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda gpu: None)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", peak)
    found = sizer.cost(TrialConfig(rank=4, batch_size=2), measure=True, timed=timed)
    assert found.memory == 3 * 10**9
    # The first step ends with the moments, which every other one has beside its activations.
    assert min(steps) >= 2


def test_a_step_is_tried_on_the_longest_rows(sizers: dict[str, Sizer]) -> None:
    sizer = sizers["float32"]
    totals = sorted(row.prompt + row.answer for row in row_lengths(sizer.study, sizer.base))
    assert [len(row.prompt) + len(row.answer) for row in sizer._rows(2)] == totals[::-1][:2]


def test_the_corners_of_a_space() -> None:
    searched = space_of(
        "s",
        {
            "rank": {"choice": [4, 32]},
            "batch_size": {"choice": [2, 4, 8]},
            "target_modules": {"choice": ["attention", "attention+mlp"]},
            "dora": {"choice": [False, True]},
        },
    )
    found = corners(searched, TrialConfig(max_length=100))
    assert [(one.batch_size, one.target_modules) for one in found] == [
        (2, "attention"),
        (2, "attention+mlp"),
        (8, "attention"),
        (8, "attention+mlp"),
    ]
    assert {(one.rank, one.max_length, one.dora) for one in found} == {(32, 100, True)}
    # What is not searched is as it is.
    [only] = corners(space_of("s", {"dropout": {"choice": [0.0, 0.1]}}), TrialConfig(batch_size=6))
    assert (only.batch_size, only.dora) == (6, False)


def test_the_time_of_a_trial_by_hand(tiny_study: Path) -> None:
    study = load_study(tiny_study)
    # 4 rows in batches of 2, 3 epochs: 6 steps of 2 s; 3 evaluations of 4 probes of 0.5 s.
    measured = Cost(weights=0, trained=0, activations=0, step=2.0, answer=0.5)
    assert measured.seconds(study, TrialConfig(batch_size=2, epochs=3)) == pytest.approx(18)


def test_row_lengths_count_the_picture_s_tokens(tiny_study: Path) -> None:
    study = load_study(tiny_study)
    base = BaseModel.load(study.base_model, study.file.base_model)
    rows = row_lengths(study, base)
    assert len(rows) == len(study.training)
    assert {row.image for row in rows} == {16}
    assert all(row.prompt > row.image and row.answer > 1 for row in rows)
