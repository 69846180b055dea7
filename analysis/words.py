"""Numbers, trials and configurations in words; what the sections of a report share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from analysis.messages import Messages
from analysis.statistics import Interval
from search.trial_row import TrialRow
from spaces.trial_config import KNOBS, TrialConfig

# The team's own names and order, so that a line of this report reads like a line of theirs.
HAND_NAMES = {
    "rank": "lora_r",
    "alpha_ratio": "lora_alpha",
    "dropout": "lora_dropout",
    "max_length": "max_length",
    "epochs": "num_epochs",
}
# What the heading of a trial tells, in this order; the rest stands below it.
_IN_HEADING = ("images_per_character", *HAND_NAMES, "learning_rate")


def number(value: float | None) -> str:
    """A part of the score to four decimals; a dash when missing."""
    return "—" if value is None else f"{value + 0.0:.4f}"


def signed(value: float) -> str:
    """A difference to four decimals with its sign."""
    return f"{round(value, 4) + 0.0:+.4f}"


def short(value: float) -> str:
    """A number to two decimals, for sentences that are read at a glance."""
    return f"{round(value, 2) + 0.0:.2f}"


def percent(share: float) -> str:
    """A share in whole percent."""
    return f"{round(100 * share)} %"


def plain(value: object) -> str:
    """A knob's value as a configuration file writes it."""
    if value is None:
        return "all"
    if isinstance(value, bool):
        return "true" if value else "false"
    # Not 3e-05: a table sorts what it shows.
    return format(Decimal(f"{value:.4g}"), "f") if isinstance(value, float) else str(value)


def interval_words(interval: Interval, messages: Messages) -> str:
    """A 95 % interval in words."""
    if math.isnan(interval.low):
        return messages.text("between_unknown")
    return messages.text("between", low=short(interval.low), high=short(interval.high))


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


def heading(name: str, knobs: Mapping[str, Any], messages: Messages) -> str:
    """A trial with its main settings, as the team's headings have them."""
    return f"{name} ({main_settings(knobs, messages)})"


def main_settings(knobs: Mapping[str, Any], messages: Messages) -> str:
    """Images of a character, then the main knobs."""
    main = {known: knobs[known] for known in (HAND_NAMES.get(knob, knob) for knob in _IN_HEADING) if known in knobs}
    images = main.pop("images_per_character", None)
    of_images = messages.text("all_images") if images is None else messages.count("images_each", images)
    return f"{of_images}; {settings(main)}"


def duration(seconds: float, messages: Messages) -> str:
    """A length of time in hours and minutes, or in minutes and seconds below an hour."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return messages.text("hours", hours=minutes // 60, minutes=minutes % 60)
    return messages.text("minutes", minutes=minutes, seconds=rest)
