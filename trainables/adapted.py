"""What LoRA adapts and what quantisation leaves alone, decided by the modules of a model."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from spaces.trial_config import TargetModules
from trainables.text_layers import TextLayers, linear_layers, stack_of

# The first versions went by names alone.
FIRST_TEXT_MODEL = r".*(language_model|text_model).*"
FIRST_LAYERS = {
    "attention": ("q_proj", "k_proj", "v_proj", "o_proj"),
    "attention+mlp": ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"),
}


@dataclass(frozen=True)
class Adapted:
    """The modules of a model that get LoRA.

    names: in full. targets: arguments of LoraConfig that match exactly these.
    """

    names: frozenset[str]
    targets: Mapping[str, Any]


def by_module(model: Any, layers: TextLayers, target_modules: TargetModules) -> Adapted:
    """The projections of the text model's layers, told to peft by a list of names, which servers read as well.

    A name is a module's own, or begins with its part of the layer where another part has one of the same name.
    Raises LayersUnknown where the model has none that can be adapted.
    """
    names = layers.names(target_modules)
    inside, outside = set(), []
    for name, _ in model.named_modules():
        if name.startswith(f"{layers.stack}."):
            inside.add(_in_layer(name, layers))
        else:
            outside.append(name)
    wanted = {_in_layer(name, layers) for name in names}
    targets = {_shortest(name, inside - wanted) for name in wanted}
    exclude = rf"(?!{re.escape(layers.stack)}\.).*" if any(_ends(name, targets) for name in outside) else None
    return Adapted(frozenset(names), {"target_modules": sorted(targets), "exclude_modules": exclude})


def by_name(model: Any, layers: TextLayers, target_modules: TargetModules, *, sees: bool) -> Adapted:
    """What the first versions chose, by a regular expression: their runs go on as they began."""
    pattern = rf"{FIRST_TEXT_MODEL if sees else '.*'}\.({'|'.join(FIRST_LAYERS[target_modules])})"
    inside = [name for name, _ in model.named_modules() if name.startswith(f"{layers.stack}.")]
    names = frozenset(name for name in inside if re.fullmatch(pattern, name))
    return Adapted(names, {"target_modules": pattern})


def quantised(model: Any) -> set[str]:
    """Names of the modules that quantisation is for: the linear layers of the text model's layers."""
    stack, layers = stack_of(model)
    # Alternating updates clamp their weights while they train, which packed weights do not survive.
    return {f"{stack}.{name}" for name in linear_layers(layers) if ".altup." not in name}


def unquantised(model: Any) -> list[str]:
    """The fewest modules that hold every other linear layer: what stays in the model's own precision."""
    return list(_around(model, "", quantised(model)))


def _around(module: Any, name: str, wanted: set[str]) -> Iterator[str]:
    inside = [f"{name}.{one}".strip(".") for one in linear_layers(module)]
    if inside and wanted.isdisjoint(inside):
        yield name
    elif inside:
        for child, part in module.named_children():
            yield from _around(part, f"{name}.{child}".strip("."), wanted)


def _in_layer(name: str, layers: TextLayers) -> str:
    """A module's name without its layer's: `self_attn.q_proj`."""
    return name.removeprefix(f"{layers.stack}.").partition(".")[2]


def _shortest(name: str, others: set[str]) -> str:
    parts = name.split(".")
    # The part that holds a projection's linear layer says nothing by itself.
    first = len(parts) - (2 if parts[-1] == "linear" else 1)
    ends = [".".join(parts[place:]) for place in range(first, -1, -1)]
    return next(end for end in ends if not any(_ends(other, {end}) for other in others))


def _ends(name: str, targets: set[str]) -> bool:
    return any(name == target or name.endswith(f".{target}") for target in targets)
