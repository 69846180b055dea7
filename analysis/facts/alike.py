"""What the best configurations have in common that the others do not."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from analysis.facts.naming import plain

# A span of a number is told where it is at most this share of the span of all trials.
NARROW = 0.5


def alike(best: Sequence[Mapping[str, Any]], everyone: Sequence[Mapping[str, Any]]) -> list[str]:
    """`knob=value` or `knob=low – high` for each knob that the best share and the rest do not; none for one alone.

    best is a part of everyone. A value is told where all of the best have it and not all of the others do; a number's
    span where it is narrow. Learning rates are measured on a logarithmic scale.
    """
    if len(best) < 2:
        return []
    return [told for knob in everyone[0] if (told := _alike(knob, best, everyone)) is not None]


def _alike(knob: str, best: Sequence[Mapping[str, Any]], everyone: Sequence[Mapping[str, Any]]) -> str | None:
    if not all(knob in one for one in best):
        return None
    mine, all_values = [one[knob] for one in best], [one[knob] for one in everyone if knob in one]
    if len(set(all_values)) == 1:
        return None
    if len(set(mine)) == 1:
        return f"{knob}={plain(mine[0])}"
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in all_values):
        return None
    scale = math.log if knob == "learning_rate" else float
    span, whole = (scale(max(values)) - scale(min(values)) for values in (mine, all_values))
    return f"{knob}={plain(min(mine))} – {plain(max(mine))}" if span <= NARROW * whole else None
