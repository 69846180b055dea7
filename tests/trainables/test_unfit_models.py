"""Folders that hold no model for this, or a broken one: refused by name, with the reason, as they are loaded."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers as hf
from real_templates import tokenizer_with
from safetensors.torch import load_file, save_file

from studies.study import BaseModelSpec
from trainables import loading
from trainables.base_model import BaseModel
from trainables.families import FamilyRefused
from trainables.loading import ModelRefused, load_model
from trainables.tryout import try_out

SPEC = BaseModelSpec(id="model", dtype="float32")
TEMPLATE = "{% for m in messages %}<|im_start|>{{ m.role + ':' + m.content }}<|im_end|>{% endfor %}"
SMALL = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
WEIGHTS, LAST_LAYER = "model.safetensors", "model.layers.1."
# A family of its own, whose forward is told neither how to return nor at which places.
OWN_CODE = """
from transformers import LlamaConfig, LlamaForCausalLM


class OwnConfig(LlamaConfig):
    model_type = "own"


class Own(LlamaForCausalLM):
    config_class = OwnConfig

    def forward(
        self, input_ids=None, attention_mask=None, position_ids=None, past_key_values=None, use_cache=None,
        return_dict=None,
    ):
        return super().forward(
            input_ids=input_ids, attention_mask=attention_mask, position_ids=position_ids,
            past_key_values=past_key_values, use_cache=use_cache,
        )
"""


def save(folder: Path, kind: type[Any], config: Any) -> Path:
    """A tiny random model with a tokenizer, as any is saved."""
    torch.manual_seed(0)
    tokenizer = tokenizer_with(TEMPLATE)
    tokenizer.save_pretrained(folder)
    config.vocab_size = len(tokenizer)
    kind(config).save_pretrained(folder)
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A tiny Llama in which nothing is wrong."""
    return save(tmp_path / "model", hf.LlamaForCausalLM, hf.LlamaConfig(**SMALL))


def set_config(folder: Path, **values: Any) -> None:
    """Change a folder's config.json."""
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def without_a_layer(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """As a download that was cut short leaves them, or an edited configuration."""
    return {name: tensor for name, tensor in weights.items() if not name.startswith(LAST_LAYER)}


def of_another_shape(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Half of every embedding."""
    return weights | {"model.embed_tokens.weight": weights["model.embed_tokens.weight"][:, :16].clone()}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (without_a_layer, rf"comes without some of its weights \({LAST_LAYER}.* and 8 more\) — download it once more"),
        (of_another_shape, "has weights of other shapes than its configuration says — download it once more"),
    ],
)
def test_weights_that_would_be_random_are_refused(
    model: Path, change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]], said: str
) -> None:
    save_file(change(load_file(model / WEIGHTS)), model / WEIGHTS, metadata={"format": "pt"})
    with pytest.raises(ModelRefused, match=said):
        load_model(str(model), SPEC)


@pytest.mark.parametrize("other", ["pytorch_model.bin", "model-Q4_K_M.gguf"])
def test_weights_in_another_format_are_refused_unread(model: Path, other: str) -> None:
    (model / WEIGHTS).rename(model / other)
    with pytest.raises(ModelRefused, match="has no weights in safetensors — choose the version with safetensors;"):
        load_model(str(model), SPEC)


def test_a_broken_folder_has_nothing_to_do_with_the_network(model: Path) -> None:
    whole = (model / WEIGHTS).read_bytes()
    (model / WEIGHTS).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelRefused, match=r"cannot be loaded \(.*\) — download it once more, or choose another"):
        load_model(str(model), SPEC)


def test_a_model_with_an_encoder_of_its_own_is_refused_before_it_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    tokenizer_with(TEMPLATE).save_pretrained(folder)
    for kind in ("t5", "bart", "whisper", "florence2"):
        hf.CONFIG_MAPPING[kind]().save_pretrained(folder)
        with pytest.raises(ModelRefused, match=rf"\({kind}\) has an encoder for the question and a decoder"):
            load_model(str(folder), SPEC)


def test_a_type_that_does_not_answer_in_text_is_called_that(tmp_path: Path) -> None:
    hf.Wav2Vec2Config().save_pretrained(tmp_path)
    tokenizer_with(TEMPLATE).save_pretrained(tmp_path)
    with pytest.raises(ModelRefused, match="is no model that answers in text: transformers has no such class"):
        load_model(str(tmp_path), SPEC)


def test_what_is_quantised_already_is_not_quantised_again(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_config(model, quantization_config={"quant_method": "fp8"})
    monkeypatch.setattr(loading, "refuse_unfit", lambda spec: None)
    with pytest.raises(ModelRefused, match=r"is quantised already \(fp8\) — use quantization: none"):
        load_model(str(model), SPEC.model_copy(update={"quantization": "4bit"}))


def test_kernels_without_gradients_are_not_trained_through(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    set_config(model, quantization_config={"quant_method": "mxfp4"})

    def from_pretrained(name: str, **options: Any) -> None:
        asked.append(options["quantization_config"])
        raise OSError("enough")

    monkeypatch.setattr("trainables.loading.AutoModelForCausalLM.from_pretrained", from_pretrained)
    with pytest.raises(ModelRefused):
        load_model(str(model), SPEC)
    assert asked[0].dequantize
    quantised = hf.LlamaForCausalLM(hf.LlamaConfig(**SMALL, quantization_config={"quant_method": "fbgemm_fp8"}))
    quantised.hf_quantizer = type("Quantizer", (), {"is_trainable": False})()
    with pytest.raises(ModelRefused, match=r"is quantised \(fbgemm_fp8\) in a way that gives no gradients"):
        loading._refuse_weights("model", quantised, [])


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda weights: weights["model.norm.weight"].fill_(float("nan")), "its weights make no numbers of a text"),
        (None, r"its tokenizer gives a token \d+, and it has embeddings of 250 tokens"),
    ],
)
def test_what_a_model_cannot_read_is_refused_by_name(model: Path, break_it: Any, said: str) -> None:
    weights = load_file(model / WEIGHTS)
    if break_it is not None:
        break_it(weights)
    else:
        for name in ("model.embed_tokens.weight", "lm_head.weight"):
            weights[name] = weights[name][:250].clone()
        set_config(model, vocab_size=250)
    save_file(weights, model / WEIGHTS, metadata={"format": "pt"})
    with pytest.raises(FamilyRefused, match=f"family llama cannot be trained here: {said}"):
        try_out(BaseModel.load(str(model), SPEC), pictures=False)


def test_code_of_its_own_need_not_know_every_argument(model: Path) -> None:
    (model / "modeling_own.py").write_text(OWN_CODE)
    code = {"AutoConfig": "modeling_own.OwnConfig", "AutoModelForCausalLM": "modeling_own.Own"}
    set_config(model, model_type="own", auto_map=code)
    with pytest.raises(ModelRefused, match="comes with Python code of its own — read it, then give --trust"):
        load_model(str(model), SPEC)
    try_out(BaseModel.load(str(model), SPEC, trust_remote_code=True), pictures=False)
