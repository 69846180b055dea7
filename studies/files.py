"""Files of a study: inside its folder, and known by content."""

from __future__ import annotations

import errno
import hashlib
import itertools
import json
import os
import time
import unicodedata
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any


class FileError(ValueError):
    """A file that must not be used: what is wrong, and the remedy."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


def resolve(folder: Path, relative: str) -> Path:
    """The path of a file of the study in `folder`.

    Raises FileError for a path that is absolute, leaves the folder, or does not exist.
    """
    name = PurePosixPath(relative)
    if name.is_absolute() or ".." in name.parts:
        raise FileError(f"{relative!r} is outside the study folder", "use a path inside the study folder")
    path = folder / name
    try:
        inside, there = path.resolve().is_relative_to(folder.resolve()), path.is_file()
    except (OSError, ValueError, RuntimeError) as error:
        raise FileError(f"{relative!r} is no usable path ({error})", "rename the file") from error
    if not inside:
        raise FileError(f"{relative!r} is a link that leaves the study folder", "copy the file into the study folder")
    if there:
        return path
    if (composed := same_path(folder, relative)) is not None:
        return resolve(folder, composed)
    other = same_path(folder, relative, any_case=True)
    hint = f", but {other!r}: upper and lower case differ" if other else ""
    raise FileError(f"no file {relative!r}{hint}", "add the file or remove the row" if not hint else "write it so")


def same_path(folder: Path, relative: str, *, any_case: bool = False) -> str | None:
    """How a file of `folder` spells a path that differs in Unicode form: macOS decomposes й and ё, others do not.

    any_case: upper and lower case may differ too. None where no file, or more than one, has such a path.
    """

    found = [folder]
    try:
        for part in PurePosixPath(relative).parts:
            there = [path for path in found if path.is_dir()]
            found = [path / name for path in there for name in _names(path, any_case).get(_folded(part, any_case), ())]
    except (OSError, ValueError):
        return None
    files = [path for path in found if path.is_file()]
    return files[0].relative_to(folder).as_posix() if len(files) == 1 and files[0] != folder else None


def _names(folder: Path, any_case: bool) -> dict[str, list[str]]:
    """Folded name -> the names of a folder."""
    return _names_at(folder, folder.stat().st_mtime_ns, any_case)


@lru_cache(maxsize=16)
def _names_at(folder: Path, changed_ns: int, any_case: bool) -> dict[str, list[str]]:
    """As `_names`; read once for each state of the folder, for every row asks."""
    names: dict[str, list[str]] = defaultdict(list)
    for name in os.listdir(folder):
        names[_folded(name, any_case)].append(name)
    return dict(names)


def _folded(name: str, any_case: bool) -> str:
    composed = unicodedata.normalize("NFC", name)
    return composed.casefold() if any_case else composed


def sha256_of(path: Path) -> str:
    """The sha256 of a file's bytes, as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def set_aside(path: Path) -> Path:
    """Move a file or folder out of the way, to a name of its own beside it: nothing is removed."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    places = (path.with_name(f"aside-{stamp}-{number}-{path.name}") for number in itertools.count(1))
    target = next(place for place in places if not os.path.lexists(place))
    path.rename(target)
    return target


@contextmanager
def replacing(path: Path, suffix: str = "writing") -> Iterator[Path]:
    """A hidden name beside `path` to write to; what was written takes its place, whole or not at all.

    suffix: of the hidden name; a fixed one lets the next writer clear what a killed one left.
    """
    temporary = path.with_name(f".{path.name}.{suffix}")
    temporary.unlink(missing_ok=True)
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def replace_file(path: Path, data: bytes) -> None:
    """Write a file whole or not at all: a reader sees the old one or the new one; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Two may write the same file at once.
    with replacing(path, uuid.uuid4().hex) as temporary:
        temporary.write_bytes(data)


def write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows as JSON Lines."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def write_sealed(path: Path, data: Any) -> None:
    """Write JSON under its own checksum, flushed to the disk, whole or not at all."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        json.dump({"sha256": _sha256_of_data(data), "data": data}, file)
        file.flush()
        os.fsync(file.fileno())


def read_sealed(path: Path) -> Any:
    """Read what `write_sealed` wrote. Raises FileError when it is not that, OSError when it is not there."""
    try:
        sealed = json.loads(path.read_bytes())
        data, expected = sealed["data"], sealed["sha256"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise FileError(f"{path.name} is damaged", "restore it") from error
    if _sha256_of_data(data) != expected:
        raise FileError(f"{path.name} differs from what was written", "restore it")
    return data


def _sha256_of_data(data: Any) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


class DiskFull(OSError):
    """There is no room for the next write; what was written before stands."""

    def __init__(self, message: str) -> None:
        super().__init__(errno.ENOSPC, message)


def is_disk_full(error: BaseException) -> bool:
    """Whether an exception, or one that it came from, says that a disk or a quota is full."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        # safetensors and SQLite give no errno.
        if "No space left on device" in str(seen) or getattr(seen, "sqlite_errorname", "") == "SQLITE_FULL":
            return True
        seen = seen.__cause__ or seen.__context__
    return False
