"""What differs between families of vision-language models; all else is one path through transformers."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from skazka_text.problems import Refusal

# The processor writes the beginning of the text and the line's end itself, round what the template gives.
PALIGEMMA = (
    "{% for message in messages %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% if message['role'] == 'assistant' %}<eos>{% endif %}{% endfor %}"
)


@dataclass(frozen=True)
class Family:
    """One family's peculiarities.

    answer_inputs: per-token input -> its value on the answer, where that is not 0. chat_template: for processors that
    come without one. refused: why the family cannot be trained here.
    """

    answer_inputs: Mapping[str, int] = field(default_factory=dict)
    chat_template: str | None = None
    refused: str | None = None


COMMON = Family()
# By the config's model_type; every other is common.
FAMILIES: dict[str, Family] = {
    # A prefix of the prompt attends in both directions, an answer to what is before it: its tokens say which they are.
    "paligemma": Family(answer_inputs={"token_type_ids": 1}, chat_template=PALIGEMMA),
    "mllama": Family(refused="it reads pictures by cross-attention, not as tokens of the prompt"),
}


class FamilyRefused(Refusal, ValueError):
    """A model that cannot be trained here: which, and why."""


def family_of(model: Any, *, sees: bool) -> Family:
    """The family of a loaded model; an unknown one is taken for common when its interface is.

    sees: whether it is a vision-language model.
    Raises FamilyRefused for one that is known not to fit, or whose interface does not.
    """
    family = FAMILIES.get(model.config.model_type, COMMON) if sees else COMMON
    if why := family.refused or (_blind(model) if sees else None):
        raise refusal(model, why)
    return family


def refusal(model: Any, why: str) -> FamilyRefused:
    """The refusal of a model by the name of its family."""
    kind = model.config.model_type
    return FamilyRefused(f"models of the family {kind} cannot be trained here: {why}", "choose another")


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
