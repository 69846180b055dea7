"""Which modules are adapted and which quantised, in each family of the size that its own configuration gives.

On the meta device: names and shapes without weights.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from functools import cache
from typing import Any

import pytest
import torch
import transformers as hf
from peft import LoraConfig
from peft.tuners.tuners_utils import _ExcludedModule, check_target_module_exists
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES
from transformers.pytorch_utils import Conv1D
from transformers.quantizers.quantizers_utils import should_convert_module

from spaces.trial_config import TargetModules
from trainables.adapted import by_module, by_name, unquantised
from trainables.text_layers import LayersUnknown, TextLayers

BOTH: tuple[TargetModules, ...] = ("attention", "attention+mlp")
# Those that the first versions tested; their runs go on as they began.
FIRST = (
    *("qwen2_vl", "qwen2_5_vl", "qwen3_vl", "llava", "llava_onevision", "idefics3", "smolvlm"),
    *("paligemma", "gemma3", "internvl"),
)
TEXT = (
    *(
        "llama",
        "mistral",
        "qwen2",
        "qwen3",
        "gemma3_text",
        "gemma2",
        "cohere2",
        "olmo2",
        "granite",
        "smollm3",
        "seed_oss",
    ),
    *("glm4", "phi3", "phi", "phi4_multimodal", "gpt2", "gpt_neox", "falcon", "opt", "bloom", "starcoder2", "mpt"),
    *("qwen3_moe", "gpt_oss", "mixtral", "granitemoe", "deepseek_v3", "minicpm3", "llama4_text", "gemma3n_text"),
    *("qwen3_5_text", "qwen3_next", "lfm2", "falcon_h1", "bamba", "jamba", "mamba2", "nemotron_h", "ministral3"),
)
# The default of these is no model that anyone has.
MORE: dict[str, dict[str, Any]] = {
    "lfm2": {"layer_types": ["conv", "full_attention"], "num_hidden_layers": 2},
    "gemma4_text": {"num_kv_shared_layers": 10, "num_hidden_layers": 30},
}
TENSORS = "no MLP (the experts of a layer are one tensor ({}), which LoRA does not adapt here)"
EXPERTS = TENSORS.format("mlp.experts.gate_up_proj")


@cache
def model(kind: str) -> Any:
    """A family's model; None where its configuration makes none by itself."""
    sees = kind in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES
    maker = hf.AutoModelForImageTextToText if sees else hf.AutoModelForCausalLM
    try:
        with warnings.catch_warnings(), torch.device("meta"):
            warnings.simplefilter("ignore")
            return maker.from_config(CONFIG_MAPPING[kind](**MORE.get(kind, {})))
    except Exception:
        return None


def known() -> Iterator[tuple[str, Any, TextLayers]]:
    """Every family whose layers are known: name, model, layers."""
    for kind in (*MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES, *TEXT):
        if (made := model(kind)) is None:
            assert kind not in FIRST + TEXT
            continue
        with nullcontext() if kind in FIRST + TEXT else suppress(LayersUnknown):
            yield kind, made, TextLayers.of(made)


@pytest.mark.parametrize(
    ("kind", "stack", "layers"),
    [
        ("qwen2_5_vl", "model.language_model.layers", "attention 80 layers x 4; MLP 80 layers x 3"),
        ("idefics3", "model.text_model.layers", "attention 32 layers x 4; MLP 32 layers x 3"),
        ("qwen2_5_omni_thinker", "model.language_model.layers", "attention 28 layers x 4; MLP 28 layers x 3"),
        # One layer for gate and up.
        ("glm4v", "model.language_model.layers", "attention 40 layers x 4; MLP 40 layers x 2"),
        ("glm46v", "model.language_model.layers", "attention 40 layers x 4; MLP 40 layers x 2"),
        # Three of four layers have linear attention: in_proj_qkv, in_proj_z and out_proj.
        ("qwen3_5", "model.language_model.layers", "attention 24 layers x 3, 8 layers x 4; MLP 32 layers x 3"),
        ("minicpmv4_6", "model.language_model.layers", "attention 24 layers x 3, 8 layers x 4; MLP 32 layers x 3"),
        ("qwen3_vl_moe", "model.language_model.layers", f"attention 24 layers x 4; {EXPERTS}"),
        (
            "ernie4_5_vl_moe",
            "model.language_model.layers",
            "attention 28 layers x 4; " + EXPERTS.replace("mlp", "mlp.text_moe"),
        ),
        ("llama4", "language_model.model.layers", "attention 48 layers x 4; " + EXPERTS.replace("mlp", "feed_forward")),
        # Its pictures and sounds are read inside the text model.
        ("phi4_multimodal", "model.layers", "attention 32 layers x 2; MLP 32 layers x 2"),
        ("phi3", "model.layers", "attention 32 layers x 2; MLP 32 layers x 2"),
        ("phi", "model.layers", "attention 24 layers x 4; MLP 24 layers x 2"),
        ("gpt2", "transformer.h", "attention 12 layers x 2; MLP 12 layers x 2"),
        ("gpt_neox", "gpt_neox.layers", "attention 44 layers x 2; MLP 44 layers x 2"),
        ("falcon", "transformer.h", "attention 32 layers x 2; MLP 32 layers x 2"),
        ("opt", "model.decoder.layers", "attention 12 layers x 4; MLP 12 layers x 2"),
        # Later layers read the keys and values of earlier ones.
        ("gemma3n_text", "model.layers", "attention 15 layers x 2, 20 layers x 4; MLP 35 layers x 3"),
        ("lfm2", "model.layers", "attention 1 layers x 2, 1 layers x 4; MLP 2 layers x 3"),
        ("minicpm3", "model.layers", "attention 62 layers x 5; MLP 62 layers x 3"),
        ("deepseek_v3", "model.layers", f"attention 61 layers x 5; {EXPERTS}"),
        ("granitemoe", "model.layers", "attention 32 layers x 4; " + EXPERTS.replace("mlp", "block_sparse_moe")),
        ("bamba", "model.layers", "attention 32 layers x 1; MLP 32 layers x 3"),
        ("mamba2", "backbone.layers", "attention 64 layers x 1; no MLP (its layers have no MLP that is known here)"),
    ],
)
def test_what_is_adapted_is_counted_a_layer(kind: str, stack: str, layers: str) -> None:
    found = TextLayers.of(model(kind))
    assert (found.stack, str(found)) == (stack, layers)


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("mllama", "layers without a known attention (cross_attn.q_proj"),
        ("idefics", "2 lists of 32 layers, where one is expected"),
        ("blip", "its attention has a layer of an unknown kind, attention.self.query"),
        ("xlnet", "layers without a known attention (ff.layer_1"),
        ("zamba", "layers without a known attention ("),
        ("jetmoe", "its attention has a layer of an unknown kind, self_attention.kv_proj"),
        ("rwkv", "its attention has a layer of an unknown kind, attention.key"),
    ],
)
def test_layers_of_an_unknown_kind_are_refused_with_their_name(kind: str, why: str) -> None:
    with pytest.raises(LayersUnknown) as refused:
        TextLayers.of(model(kind))
    assert why in str(refused.value)


def test_mlps_that_are_not_all_adapted_are_none() -> None:
    layers = TextLayers.of(model("qwen3_vl_moe"))
    assert len(layers.names("attention")) == 4 * 24
    with pytest.raises(LayersUnknown, match=r"attention\+mlp: the experts .* — use target_modules: attention"):
        layers.names("attention+mlp")
    # Its dense layers and shared experts are linear layers, its experts are not.
    with pytest.raises(LayersUnknown, match="the experts"):
        TextLayers.of(model("glm4v_moe")).names("attention+mlp")


def test_every_layer_of_every_family_has_the_same_parts() -> None:
    count = 0
    for kind, _, layers in known():
        count += 1
        # In these a layer is one part: attention, state space or MLP.
        if kind not in ("nemotron_h", "nemotron_h_omni"):
            assert all(layers.attention), kind
            assert layers.without_mlp or all(layers.mlp), kind
        for target in BOTH if not layers.without_mlp else BOTH[:1]:
            assert len(set(layers.names(target))) == len(layers.names(target)), kind
        if not layers.without_mlp:
            assert set(layers.names("attention")) < set(layers.names("attention+mlp")), kind
    assert count > 100


def test_peft_adapts_exactly_these_from_a_plain_list_of_names() -> None:
    for kind, made, layers in known():
        for target in BOTH if not layers.without_mlp else BOTH[:1]:
            adapted = by_module(made, layers, target)
            config = LoraConfig(**adapted.targets)
            found = {name: check_target_module_exists(config, name) for name, _ in made.named_modules()}
            taken = {name for name, match in found.items() if match and not isinstance(match, _ExcludedModule)}
            assert taken == adapted.names, kind
            assert isinstance(adapted.targets["target_modules"], list), kind


@pytest.mark.parametrize("kind", [*FIRST, "llama", "mistral", "qwen2", "qwen3", "gemma3_text"])
def test_runs_of_the_first_versions_adapt_what_they_did(kind: str) -> None:
    made = model(kind)
    layers = TextLayers.of(made)
    for target in BOTH:
        before = by_name(made, layers, target, sees=kind in FIRST)
        assert before.names == by_module(made, layers, target).names
        assert isinstance(before.targets["target_modules"], str)


def test_quantisation_takes_the_layers_of_the_text_model_and_nothing_else() -> None:
    for kind, made, layers in known():
        whole = unquantised(made)
        # What transformers would replace, by its own rule.
        taken = {
            name
            for name, module in made.named_modules()
            if (type(module) is torch.nn.Linear or isinstance(module, Conv1D)) and should_convert_module(name, whole)
        }
        inside = {
            f"{layers.stack}.{name}"
            for name, module in made.get_submodule(layers.stack).named_modules()
            if type(module) is torch.nn.Linear or isinstance(module, Conv1D)
        }
        assert taken == {name for name in inside if ".altup." not in name}, kind
        # Its linear layers are of a class of its own, which transformers does not quantise.
        assert kind == "falcon" or taken >= set(layers.names("attention")), kind
        assert len(whole) < 40, kind
        head = made.get_output_embeddings()
        assert not [name for name in taken if made.get_submodule(name) is head], kind


@pytest.mark.parametrize(
    ("kind", "whole"),
    [
        ("qwen2_5_vl", ["model.visual", "lm_head"]),
        ("llava", ["model.vision_tower", "model.multi_modal_projector", "lm_head"]),
        ("idefics3", ["model.vision_model", "model.connector", "lm_head"]),
        ("qwen2_5_omni_thinker", ["model.audio_tower", "model.visual", "lm_head"]),
        ("llama4", ["vision_model", "multi_modal_projector", "language_model.lm_head"]),
        ("phi4_multimodal", ["model.embed_tokens_extend", "lm_head"]),
        ("llama", ["lm_head"]),
    ],
)
def test_what_keeps_its_precision_is_named(kind: str, whole: list[str]) -> None:
    assert unquantised(model(kind)) == whole
