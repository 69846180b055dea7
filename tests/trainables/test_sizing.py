"""How long rows are and what a trial costs, by hand."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from spaces.trial_config import TrialConfig
from studies.checks import load_study
from trainables.base_model import BaseModel
from trainables.sizing import Cost, RowLength, activation_bytes, cost, cut_share, row_lengths, spread


def test_shares_and_spreads() -> None:
    rows = [RowLength(16, 20, answer) for answer in (5, 10, 30, 40)]
    assert spread([row.answer for row in rows]) == (5, 20, 40)
    # 20 + 30 and 20 + 40 tokens do not fit; 20 + 10 just does.
    assert cut_share(rows, 30) == 0.5
    assert cut_share(rows, 60) == 0.0


def test_activations_by_the_formula() -> None:
    text = SimpleNamespace(hidden_size=100, num_hidden_layers=3, vocab_size=1000)
    # 2 rows of 10 tokens: 34 bytes a token, unit and layer, and logits of 2 + 4 + 4 bytes.
    assert activation_bytes(text, 2, 10, 2, False) == 34 * 20 * 100 * 3 + 20 * 1000 * 10
    assert activation_bytes(text, 2, 10, 2, True) == 2 * 20 * 100 * 3 + 20 * 1000 * 10


def test_the_cost_of_a_trial(tiny_study: Path) -> None:
    study = load_study(tiny_study)
    base = BaseModel.load(study.base_model, study.file.base_model)
    config = TrialConfig(rank=4, batch_size=2, epochs=3)
    found = cost(study, base, config, measure=True)
    assert found.weights == sum(weight.numel() for weight in base.model.parameters()) * 4
    # Four projections in each of four layers: q and o are 128x128, k and v 128x64, of rank 4.
    assert found.trained == 4 * (2 * 4 * (128 + 128) + 2 * 4 * (128 + 64)) * 16
    assert found.step is not None
    assert found.answer is not None
    assert found.step > 0 < found.answer
    # The base is left bare.
    assert not any("lora" in name for name, _ in base.model.named_parameters())
    assert cost(study, base, config, measure=False).seconds(study, config) is None


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
