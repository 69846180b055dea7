"""The rows of tables: each with its picture, its question and its answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from studies.importers.columns import Columns
from studies.importers.conversations import Turn, rows_of
from studies.importers.found import Found, Noticed, Side, Skipped, picture_at
from studies.importers.json_records import Record
from studies.importers.options import ImportOptions
from studies.importers.stored_pictures import NoPicture, pictures_of, stored


@dataclass(frozen=True)
class Part:
    """Some rows of a table.

    side: where the table says it. root: the folder that pictures are named from. columns: our name of a column -> the
    one that says it, as the table tells.
    """

    name: str
    records: Iterable[Record | Skipped]
    side: Side | None
    root: Path
    columns: Mapping[str, str] = field(default_factory=dict)


def table_rows(
    parts: Sequence[Part], options: ImportOptions, scratch: Path, noticed: Noticed
) -> Iterator[Found | Skipped]:
    """The rows of all parts; pictures that they hold are written to the folder `scratch`.

    Raises InputError when a column that the user named is in no row.
    """
    for index, part in enumerate(parts):
        columns = Columns(options.columns, noticed, part.columns)
        for number, record in enumerate(part.records):
            if isinstance(record, Skipped):
                yield record
                continue
            place, row = record
            columns.see(row)
            yield from _rows_of(part, columns, place, row, scratch / f"{index}-{number}")
    Columns(options.columns, noticed, {}).check(parts[0].name if parts else "")


def _rows_of(
    part: Part, columns: Columns, place: str, row: dict[str, Any], unpacked: Path
) -> Iterator[Found | Skipped]:
    turns = columns.turns(row)
    pictures = _pictures(columns, row, turns)
    if len(pictures) > 1:
        yield Skipped(place, "several pictures", f"{len(pictures)} pictures, a row has one")
        return
    found = replace(columns.found(place, row), side=part.side or columns.side(row))
    if pictures:
        try:
            path, name = _picture(part, pictures[0], unpacked)
        except NoPicture as error:
            yield Skipped(place, "picture unreadable", str(error))
            return
        found = replace(found, picture=path, name=name)
    else:
        columns.note_like_pictures(row)
    if turns:
        yield from rows_of(replace(found, question=None, answer=None, others=()), turns, columns.noticed.turns)
    else:
        yield found


def _pictures(columns: Columns, row: dict[str, Any], turns: Sequence[Turn]) -> list[Any]:
    """The pictures of a row: those of its column, else those that its turns name."""
    own = pictures_of(columns.get(row, "image"))
    return own or pictures_of([picture for turn in turns for picture in turn.pictures])


def _picture(part: Part, cell: Any, unpacked: Path) -> tuple[Path, str]:
    """Where a picture lies, and what it is called."""
    found = stored(cell)
    if found.data is not None:
        unpacked.parent.mkdir(parents=True, exist_ok=True)
        unpacked.write_bytes(found.data)
        return unpacked, found.name or f"{part.name.split('.')[0]}-{unpacked.name}"
    name = found.name or ""
    return picture_at(part.root, name), name
