"""The first try of a base: whatever fails in it is one refusal with the family's name, before anything is trained."""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from transformers.cache_utils import DynamicLayer

from search.options import Options
from search.run.ledger import Ledger
from search.run.manifest import build_manifest
from search.run.run_folder import RunFolder
from search.study_checkup import size_up
from search.tuning.preparation import UNLOADABLE, prepare_run
from studies.checks import load_study
from studies.study import BaseModelSpec, Study
from trainables.answering import Interviewer
from trainables.base_model import BaseModel
from trainables.encoding import Encoder
from trainables.families import FamilyRefused
from trainables.loading import ModelRefused
from trainables.tryout import try_out
from trainables.vision_features import VisionFeatures


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    """A model that passes."""
    folder = tiny.build("qwen2_5_vl", tmp_path_factory.mktemp("qwen2_5_vl"))
    return BaseModel.load(str(folder), BaseModelSpec(id="model", dtype="float32"))


def fail(*_: object, **__: object) -> None:
    raise IndexError("list index out of range\nand more")


def blind(see: Callable[..., VisionFeatures]) -> Callable[..., VisionFeatures]:
    """A tower that says of every picture the same."""

    def seen(*given: Any) -> VisionFeatures:
        features = see(*given)
        same = {name: [torch.ones_like(one) for one in pictures] for name, pictures in features.output.items()}
        return VisionFeatures(same, features.inputs)

    return seen


def forgetful(self: DynamicLayer, order: torch.Tensor) -> None:
    """A cache whose copies are empty."""
    assert self.keys is not None
    self.keys, self.values = (torch.zeros_like(part)[order] for part in (self.keys, self.values))


def without_training(forward: Callable[..., Any]) -> Callable[..., Any]:
    """A forward pass that asks for more while it trains, as Gemma 3's did."""

    @functools.wraps(forward)
    def checked(self: Any, *given: Any, **named: Any) -> Any:
        if self.training:
            raise ValueError("`token_type_ids` is required as a model input when training")
        return forward(self, *given, **named)

    return checked


def without_places(forward: Callable[..., Any]) -> Callable[..., Any]:
    """A forward pass that gives all logits and can be told nothing else, as code of a model's own may."""

    def checked(self: Any, *given: Any, **named: Any) -> Any:
        if "logits_to_keep" in named:
            raise TypeError("forward() got an unexpected keyword argument 'logits_to_keep'")
        return forward(self, *given, **named)

    known = inspect.signature(forward)
    others = [one for name, one in known.parameters.items() if name != "logits_to_keep"]
    checked.__signature__ = known.replace(parameters=others)  # type: ignore[attr-defined]
    return checked


def test_a_forward_that_knows_of_no_places_is_asked_all_the_same(
    base: BaseModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = type(base.model)
    monkeypatch.setattr(kind, "forward", without_places(kind.forward))
    try_out(base, pictures=True)


@pytest.mark.parametrize("method", [None, "bitsandbytes"])
def test_a_quantised_base_may_round_in_float32(
    base: BaseModel, monkeypatch: pytest.MonkeyPatch, method: str | None
) -> None:
    exact = Interviewer._name_odds

    def rounded(*given: Any) -> list[dict[str, float]]:
        return [{name: one + 0.4 for name, one in odds.items()} for odds in exact(*given)]

    monkeypatch.setattr(Interviewer, "_name_odds", rounded)
    monkeypatch.setattr(base.model, "quantization_method", method, raising=False)
    with nullcontext() if method else pytest.raises(FamilyRefused, match="nats a token from the same in one text"):
        try_out(base, pictures=False)


@pytest.mark.parametrize("part", ["encoding", "look", "forward"])
def test_whatever_fails_names_the_family(base: BaseModel, part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, name = {
        "encoding": (Encoder, "encode"),
        "look": (type(base.model.model), "get_image_features"),
        "forward": (type(base.model), "forward"),
    }[part]
    monkeypatch.setattr(owner, name, fail)
    with pytest.raises(FamilyRefused) as refused:
        try_out(base, pictures=True)
    why = "models of the family qwen2_5_vl cannot be trained here: a first try failed"
    assert str(refused.value) == f"{why} (IndexError: list index out of range) — choose another"


def test_features_that_are_not_read_as_the_picture_are_refused(
    base: BaseModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BaseModel, "see", blind(BaseModel.see))
    with pytest.raises(FamilyRefused, match="what its vision tower says of a picture, given back, is not read as"):
        try_out(base, pictures=True)


def test_a_cache_that_forgets_is_refused(base: BaseModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DynamicLayer, "reorder_cache", forgetful)
    with pytest.raises(FamilyRefused, match=r"an answer after a kept prompt is .* nats a token from the same in one"):
        try_out(base, pictures=False)


def test_a_model_that_cannot_be_trained_is_refused(base: BaseModel, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = type(base.model)
    monkeypatch.setattr(kind, "forward", without_training(kind.forward))
    with pytest.raises(FamilyRefused, match="`token_type_ids` is required as a model input when training"):
        try_out(base, pictures=True)
    assert not base.model.training


def test_lack_of_memory_is_no_fault_of_the_family(base: BaseModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(type(base.model), "forward", full)
    with pytest.raises(ModelRefused, match="one row at a time does not fit memory beside the base model"):
        try_out(base, pictures=True)


@pytest.fixture
def hopeless(tiny_study: Path, tmp_path: Path) -> Study:
    """A study whose base model loads, and fails when it looks."""
    study = load_study(tiny_study)
    folder = tiny.build("granite4_vision", tmp_path / "model")
    spec = study.file.base_model.model_copy(update={"id": str(folder)})
    return replace(study, file=study.file.model_copy(update={"base_model": spec}))


REASON = "models of the family granite4_vision cannot be trained here: a first try failed"


def test_doctor_stops_at_the_refusal(hopeless: Study) -> None:
    findings, sized = size_up(hopeless, hopeless.space())
    assert sized is None
    (stop,) = findings
    assert stop.level == "stop"
    assert stop.what.startswith(REASON)


def test_a_run_is_not_prepared(
    hopeless: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = build_manifest(hopeless, Options())
    monkeypatch.setattr(RunFolder, "study", lambda self: hopeless)
    monkeypatch.setattr(RunFolder, "manifest", lambda self: manifest)
    run = RunFolder(tmp_path / "run")
    run.path.mkdir()
    Ledger.create(run.ledger_file).close()
    with pytest.raises(SystemExit) as stopped:
        prepare_run(run)
    assert stopped.value.code == UNLOADABLE
    assert json.loads(capsys.readouterr().err.splitlines()[-1])["message"].startswith(REASON)
    assert not list(run.path.glob(".preparing-*"))
