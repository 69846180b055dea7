"""Which format a source has."""

from __future__ import annotations

import os
from pathlib import Path

from skazka_text.problems import InputError, Problem
from studies.importers.folders import metadata_files, open_folders, open_image_folder
from studies.importers.found import Source
from studies.importers.hub_cache import snapshot_of
from studies.importers.options import Format, ImportOptions
from studies.importers.records import SUFFIXES
from studies.importers.tables import LISTING, is_saved, open_table, tables_of
from studies.importers.team import ROWS, open_team
from studies.importers.tree import is_picture, summary, unused, walk

# Kinds of files that a refusal names.
SHOWN = 6


def open_source(options: ImportOptions, scratch: Path) -> Source:
    """Open what the options name. Raises InputError when nothing is there, or nothing that is known."""
    path = snapshot_of(Path(os.path.expanduser(options.source)))
    if path != Path(os.path.expanduser(options.source)):
        options = options.model_copy(update={"source": str(path)})
    kind = options.format or _format(path, options.source)
    if kind == "team":
        return open_team(path)
    if kind == "folders":
        return open_folders(path, options)
    if kind == "imagefolder":
        return open_image_folder(path, options, scratch)
    return open_table(options, scratch)


def _format(path: Path, source: str) -> Format:
    if os.path.isfile(path):
        # By what is in it, whatever its name says; a picture by itself is no study.
        if not is_picture(path):
            return "table"
        message = f"{source} is one picture"
        raise InputError(Problem("", "--from", message, "give the folder of pictures, or a file of rows"))
    if os.path.isdir(path):
        return _format_of_folder(path)
    if source.startswith((".", "/", "~")) or source.count("/") != 1:
        remedy = "check the path; a dataset on the hub is OWNER/NAME"
        raise InputError(Problem("", "--from", f"no file or folder {source!r}", remedy))
    return "table"


def _format_of_folder(path: Path) -> Format:
    if (path / ROWS).is_file():
        return "team"
    if is_saved(path) or (path / LISTING).is_file():
        return "table"
    tree = walk(path)
    if metadata_files(tree):
        return "imagefolder"
    if tree.pictures:
        return "folders"
    if tables_of(tree):
        return "table"
    kinds = summary(unused(tree, ()))
    seen = [f"{kind['count']} x {kind['what']} (first {kind['first']})" for kind in kinds[:SHOWN]]
    message = f"{path} holds nothing that is known: {', '.join(seen) or 'it is empty'}"
    likely = dict.fromkeys(kind["remedy"] for kind in kinds if kind["remedy"])
    remedy = f"give a folder with pictures or with files of rows: {', '.join(SUFFIXES)}"
    raise InputError(Problem("", "--from", message, "; ".join([*likely, remedy])))
