"""Refusals: what is wrong with the user's input, said in one line each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from skazka_text.printable import printable
from skazka_text.secrets import redact

# Far above any study; a file that aliases blow up is refused before anything walks it.
MAX_YAML_BYTES = 1024 * 1024
MAX_YAML_VALUES = 200_000
# A merge key, `<<`, is YAML's own.
TEXT_KEYS = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:merge")
FieldPath = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)


def with_remedy(message: str, remedy: str) -> str:
    """Both on one line, as they are printed."""
    return f"{message} — {remedy}" if remedy else message


@dataclass(frozen=True)
class Problem:
    """One refusal: where it is, what must hold and what came, and what to do about it."""

    file: str
    field: str
    message: str
    remedy: str = ""
    line: int | None = None

    def __str__(self) -> str:
        """The refusal on one line, with nothing that would drive a terminal and no secret of the environment."""
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        what = f"{self.field}: {self.message}" if self.field else self.message
        text = f"{where} {what}" if where else what
        text = redact(with_remedy(text, self.remedy))
        return printable(" ".join(text.split()))


@dataclass(frozen=True)
class Advice:
    """What is worth a word, and what could be done about it."""

    message: str
    remedy: str

    def __str__(self) -> str:
        return with_remedy(self.message, self.remedy)


class Refusal(Exception):
    """What is refused or failed, and what to do about it, for whoever knows where it stands."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message, remedy)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return with_remedy(self.message, self.remedy)


class ValueRefused(Refusal, ValueError):
    """A value that cannot be taken; pydantic passes it on."""


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

    Raises InputError when the file is missing, is no UTF-8 text, is no YAML, holds more than MAX_YAML_BYTES
    or, with its aliases written out, more than MAX_YAML_VALUES values.
    """
    try:
        _check_size(path)
        text = path.read_text(encoding="utf-8-sig")
        # compose gives positions, safe_load the values: both refuse the same files.
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        _check_aliases(path, node)
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


def _check_size(path: Path) -> None:
    if (size := path.stat().st_size) > MAX_YAML_BYTES:
        message = f"has {size} bytes, more than {MAX_YAML_BYTES}"
        raise InputError(Problem(path.name, "", message, "keep rows in JSON Lines files"))


def _check_aliases(path: Path, node: yaml.Node | None) -> None:
    """A few lines of aliases of aliases can stand for billions of values, and for an endless one."""
    if node is None:
        return
    values = _written_out(node, {})
    if values is None or values > MAX_YAML_VALUES:
        message = "an alias stands inside its own anchor" if values is None else "its aliases stand for too many values"
        raise InputError(Problem(path.name, "", message, "write the values out", node.start_mark.line + 1))


def _written_out(node: yaml.Node, known: dict[int, int | None]) -> int | None:
    """How many values a node holds with its aliases written out; None for one that holds itself."""
    if isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) not in known:
        # Met again while its own parts are being counted, it holds itself.
        known[id(node)] = None
        pairs = node.value if isinstance(node, yaml.MappingNode) else [(part,) for part in node.value]
        counts = [_written_out(part, known) for pair in pairs for part in pair]
        known[id(node)] = None if None in counts else 1 + sum(count or 0 for count in counts)
    return known[id(node)]


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
            if key.tag not in TEXT_KEYS:
                problems.append(Problem(file, field_name(field), "a key must be text", "write it in quotes", line))
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
        message, remedy = explain(detail, str(path[-1]) if path else "")
        problems.append(Problem(file, field_name((*prefix, *path)), message, remedy, line_of(path)))
    return problems


def said_by(detail: Any) -> tuple[str, str]:
    """(message, remedy) of one of pydantic's errors; the remedy is empty where a check gives none."""
    cause = detail.get("ctx", {}).get("error")
    if isinstance(cause, Refusal):
        return cause.message, cause.remedy
    return detail["msg"].removeprefix("Value error, "), ""


def explain(detail: Any, name: str) -> tuple[str, str]:
    """What one of pydantic's errors about a field of that name says, and the remedy."""
    if detail["type"] == "extra_forbidden":
        return f"unknown key {name!r}", "remove it or fix its spelling"
    if detail["type"] == "missing":
        return "is missing", f"add {name}"
    message, remedy = said_by(detail)
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
