"""Measured differences against what rounding may do, by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest

from trainables.answers import Answer
from trainables.fidelity import Tolerance, fidelity, tolerance_of

RECORDED = [Answer("p1", "Гена", {"Гена": -1.0, "Колобок": -8.0}), Answer("p2", "Колобок", {})]
BARE = [Answer("p2", "?", {}), Answer("p1", "?", {"Гена": -4.0, "Колобок": -4.0})]
TOLERANCE = Tolerance(gap=1.0, rms=0.5, largest=3.0)


def said(gena: float, kolobok: float, *gaps: float | None, text: str = "Гена") -> list[dict[str, Any]]:
    first = {"prompt": "a", "text": text, "gaps": list(gaps), "odds": {"Гена": gena, "Колобок": kolobok}}
    return [first, {"prompt": "b", "text": "Колобок", "gaps": [], "odds": {}}]


def test_differences_are_measured() -> None:
    found = fidelity(RECORDED, said(-1.3, -8.4, 0.0, 0.25, text="Геннадий"), BARE, {"p1": "a", "p2": "c"})
    assert (found.asked, found.differing, found.prompts, found.gap, found.odds) == (2, 1, 1, 0.25, 2)
    assert found.rms == pytest.approx(math.sqrt((0.09 + 0.16) / 2))
    assert found.largest == pytest.approx(0.4)
    # The adapter took one name up by 3 nats and the other down by 4.
    assert found.effect == pytest.approx(math.sqrt((9 + 16) / 2))
    assert found.problems(TOLERANCE) == [
        "1 of 2 prompts are not the trial's: the processor or its chat template changed"
    ]


def test_what_is_the_same_has_no_problem() -> None:
    found = fidelity(RECORDED, said(-1.0, -8.0), BARE)
    assert (found.rms, found.largest, found.gap, found.problems(TOLERANCE)) == (0, 0, 0, [])
    assert not found.is_blind(TOLERANCE)
    assert fidelity([], []).problems(TOLERANCE) == []


@pytest.mark.parametrize(
    ("measured", "told"),
    [
        (said(-1.6, -8.6), "the odds of the names differ by 0.6 nats (root mean square), at most by 0.6 nats"),
        (said(-1.0, -8.6, 0.0, 1.5, text="Геннадий"), "p1: the trial said 'Гена', the export says 'Геннадий', by 1.5"),
        (said(-1.0, -8.0, 0.0, None, text="?" * 999), "1 of 2 answers differ"),
        (said(math.nan, -8.0), "the odds of the names differ by too far"),
        (said(-1.0, -8.0, math.nan, text="?"), "1 of 2 answers differ"),
    ],
)
def test_what_is_beyond_rounding_is_told(measured: list[dict[str, Any]], told: str) -> None:
    (problem,) = fidelity(RECORDED, measured, BARE).problems(TOLERANCE)
    assert told in problem
    assert len(problem) < 400


def test_infinite_odds_are_the_same_only_as_themselves() -> None:
    recorded = [Answer("p1", "Гена", {"Гена": -math.inf, "Колобок": -8.0}), RECORDED[1]]
    assert fidelity(recorded, said(-math.inf, -8.0)).largest == 0
    assert fidelity(recorded, said(-80.0, -8.0)).largest == math.inf
    assert fidelity(recorded, said(-80.0, -8.0)).as_data()["largest"] is None


def test_an_adapter_that_changes_nothing_cannot_be_told_from_its_base() -> None:
    assert fidelity(RECORDED, said(-1.0, -8.0), RECORDED).is_blind(TOLERANCE)
    assert fidelity(RECORDED, said(-1.0, -8.0)).is_blind(TOLERANCE)


def test_coarser_precision_allows_more() -> None:
    single, half, brain = (tolerance_of(dtype) for dtype in ("float32", "float16", "bfloat16"))
    assert single.rms < half.rms < brain.rms
    assert tolerance_of("bfloat16", "4bit") == brain
    assert tolerance_of("float16", "8bit").rms == 2 * brain.rms
