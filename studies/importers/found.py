"""What every importer gives: the rows of another format, in one type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Side = Literal["training", "search", "test"]
# The words of other formats for the sides of a study.
SIDES: dict[str, Side] = {
    "train": "training",
    "training": "training",
    "validation": "search",
    "valid": "search",
    "val": "search",
    "dev": "search",
    "search": "search",
    "test": "test",
}
Reason = Literal[
    "picture missing",
    "picture unreadable",
    "no picture",
    "several pictures",
    "no character",
    "empty answer",
    "row damaged",
    "row twice",
    "picture of another character",
    "character without a role",
]


@dataclass(frozen=True)
class Found:
    """One row of a source.

    place: where it stands, for people. picture: a file, which need not exist. name: the picture's name in the source.
    character, question, answer, side: None where the source does not say.
    """

    place: str
    picture: Path
    name: str
    character: str | None = None
    question: str | None = None
    answer: str | None = None
    side: Side | None = None


@dataclass(frozen=True)
class Skipped:
    """What was not taken over, and why."""

    place: str
    reason: Reason
    detail: str = ""


@dataclass(frozen=True)
class Source:
    """Another format, opened.

    rows: read once. questions: those the source asks with. targets, controls: the roles that the format implies.
    aliases: character -> further names.
    """

    format: str
    rows: Iterable[Found | Skipped]
    questions: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def picture_at(root: Path, name: str) -> Path | None:
    """Where a picture that a row names lies; None when that is outside the source's folder."""
    try:
        path = root / name.replace("\\", "/")
        return path if path.resolve().is_relative_to(root.resolve()) else None
    except (OSError, ValueError, RuntimeError):
        return None


def outside(place: str, name: str) -> Skipped:
    """A row whose picture is none of the source's: a table must not fetch other files of this machine."""
    return Skipped(place, "picture missing", f"{name} lies outside the source's folder")
