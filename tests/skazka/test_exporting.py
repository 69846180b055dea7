"""What `skazka export` says of an adapter and its check."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from search.outputs.export import Exported
from search.run.trial_row import TrialRow
from skazka import exporting

ROW = TrialRow("t0003", 3, "search", "t0003", {}, 0, True)


@pytest.mark.parametrize(
    ("found", "lines"),
    [
        ({}, ["exported t0003 to best; 312 answers verified on a GPU"]),
        (
            {"differing": 3, "checked_on": "cpu"},
            [
                "exported t0003 to best; 312 answers verified on a CPU",
                "texts that differ: 3 of 312, by no more than rounding decides",
            ],
        ),
        (
            {"blind": True, "merged": 310},
            [
                "exported t0003 to best; 312 answers verified on a GPU",
                "note: the odds of the names cannot tell the adapter from the bare base: it changes too little",
                "merged model in best/merged; 310 of 312 answers are the same to the letter",
            ],
        ),
    ],
)
def test_it_says_how_the_adapter_was_checked(found: dict[str, Any], lines: list[str]) -> None:
    known: dict[str, Any] = {"verified": 312, "differing": 0, "checked_on": "cuda", "blind": False}
    assert exporting._lines(Exported(Path("best"), ROW, **{**known, **found})) == lines
