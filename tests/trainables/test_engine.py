"""Training one LoRA: seeded, resumable to the bit, and without a trace on the base."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import pytest
import torch

from spaces.trial_config import TrialConfig
from studies.checks import load_study
from studies.study import BaseModelSpec
from trainables import checkpoint
from trainables.base_model import BaseModel
from trainables.checkpoint_files import ADAPTER, checkpoint_folder
from trainables.encoding import Encoded, collate
from trainables.engine import EpochResult, NotFinite
from trainables.optimization import rate_at
from trainables.prepared import Prepared, prepare
from trainables.session import TrialSession, Workshop
from trainables.task import TrialTask
from trainables.training_set import select
from trainables.vision_features import features_to_tensors


@pytest.fixture(scope="module")
def shared(tiny_study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of what all trials of a sweep share."""
    study = load_study(tiny_study)
    base = BaseModel.load(study.base_model, BaseModelSpec(id="model", dtype="float32"))
    folder = tmp_path_factory.mktemp("shared") / "prepared"
    prepare(study, base).save(folder)
    return folder


@pytest.fixture(scope="module")
def workshop(tiny_study: Path, tiny_model: Path, shared: Path) -> Workshop:
    """One worker's base and data."""
    return Workshop.build(task(tiny_study, tiny_model, shared, Path("unused")))


def task(study: Path, model: Path, shared: Path, folder: Path, **config: object) -> TrialTask:
    """A trial of four epochs."""
    settings = {"learning_rate": 1e-3, "rank": 4, "epochs": 4, "batch_size": 2, "dropout": 0.1, **config}
    return TrialTask(
        trial="t0000",
        config=TrialConfig.model_validate(settings),
        seed=3,
        folder=folder,
        study=study,
        prepared=shared,
        base_model=str(model),
    )


def fingerprint(model: torch.nn.Module) -> str:
    """A hash of every weight of the bare base."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode() + value.numpy().tobytes())
    return digest.hexdigest()


def losses(session: TrialSession, epochs: int) -> list[tuple[float, float, float]]:
    """Train and eval loss and gradient norm of the next epochs."""
    reports = [session.epoch() for _ in range(epochs)]
    return [(report.train_loss, report.eval_loss, report.grad_norm) for report in reports]


def test_same_seed_same_losses(
    workshop: Workshop, tiny_study: Path, tiny_model: Path, shared: Path, tmp_path: Path
) -> None:
    runs = []
    for name in ("one", "two"):
        session = TrialSession(task(tiny_study, tiny_model, shared, tmp_path / name), workshop)
        runs.append(losses(session, 2))
    assert runs[0] == runs[1]


def test_resume_from_a_checkpoint_trains_on_exactly(
    workshop: Workshop, tiny_study: Path, tiny_model: Path, shared: Path, tmp_path: Path
) -> None:
    whole = TrialSession(task(tiny_study, tiny_model, shared, tmp_path / "whole"), workshop)
    expected = losses(whole, 4)
    cut = TrialSession(task(tiny_study, tiny_model, shared, tmp_path / "cut"), workshop)
    first = losses(cut, 2)
    cut.close()
    again = TrialSession(task(tiny_study, tiny_model, shared, tmp_path / "cut"), workshop)
    resumed = again.resume()
    assert resumed is not None
    assert resumed.epoch == 2
    assert [*first, *losses(again, 2)] == expected


def test_base_is_bit_identical_after_three_trials(
    workshop: Workshop, tiny_study: Path, tiny_model: Path, shared: Path, tmp_path: Path
) -> None:
    workshop.engine.close()
    before = fingerprint(workshop.engine.base.model)
    for number, modules in enumerate(("attention", "attention+mlp", "attention")):
        session = TrialSession(
            task(tiny_study, tiny_model, shared, tmp_path / str(number), target_modules=modules, epochs=1), workshop
        )
        session.epoch()
        session.close()
    assert fingerprint(workshop.engine.base.model) == before


def test_no_vision_weight_trains(
    workshop: Workshop, tiny_study: Path, tiny_model: Path, shared: Path, tmp_path: Path
) -> None:
    TrialSession(task(tiny_study, tiny_model, shared, tmp_path, target_modules="attention+mlp"), workshop)
    trained = [name for name, value in workshop.engine.seat.model.named_parameters() if value.requires_grad]
    assert len(trained) == 4 * 7 * 2  # layers, projections, A and B
    assert all(".language_model.layers." in name for name in trained)


def test_a_trial_that_cannot_open_leaves_no_adapter_behind(
    workshop: Workshop,
    tiny_study: Path,
    tiny_model: Path,
    shared: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workshop.engine.close()
    names = list(workshop.engine.base.model.state_dict())
    monkeypatch.setattr(torch.optim, "AdamW", None)
    with pytest.raises(TypeError):
        TrialSession(task(tiny_study, tiny_model, shared, tmp_path, target_modules="attention+mlp"), workshop)
    assert list(workshop.engine.base.model.state_dict()) == names


def test_a_loss_that_is_no_number_fails_with_a_message(
    workshop: Workshop, tiny_study: Path, tiny_model: Path, shared: Path, tmp_path: Path
) -> None:
    session = TrialSession(task(tiny_study, tiny_model, shared, tmp_path), workshop)
    with torch.no_grad():
        next(iter(workshop.engine.seat.parameters)).fill_(math.nan)
    with pytest.raises(NotFinite, match="lower the learning rate"):
        session.epoch()


def test_cached_features_give_the_loss_of_the_pixels(tiny_study: Path) -> None:
    from studies.images import open_rgb

    study = load_study(tiny_study)
    base = BaseModel.load(study.base_model, BaseModelSpec(id="model", dtype="float32"))
    row = study.training[0]
    encoded, pixels = base.encoder.encode(row.unit, open_rgb(study.folder / row.unit), row.question, row.answer)
    assert pixels is not None
    batch = collate([encoded], base.pad_id)
    with torch.inference_mode():
        seen = base.model(**batch, **pixels.inputs).loss
        cached = base.model(**batch, **base.vision_inputs([base.see(pixels)])).loss
    assert torch.equal(seen, cached)


def test_prepared_survives_its_files(shared: Path, tmp_path: Path) -> None:
    first = Prepared.load(shared)
    first.save(tmp_path / "copy")
    second = Prepared.load(tmp_path / "copy")
    assert (first.training, first.probes, first.names, first.before) == (
        second.training,
        second.probes,
        second.names,
        second.before,
    )
    kept, read = features_to_tensors(first.features), features_to_tensors(second.features)
    assert kept.keys() == read.keys()
    assert all(torch.equal(kept[name], read[name]) for name in kept)


def test_first_loss_is_the_base_s_own_cross_entropy(
    workshop: Workshop, tiny_study: Path, tiny_model: Path, shared: Path, tmp_path: Path
) -> None:
    settings: dict[str, object] = {"dropout": 0, "epochs": 1, "batch_size": 8}
    session = TrialSession(task(tiny_study, tiny_model, shared, tmp_path, **settings), workshop)
    rows = workshop.engine.seat.data.rows
    total, tokens = 0.0, 0
    bare = BaseModel.load(str(tiny_model), BaseModelSpec(id="model", dtype="float32"))
    for row in rows:
        inputs = collate([row], bare.pad_id)
        with torch.inference_mode():
            features = bare.vision_inputs([workshop.prepared.features[row.unit]])
            logits = bare.model(input_ids=inputs["input_ids"], **features).logits[0]
        for place, token in enumerate(row.answer, start=len(row.prompt)):
            total -= float(logits[place - 1].log_softmax(-1)[token])
            tokens += 1
    report = session.epoch()
    # A fresh LoRA adds nothing, and one batch holds all rows: the first loss is that of the base.
    assert report.train_loss == pytest.approx(total / tokens, rel=1e-5)
    assert report.learning_rate == pytest.approx(1e-3)
    assert report.evaluation is not None
    assert set(report.evaluation.accuracy) == {"Чебурашка", "Колобок", "Матрёшка", "Рыцарь"}


def test_torn_checkpoint_is_skipped_for_the_one_before(
    workshop: Workshop, tiny_study: Path, tiny_model: Path, shared: Path, tmp_path: Path
) -> None:
    session = TrialSession(task(tiny_study, tiny_model, shared, tmp_path), workshop)
    for epoch in (1, 2):
        engine, identity = workshop.engine, session.task.identity
        checkpoint.write(tmp_path, epoch, identity, {"epoch": epoch}, engine.state(), engine.save_adapter)
    weights = checkpoint_folder(tmp_path, 2) / ADAPTER
    weights.write_bytes(weights.read_bytes()[:-1])
    found, skipped = checkpoint.newest(tmp_path, identity)
    assert found is not None
    assert found.epoch == 1
    assert skipped == [f"checkpoint epoch-0002 is skipped: {ADAPTER} differs from what was written"]


def test_a_checkpoint_of_another_configuration_is_not_taken(
    workshop: Workshop, tiny_study: Path, tiny_model: Path, shared: Path, tmp_path: Path
) -> None:
    session = TrialSession(task(tiny_study, tiny_model, shared, tmp_path), workshop)
    engine, identity = workshop.engine, session.task.identity
    checkpoint.write(tmp_path, 1, identity, {"epoch": 1}, engine.state(), engine.save_adapter)
    found, skipped = checkpoint.newest(tmp_path, {**identity, "seed": 99})
    assert found is None
    assert "another configuration or seed" in skipped[0]


def test_only_the_last_and_the_best_checkpoint_stay(
    workshop: Workshop, tiny_study: Path, tiny_model: Path, shared: Path, tmp_path: Path
) -> None:
    session = TrialSession(task(tiny_study, tiny_model, shared, tmp_path), workshop)
    for _ in range(4):
        report = session.epoch()
    kept = {int(path.name.removeprefix("epoch-")) for path in tmp_path.glob("epoch-*")}
    assert kept == {4, report.best_so_far["epoch"]}


@pytest.mark.parametrize(
    ("scheduler", "expected"),
    [
        ("constant", [0.5, 1.0, 1.0, 1.0, 1.0]),
        ("linear", [0.5, 1.0, 1.0, 0.75, 0.5]),
        ("cosine", [0.5, 1.0, 1.0, 0.5 * (1 + math.cos(math.pi / 4)), 0.5]),
    ],
)
def test_learning_rate_by_hand(scheduler: str, expected: list[float]) -> None:
    config = TrialConfig.model_validate({"scheduler": scheduler, "warmup_ratio": 1 / 3})
    # Six steps, two of them warm-up: step 2 is the first of the four that decay.
    assert [rate_at(step, 6, config) for step in range(5)] == pytest.approx(expected)


def test_epoch_result_names_are_the_metrics() -> None:
    from trainables.metrics import METRICS

    assert set(EpochResult.__dataclass_fields__) <= set(METRICS)


def test_a_picture_held_out_for_one_character_trains_for_none() -> None:
    rows = [("Гена", Encoded(str(n), (1,), (2,))) for n in range(4)]
    rows += [("Чебурашка", Encoded(str(n), (1,), (2,))) for n in (3, 4, 5, 6)]
    chosen = select(TrialConfig(), rows, (), held_out_share=0.25)
    trained, held = {row.unit for row in chosen.rows}, {row.unit for row in chosen.held_out}
    assert held == {"3", "6"}
    assert not trained & held


def test_replay_adds_its_share_of_control_rows_anew_each_epoch() -> None:
    rows = [("Гена", Encoded(str(n), (1,), (2,))) for n in range(8)]
    replay = [Encoded(f"control {n}", (1,), (2,)) for n in range(3)]
    config = TrialConfig(replay=True, replay_ratio=0.5, batch_size=4)
    chosen = select(config, rows, replay, held_out_share=0)
    drawn = [[row.unit for row in chosen.epoch(seed=1, epoch=epoch)] for epoch in (1, 2, 1)]
    assert chosen.steps(4) == 3
    assert sum(name.startswith("control") for name in drawn[0]) == 4
    assert drawn[0] == drawn[2] != drawn[1]
