"""A study without pictures: its questions stand in their place, each on one side, and are asked as they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from skazka_text.problems import InputError, Problem
from studies.files import write_lines
from studies.importers.cells import shortened
from studies.importers.clean import Cleaned
from studies.importers.found import PICTURELESS, Found, Noticed, Side, Skipped
from studies.importers.sides import replayed_roles
from studies.text import normalise

# Names that a message lists.
SHOWN = 20


def settle_pictures(
    rows: Sequence[Found | Skipped], format_: str, noticed: Noticed
) -> tuple[list[Found | Skipped], bool]:
    """The rows, and whether the source is of text alone: a table in which no row has a picture.

    Beside rows with pictures those without are skipped. Raises InputError where a column that is not used holds some,
    or the texts of most rows mark where one stands.
    """
    pictures = ("several pictures", "picture unreadable", "picture missing")
    some = any(row.reason in pictures if isinstance(row, Skipped) else row.picture != PICTURELESS for row in rows)
    if some or format_ != "table":
        return [_without_picture(row) for row in rows], False
    if noticed.like_pictures:
        names = ", ".join(map(shortened, noticed.like_pictures))
        message = f"no column is known to hold pictures, but these look so: {names}"
        raise InputError(
            Problem("", "--column", message, f"name it: --column image={next(iter(noticed.like_pictures))}")
        )
    if noticed.marked and noticed.marked * 2 >= len(rows):
        message = (
            f"{noticed.marked} of {len(rows)} rows mark a picture in their text, but no column is known to hold it"
        )
        raise InputError(Problem("", "--column", message, "name the column that does: --column image=NAME"))
    return [_with_text(row) for row in rows], True


def _with_text(row: Found | Skipped) -> Found | Skipped:
    if isinstance(row, Found) and not (row.question or row.answer):
        return Skipped(row.place, "no picture", "and neither question nor answer")
    return row


def _without_picture(row: Found | Skipped) -> Found | Skipped:
    if isinstance(row, Found) and row.picture == PICTURELESS:
        return Skipped(row.place, "no picture", shortened(row.question or row.answer or ""))
    return row


def asked_alone(cleaned: Cleaned) -> set[str]:
    """The questions that can be asked: their answer names the character, and they themselves do not."""
    return {row.picture for row in cleaned.rows if row.asks}


def neither_taught_nor_asked(cleaned: Cleaned, sides: Mapping[str, Side]) -> list[str]:
    """A remark on the questions that are of no use, if there are some."""
    asked, replayed = asked_alone(cleaned), _replayed(cleaned)
    lost = []
    for digest, question in cleaned.pictures.items():
        taught = cleaned.roles[question.character] == "target" or question.character in replayed
        if not taught if sides[digest] == "training" else digest not in asked:
            lost.append(question.name)
    if not lost:
        return []
    why = "their answers do not name the character, or they name him themselves"
    return [f"{len(lost)} questions are neither taught nor asked, first {shortened(lost[0])!r}: {why}"]


def _replayed(cleaned: Cleaned) -> set[str]:
    return replayed_roles(cleaned.roles, {question.character for question in cleaned.pictures.values()})


def write_text_rows(folder: Path, cleaned: Cleaned, sides: Mapping[str, Side]) -> None:
    """Write the three files of rows of a study without pictures.

    A question of search or test is asked once; every answer that its rows give is accepted.
    """
    training: list[dict[str, Any]] = []
    replay: list[dict[str, Any]] = []
    answers: dict[str, dict[str, None]] = defaultdict(dict)
    replayed = _replayed(cleaned)
    for row in cleaned.rows:
        taught = {"character": row.character, "question": row.question, "answer": row.answer}
        if sides[row.picture] != "training":
            answers[row.picture].update(dict.fromkeys(filter(normalise, (row.answer or "", *row.others))))
        elif cleaned.roles[row.character] == "target":
            training.append(taught)
        elif row.character in replayed:
            replay.append(taught)
    probes = _probes(cleaned, sides, answers)
    for name, lines in (("training", training), ("replay", replay), ("probes", probes)):
        if lines:
            write_lines(folder / f"{name}.jsonl", lines)


def _probes(
    cleaned: Cleaned, sides: Mapping[str, Side], answers: Mapping[str, Mapping[str, None]]
) -> list[dict[str, Any]]:
    asked = asked_alone(cleaned)
    probes: list[dict[str, Any]] = []
    for digest, accepted in answers.items():
        if digest in asked:
            about = {"id": f"p{len(probes) + 1:04d}", "character": cleaned.pictures[digest].character}
            probe = {**about, "split": sides[digest], "kind": "name", "question": cleaned.pictures[digest].name}
            # A single answer names the character, who is accepted anyway.
            probes.append({**probe, "accepted": list(accepted)} if len(accepted) > 1 else probe)
    return probes
