"""A trial and its configuration under the names that people read."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from search.run.trial_row import TrialRow
from spaces.trial_config import KNOBS, TrialConfig

# The team's own names and order, so that a line of this report reads like a line of theirs.
HAND_NAMES = {
    "rank": "lora_r",
    "alpha_ratio": "lora_alpha",
    "dropout": "lora_dropout",
    "max_length": "max_length",
    "epochs": "num_epochs",
}


def label(row: TrialRow) -> str:
    """A trial's name with its id, or the id alone where they are the same."""
    return row.name if row.name == row.id else f"{row.name} ({row.id})"


def knobs_by_hand_name(config: TrialConfig) -> dict[str, Any]:
    """A configuration under the team's names, in their order; a knob without a meaning here is left out."""
    values: dict[str, Any] = config.as_data()
    values["alpha_ratio"] = config.alpha
    ordered = [*HAND_NAMES, *(knob for knob in KNOBS if knob not in HAND_NAMES)]
    ordered = [knob for knob in ordered if knob in values]
    found = {HAND_NAMES.get(knob, knob): values[knob] for knob in ordered}
    return {name: value for name, value in found.items() if value is not None or name == "images_per_character"}


def configuration(config: TrialConfig) -> str:
    """A configuration as the team writes it: `lora_r=16, lora_alpha=32, …`, then the other knobs that are set."""
    return settings(knobs_by_hand_name(config))


def settings(knobs: Mapping[str, Any]) -> str:
    """Knobs as `name=value`, joined by commas."""
    return ", ".join(f"{name}={plain(value)}" for name, value in knobs.items())


def plain(value: object) -> str:
    """A knob's value as a configuration file writes it."""
    if value is None:
        return "all"
    if isinstance(value, bool):
        return "true" if value else "false"
    # Not 3e-05: a table sorts what it shows.
    return format(Decimal(f"{value:.4g}"), "f") if isinstance(value, float) else str(value)
