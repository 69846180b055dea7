"""What a base model that cannot be loaded tells its user."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
import torch
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from studies.study import BaseModelSpec
from trainables import loading
from trainables.adapted import unquantised
from trainables.base_model import BaseModel
from trainables.loading import ModelRefused, explain, load_model, model_options
from trainables.prompting import BY_MODULE, BY_NAME, FIRST_UNQUANTISED, Prompting
from trainables.text_layers import LayersUnknown

ANSWER = httpx2.Response(403, request=httpx2.Request("GET", "https://hub/owner/model"))


def as_transformers_raises(cause: Exception) -> Exception:
    """The hub's own error comes wrapped in a long OSError."""
    try:
        try:
            raise cause
        except Exception as inner:
            raise OSError("We couldn't load it.\nA long explanation follows.") from inner
    except OSError as error:
        return error


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        (GatedRepoError("no", response=ANSWER), "'owner/model' is gated — accept its licence"),
        (RepositoryNotFoundError("no", response=ANSWER), "'owner/model' is not on the hub, or private — check the id"),
        (RevisionNotFoundError("no", response=ANSWER), "'owner/model' has no such revision — check"),
        (LocalEntryNotFoundError("no"), "'owner/model' is not in the cache, and the hub cannot be reached — check"),
        (OfflineModeIsEnabled("no"), "'owner/model' is not in the cache, and the hub cannot be reached — check"),
        (HfHubHTTPError("no", response=ANSWER), "the hub answered 403 for 'owner/model' — renew HF_TOKEN"),
        (ImportError("needs torchvision"), "a library that is not there (needs torchvision) — install what it names"),
        (
            ValueError("No processor class. Missing optional dependencies: torchvision."),
            "a library that is not there (No processor class. Missing optional dependencies: torchvision.)",
        ),
        (KeyError("x"), "'owner/model' cannot be loaded (We couldn't load it.) — check the id"),
    ],
)
def test_each_reason_has_its_remedy(cause: Exception, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    message = str(explain("owner/model", as_transformers_raises(cause)))
    assert said in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("cuda", "'owner/model' does not fit the GPU's memory — use quantization: 4bit, or a smaller model"),
        ("cpu", "'owner/model' does not fit memory — choose a smaller model"),
    ],
)
@pytest.mark.parametrize(
    "cause",
    [
        torch.OutOfMemoryError("CUDA"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"),
        ValueError("Some modules are dispatched on the CPU or the disk. Make sure you have enough GPU RAM."),
    ],
)
def test_a_model_that_does_not_fit_is_said_to(
    cause: Exception, kind: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "device", lambda: kind)
    assert str(explain("owner/model", as_transformers_raises(cause))) == said


def test_offline_mode_is_named_where_it_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    message = str(explain("owner/model", as_transformers_raises(LocalEntryNotFoundError("no"))))
    assert message.endswith("HF_HUB_OFFLINE is set — run `hf download owner/model` first, or unset it")


def test_a_folder_that_holds_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "llava"}')
    with pytest.raises(ModelRefused, match="cannot be loaded"):
        load_model(str(tmp_path), BaseModelSpec(id="model", dtype="float32"))


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"quantization": "4bit"}, "quantization 4bit needs a GPU, and none is seen here — use quantization: none"),
        ({"quantization": "8bit"}, "quantization 8bit needs a GPU"),
        ({"attention": "flash_attention_2"}, "attention flash_attention_2 needs a GPU, and none is seen here"),
    ],
)
def test_what_needs_a_gpu_is_refused_before_anything_is_read(
    spec: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ModelRefused, match=said):
        load_model("no/such", BaseModelSpec.model_validate({"id": "no/such", **spec}))


def test_quantisation_asks_for_bitsandbytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr("trainables.loading.importlib.util", SimpleNamespace(find_spec=lambda name: None))
    with pytest.raises(ModelRefused, match=r"needs bitsandbytes — install it: pip install 'skazka-tune\[qlora\]'"):
        load_model("no/such", BaseModelSpec(id="no/such", quantization="4bit"))


def test_quantisation_leaves_the_vision_tower_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    spec = BaseModelSpec(id="no/such", quantization="4bit", attention="sdpa")
    options = model_options(spec, ["model.visual", "lm_head"])
    asked = options["quantization_config"].to_dict()
    assert (asked["load_in_4bit"], asked["bnb_4bit_quant_type"]) == (True, "nf4")
    assert asked["llm_int8_skip_modules"] == ["model.visual", "lm_head"]
    assert options["attn_implementation"] == "sdpa"
    assert options["device_map"] == {"": "cuda"}


def test_a_model_is_loaded_straight_to_its_gpu(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = BaseModelSpec(id="m", dtype="float32")
    assert "device_map" not in model_options(spec, [])
    # The one other device that every machine has; what it holds was never moved there.
    monkeypatch.setattr("trainables.loading.device", lambda: "meta")
    assert model_options(spec, [])["device_map"] == {"": "meta"}
    assert model_options(spec.model_copy(update={"device_map": "auto"}), [])["device_map"] == "auto"
    monkeypatch.setattr(torch.nn.Module, "to", lambda *_: pytest.fail("moved after it was loaded"))
    model, _ = load_model(str(tiny_model), spec)
    assert {weight.device.type for weight in model.parameters()} == {"meta"}


def test_gradient_checkpointing_is_on_where_it_is_asked_for(tiny_model: Path) -> None:
    model, _ = load_model(str(tiny_model), BaseModelSpec(id="m", dtype="float32", gradient_checkpointing=True))
    assert model.is_gradient_checkpointing


def test_a_quantised_base_keeps_all_but_its_text_layers_whole(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = BaseModelSpec(id="model", quantization="4bit")
    asked: list[Any] = []

    def from_pretrained(name: str, **options: Any) -> None:
        asked.append(options["quantization_config"].llm_int8_skip_modules)
        raise OSError("there is no GPU here")

    monkeypatch.setattr("trainables.loading.refuse_unfit", lambda spec: None)
    monkeypatch.setattr("trainables.loading.AutoModelForImageTextToText.from_pretrained", from_pretrained)
    for prompting in (None, Prompting()):
        with pytest.raises(ModelRefused):
            BaseModel.load(str(tiny_model), spec, prompting=prompting)
    # A run that the first versions began is asked as they asked.
    assert asked == [["model.vision_tower", "model.multi_modal_projector", "lm_head"], list(FIRST_UNQUANTISED)]


def test_a_text_model_of_which_nothing_is_quantised_is_refused(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_layers(model: object) -> None:
        raise LayersUnknown("its text model has no list of 2 layers")

    monkeypatch.setattr("trainables.loading.refuse_unfit", lambda spec: None)
    monkeypatch.setattr("trainables.loading.unquantised", no_layers)
    with pytest.raises(ModelRefused, match=r"cannot be trained here: its text model has no list of 2 layers — choose"):
        BaseModel.load(str(tiny_model), BaseModelSpec(id="model", quantization="4bit"))


def test_a_run_says_what_it_quantises_and_by_what_rule_it_adapts(tiny_model: Path) -> None:
    base = BaseModel.load(str(tiny_model), BaseModelSpec(id="model", dtype="float32"))
    kept = Prompting.from_data(json.loads(json.dumps(base.prompting.as_data())))
    assert (kept.adapted, list(kept.unquantised)) == (BY_MODULE, unquantised(base.model))
    earlier = Prompting.from_data({"stops": [2]})
    assert (earlier.adapted, earlier.unquantised) == (BY_NAME, FIRST_UNQUANTISED)
