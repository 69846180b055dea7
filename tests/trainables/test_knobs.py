"""What each knob does to training, on a tiny model."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from peft.tuners.lora import LoraLayer

from spaces.space import load_space, named_spaces
from spaces.trial_config import TrialConfig
from studies.checks import load_study
from trainables.answering import Interviewer
from trainables.base_model import BaseModel
from trainables.encoding import IGNORED, Encoded
from trainables.engine import ADAPTER, Engine, lora_config
from trainables.epoch_report import Evaluation
from trainables.losses import answer_loss, divergence
from trainables.optimization import parameter_groups
from trainables.prepared import Prepared, prepare
from trainables.scoring import Score
from trainables.session import TrialSession, Workshop
from trainables.task import TrialTask
from trainables.training_set import TrainingSet, select


def with_score(evaluation: Evaluation, score: float) -> Evaluation:
    """The evaluation, had it that score and no margin."""
    told = Score(**{**vars(evaluation.score), "score": score})
    return replace(evaluation, score=told, name_margin=0.0)


@pytest.fixture(scope="module")
def prepared(tiny_study: Path, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """What the trials of a sweep share, with four variants of each training picture."""
    study = load_study(tiny_study)
    return prepare(study, BaseModel.load(study.base_model, study.file.base_model), variants=4)


@pytest.fixture(scope="module")
def folder(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same on disk."""
    place = tmp_path_factory.mktemp("knobs") / "prepared"
    prepared.save(place)
    return place


@pytest.fixture(scope="module")
def workshop(tiny_study: Path, tiny_model: Path, folder: Path) -> Workshop:
    """One worker's base and data."""
    return Workshop.build(task(tiny_study, tiny_model, folder, Path("unused")))


@pytest.fixture(scope="module")
def engine(tiny_study: Path, prepared: Prepared) -> Engine:
    """An engine of its own base."""
    study = load_study(tiny_study)
    base = BaseModel.load(study.base_model, study.file.base_model)
    return Engine(base, prepared.features, Interviewer(base, prepared.features, prepared.names, max_new_tokens=4))


def task(study: Path, model: Path, folder: Path, own: Path, **knobs: Any) -> TrialTask:
    """A trial of two epochs."""
    config = {"learning_rate": 3e-3, "rank": 4, "epochs": 2, "batch_size": 2, "dropout": 0.1, **knobs}
    return TrialTask(
        trial="t0000",
        config=TrialConfig.model_validate(config),
        seed=3,
        folder=own,
        study=study,
        prepared=folder,
        base_model=str(model),
    )


def trained(engine: Engine, prepared: Prepared, epochs: int = 3, **knobs: Any) -> tuple[list[float], torch.Tensor]:
    """Losses of some epochs and the LoRA weights after them."""
    config = TrialConfig.model_validate({"learning_rate": 3e-3, "rank": 4, "batch_size": 2, "dropout": 0, **knobs})
    engine.open(config, 1, select(config, prepared.training, prepared.replay, 0))
    losses = [engine.train_epoch().train_loss for _ in range(epochs)]
    return losses, torch.cat([weight.detach().flatten() for weight in engine.seat.parameters])


# See test_every_named_space_trains.
SEED = 35
EVERY = [
    {"rslora": True},
    {"dora": True},
    {"init": "gaussian"},
    {"lora_plus_ratio": 4.0},
    {"label_smoothing": 0.1},
    {"kl": True, "kl_on": "replay", "kl_weight": 0.5},
    {"kl": True, "kl_on": "target", "kl_weight": 0.5},
    {"augmentation": 2},
    {"balance": True},
    {"scale_search": True},
]


@pytest.mark.parametrize("knobs", EVERY, ids=lambda knobs: "-".join(map(str, knobs.values())))
def test_a_trial_that_was_broken_off_goes_on_to_the_bit(
    knobs: dict[str, Any], tiny_study: Path, tiny_model: Path, folder: Path, workshop: Workshop, tmp_path: Path
) -> None:
    def reports(own: Path, breaks: int) -> dict[str, Any]:
        report: dict[str, Any] = {}
        for epochs in (1, 1) if breaks else (2,):
            session = TrialSession(task(tiny_study, tiny_model, folder, own, **knobs), workshop)
            session.resume()
            for _ in range(epochs):
                report = session.epoch().data
            session.close()
        return {name: value for name, value in report.items() if name != "seconds"}

    whole, broken = reports(tmp_path / "whole", 0), reports(tmp_path / "broken", 1)
    assert broken == whole


def test_rslora_scales_by_the_root_of_the_rank(engine: Engine, prepared: Prepared) -> None:
    for rslora, expected in ((False, 2.0), (True, 2.0 * 16 / math.sqrt(16))):
        trained(engine, prepared, epochs=0, rank=16, alpha_ratio=2, rslora=rslora)
        scales = {module.scaling[ADAPTER] for module in engine.seat.model.modules() if isinstance(module, LoraLayer)}
        assert scales == {expected}


def test_dora_learns_magnitudes_too(engine: Engine, prepared: Prepared) -> None:
    trained(engine, prepared, epochs=0, dora=True)
    names = {name for name, weight in engine.seat.model.named_parameters() if weight.requires_grad}
    assert any("magnitude" in name for name in names)


def test_init_and_modules_reach_peft() -> None:
    config = lora_config(TrialConfig(init="gaussian", rslora=True, dora=True), {"target_modules": ["q_proj"]})
    assert (config.init_lora_weights, config.use_rslora, config.use_dora) == ("gaussian", True, True)
    assert lora_config(TrialConfig(), {"target_modules": ["q_proj"]}).init_lora_weights is True


def test_lora_plus_gives_b_its_own_rate() -> None:
    weights = {name: torch.nn.Parameter(torch.zeros(1)) for name in ("x.lora_A.w", "x.lora_B.w", "x.magnitude")}
    groups = parameter_groups(weights, TrialConfig(learning_rate=1e-3, lora_plus_ratio=16))
    assert groups == [
        {"params": [weights["x.lora_A.w"], weights["x.magnitude"]]},
        {"params": [weights["x.lora_B.w"]], "lr": pytest.approx(1.6e-2)},
    ]


def test_label_smoothing_by_hand(engine: Engine, prepared: Prepared) -> None:
    trained(engine, prepared, epochs=0, label_smoothing=0.2)
    row = prepared.training[0][1]
    batch = engine.base.inputs([row], engine.features)
    with torch.no_grad():
        odds = at_answers(engine.seat.model(**batch).logits, batch["labels"]).log_softmax(-1)
        wanted = odds[torch.arange(len(row.answer)), torch.tensor(row.answer)]
        expected = -(0.8 * wanted + 0.2 * odds.mean(-1)).mean()
        assert float(answer_loss(engine.seat.model, batch, 0.2)) == pytest.approx(float(expected), rel=1e-5)


def at_answers(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The logits that predict the answers' tokens, of all logits."""
    return logits[:, :-1][labels[:, 1:] != IGNORED]


def test_divergence_by_hand(engine: Engine, prepared: Prepared) -> None:
    rows = prepared.replay
    trained(engine, prepared, epochs=0)
    # An untrained adapter says what the base says.
    assert float(divergence(engine.seat.model, engine.base.inputs(rows, engine.features))) == pytest.approx(0, abs=1e-6)
    trained(engine, prepared, epochs=2)
    model = engine.seat.model.eval()
    batch = engine.base.inputs(rows, engine.features)
    labels = batch.pop("labels")
    with torch.no_grad():
        told = at_answers(model(**batch).logits, labels).softmax(-1)
        with model.disable_adapter():
            known = at_answers(model(**batch).logits, labels).softmax(-1)
    by_hand = (known * (known / told).log()).sum(-1).mean()
    assert float(divergence(model, engine.base.inputs(rows, engine.features))) == pytest.approx(
        float(by_hand), rel=1e-4
    )
    assert float(by_hand) > 1e-3


@pytest.mark.parametrize("kl_on", ["replay", "target"])
def test_held_to_the_base_it_stays_nearer_to_it(engine: Engine, prepared: Prepared, kl_on: str) -> None:
    rows = prepared.replay if kl_on == "replay" else [row for _, row in prepared.training]
    apart = []
    for knobs in ({}, {"kl": True, "kl_on": kl_on, "kl_weight": 30.0}):
        trained(engine, prepared, epochs=6, **knobs)
        with torch.no_grad():
            apart.append(float(divergence(engine.seat.model.eval(), engine.base.inputs(rows, engine.features))))
    assert apart[1] < 0.75 * apart[0]


def test_the_chosen_scale_is_in_the_adapter(
    tiny_study: Path,
    tiny_model: Path,
    folder: Path,
    workshop: Workshop,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scores = iter([0.1, 0.2, 0.2, 0.1])
    evaluate = TrialSession._evaluate
    monkeypatch.setattr(TrialSession, "_evaluate", lambda self: with_score(evaluate(self), next(scores)))
    knobs = {"epochs": 1, "scale_search": True, "alpha_ratio": 2}
    session = TrialSession(task(tiny_study, tiny_model, folder, tmp_path, **knobs), workshop)
    report = session.epoch()
    session.close()
    # Scales 1, 0.85, 0.7, 0.5 in turn: of the equal two the larger is kept.
    assert report.evaluation is not None
    assert (report.evaluation.scale, report.evaluation.score.score) == (0.85, 0.2)
    saved = json.loads((tmp_path / "epoch-0001" / "adapter_config.json").read_text())
    assert saved["lora_alpha"] == pytest.approx(0.85 * 2 * 4)
    assert report.best_so_far["score"] == 0.2


def test_half_the_scale_is_half_the_effect_and_the_weights_stay(engine: Engine, prepared: Prepared) -> None:
    _, weights = trained(engine, prepared)
    model = engine.seat.model.eval()
    layer = next(module for module in model.modules() if isinstance(module, LoraLayer))
    x = torch.randn(3, layer.base_layer.in_features)
    with torch.no_grad():
        base, whole = layer.base_layer(x), layer(x)
        engine.set_scale(0.5)
        half = layer(x)
    torch.testing.assert_close(half - base, 0.5 * (whole - base))
    assert torch.equal(torch.cat([weight.detach().flatten() for weight in engine.seat.parameters]), weights)


def rows(counts: dict[str, int]) -> list[tuple[str, Encoded]]:
    """(character, row) pairs with a picture each."""
    return [(name, Encoded(f"{name}{n}", (1,), (2,))) for name, count in counts.items() for n in range(count)]


@given(counts=st.dictionaries(st.sampled_from("abcd"), st.integers(1, 9), min_size=1), seed=st.integers(0, 99))
def test_balanced_epochs_have_as_many_rows_of_each_character(counts: dict[str, int], seed: int) -> None:
    chosen = select(TrialConfig(balance=True), rows(counts), [], 0)
    for epoch in (1, 2):
        drawn = chosen.epoch(seed, epoch)
        assert len(drawn) == sum(counts.values())
        found = Counter(row.unit[0] for row in drawn)
        assert max(found.values()) - min(found[name] for name in counts) <= 1
        for name in counts:
            times = Counter(row.unit for row in drawn if row.unit[0] == name)
            # No picture twice before each of that character was there once.
            assert len(times) == min(counts[name], found[name])


def test_an_epoch_without_balance_has_every_row_once() -> None:
    chosen = select(TrialConfig(), rows({"a": 5, "b": 2}), [], 0)
    assert Counter(row.unit for row in chosen.epoch(0, 1)) == Counter(row.unit for row in chosen.rows)


def test_variants_stand_in_for_their_pictures(prepared: Prepared) -> None:
    chosen = select(TrialConfig(augmentation=2), prepared.training, [], 0)
    drawn = [row.unit for epoch in range(1, 30) for row in chosen.epoch(7, epoch)]
    assert set(drawn) <= set(prepared.features)
    numbers = Counter(name.partition("#")[2] for name in drawn)
    assert set(numbers) == {"", "1", "2"}
    assert min(numbers.values()) > len(drawn) / 5
    own = prepared.training[0][1].unit
    (seen,), (varied,) = (prepared.features[name].output["pooler_output"] for name in (own, f"{own}#1"))
    assert not torch.equal(seen, varied)


def test_rows_to_hold_are_drawn_from_seed_and_step() -> None:
    chosen = TrainingSet((), replay=tuple(row for _, row in rows({"m": 6})))
    assert chosen.beside(4, 1, 5) == chosen.beside(4, 1, 5)
    assert len({row.unit for row in chosen.beside(4, 1, 5)}) == 4
    assert any(chosen.beside(4, 1, step) != chosen.beside(4, 1, 5) for step in range(5))
    assert len(chosen.beside(9, 1, 5)) == 6


@pytest.mark.parametrize("name", named_spaces())
def test_every_named_space_trains(
    name: str, tiny_study: Path, tiny_model: Path, folder: Path, workshop: Workshop, tmp_path: Path
) -> None:
    space = load_space(name)
    # Of the space with every knob this seed's two trials turn every switch on.
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=SEED))
    on: set[str] = set()
    for number in range(2):
        config = space.suggest(study.ask())
        on |= {knob for knob, value in config.model_dump().items() if value is True}
        knobs = {**config.model_dump(), "epochs": 2}
        session = TrialSession(task(tiny_study, tiny_model, folder, tmp_path / str(number), **knobs), workshop)
        reports = [session.epoch(), session.epoch()]
        session.close()
        assert reports[-1].evaluation is not None
        assert math.isfinite(reports[-1].evaluation.score.score)
        assert reports[-1].done
    switches = {knob for knob, field in TrialConfig.model_fields.items() if field.annotation is bool}
    assert on >= {"everything": switches, "forgetting": {"replay", "kl", "scale_search"}}.get(name, set())
