"""Files of a study: inside its folder, and known by content."""

from __future__ import annotations

import errno
import hashlib
import itertools
import json
import os
import time
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
    if not there:
        raise FileError(f"no file {relative!r}", "add the file or remove the row")
    return path


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


def write_sealed(path: Path, data: Any) -> None:
    """Write JSON under its own checksum, flushed to the disk, whole or not at all."""
    temporary = path.with_name(f".{path.name}.writing")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump({"sha256": _sha256_of_data(data), "data": data}, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


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
