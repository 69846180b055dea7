"""One file of a run folder cut off or with one bit flipped, in a copy that costs little."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Damage:
    """One file of a good run cut off at an offset, or with one bit of the byte there flipped."""

    good: Path
    file: str
    kind: Literal["cut", "flipped"]
    offset: int
    bit: int

    def __str__(self) -> str:
        """The damage as a list of failures names it."""
        where = f"{self.offset} bit {self.bit}" if self.kind == "flipped" else str(self.offset)
        return f"{self.good.name}/{self.file} {self.kind} at {where}"

    def apply(self, run: Path) -> None:
        """Damage the file in a copy of the good run."""
        data = bytearray((self.good / self.file).read_bytes())
        data[self.offset] ^= 1 << self.bit
        (run / self.file).unlink()
        (run / self.file).write_bytes(data if self.kind == "flipped" else data[: self.offset])


def damages(good: Path, patterns: tuple[str, ...], size: int, seed: int) -> Iterator[Damage]:
    """Both kinds of damage at `size` offsets of each file, or at all offsets of a smaller one."""
    for file in sorted(str(path.relative_to(good)) for pattern in patterns for path in good.glob(pattern)):
        length = (good / file).stat().st_size
        source = random.Random(f"{seed} {good.name} {file}")
        for offset in source.sample(range(length), min(size, length)):
            yield Damage(good, file, "cut", offset, 0)
        for offset in source.sample(range(length), min(size, length)):
            yield Damage(good, file, "flipped", offset, source.randrange(8))


@contextmanager
def copied(good: Path, run: Path) -> Iterator[None]:
    """A copy of a good run for as long as the context lasts; only SQLite writes in place, the rest is linked."""
    for source in [good, *good.rglob("*")]:
        target = run / source.relative_to(good)
        if source.is_dir():
            target.mkdir()
        elif source.name.startswith("ledger."):
            shutil.copyfile(source, target)
        else:
            os.link(source, target)
    try:
        yield
    finally:
        shutil.rmtree(run)
