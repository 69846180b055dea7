"""A bad input: how a good one is spoiled, which command meets it, and what the refusal must name."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Gets the folder that holds `study` and `run`. What it returns is kept until the command is done: a lock, say.
Spoil = Callable[[Path], object]
CHECK = ("check", "study")
YAML, SPACE = "study/study.yaml", "study/own.yaml"
TRAINING, PROBES, REPLAY = "study/training.jsonl", "study/probes.jsonl", "study/replay.jsonl"
# Of line 2 of training.jsonl, and of no other row.
PICTURE = "study/images/train-2.png"
# No file system takes a name of so many signs.
LONG = "a" * 300


@dataclass(frozen=True)
class Case:
    """One bad input.

    command: run inside the folder that holds `study` and `run`.
    file: with the line where there is one, as the refusal writes it; empty for an option.
    field: of the file, or the option; empty where the whole file or line is bad.
    """

    name: str
    spoil: Spoil
    command: tuple[str, ...]
    file: str
    field: str

    @property
    def refusal(self) -> str:
        """What a line of stderr must begin with."""
        return " ".join(["error:", *filter(None, [self.file, self.field and f"{self.field}:"]), ""])


def nothing(folder: Path) -> None:
    """Everything stays good: the command itself is bad."""


def text(file: str, content: str, encoding: str = "utf-8") -> Spoil:
    """Write a file anew."""
    return lambda folder: (folder / file).write_bytes(content.encode(encoding))


def data(file: str, content: bytes) -> Spoil:
    """Write a file anew, as bytes."""
    return lambda folder: (folder / file).write_bytes(content)


def encoded(file: str, encoding: str, more: str = "") -> Spoil:
    """Write a file in another encoding, with more text at its end."""
    return lambda folder: (folder / file).write_bytes(((folder / file).read_text() + more).encode(encoding))


def edit(file: str, line: int, old: str, new: str) -> Spoil:
    """Replace a text on one line (from 1) of a file; the text must stand there once."""

    def spoil(folder: Path) -> None:
        lines = (folder / file).read_text(encoding="utf-8").split("\n")
        assert lines[line - 1].count(old) == 1, lines[line - 1]
        lines[line - 1] = lines[line - 1].replace(old, new)
        (folder / file).write_text("\n".join(lines), encoding="utf-8")

    return spoil


def drop(file: str, *numbers: int) -> Spoil:
    """Remove lines (from 1) of a file."""

    def spoil(folder: Path) -> None:
        lines = enumerate((folder / file).read_text(encoding="utf-8").splitlines(keepends=True), start=1)
        (folder / file).write_text("".join(line for number, line in lines if number not in numbers), encoding="utf-8")

    return spoil


def row(file: str, number: int, **fields: Any) -> Spoil:
    """Rewrite fields of one row (from 1) of a JSON Lines file; None removes a field."""

    def spoil(folder: Path) -> None:
        lines = (folder / file).read_text(encoding="utf-8").splitlines()
        changed = {**json.loads(lines[number - 1]), **fields}
        lines[number - 1] = json.dumps({name: value for name, value in changed.items() if value is not None})
        (folder / file).write_text("\n".join(lines), encoding="utf-8")

    return spoil


def remove(file: str) -> Spoil:
    """Delete a file."""
    return lambda folder: (folder / file).unlink()


def folder_instead(file: str) -> Spoil:
    """Put an empty folder in place of a file."""

    def spoil(folder: Path) -> None:
        (folder / file).unlink()
        (folder / file).mkdir()

    return spoil


def copy(file: str, onto: str) -> Spoil:
    """Write one file's content over another's."""
    return lambda folder: (folder / onto).write_bytes((folder / file).read_bytes())


def both(*spoils: Spoil) -> Spoil:
    """One after the other."""
    return lambda folder: [spoil(folder) for spoil in spoils]
