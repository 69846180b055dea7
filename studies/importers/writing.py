"""The files of a study: pictures by content, training rows, replay rows and probes."""

from __future__ import annotations

import re
import shutil
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from studies.files import write_lines
from studies.images import format_of, open_rgb
from studies.importers.clean import Cleaned, Picture
from studies.importers.found import Side
from studies.importers.sides import replayed_roles
from studies.importers.templates import DESCRIBE, Questions, asks_for_name
from studies.importers.tree import readable
from studies.text import normalise


def write_rows(folder: Path, cleaned: Cleaned, sides: Mapping[str, Side], language: str, questions: Questions) -> None:
    """Write the pictures and the three files of rows.

    A training picture that has rows is trained on with these, another with what is taught of its character; a picture
    of search or test is asked each question about its character. A negative's picture without rows of its own is
    replayed without an answer, so that the base's own is kept: taught names would not keep it from naming strangers.
    """
    images = {digest: _copy(folder, digest, picture) for digest, picture in cleaned.pictures.items()}
    rows = defaultdict(list)
    answers = accepted_answers(cleaned)
    for row in cleaned.rows:
        if row.answer is not None:
            rows[row.picture].append((row.question or DESCRIBE[language], row.answer))
    training: list[dict[str, Any]] = []
    replay: list[dict[str, Any]] = []
    replayed = replayed_roles(cleaned.roles, {picture.character for picture in cleaned.pictures.values()})
    probes = []
    for digest, picture in cleaned.pictures.items():
        about = {"image": images[digest], "character": picture.character}
        if sides[digest] != "training":
            asked = [_accepting(question, answers[digest]) for question in questions.probes(picture.character)]
            probes += [{**about, "split": sides[digest], **question} for question in asked]
        elif cleaned.roles[picture.character] == "target" or picture.character in replayed:
            pairs = rows[digest] or questions.pairs(picture.character)
            taught = [{**about, "question": question, "answer": answer} for question, answer in pairs]
            if cleaned.roles[picture.character] == "negative" and not rows[digest]:
                taught = [{**about, "question": question} for question, _ in pairs]
            (training if cleaned.roles[picture.character] == "target" else replay).extend(taught)
    for number, probe in enumerate(probes, start=1):
        probe["id"] = f"p{number:04d}"
    for name, lines in (("training", training), ("replay", replay), ("probes", probes)):
        if lines:
            write_lines(folder / f"{name}.jsonl", lines)


def accepted_answers(cleaned: Cleaned) -> Mapping[str, list[str]]:
    """Picture -> what its rows accept, where one of them says that several answers are as right.

    Of rows that ask for a name or ask nothing: an answer about his looks is no name.
    """
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for row in cleaned.rows:
        if row.others and row.answer and (row.question is None or asks_for_name(row.question)):
            found[row.picture].update(dict.fromkeys(filter(normalise, (row.answer, *row.others))))
    return defaultdict(list, {digest: list(answers) for digest, answers in found.items()})


def _accepting(probe: dict[str, Any], answers: list[str]) -> dict[str, Any]:
    """A question for a name, which accepts those answers as well."""
    if probe["kind"] != "name" or not answers:
        return probe
    return {**probe, "accepted": list(dict.fromkeys([*probe.get("accepted", ()), *answers]))}


def _copy(folder: Path, digest: str, picture: Picture) -> str:
    """Copy a picture; it keeps its name, made safe, with the beginning of its sha256.

    HEIC becomes JPEG, so that a study can be read where nothing reads HEIC.
    """
    kind = format_of(picture.path)
    suffix = {"JPEG": "jpg", "HEIF": "jpg", "TIFF": "tif"}.get(kind, kind.lower())
    stem = re.sub(r"[^\w.-]+", "_", readable(Path(picture.name).stem))[:60].strip("._") or "picture"
    name = f"images/{stem}-{digest[:8]}.{suffix}"
    (folder / "images").mkdir(exist_ok=True)
    if kind == "HEIF":
        open_rgb(picture.path).save(folder / name, quality=95, subsampling=0)
    else:
        shutil.copyfile(picture.path, folder / name)
    return name
