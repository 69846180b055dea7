"""Inputs as users bring them: read with the right values or refused with a line that helps; nothing is lost."""

from __future__ import annotations

import json
import random
import re
import shutil
import time
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from benchmarks.campaigns import brought_folders, brought_shells, brought_tables
from benchmarks.campaigns.bad_inputs import crashed
from benchmarks.campaigns.brought_data import COUNT, EACH, NAMES, Brought, Lesson, number_of
from benchmarks.campaigns.brought_shells import Shell
from benchmarks.campaigns.outcome import Outcome
from skazka.cli import main
from skazka.command import BAD_INPUT
from studies.checks import load_study
from studies.images import open_rgb
from studies.rows import Row
from studies.study import Study

NEVER = ("wrong exit code", "wrong values", "lost", "no remedy", "tracebacks", "files left", "bytes in a message")
# Where a study is made: beside the source.
STUDY = "study"
NOTHING = {"nan", "none", "null", ""}
# No message of ours quotes so long a word; a picture in base64 is one.
BYTES = re.compile(r"[A-Za-z0-9+/=]{120,}")
Case = Brought | Shell


def cases() -> list[Case]:
    """All of them, each under a name of its own."""
    return [*brought_tables.cases(), *brought_folders.cases(), *brought_shells.cases()]


def run(size: int, seed: int, work: Path) -> Outcome:
    """Meet `size` of the cases, drawn by `seed`; all of them for 0 or more than there are."""
    start, known = time.monotonic(), cases()
    chosen = random.Random(seed).sample(known, size) if 0 < size < len(known) else known
    found = {case.name: faults_of(case, work / "case") for case in chosen}
    counts = Counter(fault for faults in found.values() for fault in faults)
    failing = "; ".join(f"{name} ({', '.join(faults)})" for name, faults in found.items() if faults)
    never = {fault: counts[fault] for fault in NEVER}
    return Outcome(
        "inputs as users bring them", seed, len(chosen), never, time.monotonic() - start, {"failing": failing}
    )


def faults_of(case: Case, folder: Path) -> list[str]:
    """What must not happen and did, when a command meets one input in `folder`."""
    try:
        if isinstance(case, Shell):
            return brought_shells.faults_of(case, folder)
        (folder / "source").mkdir(parents=True)
        arguments = case.make(folder / "source")
        result = CliRunner().invoke(main, ["init", str(folder / STUDY), *arguments])
        return sorted(set(_faults(case, folder / STUDY, result)), key=NEVER.index)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _faults(case: Brought, study: Path, result: Result) -> Iterator[str]:
    if BYTES.search(result.output):
        yield "bytes in a message"
    if crashed(result):
        yield "tracebacks"
    elif result.exit_code == BAD_INPUT and case.remedy is not None:
        lines = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
        if not any(" — " in line and all(word in line for word in case.remedy) for line in lines):
            yield "no remedy"
        if study.exists():
            yield "files left"
    elif result.exit_code != 0 or case.refused:
        yield "wrong exit code"
    else:
        yield from _misread(case, load_study(study), result)


def _misread(case: Brought, study: Study, result: Result) -> Iterator[str]:
    """What differs between a study and what was brought."""
    pictures = _sides(study)
    if not all(word in result.output.lower() for word in case.told):
        yield "lost"
    gone = set(range(COUNT)) - pictures.keys()
    if gone - case.optional or (gone and not case.told and not _counted(study.folder)):
        yield "lost"
    if None in pictures or any(len(sides) > 1 for sides in pictures.values()):
        yield "wrong values"
    if any(pictures.get(number, {side}) != {side} for number, side in case.sides.items()):
        yield "wrong values"
    if not _cast(study, case.language):
        yield "wrong values"
    if study.file.language != case.language:
        yield "wrong values"
    known = {one.picture: one for one in case.lessons or ()}
    if not all(_right(study, row, known, case.optional) for row in [*study.training, *study.replay]):
        yield "wrong values"
    if case.lessons is None and not all(_named(study, row) for row in [*study.training, *study.replay]):
        yield "wrong values"


def _number(study: Study, row: Row) -> int | None:
    assert row.image is not None
    return number_of(open_rgb(study.folder / row.image))


def _sides(study: Study) -> dict[int | None, set[str]]:
    """Picture -> the sides that it is on; training and replay are one."""
    found: dict[int | None, set[str]] = defaultdict(set)
    for row in [*study.training, *study.replay]:
        found[_number(study, row)].add("training")
    for probe in study.probes:
        found[_number(study, probe)].add(probe.split)
    return found


def _right(study: Study, row: Any, known: dict[int, Lesson], optional: frozenset[int]) -> bool:
    """Whether a row that is taught says what was brought of its picture."""
    number = _number(study, row)
    if number is None or number not in known:
        return True
    if number in optional:
        return row.answer.strip().lower() not in NOTHING
    one = known[number]
    parts = ("character", "question", "answer")
    return all(_words(getattr(row, part)) == _words(getattr(one, part)) for part in parts)


def _named(study: Study, row: Any) -> bool:
    """Whether a row of a template names who is on its picture."""
    number = _number(study, row)
    character = unicodedata.normalize("NFC", row.character)
    return number is None or (character == NAMES[number // EACH] and row.character in row.answer)


def _words(text: str) -> list[str]:
    """A text without its spaces and whatever its Unicode form."""
    return unicodedata.normalize("NFC", text).split()


def _cast(study: Study, language: str) -> bool:
    """Whether each character is there once, in its own role."""
    targets = [unicodedata.normalize("NFC", name) for name in study.named("target")]
    right = sorted(targets) == sorted(NAMES[:2]) if language == "ru" else len(targets) == 2
    return right and len(study.names) == len(NAMES)


def _counted(study: Path) -> bool:
    """Whether the import says that it left something out."""
    told = json.loads((study / "import.json").read_text(encoding="utf-8"))
    return bool(told["skipped"])
