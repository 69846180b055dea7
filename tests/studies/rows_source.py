"""Rows about eight pictures of two characters, written in whatever way a test says."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from foreign_data import lines, paint

from studies.checks import load_study
from studies.importers.convert import Imported
from studies.importers.options import ImportOptions
from studies.importers.study_folder import Settings, init_study
from studies.study import Study

NAMES = ("Гена", "Матрёшка")
# Of a target's four pictures two are trained on, of a control's one.
TAUGHT = 3
Row = dict[str, Any]


def pictures(root: Path, names: Sequence[str] = NAMES) -> list[tuple[str, str]]:
    """(path within root, character) of four pictures of each."""
    found = []
    for place, name in enumerate(names):
        for number in range(4):
            paint(root / "img" / f"{place}{number}.png", 10 + place * 80, number * 60, 7)
            found.append((f"img/{place}{number}.png", name))
    return found


def rows(root: Path, row: Callable[[str, str], Row], names: Sequence[str] = NAMES) -> list[Row]:
    """A row about each picture, of its path and character."""
    return [row(path, name) for path, name in pictures(root, names)]


def plain(path: str, name: str) -> Row:
    """The plainest row."""
    return {"image": path, "character": name, "question": "Кто это?", "answer": f"Это {name}."}


def write(path: Path, data: Sequence[Row] | str, encoding: str = "utf-8") -> Path:
    """A file of rows: JSON Lines, or the text as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = data if isinstance(data, str) else lines(data)
    path.write_bytes(text.encode(encoding))
    return path


def as_json(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False)


def study_of(source: Path, to: Path, *, language: str | None = None, **said: Any) -> tuple[Study, Imported]:
    """The checked study that `skazka init` makes of a source."""
    options = {"from": str(source), "targets": ["Гена"], "controls": ["Матрёшка"], **said}
    imported = init_study(to, ImportOptions.model_validate(options), Settings(language, "demo", "lora"))
    return load_study(to), imported


def taught(study: Study) -> set[tuple[str, str | None]]:
    """(question, answer) pairs that the study teaches or replays."""
    return {(row.question, row.answer) for row in (*study.training, *study.replay)}
