"""The layers of a model's text model, and which modules in them are attention's and the MLP's projections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from skazka_text.problems import Refusal
from spaces.trial_config import TargetModules

# Parts of a layer by which tokens read each other: attention, linear attention and short convolutions.
ATTENTION = {"self_attn", "self_attention", "attn", "attention", "linear_attn", "conv", "temporal_block"}
# Parts by which each token is worked on alone; some layers hold the two projections themselves.
MLP = {"mlp", "mlps", "feed_forward", "ffn", "mlp_block", "block_sparse_moe", "shared_mlp", "fc1", "fc2"}
# State-space parts, and parts that are one of all kinds.
MIXERS = {"mamba", "mixer"}
# What attention reads its input by; each of them alone says that it is one.
QUERIES = {
    *("q_proj", "qkv_proj", "query_key_value", "c_attn", "Wqkv", "q_b_proj"),
    *("in_proj", "in_proj_qkv", "in_proj_qkvz", "linear_x"),
}
ATTENTION_PROJECTIONS = QUERIES | {
    *("k_proj", "v_proj", "in_proj_z", "linear_y", "q_a_proj", "kv_a_proj_with_mqa", "kv_b_proj"),
    *("o_proj", "out_proj", "dense", "c_proj", "Wo", "linear_out"),
}
# The weight of a state-space part's other projections is read by its kernels, past any adapter.
MIXER_PROJECTIONS = {"q_proj", "k_proj", "v_proj", "o_proj", "in_proj"}
MLP_PROJECTIONS = {
    *("gate_proj", "up_proj", "down_proj", "gate_up_proj", "fc1", "fc2", "fc_in", "fc_out", "c_fc", "c_proj"),
    *("w1", "w2", "w3", "dense_h_to_4h", "dense_4h_to_h", "input_linear", "output_linear", "Wi", "Wo"),
}
# Small parts and layers within them that gate, route, or choose what is attended to: left alone in every family.
SMALL_PARTS = {"indexer", "compressor", "forget_gate", "router", "gate", "k_sconv", "v_sconv"}
SMALL = {
    *("g_proj", "gate_proj", "output_gate", "shared_expert_gate", "g_a_proj", "g_b_proj", "f_proj"),
    *("a_proj", "b_proj", "dt_proj", "r_proj", "sink_proj", "in_proj_a", "in_proj_b", "in_proj_ba"),
}
Kind = Literal["attention", "mlp", "small", "unknown attention", "unknown mlp", "other"]


class LayersUnknown(Refusal, ValueError):
    """A text model whose layers are not of a known kind; the message says what is there."""


@dataclass(frozen=True)
class TextLayers:
    """The projections of each layer of a text model, by their full names in the whole model.

    stack: name of the list of layers. attention, mlp: one tuple of names a layer; empty where the layer has none.
    without_mlp: why the MLP's cannot be adapted in all layers; None where they can.
    """

    stack: str
    attention: tuple[tuple[str, ...], ...]
    mlp: tuple[tuple[str, ...], ...]
    without_mlp: str | None = None

    @classmethod
    def of(cls, model: Any) -> TextLayers:
        """Read them from a model's modules. Raises LayersUnknown."""
        name, stack = stack_of(model)
        attention = tuple(_attention(f"{name}.{place}", layer) for place, layer in enumerate(stack))
        mlp = tuple(_named(f"{name}.{place}", layer, "mlp") for place, layer in enumerate(stack))
        return cls(name, attention, mlp, _without_mlp(stack, attention, mlp))

    def names(self, target_modules: TargetModules) -> list[str]:
        """The modules that get LoRA. Raises LayersUnknown for MLPs that cannot."""
        wanted = list(self.attention)
        if target_modules == "attention+mlp":
            if self.without_mlp:
                raise LayersUnknown(f"attention+mlp: {self.without_mlp}", "use target_modules: attention")
            wanted += self.mlp
        return [name for layer in wanted for name in layer]

    def __str__(self) -> str:
        mlp = f"no MLP ({self.without_mlp})" if self.without_mlp else f"MLP {_counted(self.mlp)}"
        return f"attention {_counted(self.attention)}; {mlp}"


def stack_of(model: Any) -> tuple[str, Any]:
    """(name, list) of the text model's layers: of as many as its configuration says, the nearest to its top.

    Raises LayersUnknown.
    """
    text = _text_model(model)
    count = getattr(text.config, "num_hidden_layers", None)
    found = [
        (name.count("."), module)
        for name, module in text.named_modules()
        if type(module).__name__ == "ModuleList" and len(module) == count
    ]
    nearest = [module for depth, module in found if depth == min(depth for depth, _ in found)]
    if len(nearest) != 1:
        raise LayersUnknown(f"its text model has {len(nearest) or 'no'} lists of {count} layers, where one is expected")
    return next(name for name, module in model.named_modules() if module is nearest[0]), nearest[0]


def linear_layers(module: Any) -> Iterator[str]:
    """Names of the linear layers in a module, of whatever storage; its own is empty."""
    for name, part in module.named_modules():
        if isinstance(part, Conv1D) or (hasattr(part, "in_features") and hasattr(part, "out_features")):
            yield name


def _text_model(model: Any) -> Any:
    """The module that reads tokens and gives hidden states: the innermost decoder."""
    while isinstance(inner := model.get_decoder(), PreTrainedModel) and inner is not model:
        model = inner
    return model


def _kind(name: str) -> Kind:
    """What a linear layer is in its layer, whose name it is given without."""
    # Some projections hold their linear layer as a part.
    part, *between, last = name.removesuffix(".linear").split(".") if "." in name else (name, name)
    if part in MIXERS:
        return "attention" if last in MIXER_PROJECTIONS else "mlp" if last in MLP_PROJECTIONS else "small"
    if part not in ATTENTION | MLP:
        return "other"
    if not SMALL_PARTS.isdisjoint([*between, last]):
        return "small"
    if part in ATTENTION:
        known = last in ATTENTION_PROJECTIONS
        return "attention" if known else "small" if last in SMALL else "unknown attention"
    return "mlp" if last in MLP_PROJECTIONS else "small" if last in SMALL else "unknown mlp"


def _named(layer_name: str, layer: Any, kind: Kind) -> tuple[str, ...]:
    return tuple(f"{layer_name}.{name}" for name in linear_layers(layer) if _kind(name) == kind)


def _attention(name: str, layer: Any) -> tuple[str, ...]:
    """Full names of a layer's attention projections; none of a layer that is an MLP alone. Raises LayersUnknown."""
    attention = _named(name, layer, "attention")
    if unknown := _named("", layer, "unknown attention"):
        raise LayersUnknown(f"its attention has a layer of an unknown kind, {unknown[0].strip('.')}")
    if attention and not any(one.removesuffix(".linear").rpartition(".")[2] in QUERIES for one in attention):
        raise LayersUnknown("its attention has no q_proj, nor another that is known to read the queries")
    if not attention and not (_named(name, layer, "mlp") and not _named(name, layer, "other")):
        there = ", ".join(list(linear_layers(layer))[:4]) or "no linear layers"
        raise LayersUnknown(f"its text model has layers without a known attention ({there})")
    return attention


def _without_mlp(stack: Any, attention: Sequence[tuple[str, ...]], mlp: Sequence[tuple[str, ...]]) -> str | None:
    for layer in stack:
        for name, weight in layer.named_parameters():
            if weight.dim() == 3 and name.split(".")[0] in MLP | MIXERS | {"experts"} and "conv" not in name:
                return f"the experts of a layer are one tensor ({name}), which LoRA does not adapt here"
        if unknown := _named("", layer, "unknown mlp"):
            return f"its MLP has a layer of an unknown kind, {unknown[0].strip('.')}"
    if not any(mlp):
        return "its layers have no MLP that is known here"
    # A layer is either whole or one part of it, an attention or an MLP: the same in all layers.
    both = [bool(one) for one, other in zip(mlp, attention, strict=True) if other]
    return "some of its layers have no MLP that is known here" if any(both) and not all(both) else None


def _counted(layers: Sequence[tuple[str, ...]]) -> str:
    """How many layers have how many modules: `24 layers x 3 modules, 8 x 4`."""
    sizes = [len(one) for one in layers]
    counts = [(size, sizes.count(size)) for size in sorted(set(sizes))]
    return ", ".join(f"{count} layers x {size}" if size else f"none in {count} layers" for size, count in counts)
