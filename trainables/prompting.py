"""How a base is asked: settled once a run, the same in preparation, training, asking and export."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

# Greedy by transformers' own settings of the checkpoint, as the first versions asked; and greedy by nothing else.
CHECKPOINTS_OWN, GREEDY = 1, 2
# By the names of the modules, as the first versions chose those that are adapted; and by the modules.
BY_NAME, BY_MODULE = 1, 2
# What the first versions asked not to quantise; of paths that begin otherwise, it was quantised all the same.
FIRST_UNQUANTISED = ("visual", "vision_tower", "vision_model", "multi_modal_projector", "connector", "lm_head")


@dataclass(frozen=True)
class Prompting:
    """What prompts and answers depend on beside model, picture and question.

    stops: token ids at which generation ends. chat_template: the run's, where it is not the processor's
    own: lent to one without, or with the run's day or opening. text_only: whether the base takes no pictures. template:
    arguments of the chat template. day: that the chat template writes, ISO 8601; None where it writes none, or the day
    on which it is asked. generation: CHECKPOINTS_OWN or GREEDY.
    adapted: BY_NAME or BY_MODULE. unquantised: the modules that quantisation leaves alone.
    The defaults are those of the runs that do not say.
    """

    stops: tuple[int, ...] = ()
    chat_template: str | None = None
    text_only: bool = False
    template: Mapping[str, Any] = field(default_factory=dict)
    day: str | None = None
    generation: int = CHECKPOINTS_OWN
    adapted: int = BY_NAME
    unquantised: tuple[str, ...] = FIRST_UNQUANTISED

    def as_data(self) -> dict[str, Any]:
        """As plain JSON."""
        return {**asdict(self), "stops": list(self.stops), "unquantised": list(self.unquantised)}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Prompting:
        """The inverse of `as_data`; what earlier versions did not write is missing in `data`."""
        known: dict[str, Any] = {one.name: data[one.name] for one in fields(cls) if one.name in data}
        known |= {name: tuple(known[name]) for name in ("stops", "unquantised") if name in known}
        return cls(**known)
