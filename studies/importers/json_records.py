"""Records of JSON under any name: lists, lines, objects one after another, tables in an object."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from skazka_text.problems import InputError, Problem
from studies.importers.cells import parsed
from studies.importers.found import Skipped, side_of
from studies.importers.label_studio import flattened, is_task
from studies.importers.stored_pictures import looks_like_picture

Record = tuple[str, dict[str, Any]]
# Where an object keeps its rows, the likeliest first.
_ROWS = ("data", "rows", "examples", "items", "annotations", "records", "samples", "instances", "results", "questions")
_HALF = re.compile("[\ud800-\udfff]")
_OF_TURNS = {"role", "from"}
SHOWN = 12


def json_records(name: str, text: str) -> Iterator[Record | Skipped]:
    """The rows of a text of JSON. Raises InputError for an object without rows."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        yield from _lines(name, text) if _is_lines(text) else _stream(name, text)
        return
    # Where no lines are counted, rows are.
    first = f"{name}:1" if "\n" not in text.strip() else f"{name} row 1"
    yield from _whole(name, data, first)


def record(place: str, value: Any) -> Record | Skipped:
    """A row, which must be an object."""
    if isinstance(value, dict):
        value = _whole_signs(value)
        return place, flattened(value) if is_task(value) else value
    kind = "null" if value is None else "a list" if isinstance(value, list) else type(value).__name__
    return Skipped(place, "row damaged", f"must be an object, got {kind}")


def _whole_signs(value: Any) -> Any:
    """The value with � in place of each half of a sign: `\\ud83d` alone, as programs that cut texts leave it."""
    if isinstance(value, str):
        return value if value.isascii() else _HALF.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_whole_signs(key): _whole_signs(inner) for key, inner in value.items()}
    return [_whole_signs(inner) for inner in value] if isinstance(value, list) else value


def _whole(name: str, data: Any, first: str) -> Iterator[Record | Skipped]:
    if not isinstance(data, dict) or is_task(data):
        yield from _numbered(f"{name} row", data if isinstance(data, list) else [data])
        return
    data = _by_picture(data)
    if data.keys() >= {"columns", "data"} and _is_split(data["columns"], data["data"]):
        yield from _numbered(f"{name} row", [dict(zip(data["columns"], row, strict=True)) for row in data["data"]])
        return
    tables = {key: value for key, value in data.items() if _is_rows(value)}
    splits = [key for key in tables if side_of(key)]
    if splits:
        for key in splits:
            rows = [{"split": key, **row} if isinstance(row, dict) else row for row in tables[key]]
            yield from _numbered(f"{name} {key} row", rows)
    elif tables:
        yield from _numbered(f"{name} row", tables[_the_one(name, tables)])
    elif data and all(isinstance(value, dict) for value in data.values()):
        yield from _numbered(f"{name} row", _of_objects(data))
    elif data and all(isinstance(value, list) for value in data.values()):
        yield from _numbered(f"{name} row", _of_columns(name, data))
    else:
        yield record(first, data)


def _by_picture(data: dict[str, Any]) -> dict[str, Any]:
    """Where every key names a picture, each value as a row that names it too; one that is no object is a caption."""
    if not data or not all(map(looks_like_picture, data)):
        return data
    rows = {key: value if isinstance(value, dict) else {"caption": value} for key, value in data.items()}
    return {key: {"image": key, **row} for key, row in rows.items()}


def _is_split(columns: Any, rows: Any) -> bool:
    """Whether these are the columns and cells of `DataFrame.to_json(orient="split")`."""
    named = isinstance(columns, list) and all(isinstance(name, str) for name in columns)
    return named and isinstance(rows, list) and all(isinstance(row, list) and len(row) == len(columns) for row in rows)


def _is_rows(value: Any) -> bool:
    """Whether a value is a list of objects that are no turns of a chat."""
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict) and not value[0].keys() & _OF_TURNS


def _the_one(name: str, tables: dict[str, Any]) -> str:
    """Which of several lists holds the rows."""
    if len(tables) == 1:
        return next(iter(tables))
    usual = [key for key in _ROWS if key in tables]
    # COCO keeps its pictures apart from what is on them.
    if len(usual) == 1 and "images" not in tables:
        return usual[0]
    message = f"holds several lists of rows: {', '.join(map(repr, list(tables)[:SHOWN]))}"
    raise InputError(Problem(name, "", message, "save the one with question and answer as a file of its own"))


def _of_objects(data: dict[str, Any]) -> list[Any]:
    """Objects by a key of theirs, or columns by the number of the row, as pandas writes them."""
    keys = [tuple(value) for value in data.values()]
    if len(set(keys)) == 1 and all(key.isdecimal() for key in keys[0]) and not all(map(str.isdecimal, data)):
        return [{column: data[column][row] for column in data} for row in keys[0]]
    return list(data.values())


def _of_columns(name: str, data: dict[str, Any]) -> list[Any]:
    if len({len(column) for column in data.values()}) > 1:
        message = f"has columns of different lengths: {', '.join(map(repr, list(data)[:SHOWN]))}"
        raise InputError(Problem(name, "", message, "save it as JSON Lines"))
    return [dict(zip(data, row, strict=True)) for row in zip(*data.values(), strict=True)]


def _numbered(place: str, values: Sequence[Any]) -> Iterator[Record | Skipped]:
    for number, value in enumerate(values, start=1):
        yield record(f"{place} {number}", value)


def _is_lines(text: str) -> bool:
    """Whether some of the first lines is a row by itself."""
    return any(isinstance(_line(line), dict) for line in text.split("\n", 20)[:20])


def _line(line: str) -> Any:
    """The value of a line, a comma after it left out; the text itself where it has none."""
    return parsed(line.strip().rstrip(","))


def _lines(name: str, text: str) -> Iterator[Record | Skipped]:
    # Not splitlines: it also splits at separators that JSON allows inside a text.
    for number, line in enumerate(text.split("\n"), start=1):
        bare = line.strip().rstrip(",")
        if bare and bare not in ("[", "]"):
            place = f"{name}:{number}"
            try:
                yield record(place, json.loads(bare))
            except (ValueError, RecursionError) as error:
                # As Python prints it.
                written = parsed(bare)
                damaged = Skipped(place, "row damaged", getattr(error, "msg", None) or str(error))
                yield (place, written) if isinstance(written, dict) else damaged


def _stream(name: str, text: str) -> Iterator[Record | Skipped]:
    """Objects one after another over several lines, those of a list that breaks off among them."""
    decoder, start, number = json.JSONDecoder(), 0, 0
    while (start := _next(text, start)) < len(text):
        number += 1
        place = f"{name} row {number}"
        try:
            value, start = decoder.raw_decode(text, start)
        except (ValueError, RecursionError) as error:
            line = text.count("\n", 0, start) + 1
            reason = getattr(error, "msg", None) or str(error)
            yield Skipped(f"{name}:{line}", "row damaged", f"to the next row: {reason}")
            following = text.find("\n{", start + 1)
            start = len(text) if following < 0 else following
        else:
            yield record(place, value)


def _next(text: str, start: int) -> int:
    """The next sign that is no separator; a list's brackets count as such."""
    while start < len(text) and (text[start].isspace() or text[start] in ",[]"):
        start += 1
    return start
