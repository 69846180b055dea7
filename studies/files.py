"""Files of a study: inside its folder, and known by content."""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePosixPath


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
