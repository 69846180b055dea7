"""Shells, notebooks and pipes as users have them: a command in its own process, that must not end in a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Literal

from benchmarks.campaigns import good_inputs

LIMIT = 120
OK, BAD_INPUT = 0, 2
# A reader that was gone before the command wrote; as shells count SIGPIPE.
PIPE = 128 + 13


@dataclass(frozen=True)
class Shell:
    """A command on a good study and a good run, and what it may end with. stdout: how it is read."""

    name: str
    command: tuple[str, ...]
    more: dict[str, str] = field(default_factory=dict)
    stdout: Literal["read", "gone", "closed"] = "read"
    codes: tuple[int, ...] = (OK,)


COMMANDS = (
    ("check", "study"),
    ("check", "study", "--json"),
    ("status", "run"),
    ("status", "run", "--json"),
    ("space", "show"),
    ("--help",),
)
TERMINALS = {
    "ASCII": {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
    "the locale C": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "Latin-1": {"PYTHONIOENCODING": "latin-1"},
    "a dumb terminal": {"TERM": "dumb"},
    "20 columns": {"COLUMNS": "20"},
}
BACKENDS = ("module://matplotlib_inline.backend_inline", "module://nowhere", "TkAgg", "nonsense")


def cases() -> Iterator[Shell]:
    """All of them."""
    for backend in BACKENDS:
        yield Shell(f"report with MPLBACKEND={backend}", ("report", "run"), {"MPLBACKEND": backend})
    for (called, more), command in product(TERMINALS.items(), COMMANDS):
        yield Shell(f"{' '.join(command)} on {called}", command, more)
    for command in COMMANDS:
        name = " ".join(command)
        yield Shell(f"{name} with its reader gone", command, stdout="gone", codes=(OK, PIPE))
        yield Shell(f"{name} with stdout closed", command, stdout="closed", codes=(OK, 1))


def faults_of(shell: Shell, folder: Path) -> list[str]:
    """What must not happen and did."""
    folder.mkdir()
    good_inputs.make_study(folder / "study")
    good_inputs.make_run(folder / "run", folder / "study", scored=True)
    command = [sys.executable, "-m", "skazka", *shell.command]
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": root, **shell.more}
    if shell.stdout == "closed":
        command = ["sh", "-c", 'exec "$@" >&-', "sh", *command]
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
    )
    assert process.stdout is not None
    if shell.stdout == "gone":
        process.stdout.close()
        process.stdout = None
    _, errors = process.communicate(timeout=LIMIT)
    happened = {
        "wrong exit code": process.returncode not in shell.codes,
        "tracebacks": b"Traceback" in errors or b"Exception ignored" in errors,
    }
    return [fault for fault, did in happened.items() if did]
