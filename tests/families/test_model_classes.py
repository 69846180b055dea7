"""Models that transformers has no image-text class for are called what they are, before their weights are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from parts import tokenizer
from safetensors.torch import save_file

from studies.study import BaseModelSpec
from trainables.loading import ModelRefused, load_model

SPEC = BaseModelSpec(id="model", dtype="float32")
SMALL_LLAMA = {"vocab_size": 300, "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1}
# As the released models have them: phi4mm, kimi_vl and moondream1 with code of their own, deepseek_vl_v2 without.
OWN_CODE = {"AutoConfig": "code.Config", "AutoModelForCausalLM": "code.Model"}
WITHOUT_CLASS: dict[str, dict[str, Any]] = {
    "phi4mm": {"embd_layer": {"image_embd_layer": {"crop_size": 448}}, "auto_map": OWN_CODE},
    "phi4_multimodal": {},
    "kimi_vl": {"vision_config": {"hidden_size": 32}, "text_config": {"hidden_size": 32}, "auto_map": OWN_CODE},
    "qwen2_5_omni": {},
}
CODE = """
from transformers import LlamaConfig, LlamaForCausalLM
from torch import nn
class Config(LlamaConfig):
    model_type = {kind!r}
class Model(LlamaForCausalLM):
    config_class = Config
    def __init__(self, config):
        super().__init__(config)
        self.vision = nn.Linear(2, 2)
"""


def model_with_its_own_code(folder: Path, kind: str, **config: Any) -> Path:
    """A model's folder, as far as it is read before its weights."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": kind, **config}))
    (folder / "code.py").write_text(CODE.format(kind=kind))
    return folder


@pytest.mark.parametrize("kind", WITHOUT_CLASS)
def test_a_model_that_sees_without_a_class_for_it_is_called_so(kind: str, tmp_path: Path) -> None:
    folder = model_with_its_own_code(tmp_path / "model", kind, **WITHOUT_CLASS[kind])
    said = r"reads pictures \(.*(vision_config|image_embd_layer) of its configuration\), but neither transformers nor"
    with pytest.raises(ModelRefused, match=said):
        load_model(str(folder), SPEC, trust_remote_code=True)


def test_a_model_whose_modules_alone_tell_that_it_sees_is_called_so(tmp_path: Path) -> None:
    folder = model_with_its_own_code(tmp_path / "model", "moondream1", **SMALL_LLAMA, auto_map=OWN_CODE)
    tokenizer(end="</s>").save_pretrained(folder)
    save_file({"model.norm.weight": torch.ones(32)}, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelRefused, match=r"reads pictures \(its module vision\), but neither transformers nor"):
        load_model(str(folder), SPEC, trust_remote_code=True)


def test_a_model_of_an_unknown_type_is_called_so(tmp_path: Path) -> None:
    folder = model_with_its_own_code(tmp_path / "model", "deepseek_vl_v2", vision_config={"width": 32})
    with pytest.raises(ModelRefused, match="is of a type that transformers does not know — choose another base model"):
        load_model(str(folder), SPEC)


def test_a_model_with_its_own_code_says_how_it_is_allowed(tmp_path: Path) -> None:
    folder = model_with_its_own_code(tmp_path / "model", "kimi_vl", auto_map=OWN_CODE)
    with pytest.raises(ModelRefused, match="Python code of its own — read it, then give --trust-remote-code"):
        load_model(str(folder), SPEC)


def test_a_model_that_sees_and_has_no_processor_is_no_text_model(tmp_path: Path) -> None:
    sees = {"AutoConfig": "code.Config", "AutoModelForImageTextToText": "code.Model"}
    folder = model_with_its_own_code(tmp_path / "model", "sees", auto_map=sees)
    tokenizer(end="</s>").save_pretrained(folder)
    with pytest.raises(ModelRefused, match="reads pictures, but comes without a processor of them — choose another"):
        load_model(str(folder), SPEC, trust_remote_code=True)
