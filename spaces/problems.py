"""Refusals: what is wrong with the user's input, said in one line each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

FieldPath = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class Problem:
    """One refusal: where it is, what must hold and what came, and what to do about it."""

    file: str
    field: str
    message: str
    remedy: str = ""
    line: int | None = None

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        what = f"{self.field}: {self.message}" if self.field else self.message
        text = f"{where} {what}" if where else what
        return " ".join(f"{text} — {self.remedy}".split() if self.remedy else text.split())


class InputError(ValueError):
    """Bad input from the user; carries every problem found, not only the first."""

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems = [problems] if isinstance(problems, Problem) else list(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def refuse(problems: Sequence[Problem]) -> None:
    """Raise InputError when there is any problem."""
    if problems:
        raise InputError(problems)


@dataclass(frozen=True)
class Document:
    """A YAML file as plain data, with the line on which each field stands."""

    file: str
    data: Any
    lines: Mapping[FieldPath, int]

    def line_of(self, path: FieldPath) -> int | None:
        """The line (from 1) of a field, or of the nearest field around it."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return None


def read_yaml(path: Path) -> Document:
    """Read a YAML file with its line numbers.

    Raises InputError when the file is missing, is no UTF-8 text or is no YAML.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        # compose gives positions, safe_load the values: both refuse the same files.
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        lines: dict[FieldPath, int] = {}
        refuse(_note_lines(node, (), path.name, lines, set()))
        return Document(path.name, yaml.safe_load(text), lines)
    except InputError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(Problem(str(path), "", reason, "give the path of an existing YAML file")) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else None
        reason = getattr(error, "problem", None) or str(error)
        raise InputError(Problem(path.name, "", f"not valid YAML: {reason}", "fix the syntax", line)) from error


def _note_lines(
    node: yaml.Node | None, path: FieldPath, file: str, lines: dict[FieldPath, int], seen: set[int]
) -> list[Problem]:
    """Note the line of every field; a key that stands twice is a problem, for YAML would keep the last one silently."""
    # An alias is the same node again: walking it anew could take forever.
    if node is None or id(node) in seen:
        return []
    seen.add(id(node))
    lines.setdefault(path, node.start_mark.line + 1)
    problems = []
    if isinstance(node, yaml.MappingNode):
        keys: set[str] = set()
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            field = (*path, name)
            if name in keys:
                problems.append(Problem(file, field_name(field), "stands twice", "keep one of them", line))
            keys.add(name)
            lines[field] = line
            problems += _note_lines(value, field, file, lines, seen)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            problems += _note_lines(value, (*path, index), file, lines, seen)
    return problems


def validate(model: type[Model], document: Document, prefix: FieldPath = ()) -> Model:
    """Check plain data against a pydantic model.

    Raises InputError with one problem a wrong field, all at once.
    """
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        raise InputError(problems_of(error, document.file, document.line_of, prefix)) from error


def problems_of(
    error: ValidationError,
    file: str,
    line_of: Any = lambda path: None,
    prefix: FieldPath = (),
) -> list[Problem]:
    """Pydantic's errors as refusals: `file:line field: message — remedy`."""
    problems = []
    for detail in error.errors():
        path = tuple(part for part in detail["loc"] if isinstance(part, str | int))
        message, remedy = _explain(detail, str(path[-1]) if path else "")
        problems.append(Problem(file, field_name((*prefix, *path)), message, remedy, line_of(path)))
    return problems


def _explain(detail: Any, name: str) -> tuple[str, str]:
    if detail["type"] == "extra_forbidden":
        return f"unknown key {name!r}", "remove it or fix its spelling"
    if detail["type"] == "missing":
        return "is missing", f"add {name}"
    message = detail["msg"].removeprefix("Value error, ")
    message, _, remedy = message.partition(" — ")
    received = detail["input"]
    if isinstance(received, str | int | float | bool | None) and "got" not in message:
        message = f"{message}, got {received!r}"
    return message, remedy or "correct the value"


def field_name(path: FieldPath) -> str:
    """A field path as people write it: `characters[2].role`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
