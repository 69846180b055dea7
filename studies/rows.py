"""The rows of a study: what is trained on (Example) and what is asked (Probe)."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, ValidationError

from skazka_text.problems import Problem, ValueRefused, problems_of
from studies.placeholders import has_placeholder, without_placeholders


def _without_marks(text: str) -> str:
    left = without_placeholders(text)
    if not left:
        raise ValueRefused("holds only marks of pictures", "write words")
    return left


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]
# What is said about a picture: models put their own mark for it into the prompt, and a second one would break it.
Said = Annotated[Text, AfterValidator(_without_marks)]
Role = Literal["target", "control", "negative"]
Kind = Literal["name", "origin", "looks"]
Split = Literal["search", "test"]


class Row(BaseModel):
    """What every row says: a question about a character, and the picture that it is asked of.

    A study for a text model has no pictures at all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    image: Text | None = None
    character: Text
    question: Said

    @property
    def unit(self) -> str:
        """What rows are counted by: the picture, or the question where there is none."""
        return self.image or self.question


class ReplayRow(Row):
    """A row of a control or a negative, mixed into training against forgetting and against wrong names.

    answer: None takes what the base itself answers.
    """

    answer: Said | None = None


class Example(ReplayRow):
    """A training row: the answer that the model should learn to give."""

    answer: Said


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
    """Rows of one file that remember where each of them stands.

    marked: how many of them held marks of pictures, which were left out.
    """

    def __init__(self, file: str, rows: list[AnyRow], lines: list[int], marked: int = 0) -> None:
        super().__init__(rows)
        self.file = file
        self.lines = lines
        self.marked = marked

    def problem(self, index: int, field: str, message: str, remedy: str) -> Problem:
        """A refusal of one row."""
        return Problem(self.file, field, message, remedy, self.lines[index])


def read_rows(path: Path, row_type: type[AnyRow]) -> tuple[Rows[AnyRow], list[Problem]]:
    """Read a JSON Lines file: the good rows, and a problem for each bad one."""
    rows = Rows[AnyRow](path.name, [], [])
    problems: list[Problem] = []
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        message = getattr(error, "strerror", None) or "is not UTF-8 text"
        return rows, [Problem(path.name, "", message, "give a JSON Lines file")]
    # Not splitlines: it also splits at separators that JSON allows inside a text.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            found = _read_row(line, row_type, path.name, number)
            if isinstance(found, Row):
                rows.append(found)
                rows.lines.append(number)
                rows.marked += has_placeholder(line)
            else:
                problems += found
    return rows, problems


def _read_row(line: str, row_type: type[AnyRow], file: str, number: int) -> AnyRow | list[Problem]:
    twice: list[str] = []

    def note_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        # JSON would keep the last one silently.
        twice.extend(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        return dict(pairs)

    try:
        data = json.loads(line, object_pairs_hook=note_twice)
        if twice:
            return [Problem(file, name, "stands twice", "keep one of them", number) for name in twice]
        return row_type.model_validate(data)
    except ValidationError as error:
        return problems_of(error, file, lambda _: number)
    except (ValueError, RecursionError) as error:
        reason = getattr(error, "msg", None) or str(error)
        return [Problem(file, "", f"not valid JSON: {reason}", "fix the line", number)]
