"""The page on verdicts says what was measured, and the simulation tells a good sweep from a false claim."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks.verdicts import Pool, no_change, sweep
from benchmarks.verdicts_page import DOCUMENT, documented, read


def test_the_page_says_what_was_measured() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert documented(text) == text


def test_the_goals_that_the_page_claims_are_met() -> None:
    simulated, _ = read()
    for each in simulated.values():
        figures = {name: figure["mean"] for name, figure in each["figures"].items()}
        assert each["draws"] >= 2000
        assert abs(figures["reported optimism"]) <= 0.02
        assert figures["regret"] <= 0.03
        assert max(figures["false claim, one training"], figures["false claim, repeats"]) <= 0.05


def pool_of(shares: dict[str, float]) -> dict[str, Any]:
    """Configurations whose seeds are alike: each is right on the first `share` of a target's 10 images."""
    probes = [[f"{name}-{image}", name] for name in ("Gena", "Masha") for image in range(10)]
    trials = [
        {
            "id": f"{name}{seed or ''}",
            "kind": "finalist" if seed else "search",
            "repeat_of": name if seed else None,
            "right": "1" * round(10 * share) + "0" * (10 - round(10 * share)) + "1" * 10,
            "wrong": "0" * 20,
        }
        for name, share in shares.items()
        for seed in range(4)
    ]
    before = {"right": "0" * 10 + "1" * 10, "wrong": "0" * 20}
    return {"roles": {"Gena": "target", "Masha": "control"}, "probes": probes, "before": before, "trials": trials}


def test_a_sweep_drawn_from_clear_answers_finds_the_best() -> None:
    pool = Pool(pool_of({"poor": 0.1, "good": 0.9, "fair": 0.5}), images=10)
    assert pool.truth == pytest.approx({"poor": 0.1, "good": 0.9, "fair": 0.5})
    found = [sweep(pool, np.random.default_rng(seed)) for seed in range(20)]
    assert np.mean([one["regret"] for one in found]) == 0.0
    assert abs(np.mean([one["reported optimism"] for one in found])) < 0.1
    assert all(0 <= one["regret by search score"] <= 0.8 for one in found)


def test_swapped_answers_rarely_bring_a_claim() -> None:
    pool = Pool(pool_of({"good": 0.9}), images=10)
    found = [no_change(pool, np.random.default_rng(seed))["false claim, one training"] for seed in range(100)]
    assert np.mean(found) <= 0.1
