"""A study.yaml that names its data in another format: `data:` in place of training, probes and replay."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from skazka_text.problems import Document, InputError, Problem, problems_of, read_yaml, validate
from studies.files import FileError, resolve, sha256_of
from studies.importers.convert import REPORT, Imported, import_rows
from studies.importers.options import ImportOptions
from studies.importers.tree import place_of, walk
from studies.new_folder import drafted
from studies.study import StudyFile

# Raised when the same data would be read otherwise than before.
READING = 2
ROWS = {"training": "training.jsonl", "probes": "probes.jsonl", "replay": "replay.jsonl"}
OF_ROLE = {"target": "targets", "control": "controls", "negative": "negatives"}


def with_rows(path: Path) -> tuple[Document, Path]:
    """A study.yaml whose rows are in files, and its folder: the one given, or one made from its `data:`.

    That lies in the user's cache, and is made anew when study.yaml or the data changed. Raises InputError.
    """
    document, folder = read_yaml(path), path.parent.resolve()
    elsewhere = in_place(document.data)
    if elsewhere is None:
        return document, folder
    validate(StudyFile, replace(document, data=elsewhere))
    made = _made(document, folder)
    return read_yaml(made), made.parent.resolve()


def _made(document: Document, folder: Path) -> Path:
    options = _options(document, folder)
    target = _cache() / _key(document, options)
    if not (target / document.file).is_file():
        try:
            with drafted("DIR", target, last=document.file) as draft:
                _write(document, folder, options, draft)
        except InputError as error:
            raise InputError(_in_file(document, problem) for problem in error.problems) from error
    return target / document.file


def _options(document: Document, folder: Path) -> ImportOptions:
    """The section `data`, with the roles of `characters` and a path from the study folder."""
    data = document.data
    if problems := [_twice(document, field) for field in ROWS if field in data]:
        raise InputError(problems)
    said = dict(data["data"]) if isinstance(data["data"], dict) else data["data"]
    if isinstance(said, dict):
        for character in data.get("characters") or ():
            names = said.setdefault(OF_ROLE[character["role"]], [])
            said[OF_ROLE[character["role"]]] = [*names, character["name"]]
    try:
        options = ImportOptions.model_validate(said)
    except ValidationError as error:
        raise InputError(
            problems_of(error, document.file, lambda path: document.line_of(("data", *path)), ("data",))
        ) from error
    found = {name: _from(folder, getattr(options, name)) for name in ("source", "questions", "pictures")}
    return options.model_copy(update={name: path for name, path in found.items() if path is not None})


def _from(folder: Path, path: str | None) -> str | None:
    """A path that is seen from the study folder; None where nothing lies there."""
    local = folder / os.path.expanduser(path) if path is not None else None
    return str(local.resolve()) if local is not None and os.path.exists(local) else None


def _twice(document: Document, field: str) -> Problem:
    message, remedy = "stands beside data", "remove one of them: rows come from one place"
    return Problem(document.file, field, message, remedy, document.line_of((field,)))


def _write(document: Document, folder: Path, options: ImportOptions, draft: Path) -> None:
    data = {key: value for key, value in document.data.items() if key != "data"}
    imported = import_rows(options, draft, data.get("language"))
    data["language"] = imported.language
    data["characters"] = _characters(data.get("characters") or (), imported)
    data |= {field: name for field, name in ROWS.items() if (draft / name).is_file()}
    model = data["base_model"]["id"]
    if (folder / model).is_dir():
        data["base_model"] = {**data["base_model"], "id": str((folder / model).resolve())}
    _copy_space(folder, data.get("space"), draft)
    (draft / REPORT).write_text(json.dumps(asdict(imported), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    (draft / document.file).write_text(yaml.safe_dump(data, allow_unicode=True, sort_keys=False), encoding="utf-8")


def _characters(said: Any, imported: Imported) -> list[dict[str, Any]]:
    """Those that were found, each with the aliases that study.yaml gives it."""
    aliases = {character["name"]: character.get("aliases") or [] for character in said}
    return [
        {
            "name": row["name"],
            "role": row["role"],
            "aliases": list(dict.fromkeys([*aliases.get(row["name"], ()), *row["aliases"]])),
        }
        for row in imported.characters
    ]


def _copy_space(folder: Path, space: Any, draft: Path) -> None:
    """A space file travels with the study; where there is none of that name, it is a named space or refused later."""
    try:
        source = resolve(folder, space)
    except (FileError, TypeError):
        return
    (draft / space).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, draft / space)


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(home).absolute() / "skazka-tune" / "studies"


def _key(document: Document, options: ImportOptions) -> str:
    """Differs when study.yaml, the data or this program do."""
    files = [*_files(options.source), *_files(options.pictures or "")]
    file = Path(options.questions or "")
    questions = sha256_of(file) if file.is_file() else None
    state = [version("skazka-tune"), READING, document.data, options.model_dump(mode="json"), questions, files]
    return hashlib.sha256(json.dumps(state, default=str, sort_keys=True).encode()).hexdigest()[:32]


def _files(source: str) -> Iterator[tuple[str, int, int]]:
    """Every file of a local source with its size and time; nothing for a dataset on the hub."""
    root = Path(source)
    # A file of rows names pictures beside it.
    root = root.parent if root.is_file() else root
    for path in walk(root).files if source and root.is_dir() else ():
        found = path.stat()
        yield place_of(path, root), found.st_size, found.st_mtime_ns


def _in_file(document: Document, problem: Problem) -> Problem:
    """A refusal of an option as one of the field in study.yaml."""

    def spelt(text: str) -> str:
        return re.sub(r"--([a-z-]+)", lambda match: f"data.{match[1].replace('-', '_')}", text)

    if problem.file:
        return replace(problem, remedy=spelt(problem.remedy))
    remedy = spelt(problem.remedy).replace("data.allow_missing", "data.allow_missing: true")
    remedy = remedy.replace("data.pictures FOLDER", "data.pictures: FOLDER")
    line = document.line_of(("data", *problem.field.removeprefix("--").split("-")))
    return replace(problem, file=document.file, field=spelt(problem.field), remedy=remedy, line=line)


def in_place(data: Any) -> Mapping[str, Any] | None:
    """What study.yaml says, were its rows in files; None where they are already."""
    if not isinstance(data, dict) or "data" not in data:
        return None
    rest = {key: value for key, value in data.items() if key != "data"}
    return {"characters": [], **rest, "training": ROWS["training"], "probes": ROWS["probes"]}
