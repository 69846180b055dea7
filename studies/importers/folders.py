"""Folders of pictures: one folder a character, or ImageFolder with a metadata file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from skazka_text.problems import InputError, Problem
from studies.importers.columns import expected_columns
from studies.importers.found import Found, Noticed, Side, Skipped, Source, side_of
from studies.importers.layout import arrange, folded
from studies.importers.options import ImportOptions
from studies.importers.records import read_records
from studies.importers.table_rows import Part, table_rows
from studies.importers.tree import Tree, place_of, readable, walk

METADATA = ("metadata.jsonl", "metadata.csv", "metadata.parquet")


def open_folders(root: Path, options: ImportOptions) -> Source:
    """One folder a character, its name the character's; folders of sides may stand above or below it."""
    tree = walk(root)
    if tree.pictures and all(path.parent == root for path in tree.pictures):
        message = f"{len(tree.pictures)} pictures lie in {root} itself, and in no character's folder"
        remedy = "give the folder that holds one folder a character, or a table of rows"
        raise InputError(Problem("", "--from", message, remedy))
    said = (*options.targets, *options.controls, *options.negatives, *options.names, *options.names.values())
    rows = _by_folder(root, tree.pictures, {folded(name) for name in said})
    return Source("folders", rows, tree=tree, read=frozenset(tree.pictures))


def _by_folder(root: Path, pictures: Sequence[Path], known: set[str]) -> Iterator[Found | Skipped]:
    folders = [tuple(readable(name) for name in path.relative_to(root).parts[:-1]) for path in pictures]
    for path, (name, side) in zip(pictures, arrange(folders, known), strict=True):
        place = place_of(path, root)
        character = name.replace("_", " ").strip() if name else ""
        if character:
            yield Found(place, path, readable(path.name), character=character, side=side)
        else:
            yield Skipped(place, "no character", "it lies in no character's folder")


def metadata_files(tree: Tree) -> list[tuple[Path, Side | None]]:
    """The metadata files of an ImageFolder: at its root, below sides, or one above all pictures; with the side."""
    found = [(path, _side_above(path, tree.root)) for path in tree.files if path.name.lower() in METADATA]
    for rule in (lambda path, _: path.parent == tree.root, lambda _, side: side is not None):
        if fitting := [(path, side) for path, side in found if rule(path, side)]:
            return fitting
    above = [path.parent for path, _ in found]
    return found if len(above) == 1 and all(path.is_relative_to(above[0]) for path in tree.pictures) else []


def _side_above(path: Path, root: Path) -> Side | None:
    return next(filter(None, map(side_of, reversed(path.relative_to(root).parts[:-1]))), None)


def open_image_folder(root: Path, options: ImportOptions, scratch: Path) -> Source:
    """An ImageFolder of `datasets`: the column file_name says where a picture lies, the others what is on it."""
    tree = walk(root)
    files = metadata_files(tree)
    if not files:
        remedy = f"add one of {', '.join(METADATA)}, or give another --format"
        raise InputError(Problem(str(root), "", "has no metadata file", remedy))
    pictures = Path(options.pictures).expanduser() if options.pictures else None
    noticed = Noticed()
    expected, usual = expected_columns(options.columns), {"image": "file_name"}
    parts = [
        Part(
            file.name,
            read_records(file, options.encoding, noticed.remarks.append, expected),
            side,
            pictures or file.parent,
            usual,
        )
        for file, side in files
    ]
    rows = table_rows(parts, options, scratch, noticed)
    read = frozenset(file for file, _ in files)
    return Source("imagefolder", rows, root=pictures or root, tree=tree, read=read, noticed=noticed)
