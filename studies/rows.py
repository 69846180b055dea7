"""The rows of a study: what is trained on (Example) and what is asked (Probe)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from spaces.problems import InputError, Problem, problems_of

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]
Kind = Literal["name", "origin", "looks"]
Split = Literal["search", "test"]


class Row(BaseModel):
    """What every row says: a picture of a character, and a question about it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    image: Text
    character: Text
    question: Text


class Example(Row):
    """A training row: the answer that the model should learn to give."""

    answer: Text


class Probe(Row):
    """A question that grades the model.

    accepted: phrases of which one must occur in the answer; for a `name` question the
    character's own name and aliases are accepted without being listed.
    allowed_names: names that the answer may contain without being wrong.
    """

    id: Text
    kind: Kind
    split: Split
    accepted: tuple[Text, ...] = ()
    allowed_names: tuple[Text, ...] = ()


AnyRow = TypeVar("AnyRow", bound=Row)


class Rows(list[AnyRow]):
    """Rows of one file that remember where each of them stands."""

    def __init__(self, file: str, rows: list[AnyRow], lines: list[int]) -> None:
        super().__init__(rows)
        self.file = file
        self.lines = lines

    def problem(self, index: int, field: str, message: str, remedy: str) -> Problem:
        """A refusal of one row."""
        return Problem(self.file, field, message, remedy, self.lines[index])


def read_rows(path: Path, row_type: type[AnyRow]) -> Rows[AnyRow]:
    """Read a JSON Lines file of rows.

    Raises InputError with every bad row of the file at once.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = getattr(error, "strerror", None) or "is not UTF-8 text"
        raise InputError(Problem(path.name, "", message, "give a JSON Lines file")) from error
    rows: list[AnyRow] = []
    lines: list[int] = []
    problems: list[Problem] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            try:
                rows.append(_read_row(line, row_type, path.name, number))
                lines.append(number)
            except InputError as error:
                problems += error.problems
    if problems:
        raise InputError(problems)
    return Rows(path.name, rows, lines)


def _read_row(line: str, row_type: type[AnyRow], file: str, number: int) -> AnyRow:
    try:
        data: Any = json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(Problem(file, "", f"not valid JSON: {error.msg}", "fix the line", number)) from error
    at_line: Callable[[Any], int] = lambda _path: number  # noqa: E731
    try:
        return row_type.model_validate(data)
    except ValidationError as error:
        raise InputError(problems_of(error, file, at_line)) from error
