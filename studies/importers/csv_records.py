"""Records of tables in text: comma, semicolon, tab or bar between the cells."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from studies.importers.found import Skipped
from studies.importers.stored_pictures import looks_like_picture

Record = tuple[str, dict[str, Any]]
DELIMITERS = (",", ";", "\t", "|")
# Around what a line or cell says.
_EMPTY = ' ,;\t|"\r'
# Lines from which the delimiter is told.
LOOKED_AT = 50
# Usual writing first; then a space after the delimiter, and a backslash before a quote as Spark and MySQL put it.
_DIALECTS: tuple[dict[str, Any], ...] = (
    {},
    {"skipinitialspace": True},
    {"escapechar": "\\", "doublequote": False},
    {"escapechar": "\\", "doublequote": False, "skipinitialspace": True},
)
# A cell may hold a picture; the largest that the module takes.
csv.field_size_limit(2**31 - 1)


def csv_records(name: str, text: str, known: Iterable[str] = ()) -> Iterator[Record | Skipped]:
    """The rows of a table whose first line names the columns. known: names of columns that may be expected.

    A name that stands twice is numbered, as pandas does: answer, answer.1; a table without names has `column_1`
    and so on. Raises csv.Error.
    """
    known = set(known)
    text, lines, delimiter = _without_setting(text)
    text, more = _without_title(text, known)
    lines, delimiter = lines + more, delimiter or _delimiter(text, known)
    reader = _reader(text, delimiter)
    first: list[str] = next((cells for cells in reader if any(map(str.strip, cells))), [])
    # A line that names a picture is a row: this table says nothing of its columns.
    nameless = any(looks_like_picture(cell) for cell in first)
    header = _unique([""] * len(first) if nameless else first, cut=not nameless)
    for cells in chain([first] if nameless else [], reader):
        place = f"{name}:{reader.line_num + lines}"
        while len(cells) > len(header) and not cells[-1].strip():
            cells.pop()
        if len(cells) > len(header):
            detail = f"{len(cells)} cells under {len(header)} columns: is a {delimiter!r} in it not quoted?"
            yield Skipped(place, "row damaged", detail)
        elif any(cell.strip() for cell in cells):
            yield place, dict(zip(header, cells + [""] * (len(header) - len(cells)), strict=True))


def _without_title(text: str, known: set[str]) -> tuple[str, int]:
    """The table without a title alone in the line above the names of the columns: (text, lines before it)."""
    lines = text.split("\n", LOOKED_AT)
    filled = [number for number, line in enumerate(lines) if line.strip(_EMPTY)][:2]
    if len(filled) < 2:
        return text, 0
    title, names = (lines[number].strip(_EMPTY) for number in filled)
    cells = [{cell.strip(_EMPTY).lower() for cell in names.split(sign)} for sign in DELIMITERS]
    if any(sign in title for sign in ",;\t|") or title.lower() in known:
        return text, 0
    if not any(len(found) > 1 and found & known for found in cells):
        return text, 0
    return "\n".join(lines[filled[1] :]), filled[1]


def _without_setting(text: str) -> tuple[str, int, str | None]:
    """The table without Excel's first line `sep=;`: (text, lines before it, delimiter)."""
    first, _, rest = text.partition("\n")
    setting = first.strip("\r\n").strip('"')
    if setting.lower().startswith("sep=") and len(setting) == len("sep=") + 1:
        return rest, 1, setting[-1]
    return text, 0, None


def _reader(text: str, delimiter: str) -> Any:
    lines = io.StringIO(text, newline="")
    for dialect in _DIALECTS:
        if _fits(text, delimiter, dialect):
            return csv.reader(lines, delimiter=delimiter, **dialect)
    if _quotes_close(text, delimiter):
        return csv.reader(lines, delimiter=delimiter)
    return csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)


def _fits(text: str, delimiter: str, dialect: dict[str, Any]) -> bool:
    """Whether a table is without fault in a dialect: its quotes are right, no row is longer than the header."""
    try:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, **dialect)
        width = next((len(row) for row in rows if any(map(str.strip, row))), 0)
        return all(len(row) <= width for row in rows)
    except csv.Error:
        return False


def _quotes_close(text: str, delimiter: str) -> bool:
    """Whether every quote that begins a cell ends; where one does not, the rest of the file would become one cell."""
    try:
        for _ in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True):
            pass
    except csv.Error as error:
        return "unexpected end of data" not in str(error)
    return True


def _delimiter(text: str, known: set[str]) -> str:
    """The sign that gives the most columns of a known name, then the most rows as long as the header, then columns."""

    def fits(delimiter: str) -> tuple[int, float, int]:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        rows = [row for row, _ in zip(reader, range(LOOKED_AT), strict=False) if row]
        header = rows[0] if rows else []
        if len(header) < 2:
            return 0, 0.0, 0
        expected = sum(cell.strip().lower() in known for cell in header)
        return expected, sum(len(row) == len(header) for row in rows) / len(rows), len(header)

    return max(DELIMITERS, key=fits)


def _unique(header: list[str], *, cut: bool) -> list[str]:
    """The names of columns, each once; a column without one is numbered. cut: leave out the last ones without any."""
    while cut and header and not header[-1].strip():
        header = header[:-1]
    seen: Counter[str] = Counter()
    names = []
    for place, cell in enumerate(header, start=1):
        name = cell.strip() or f"column_{place}"
        names.append(f"{name}.{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return names
