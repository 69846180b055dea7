"""The layout of the team that this project began with: annotation.json, base_prompts.json, character_names.json."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from skazka_text.problems import InputError, Problem
from studies.importers.cells import text
from studies.importers.found import NOWHERE, Found, Skipped, Source, picture_at
from studies.importers.json_records import Record
from studies.importers.records import read_records
from studies.importers.tree import place_of, readable, walk

ROWS, PROMPTS, NAMES, ASSETS = "annotation.json", "base_prompts.json", "character_names.json", "assets"
# Their test pictures are named after folders, but these characters have none.
CONTROLS = {"matryoshka": "Матрёшка", "spiderman": "Человек-паук", "superman": "Супермен"}


def open_team(root: Path) -> Source:
    """Rows of the targets, and beside them `assets/` with test pictures: of the targets by folder, else of controls."""
    names = _names(root)
    records = list(read_records(root / ROWS))
    rows = [record if isinstance(record, Skipped) else _row(root, *record) for record in records]
    targets = tuple(dict.fromkeys(row.character for row in rows if isinstance(row, Found) and row.character))
    tested = list(_assets(root, names))
    controls = tuple(dict.fromkeys(row.character for row in tested if row.character and row.character not in targets))
    aliases: dict[str, list[str]] = defaultdict(list)
    for folder, name in names.items():
        aliases[name].append(folder.replace("_", " ").title())
    return Source(
        "team",
        [*rows, *tested],
        questions=_prompts(root),
        targets=targets,
        controls=controls,
        aliases={name: tuple(aliases[name]) for name in (*targets, *controls) if name in aliases},
        root=root,
        tree=walk(root),
        read=frozenset([*(root / name for name in (ROWS, PROMPTS, NAMES)), *_named(root, records)]),
    )


def _row(root: Path, place: str, row: dict[str, Any]) -> Found | Skipped:
    """A row of annotation.json; a picture that they converted counts where the original is not there."""
    named = [name for name in (text(row.get("image")), text(row.get("converted_image"))) if name]
    if not named:
        return Skipped(place, "no picture")
    places = [(name, picture_at(root, name)) for name in named]
    inside = [(name, path) for name, path in places if path != NOWHERE]
    name, picture = next((pair for pair in inside if os.path.isfile(pair[1])), (inside or places)[0])
    character = text(row.get("character_name")) or text(row.get("character_folder"))
    question, answer = text(row.get("question")), text(row.get("answer")) or ""
    return Found(place, picture, name, character, question, answer, "training")


def _named(root: Path, records: Iterable[Record | Skipped]) -> Iterator[Path]:
    """Every picture that a row names, the converted one beside the original."""
    for record in records:
        row = {} if isinstance(record, Skipped) else record[1]
        for column in ("image", "converted_image"):
            if name := text(row.get(column)):
                yield picture_at(root, name)


def _assets(root: Path, names: dict[str, str]) -> Iterator[Found]:
    known = {**CONTROLS, **names}
    for path in walk(root / ASSETS).pictures if (root / ASSETS).is_dir() else []:
        stem = readable(path.stem)
        yield Found(place_of(path, root), path, path.name, known.get(stem.lower(), stem.replace("_", " ")), side="test")


def _names(root: Path) -> dict[str, str]:
    """Folder -> the character's name."""
    data = _json(root / NAMES, {})
    if not isinstance(data, dict):
        raise InputError(Problem(NAMES, "", "must map folders to names", "mend the file"))
    return {str(folder).lower(): str(name) for folder, name in data.items()}


def _prompts(root: Path) -> tuple[str, ...]:
    data = _json(root / PROMPTS, [])
    if not isinstance(data, list):
        raise InputError(Problem(PROMPTS, "", "must be a list of questions", "mend the file"))
    return tuple(str(question).strip() for question in data if str(question).strip())


def _json(path: Path, default: Any) -> Any:
    if not path.exists():
        return default
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(Problem(path.name, "", f"cannot be read ({error})", "mend the file")) from error
