"""From a source to a study folder: read, clean, choose sides, write; all of it or nothing."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skazka_text.problems import InputError, Problem
from studies.importers.cast import Cast
from studies.importers.cells import shortened
from studies.importers.clean import Cleaned, clean
from studies.importers.columns import KNOWN
from studies.importers.detect import open_source
from studies.importers.found import NOWHERE, Found, Side, Skipped, Source
from studies.importers.language import choose_language
from studies.importers.locate import locate
from studies.importers.options import ImportOptions
from studies.importers.remarks import (
    on_two_sides,
    pictures_by_character,
    remarks,
    remarks_on_answers,
    remarks_on_source,
    remarks_on_templates,
)
from studies.importers.sides import choose_sides
from studies.importers.templates import questions_for
from studies.importers.text_rows import asked_alone, neither_taught_nor_asked, settle_pictures, write_text_rows
from studies.importers.tree import place_of, summary, unused, walk
from studies.importers.writing import write_rows

# Beside the rows: what was skipped, and why.
REPORT = "import.json"
# Columns that a refusal names.
SHOWN = 20
SIDE_NAMES: tuple[Side, ...] = ("training", "search", "test")


@dataclass(frozen=True)
class Imported:
    """What an import found. characters: one row each, with pictures by side; skipped: one row each, with its reason.

    unread: one entry for each kind of file or folder that holds no data: what, count, folders, first, remedy.
    unit: what the sides count, pictures or questions. unused_columns: those from which nothing was taken.
    """

    format: str
    rows: int
    characters: list[dict[str, Any]]
    skipped: list[dict[str, str]]
    unread: list[dict[str, Any]]
    remarks: list[str]
    language: str
    unit: str
    unused_columns: list[str]

    @property
    def reasons(self) -> dict[str, int]:
        """Reason -> how many rows were skipped for it."""
        return dict(Counter(row["reason"] for row in self.skipped).most_common())


class PicturesMissing(InputError):
    """Rows name pictures that are not there; `imported` says what is."""

    def __init__(self, problem: Problem, imported: Imported) -> None:
        super().__init__(problem)
        self.imported = imported


def import_rows(options: ImportOptions, folder: Path, language: str | None) -> Imported:
    """Write training.jsonl, replay.jsonl, probes.jsonl and images/ of a source into an empty folder.

    language: of what is asked of pictures; None for that of the rows.
    Raises InputError when nothing can be made of it, and PicturesMissing unless allow_missing.
    """
    scratch = folder / ".unpacked"
    try:
        file = _questions_file(options)
        _pictures_folder(options)
        source = open_source(options, scratch)
        rows, of_text = settle_pictures(list(source.rows), source.format, source.noticed)
        _some(rows, options, source)
        rows, located = locate(rows, source.root) if source.root and not of_text else (rows, [])
        cast = Cast(options, source, (row.character for row in rows if isinstance(row, Found) and row.character))
        cast.see(rows)
        cleaned = clean(rows, cast)
        names = [name for name, role in cleaned.roles.items() if role == "target"] or cleaned.roles
        language, noted = choose_language(language, rows, source.questions, names)
        said = [*noted, *located, *remarks_on_source(source.noticed, cleaned.skipped)]
        missing = [row for row in cleaned.skipped if row.reason == "picture missing"]
        if missing and not options.allow_missing:
            problem = _missing(rows, missing, source)
            raise PicturesMissing(problem, _imported(source, rows, cast, cleaned, options, language, said))
        cleaned, dropped = _usable(cleaned, options)
        questions = questions_for(language, source.questions, file)
        sides = _sides(cleaned, options)
        said += dropped
        if of_text:
            _refuse_questions(file)
            write_text_rows(folder, cleaned, sides)
            said += ["no row has a picture: a study of text alone", *neither_taught_nor_asked(cleaned, sides)]
        else:
            write_rows(folder, cleaned, sides, language, questions)
            said += remarks_on_templates(cleaned, sides, language, "templates" if file is None else "--questions")
        return _imported(source, rows, cast, cleaned, options, language, said)
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


def _refuse_questions(file: Path | None) -> None:
    if file is not None:
        message, remedy = "asks about pictures, and no row has one", "leave it out: rows are asked their own questions"
        raise InputError(Problem("", "--questions", message, remedy))


def _some(rows: Sequence[Found | Skipped], options: ImportOptions, source: Source) -> None:
    """Raise InputError where there is no row to go on with."""
    if any(isinstance(row, Found) for row in rows):
        return
    why = "".join(f"; {reason}" for reason in _why_skipped([row for row in rows if isinstance(row, Skipped)]))
    message = f"none of {len(rows)} rows in {options.source!r} can be used{why}"
    columns = ", ".join(map(shortened, list(source.noticed.columns)[:SHOWN]))
    if columns:
        message += f"; its columns: {columns}"
    remedy = f"say what a column holds: --column {'|'.join(KNOWN)}=NAME; another encoding: --encoding"
    raise InputError(Problem("", "--from", message, remedy))


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
    language: str,
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
        language=language,
        unit=cleaned.unit,
        unused_columns=source.noticed.unused,
    )


def _unread(source: Source, rows: Sequence[Found | Skipped]) -> list[dict[str, Any]]:
    if source.tree is None:
        return []
    pictures = (row.picture for row in rows if isinstance(row, Found) and row.picture != NOWHERE)
    return summary(unused(source.tree, [*source.read, *pictures]))


def _sides(cleaned: Cleaned, options: ImportOptions) -> dict[str, Side]:
    # What is asked anywhere is trained on nowhere.
    said = {digest: max(sides, key=SIDE_NAMES.index) for digest, sides in cleaned.said.items()}
    pictures = pictures_by_character(cleaned)
    if cleaned.unit == "picture":
        return choose_sides(pictures, cleaned.roles, said, options.probe_share)
    # A question that cannot be asked can be taught.
    asked = asked_alone(cleaned)
    rest = {digest: said.get(digest, "training") for digest in cleaned.pictures if digest not in asked}
    askable = {name: [digest for digest in digests if digest in asked] for name, digests in pictures.items()}
    askable = {name: digests for name, digests in askable.items() if digests}
    return rest | choose_sides(askable, cleaned.roles, said, options.probe_share)


def _usable(cleaned: Cleaned, options: ImportOptions) -> tuple[Cleaned, list[str]]:
    """Leave out the characters with too few pictures, and say so."""
    unit = cleaned.unit
    pictures, sides = pictures_by_character(cleaned), _sides(cleaned, options)
    dropped = [f"{name} is left out: no {unit} can be used" for name in cleaned.roles if name not in pictures]
    for name, digests in list(pictures.items()):
        lacking = [side for side in _needed(cleaned.roles[name]) if side not in {sides[digest] for digest in digests}]
        if lacking:
            del pictures[name]
            whose = " by the source's own sides" if cleaned.said.keys() >= set(digests) else ""
            told = f"no {unit} for {' and '.join(lacking)}{whose}, it has {len(digests)} in all"
            dropped.append(f"{name} is left out: {told}")
    twice = on_two_sides(cleaned)
    cleaned = _without(cleaned, set(pictures))
    for role in ("target", "control"):
        if role not in cleaned.roles.values():
            reasons = [*dropped, *twice, *_why_skipped(cleaned.skipped)]
            message = f"no {role} is left" + (f" ({'; '.join(reasons)})" if reasons else "")
            remedy = f"add {unit}s"
            if role == "control":
                remedy += " of someone it must not forget, or name him: --controls NAME,NAME"
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
