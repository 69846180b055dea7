"""Numbers, intervals, lengths of time and headings in words; what the sections of a report share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from analysis.facts.naming import HAND_NAMES, settings
from analysis.facts.statistics import Interval
from analysis.messages.catalogue import Messages

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


def interval_words(interval: Interval, messages: Messages) -> str:
    """A 95 % interval in words."""
    if math.isnan(interval.low):
        return messages.text("between_unknown")
    return messages.text("between", low=short(interval.low), high=short(interval.high))


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
