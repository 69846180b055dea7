"""What differs between families of vision-language models; all else is one path through transformers."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from spaces.trial_config import TargetModules

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
MLP = ("gate_proj", "up_proj", "down_proj")
# The processor writes the beginning of the text and the line's end itself, round what the template gives.
PALIGEMMA = (
    "{% for message in messages %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% if message['role'] == 'assistant' %}<eos>{% endif %}{% endfor %}"
)


@dataclass(frozen=True)
class Family:
    """One family's peculiarities.

    text_model: regular expression of the names of the text model's layers, up to their own. answer_inputs: per-token
    input -> its value on the answer, where that is not 0. chat_template: for processors that come without one. refused:
    why the family cannot be trained here.
    """

    text_model: str = r".*(language_model|text_model).*"
    answer_inputs: Mapping[str, int] = field(default_factory=dict)
    chat_template: str | None = None
    refused: str | None = None


COMMON = Family()
TEXT_ONLY = Family(text_model=r".*")
# By the config's model_type.
FAMILIES: dict[str, Family] = {
    "qwen2_vl": COMMON,
    "qwen2_5_vl": COMMON,
    "qwen3_vl": COMMON,
    "llava": COMMON,
    "llava_onevision": COMMON,
    "idefics3": COMMON,
    "smolvlm": COMMON,
    # A prefix of the prompt attends in both directions, an answer to what is before it: its tokens say which they are.
    "paligemma": Family(answer_inputs={"token_type_ids": 1}, chat_template=PALIGEMMA),
    "gemma3": COMMON,
    "internvl": COMMON,
    "mllama": Family(refused="it reads pictures by cross-attention, not as tokens of the prompt"),
}


class FamilyRefused(ValueError):
    """A model that cannot be trained here: which, and why."""


def family_of(model: Any, *, sees: bool) -> Family:
    """The family of a loaded model; an unknown one is taken for common when its interface is.

    sees: whether it is a vision-language model.
    Raises FamilyRefused for one that is known not to fit, or whose interface does not.
    """
    kind = model.config.model_type
    family = FAMILIES.get(kind, COMMON) if sees else TEXT_ONLY
    why = family.refused or (_blind(model) if sees else None) or _without_layers(model, family)
    if why:
        raise FamilyRefused(f"models of the family {kind} cannot be trained here: {why} — choose another")
    return family


def lora_targets(target_modules: TargetModules, family: Family) -> str:
    """The regular expression of the text model's linear layers that get LoRA; never the vision tower's."""
    layers = ATTENTION + (MLP if target_modules == "attention+mlp" else ())
    return rf"{family.text_model}\.({'|'.join(layers)})"


def is_vision(parameter: str) -> bool:
    """Whether a parameter belongs to the vision tower or its projector."""
    return re.search(r"vision|visual|image_encoder|multi_modal_projector|connector", parameter) is not None


def _without_layers(model: Any, family: Family) -> str | None:
    """The layers that LoRA adapts and a model lacks, or calls otherwise."""
    pattern = re.compile(lora_targets("attention+mlp", family))
    found = {match[match.lastindex or 0] for name, _ in model.named_modules() if (match := pattern.fullmatch(name))}
    missing = [layer for layer in ATTENTION if layer not in found]
    return f"its text model has no layers {', '.join(missing)}" if missing else None


def vision_model(model: Any) -> Any:
    """The part of a vision-language model that looks at pictures; the whole's own method may only hand them on."""
    inner = model.base_model
    return inner if callable(getattr(inner, "get_image_features", None)) else model


def _blind(model: Any) -> str | None:
    """What the common path needs to show a model pictures and it lacks."""
    if not callable(getattr(vision_model(model), "get_image_features", None)):
        return "it has no get_image_features"
    if "mm_encoder_outputs" not in inspect.signature(model.base_model.forward).parameters:
        return "its forward takes no mm_encoder_outputs"
    return None
