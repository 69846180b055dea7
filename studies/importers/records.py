"""Records of a file: JSON, tables in text and Parquet as dictionaries, each with its place."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from skazka_text.problems import InputError, Problem
from studies.importers.csv_records import csv_records
from studies.importers.encodings import read_text
from studies.importers.found import Skipped
from studies.importers.json_records import Record, json_records, record

SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet")
_PARQUET = b"PAR1"


def read_records(
    path: Path,
    encoding: str | None = None,
    notice: Callable[[str], None] = lambda _: None,
    known: Iterable[str] = (),
) -> Iterator[Record | Skipped]:
    """The records of a file in order, whatever its suffix says. Raises InputError when it cannot be read at all.

    encoding: of a text; None to find out. notice: is told what a user should know. known: names of columns that may
    be expected.
    """
    try:
        if _beginning(path) == _PARQUET:
            yield from _parquet(path)
            return
        text = read_text(path, encoding, notice)
        lines = text.lstrip().startswith(("{", "[", "null"))
        yield from json_records(path.name, text) if lines else csv_records(path.name, text, known)
    except (OSError, ValueError, RecursionError, csv.Error) as error:
        if isinstance(error, InputError):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        remedy = f"give a file of rows: {', '.join(SUFFIXES)}"
        raise InputError(Problem(path.name, "", f"cannot be read: {reason}", remedy)) from error


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(len(_PARQUET))


def _parquet(path: Path) -> Iterator[Record | Skipped]:
    import datasets
    import pyarrow.parquet

    # Not load_dataset, to which a path is a pattern.
    with pyarrow.parquet.ParquetFile(path) as file:
        # Only what `datasets` wrote says more than Parquet does; it knows not all that Parquet holds.
        own = b"huggingface" in (file.schema_arrow.metadata or {})
        labels = _labels(datasets.Features.from_arrow_schema(file.schema_arrow)) if own else {}
        number = 0
        for batch in file.iter_batches(batch_size=100):
            for row in batch.to_pylist():
                number += 1
                yield record(f"{path.name} row {number}", _named(row, labels))


def dataset_records(name: str, data: Any) -> Iterator[Record]:
    """The rows of a `datasets` table: class labels as their names, pictures as they are stored."""
    import datasets

    features = data.features or {}
    for column, feature in features.items():
        inner = getattr(feature, "feature", feature)
        if isinstance(inner, datasets.Image):
            stored = datasets.Image(decode=False)
            data = data.cast_column(column, stored if inner is feature else datasets.List(stored))
    labels = _labels(features)
    for number, row in enumerate(data, start=1):
        yield f"{name} row {number}", _named(row, labels)


def _labels(features: Any) -> dict[str, Any]:
    """Column -> its class label, which knows the names."""
    import datasets

    return {column: feature for column, feature in features.items() if isinstance(feature, datasets.ClassLabel)}


def _named(row: dict[str, Any], labels: dict[str, Any]) -> dict[str, Any]:
    for column, label in labels.items():
        # -1 is no label, as test sets have it.
        row[column] = label.int2str(row[column]) if row[column] is not None and row[column] >= 0 else None
    return row
