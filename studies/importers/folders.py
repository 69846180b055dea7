"""Folders of pictures: one folder a character, or ImageFolder with a metadata file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from spaces.problems import InputError, Problem
from studies.importers.columns import Columns, text
from studies.importers.found import SIDES, Found, Side, Skipped, Source, outside, picture_at
from studies.importers.records import read_records

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif")
METADATA = ("metadata.jsonl", "metadata.csv", "metadata.parquet")


def open_folders(root: Path) -> Source:
    """One folder a character, its name the character's; `train`, `validation`, `test` may stand above them."""
    return Source("folders", _by_folder(root))


def _by_folder(root: Path) -> Iterator[Found | Skipped]:
    for path in pictures_below(root):
        parts = path.relative_to(root).parts
        side = SIDES.get(parts[0].lower()) if len(parts) > 2 else None
        folders = parts[1:-1] if side else parts[:-1]
        place = path.relative_to(root).as_posix()
        if folders:
            yield Found(place, path, path.name, character=folders[0].replace("_", " ").strip(), side=side)
        else:
            yield Skipped(place, "no character", "it lies in no character's folder")


def pictures_below(root: Path) -> list[Path]:
    """Every picture file below a folder, sorted; hidden files and folders are left out."""
    found = (path for path in root.rglob("*") if path.suffix.lower() in PICTURES and path.is_file())
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(root).parts))


def metadata_files(root: Path) -> list[tuple[Path, Side | None]]:
    """The metadata files of an ImageFolder: at its root, or one in each split's folder."""
    here: list[tuple[Path, Side | None]] = [(root / name, None) for name in METADATA if (root / name).is_file()]
    below = ((folder, SIDES.get(folder.name.lower())) for folder in sorted(root.iterdir()) if folder.is_dir())
    return here or [
        (folder / name, side) for folder, side in below if side for name in METADATA if (folder / name).is_file()
    ]


def open_image_folder(root: Path, names: Mapping[str, str]) -> Source:
    """An ImageFolder of `datasets`: the column file_name says where a picture lies, the others what is on it."""
    files = metadata_files(root)
    if not files:
        remedy = f"add one of {', '.join(METADATA)}, or give another --format"
        raise InputError(Problem(str(root), "", "has no metadata file", remedy))
    return Source("imagefolder", _by_metadata(files, names))


def _by_metadata(files: list[tuple[Path, Side | None]], names: Mapping[str, str]) -> Iterator[Found | Skipped]:
    for file, side in files:
        columns: Columns | None = None
        for record in read_records(file):
            if isinstance(record, Skipped):
                yield record
                continue
            place, row = record
            columns = columns or Columns.of(file.name, row, {"image": "file_name", **names})
            yield _row_of(file.parent, place, row, columns, side)


def _row_of(folder: Path, place: str, row: dict[str, Any], columns: Columns, side: Side | None) -> Found | Skipped:
    name = text(columns.get(row, "image"))
    if name is None:
        return Skipped(place, "no picture")
    picture = picture_at(folder, name)
    if picture is None:
        return outside(place, name)
    return columns.found(place, row, picture, name, side or columns.side(row))
