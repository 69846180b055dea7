"""Tables of rows with a picture each: files, folders of `datasets`, and datasets on the hub."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spaces.problems import InputError, Problem
from studies.importers.columns import Columns, text
from studies.importers.conversations import rows_of
from studies.importers.found import Found, Side, Skipped, Source, picture_at, side_of
from studies.importers.options import ImportOptions
from studies.importers.records import SUFFIXES, Record, dataset_records, read_records
from studies.importers.tree import walk

# LLaMA-Factory's list of data files, and what `save_to_disk` leaves beside a file of the same name.
LISTING, SAVED = "dataset_info.json", ("state.json", "dataset_dict.json")


@dataclass(frozen=True)
class Part:
    """Some rows of a table: their side where the table says it, and the folder their pictures are named from."""

    name: str
    records: Iterable[Record | Skipped]
    side: Side | None
    root: Path


def open_table(options: ImportOptions, scratch: Path) -> Source:
    """Open a table; pictures that it holds as bytes are written to the folder `scratch`."""
    path = Path(options.source).expanduser()
    pictures = Path(options.pictures).expanduser() if options.pictures else None
    if path.is_file():
        root = pictures or path.parent
        return Source("table", _rows([Part(path.name, read_records(path), None, root)], options, scratch), root=root)
    if (path / LISTING).is_file() and not is_saved(path):
        root = pictures or path
        files = _listed(path)
        parts = [Part(file.name, read_records(file), None, root) for file in files]
        read, tree = frozenset([path / LISTING, *files]), walk(path)
        return Source("table", _rows(parts, options, scratch), root=root, tree=tree, read=read)
    rows = _rows(_datasets(options, path), options, scratch)
    if is_saved(path) or not path.is_dir():
        return Source("table", rows)
    tree = walk(path)
    read = frozenset(file for file in tree.files if file.suffix.lower() == ".parquet")
    return Source("table", rows, root=pictures or path, tree=tree, read=read)


def is_saved(path: Path) -> bool:
    """Whether a folder was made by `save_to_disk`."""
    return any((path / name).is_file() for name in SAVED)


def _listed(folder: Path) -> list[Path]:
    """The data files that LLaMA-Factory's dataset_info.json lists."""
    try:
        listing = json.loads((folder / LISTING).read_text(encoding="utf-8"))
        names = [entry["file_name"] for entry in listing.values() if "file_name" in entry]
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(Problem(LISTING, "", f"cannot be read ({error})", "mend the file")) from error
    files = [folder / name for name in names if Path(name).suffix.lower() in SUFFIXES]
    there = [file for file in files if file.is_file()]
    if not there:
        raise InputError(Problem(LISTING, "", "lists no data file that is there", "name one with --from"))
    return there


def _datasets(options: ImportOptions, path: Path) -> list[Part]:
    """A folder of `save_to_disk`, a folder of Parquet files, or a dataset on the hub."""
    import datasets

    try:
        if is_saved(path):
            data: Any = datasets.load_from_disk(str(path))
        else:
            name = str(path) if path.is_dir() else options.source
            data = datasets.load_dataset(name, revision=options.revision, streaming=True)
    except Exception as error:
        # Its many builders and the hub's client raise whatever they like.
        last = (str(error).strip().splitlines() or [type(error).__name__])[0]
        remedy = "check the path or id, the network and HF_TOKEN; without a network, --from a local copy"
        raise InputError(Problem("", "--from", f"{options.source!r} cannot be loaded ({last})", remedy)) from error
    splits = data if isinstance(data, dict) else {path.name: data}
    return [Part(name, dataset_records(name, split), side_of(name), path) for name, split in splits.items()]


def _rows(parts: list[Part], options: ImportOptions, scratch: Path) -> Iterator[Found | Skipped]:
    for part in parts:
        columns: Columns | None = None
        for number, record in enumerate(part.records):
            if isinstance(record, Skipped):
                yield record
                continue
            place, row = record
            columns = columns or Columns.of(part.name, row, options.columns)
            found = _found(part, columns, place, row, scratch / f"{part.name}-{number}")
            if isinstance(found, Found) and "messages" in columns.names:
                yield from rows_of(found, columns.get(row, "messages"))
            else:
                yield found


def _found(part: Part, columns: Columns, place: str, row: dict[str, Any], unpacked: Path) -> Found | Skipped:
    cell = columns.get(row, "image")
    cells = cell if isinstance(cell, list) else [cell]
    if len(cells) > 1:
        return Skipped(place, "several pictures", f"{len(cells)} pictures, a row has one")
    if not cells or not cells[0]:
        return Skipped(place, "no picture")
    side = part.side or columns.side(row)
    stored = cells[0] if isinstance(cells[0], dict) else {"path": cells[0]}
    name = text(stored.get("path")) or unpacked.name
    if stored.get("bytes"):
        unpacked.parent.mkdir(parents=True, exist_ok=True)
        unpacked.write_bytes(stored["bytes"])
        return columns.found(place, row, unpacked, name, side)
    return columns.found(place, row, picture_at(part.root, name), name, side)
