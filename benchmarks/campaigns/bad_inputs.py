"""Bad inputs: each is refused with exit code 2 and one line that names file and field, and starts nothing."""

from __future__ import annotations

import contextlib
import hashlib
import random
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn
from unittest.mock import patch

import ray
from click.testing import CliRunner, Result

from benchmarks.campaigns import bad_commands, bad_rows, bad_yaml, good_inputs
from benchmarks.campaigns.outcome import Outcome
from benchmarks.campaigns.spoiling import Case
from search import launch
from search.cluster import joining
from skazka.cli import main
from skazka.command import BAD_INPUT

NEVER = ("wrong exit code", "no file or field", "tracebacks", "workers started", "files left")
CASES = [*bad_yaml.CASES, *bad_rows.CASES, *bad_commands.CASES]
# SQLite's own, beside a ledger that is open for reading.
PASSING = ("-wal", "-shm")


def run(size: int, seed: int, work: Path) -> Outcome:
    """Meet `size` of the cases, drawn by `seed`; all of them for 0 or more than there are."""
    start = time.monotonic()
    chosen = random.Random(seed).sample(CASES, size) if 0 < size < len(CASES) else CASES
    good = work / "good"
    build(good)
    found = {case.name: faults_of(case, good, work / "spoilt") for case in chosen}
    shutil.rmtree(good)
    counts = Counter(fault for faults in found.values() for fault in faults)
    failing = "; ".join(f"{name} ({', '.join(faults)})" for name, faults in found.items() if faults)
    never = {fault: counts[fault] for fault in NEVER}
    return Outcome("bad inputs", seed, len(chosen), never, time.monotonic() - start, {"failing": failing})


def build(good: Path) -> None:
    """What the cases spoil copies of: a study, a finished run, and a run of which no trial has a score."""
    good_inputs.make_study(good / "study")
    good_inputs.make_run(good / "run", good / "study", scored=True)
    good_inputs.make_run(good / "unscored", good / "study", scored=False)


def faults_of(case: Case, good: Path, folder: Path) -> list[str]:
    """What must not happen and did, when a command meets one bad input in `folder`."""
    folder.mkdir()
    for part in good.iterdir():
        if any(argument.split("/")[0] == part.name for argument in case.command):
            shutil.copytree(part, folder / part.name)
    try:
        kept = case.spoil(folder)
        before = content_of(folder)
        with contextlib.chdir(folder), trapped() as started:
            result = CliRunner().invoke(main, case.command)
        changed = content_of(folder) != before
        del kept
    finally:
        shutil.rmtree(folder)
    happened = {
        "wrong exit code": result.exit_code != BAD_INPUT,
        "no file or field": not is_told(case, result),
        "tracebacks": crashed(result),
        "workers started": bool(started) or ray.is_initialized(),
        "files left": changed,
    }
    return [fault for fault in NEVER if happened[fault]]


def is_told(case: Case, result: Result) -> bool:
    """Whether stderr holds refusals alone, a line each, and one of them names the file and the field."""
    lines = [line for line in result.stderr.split("\n") if line.strip()]
    return all(line.startswith("error: ") for line in lines) and any(line.startswith(case.refusal) for line in lines)


def crashed(result: Result) -> bool:
    """Whether the user would have seen a traceback."""
    return "Traceback" in result.output or not isinstance(result.exception, SystemExit | None)


def content_of(folder: Path) -> dict[str, str]:
    """Every path below a folder, and what it holds."""
    paths = [path for path in folder.rglob("*") if not path.name.endswith(PASSING)]
    return {str(path.relative_to(folder)): _content(path) for path in paths}


def _content(path: Path) -> str:
    if path.is_symlink():
        return f"link to {path.readlink()}"
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"


class WorkerStarted(Exception):
    """A bad input came as far as starting processes."""


@contextlib.contextmanager
def trapped() -> Iterator[list[str]]:
    """Starting Ray or the preparation raises, and is noted in the list."""
    started: list[str] = []

    def trap(*arguments: Any, **options: Any) -> NoReturn:
        started.append("started")
        raise WorkerStarted

    with patch.object(joining, "connected", trap), patch.object(launch, "start_here", trap):
        yield started
