"""The campaign of brought inputs sees a wrong value, a lost picture and a refusal that does not help."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.campaigns import brought
from benchmarks.campaigns.brought_data import LESSONS, Brought, arguments, columns, write


def rows(root: Path) -> Sequence[str]:
    """A table of all rows."""
    return arguments(write(root / "data.csv", columns(root)))


def short(root: Path) -> Sequence[str]:
    """A table that lacks a row."""
    return arguments(write(root / "data.csv", columns(root)[1:]))


def unreadable(root: Path) -> Sequence[str]:
    """A table that is none."""
    columns(root)
    (root / "data.parquet").write_bytes(b"no table")
    return arguments(root / "data.parquet")


def test_what_is_read_rightly_passes_and_what_is_not_is_found(tmp_path: Path) -> None:
    other = tuple(replace(one, answer="Это кто-то другой.") for one in LESSONS)
    found = {
        name: brought.faults_of(case, tmp_path / "case")
        for name, case in {
            "right": Brought("", rows),
            "another answer": Brought("", rows, other),
            "another side": Brought("", rows, sides={0: "test", 1: "test"}),
            "another language": Brought("", rows, language="en"),
            "a row less": Brought("", short),
            "a word that is not told": Brought("", rows, told=("heic",)),
            "a refusal": Brought("", unreadable),
            "a refusal that may be": Brought("", unreadable, remedy=("",)),
            "a refusal without its remedy": Brought("", unreadable, remedy=("--no-such-option",)),
            "no refusal": Brought("", rows, refused=True, remedy=("",)),
        }.items()
    }
    assert found == {
        "right": [],
        "another answer": ["wrong values"],
        "another side": ["wrong values"],
        "another language": ["wrong values"],
        "a row less": ["lost"],
        "a word that is not told": ["lost"],
        "a refusal": ["wrong exit code"],
        "a refusal that may be": [],
        "a refusal without its remedy": ["no remedy"],
        "no refusal": ["wrong exit code"],
    }
    assert list(tmp_path.iterdir()) == []


def test_there_are_at_least_five_hundred_and_each_has_its_own_name() -> None:
    names = [case.name for case in brought.cases()]
    assert len(names) == len(set(names)) >= 500
