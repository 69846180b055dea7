"""Tables of rows with a picture each: files, folders of `datasets`, and datasets on the hub."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skazka_text.problems import InputError, Problem
from studies.importers.columns import expected_columns
from studies.importers.found import Noticed, Side, Source, side_of
from studies.importers.options import ImportOptions
from studies.importers.records import SUFFIXES, dataset_records, read_records
from studies.importers.table_rows import Part, table_rows
from studies.importers.tree import Tree, walk

# LLaMA-Factory's list of data files, and what `save_to_disk` leaves beside a file of the same name.
LISTING, SAVED = "dataset_info.json", ("state.json", "dataset_dict.json")
# Its names of columns -> ours.
LISTED = {
    **{"prompt": "question", "query": "input", "response": "answer", "images": "image"},
    **{name: name for name in ("messages", "history")},
}


def open_table(options: ImportOptions, scratch: Path) -> Source:
    """Open a table; pictures that it holds as bytes are written to the folder `scratch`."""
    path = Path(options.source).expanduser()
    pictures = Path(options.pictures).expanduser() if options.pictures else None
    noticed = Noticed()
    if path.is_file():
        root, tree, read = pictures or path.parent, None, frozenset[Path]()
        parts = [_part(path, root, None, options, noticed)]
    elif is_saved(path) or not path.is_dir():
        return Source("table", table_rows(_datasets(options, path), options, scratch, noticed), noticed=noticed)
    else:
        root, tree = pictures or path, walk(path)
        files = _listed(path) if (path / LISTING).is_file() else tables_of(tree)
        read = frozenset([path / LISTING, *files])
        parts = [_part(file, root, side_of_file(file, path), options, noticed, names) for file, names in files.items()]
    rows = table_rows(parts, options, scratch, noticed)
    return Source("table", rows, root=root, tree=tree, read=read, noticed=noticed)


def _part(
    file: Path,
    root: Path,
    side: Side | None,
    options: ImportOptions,
    noticed: Noticed,
    names: Mapping[str, str] | None = None,
) -> Part:
    records = read_records(file, options.encoding, noticed.remarks.append, expected_columns(options.columns))
    return Part(file.name, records, side, root, names or {})


def tables_of(tree: Tree) -> dict[Path, dict[str, str]]:
    """The files of rows in a folder: Parquet where there is some, else the others."""
    files = [file for file in tree.files if file.suffix.lower() in SUFFIXES]
    parquet = [file for file in files if file.suffix.lower() == ".parquet"]
    return {file: {} for file in parquet or files}


def side_of_file(file: Path, root: Path) -> Side | None:
    """The side that a file's name says, `train-00000-of-00001.parquet`, or a folder's above it."""
    stem = file.name.split(".")[0]
    named = [
        side_of(stem),
        side_of(stem.split("-")[0]),
        side_of(file.stem),
        *map(side_of, reversed(file.relative_to(root).parts[:-1])),
    ]
    return next(filter(None, named), None)


def is_saved(path: Path) -> bool:
    """Whether a folder was made by `save_to_disk`."""
    return any((path / name).is_file() for name in SAVED)


def _listed(folder: Path) -> dict[Path, dict[str, str]]:
    """The data files that LLaMA-Factory's dataset_info.json lists: file -> our name of a column -> the file's."""
    try:
        listing = json.loads((folder / LISTING).read_text(encoding="utf-8-sig"))
        entries = [entry for entry in listing.values() if "file_name" in entry]
        files = {folder / entry["file_name"]: _columns_of(entry.get("columns")) for entry in entries}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        remedy = "name a file of rows with --from"
        raise InputError(Problem(LISTING, "", f"cannot be read ({error})", remedy)) from error
    there = {file: names for file, names in files.items() if file.is_file()}
    if not there:
        named = ", ".join(file.name for file in files) or "none"
        message = f"lists no data file that is there, but {named}"
        raise InputError(Problem(LISTING, "", message, "name one with --from"))
    return there


def _columns_of(said: Any) -> dict[str, str]:
    columns = said if isinstance(said, dict) else {}
    return {ours: columns[theirs] for theirs, ours in LISTED.items() if isinstance(columns.get(theirs), str)}


def _datasets(options: ImportOptions, path: Path) -> list[Part]:
    """A folder of `save_to_disk`, or a dataset on the hub."""
    import datasets

    try:
        if is_saved(path):
            data: Any = datasets.load_from_disk(str(path))
        else:
            data = datasets.load_dataset(options.source, revision=options.revision, streaming=True)
    except Exception as error:
        # Its many builders and the hub's client raise whatever they like.
        last = (str(error).strip().splitlines() or [type(error).__name__])[0]
        remedy = "check the path or id, the network and HF_TOKEN; without a network, --from a local copy"
        raise InputError(Problem("", "--from", f"{options.source!r} cannot be loaded ({last})", remedy)) from error
    splits = data if isinstance(data, dict) else {path.name: data}
    return [Part(name, dataset_records(name, split), side_of(name), path) for name, split in splits.items()]
