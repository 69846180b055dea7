"""Which of two epochs or trials is better."""

from __future__ import annotations

from trainables.metrics import better


def test_the_score_decides_and_the_margin_breaks_ties() -> None:
    assert better({"score": 0.2, "name_margin": -5.0}, {"score": 0.1, "name_margin": 9.0})
    assert better({"score": 0.1, "name_margin": 2.0}, {"score": 0.1, "name_margin": 1.0})
    assert not better({"score": 0.1}, {"score": 0.1})


def test_within_the_limit_beats_any_score_beyond_it() -> None:
    beyond = {"score": 0.9, "feasible": False}
    assert better({"score": -0.5, "feasible": True}, beyond)
    assert not better(beyond, {"score": -0.5, "feasible": True})
    assert better(beyond, {"score": 0.8, "feasible": False})


def test_any_score_beats_none() -> None:
    for missing in ({}, {"score": None}, {"score": float("nan")}):
        assert better({"score": -1.0, "feasible": False}, missing)
        assert not better(missing, {"score": -1.0})
