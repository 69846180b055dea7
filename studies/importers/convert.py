"""From a source to a study folder: read, clean, choose sides, write; all of it or nothing."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spaces.problems import InputError, Problem
from studies.importers.cast import Cast
from studies.importers.clean import Cleaned, clean
from studies.importers.detect import open_source
from studies.importers.found import NOWHERE, Found, Side, Skipped, Source
from studies.importers.locate import locate
from studies.importers.options import ImportOptions
from studies.importers.remarks import on_two_sides, pictures_by_character, remarks, remarks_on_answers
from studies.importers.sides import choose_sides
from studies.importers.templates import questions_for
from studies.importers.tree import place_of, summary, unused, walk
from studies.importers.writing import write_rows

# Beside the rows: what was skipped, and why.
REPORT = "import.json"
SIDE_NAMES: tuple[Side, ...] = ("training", "search", "test")


@dataclass(frozen=True)
class Imported:
    """What an import found. characters: one row each, with pictures by side; skipped: one row each, with its reason.

    unread: one entry for each kind of file or folder that holds no data: what, count, folders, first, remedy.
    """

    format: str
    rows: int
    characters: list[dict[str, Any]]
    skipped: list[dict[str, str]]
    unread: list[dict[str, Any]]
    remarks: list[str]

    @property
    def reasons(self) -> dict[str, int]:
        """Reason -> how many rows were skipped for it."""
        return dict(Counter(row["reason"] for row in self.skipped).most_common())


class PicturesMissing(InputError):
    """Rows name pictures that are not there; `imported` says what is."""

    def __init__(self, problem: Problem, imported: Imported) -> None:
        super().__init__(problem)
        self.imported = imported


def import_rows(options: ImportOptions, folder: Path, language: str) -> Imported:
    """Write training.jsonl, replay.jsonl, probes.jsonl and images/ of a source into an empty folder.

    Raises InputError when nothing can be made of it, and PicturesMissing unless allow_missing.
    """
    scratch = folder / ".unpacked"
    try:
        file = _questions_file(options)
        _pictures_folder(options)
        source = open_source(options, scratch)
        rows = list(source.rows)
        _some(rows, options)
        rows, located = locate(rows, source.root) if source.root else (rows, [])
        cast = Cast(options, source, (row.character for row in rows if isinstance(row, Found) and row.character))
        cleaned = clean(rows, cast)
        missing = [row for row in cleaned.skipped if row.reason == "picture missing"]
        if missing and not options.allow_missing:
            problem = _missing(rows, missing, source)
            raise PicturesMissing(problem, _imported(source, rows, cast, cleaned, options, located))
        cleaned, dropped = _usable(cleaned, options)
        questions = questions_for(language, source.questions, file)
        write_rows(folder, cleaned, _sides(cleaned, options), language, questions)
        return _imported(source, rows, cast, cleaned, options, [*located, *dropped])
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _questions_file(options: ImportOptions) -> Path | None:
    if options.questions is None:
        return None
    file = Path(options.questions).expanduser()
    if not file.is_file():
        raise InputError(Problem("", "--questions", f"no file {options.questions!r}", "check the path"))
    return file


def _pictures_folder(options: ImportOptions) -> None:
    if options.pictures is not None and not Path(options.pictures).expanduser().is_dir():
        raise InputError(Problem("", "--pictures", f"no folder {options.pictures!r}", "check the path"))


def _some(rows: Sequence[Found | Skipped], options: ImportOptions) -> None:
    """Raise InputError where there is no row to go on with."""
    if not any(isinstance(row, Found) for row in rows):
        why = "".join(f"; {reason}" for reason in _why_skipped([row for row in rows if isinstance(row, Skipped)]))
        message = f"none of {len(rows)} rows in {options.source!r} can be used{why}"
        raise InputError(Problem("", "--from", message, "see docs/data.md for what a row needs"))


def _missing(rows: Sequence[Found | Skipped], missing: Sequence[Skipped], source: Source) -> Problem:
    first = missing[0]
    message = (
        f"{len(missing)} of {len(rows)} rows name pictures that are not there, first {first.place}: {first.detail}"
    )
    there = walk(source.root).pictures if source.root else []
    if there and source.root:
        message += f"; {len(there)} pictures lie in {source.root}, first {place_of(there[0], source.root)}"
    remedy = "add the pictures, say where they lie: --pictures FOLDER, or go on with what is there: --allow-missing"
    return Problem("", "--from", message, remedy)


def _imported(
    source: Source,
    rows: Sequence[Found | Skipped],
    cast: Cast,
    cleaned: Cleaned,
    options: ImportOptions,
    said: Sequence[str],
) -> Imported:
    sides = _sides(cleaned, options)
    found = Counter(cast.of(row) for row in rows if isinstance(row, Found))
    return Imported(
        format=source.format,
        rows=len(rows),
        characters=_characters(cleaned, sides, cast, found),
        skipped=[vars(row) for row in cleaned.skipped],
        unread=_unread(source, rows),
        remarks=[*said, *remarks(cleaned, sides), *remarks_on_answers(rows, cast)],
    )


def _unread(source: Source, rows: Sequence[Found | Skipped]) -> list[dict[str, Any]]:
    if source.tree is None:
        return []
    pictures = (row.picture for row in rows if isinstance(row, Found) and row.picture != NOWHERE)
    return summary(unused(source.tree, [*source.read, *pictures]))


def _sides(cleaned: Cleaned, options: ImportOptions) -> dict[str, Side]:
    # What is asked anywhere is trained on nowhere.
    said = {digest: max(sides, key=SIDE_NAMES.index) for digest, sides in cleaned.said.items()}
    return choose_sides(pictures_by_character(cleaned), cleaned.roles, said, options.probe_share)


def _usable(cleaned: Cleaned, options: ImportOptions) -> tuple[Cleaned, list[str]]:
    """Leave out the characters with too few pictures, and say so."""
    pictures, sides = pictures_by_character(cleaned), _sides(cleaned, options)
    dropped = [f"{name} is left out: no picture can be used" for name in cleaned.roles if name not in pictures]
    for name, digests in list(pictures.items()):
        lacking = [side for side in _needed(cleaned.roles[name]) if side not in {sides[digest] for digest in digests}]
        if lacking:
            del pictures[name]
            dropped.append(f"{name} is left out: no picture for {' and '.join(lacking)}, it has {len(digests)} in all")
    twice = on_two_sides(cleaned)
    cleaned = _without(cleaned, set(pictures))
    for role in ("target", "control"):
        if role not in cleaned.roles.values():
            reasons = [*dropped, *twice, *_why_skipped(cleaned.skipped)]
            message = f"no {role} is left" + (f" ({'; '.join(reasons)})" if reasons else "")
            remedy = "add pictures" if role == "target" else "add pictures of someone it must not forget: --controls"
            raise InputError(Problem("", f"--{role}s", message, remedy))
    return cleaned, dropped


def _why_skipped(skipped: Sequence[Skipped]) -> list[str]:
    """Reason, count and first row of what was skipped."""
    counts = Counter(row.reason for row in skipped)
    firsts = {row.reason: row for row in reversed(skipped)}
    return [f"{count} rows skipped: {reason}, first {firsts[reason].told}" for reason, count in counts.most_common()]


def _needed(role: str) -> tuple[Side, ...]:
    return ("training", "search") if role == "target" else ("search",)


def _without(cleaned: Cleaned, usable: set[str]) -> Cleaned:
    return Cleaned(
        rows=[row for row in cleaned.rows if row.character in usable],
        pictures={digest: picture for digest, picture in cleaned.pictures.items() if picture.character in usable},
        said={digest: sides for digest, sides in cleaned.said.items() if cleaned.pictures[digest].character in usable},
        skipped=cleaned.skipped,
        roles={name: role for name, role in cleaned.roles.items() if name in usable},
    )


def _characters(
    cleaned: Cleaned, sides: Mapping[str, Side], cast: Cast, found: Mapping[str | None, int]
) -> list[dict[str, Any]]:
    order = {"target": 0, "control": 1, "negative": 2}
    counts = Counter((picture.character, sides[digest]) for digest, picture in cleaned.pictures.items())
    return [
        {
            "name": name,
            "role": role,
            "aliases": [alias for alias in cast.aliases.get(name, ()) if alias != name],
            "rows_found": found[name],
            "rows": sum(row.character == name for row in cleaned.rows),
            **{side: counts[name, side] for side in SIDE_NAMES},
        }
        for name, role in sorted(cleaned.roles.items(), key=lambda item: order[item[1]])
    ]
