"""Which column of a table says what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spaces.problems import InputError, Problem
from studies.importers.found import Found, Side, side_of

# Our name of a column -> what other people call it, the likeliest first.
KNOWN = {
    "image": ("image", "file_name", "image_path", "images", "picture", "file", "path"),
    "character": ("character", "character_name", "name", "label", "class", "subject"),
    "question": ("question", "prompt", "instruction", "query"),
    "answer": ("answer", "response", "output", "completion", "caption", "text"),
    "messages": ("messages", "conversations"),
    "split": ("split",),
}


@dataclass(frozen=True)
class Columns:
    """Our name of a column -> the source's, for the columns that the source has."""

    names: Mapping[str, str]

    @classmethod
    def of(cls, file: str, row: Mapping[str, Any], given: Mapping[str, str]) -> Columns:
        """Those of a table by its first row. Raises InputError when a column that the user named is not there."""
        names = {}
        for ours, theirs in KNOWN.items():
            if ours in given and given[ours] not in row:
                remedy = f"name one of {', '.join(map(str, row))}"
                raise InputError(Problem(file, f"columns.{ours}", f"there is no column {given[ours]!r}", remedy))
            likely = (given[ours],) if ours in given else tuple(name for name in theirs if name in row)
            if likely:
                names[ours] = likely[0]
        return cls(names)

    def get(self, row: Mapping[str, Any], ours: str) -> Any:
        """The value of one of our columns; None where the source has no such column."""
        return row.get(self.names[ours]) if ours in self.names else None

    def side(self, row: Mapping[str, Any]) -> Side | None:
        """The side that a row's own column names."""
        return side_of(text(self.get(row, "split")) or "")

    def found(self, place: str, row: Mapping[str, Any], picture: Path, name: str, side: Side | None) -> Found:
        """A row about that picture."""
        character, question, answer = (text(self.get(row, ours)) for ours in ("character", "question", "answer"))
        return Found(place, picture, name, character, question, answer, side)


def text(value: Any) -> str | None:
    """A cell as text without the white space around it; None for an empty one."""
    if value is None or isinstance(value, dict | list):
        return None
    return str(value).strip() or None
