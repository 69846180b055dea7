"""Records of a file: JSON, JSON Lines, CSV and Parquet as dictionaries, each with its place."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from spaces.problems import InputError, Problem
from studies.importers.found import Skipped

SUFFIXES = (".jsonl", ".json", ".csv", ".parquet")
Record = tuple[str, dict[str, Any]]


def read_records(path: Path) -> Iterator[Record | Skipped]:
    """The records of a file in order. Raises InputError when the file cannot be read at all."""
    readers = {".jsonl": _json_lines, ".json": _json, ".csv": _csv, ".parquet": _parquet}
    try:
        yield from readers[path.suffix.lower()](path)
    except (OSError, ValueError, RecursionError, csv.Error) as error:
        if isinstance(error, InputError):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(Problem(path.name, "", f"cannot be read: {reason}", "mend the file")) from error


def _json_lines(path: Path) -> Iterator[Record | Skipped]:
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").split("\n"), start=1):
        if line.strip():
            place = f"{path.name}:{number}"
            try:
                yield _record(place, json.loads(line))
            except (ValueError, RecursionError) as error:
                yield Skipped(place, "row damaged", str(error))


def _json(path: Path) -> Iterator[Record | Skipped]:
    data = json.loads(path.read_text(encoding="utf-8-sig"))
    if not isinstance(data, list):
        raise ValueError("must hold a list of rows")
    for number, value in enumerate(data, start=1):
        yield _record(f"{path.name} row {number}", value)


def _csv(path: Path) -> Iterator[Record | Skipped]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        for row in reader:
            yield f"{path.name}:{reader.line_num}", {str(name): value for name, value in row.items()}


def _parquet(path: Path) -> Iterator[Record | Skipped]:
    import datasets

    # A stream: nothing is written to the cache of `datasets`.
    data = datasets.load_dataset("parquet", data_files=str(path), split="train", streaming=True)
    yield from dataset_records(path.name, data)


def dataset_records(name: str, data: Any) -> Iterator[Record]:
    """The rows of a `datasets` table: class labels as their names, pictures as they are stored."""
    import datasets

    labels: dict[str, Any] = {}
    for column, feature in (data.features or {}).items():
        inner = getattr(feature, "feature", feature)
        if isinstance(inner, datasets.Image):
            stored = datasets.Image(decode=False)
            data = data.cast_column(column, stored if inner is feature else datasets.List(stored))
        elif isinstance(feature, datasets.ClassLabel):
            labels[column] = feature
    for number, row in enumerate(data, start=1):
        for column, label in labels.items():
            row[column] = None if row[column] is None else label.int2str(row[column])
        yield f"{name} row {number}", row


def _record(place: str, value: Any) -> Record | Skipped:
    if isinstance(value, dict):
        return place, value
    return Skipped(place, "row damaged", f"must be an object, got {type(value).__name__}")
