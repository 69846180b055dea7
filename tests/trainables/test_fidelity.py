"""Measured differences against what rounding may do, by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainables.answers import Answer
from trainables.fidelity import ROUNDING, Fidelity, Tolerance, fidelity, tolerance_of

RECORDED = [Answer("p1", "Гена", {"Гена": -1.0, "Колобок": -8.0}), Answer("p2", "Колобок", {})]
BARE = [Answer("p2", "?", {}), Answer("p1", "?", {"Гена": -4.0, "Колобок": -4.0})]


def said(
    gena: float, kolobok: float, *gaps: float | None, text: str = "Гена", moved: float = 0.0
) -> list[dict[str, Any]]:
    """What was measured; moved: how far the name odds are when embeddings are."""
    odds = {"Гена": gena, "Колобок": kolobok}
    farther = {name: value - moved for name, value in odds.items()}
    first = {"prompt": "a", "text": text, "gaps": list(gaps), "odds": odds, "moved": farther}
    return [first, {"prompt": "b", "text": "Колобок", "gaps": [], "odds": {}}]


def compared(measured: list[dict[str, Any]], before: list[Answer] = BARE, **options: Any) -> Fidelity:
    return fidelity(RECORDED, measured, before=before, **{"dtype": "bfloat16", **options})


def test_differences_are_measured() -> None:
    found = compared(said(-1.3, -8.4, 0.0, 0.25, text="Геннадий", moved=0.02), prompts={"p1": "a", "p2": "c"})
    assert (found.asked, found.differing, found.prompts, found.gap, found.odds) == (2, 1, 1, 0.25, 2)
    assert found.rms == pytest.approx(math.sqrt((0.09 + 0.16) / 2))
    assert found.largest == pytest.approx(0.4)
    # The adapter took one name up by 3 nats and the other down by 4.
    assert found.effect == pytest.approx(math.sqrt((9 + 16) / 2))
    assert found.rounding == pytest.approx(0.02)


def test_what_is_the_same_has_no_problem() -> None:
    found = compared(said(-1.0, -8.0))
    assert (found.rms, found.largest, found.gap, found.problems) == (0, 0, 0, [])
    assert not found.is_blind
    assert fidelity([], [], dtype="bfloat16").problems == []


@pytest.mark.parametrize(
    ("dtype", "quantization", "rounding", "expected"),
    [
        # rms, gap and largest are 4, 16 and 32 times the rounding that was measured ...
        ("bfloat16", "none", 0.05, Tolerance(gap=0.8, rms=0.2, largest=1.6)),
        # ... and that is between the least and the most of the precision.
        ("bfloat16", "none", 0.0, Tolerance(gap=0.16, rms=0.04, largest=0.32)),
        ("bfloat16", "none", 9.0, Tolerance(gap=1.6, rms=0.4, largest=3.2)),
        ("bfloat16", "none", math.inf, Tolerance(gap=1.6, rms=0.4, largest=3.2)),
        ("bfloat16", "4bit", None, Tolerance(gap=1.6, rms=0.4, largest=3.2)),
        ("float16", "none", 9.0, Tolerance(gap=0.48, rms=0.12, largest=0.96)),
        ("float16", "8bit", 9.0, Tolerance(gap=1.6, rms=0.4, largest=3.2)),
        ("float32", "none", 0.0, Tolerance(gap=0.04, rms=0.01, largest=0.08)),
        ("float32", "none", None, Tolerance(gap=0.16, rms=0.04, largest=0.32)),
    ],
)
def test_rounding_may_do_what_was_measured_within_bounds_of_the_precision(
    dtype: str, quantization: str, rounding: float | None, expected: Tolerance
) -> None:
    assert vars(tolerance_of(dtype, quantization, rounding)) == pytest.approx(vars(expected))


@pytest.mark.parametrize(
    ("measured", "told"),
    [
        # By 0.05 nats of own rounding: a gap of 0.8, a root mean square of 0.2 and a difference of 1.6 may be.
        (said(-1.0, -8.0, 0.79, text="Геннадий", moved=0.05), None),
        (said(-1.0, -8.0, 0.0, 0.81, text="Геннадий", moved=0.05), "p1: the trial said 'Гена', the export says 'Генн"),
        (said(-1.19, -8.19, moved=0.05), None),
        (
            said(-1.21, -8.21, moved=0.05),
            "the odds of the names differ by 0.21 nats (root mean square), at most by 0.21",
        ),
        (said(-1.0, -8.0, 0.0, None, text="?" * 999), "1 of 2 answers differ"),
        (said(-1.0, -8.0, math.nan, text="?"), "by too far"),
        (said(math.nan, -8.0), "the odds of the names differ by too far"),
        ([{**said(-1.0, -8.0)[0], "odds": {"Гена": -1.0}}, said(-1.0, -8.0)[1]], "differ by too far"),
    ],
)
def test_what_is_beyond_rounding_is_told(measured: list[dict[str, Any]], told: str | None) -> None:
    problems = compared(measured).problems
    assert len(problems) == (told is not None)
    assert told is None or told in problems[0]
    assert all(len(problem) < 400 for problem in problems)


def test_one_difference_alone_is_caught_though_all_together_are_small() -> None:
    """Of 400 odds one is off by 3.3 nats: a root mean square of 0.165."""
    recorded = [Answer(f"p{place}", "Гена", {"Гена": -1.0}) for place in range(400)]
    measured = [{"prompt": "", "text": "Гена", "gaps": [], "odds": {"Гена": -1.0}} for _ in recorded]
    measured[7]["odds"] = {"Гена": -4.3}
    (problem,) = fidelity(recorded, measured, dtype="bfloat16").problems
    assert "0.165 nats (root mean square), at most by 3.3 nats (rounding: 0.4 and 3.2)" in problem


@given(
    share=st.floats(0, 0.95),
    rounding=st.floats(0, 1),
    sign=st.sampled_from([-1, 1]),
    dtype=st.sampled_from([*ROUNDING]),
)
def test_what_is_within_the_tolerance_is_exported_and_what_is_not_is_refused(
    share: float, rounding: float, sign: int, dtype: str
) -> None:
    allowed = tolerance_of(dtype, "none", rounding).rms

    def problems(off: float) -> list[str]:
        return compared(said(-1.0 + sign * off, -8.0 - sign * off, moved=rounding), dtype=dtype).problems

    assert problems(share * allowed) == []
    assert problems((2 - share) * allowed)


def test_another_prompt_is_the_reason_of_a_difference_and_none_by_itself() -> None:
    other = {"p1": "a", "p2": "c"}
    assert compared(said(-1.0, -8.0), prompts=other).problems == []
    assert compared(said(-9.0, -8.0), prompts=other).problems[1:] == [
        "1 of 2 prompts are not the trial's: the processor or its chat template changed"
    ]


def test_infinite_odds_are_the_same_only_as_themselves() -> None:
    recorded = [Answer("p1", "Гена", {"Гена": -math.inf, "Колобок": -8.0}), RECORDED[1]]
    assert fidelity(recorded, said(-math.inf, -8.0), dtype="float32").largest == 0
    far = fidelity(recorded, said(-80.0, -8.0), dtype="float32")
    assert far.largest == math.inf
    assert far.as_data()["largest"] is None


def test_an_adapter_that_changes_nothing_cannot_be_told_from_its_base() -> None:
    assert compared(said(-1.0, -8.0), RECORDED).is_blind
    assert compared(said(-1.0, -8.0), []).is_blind
