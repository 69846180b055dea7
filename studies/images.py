"""Pictures from outside: inside the study's folder, of a bounded size, readable, and known by content."""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path, PurePosixPath

from PIL import Image

MAX_PIXELS = 64_000_000
MAX_BYTES = 64 * 1024 * 1024


class ImageError(ValueError):
    """An image that must not be used: what is wrong, and the remedy."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


def resolve(folder: Path, relative: str) -> Path:
    """The path of an image, or another file, of the study in `folder`.

    Raises ImageError for a path that is absolute, leaves the folder, or does not exist.
    """
    name = PurePosixPath(relative)
    if name.is_absolute() or ".." in name.parts:
        raise ImageError(f"{relative!r} is outside the study folder", "use a path inside the study folder")
    path = folder / name
    try:
        inside, there = path.resolve().is_relative_to(folder.resolve()), path.is_file()
    except (OSError, ValueError, RuntimeError) as error:
        raise ImageError(f"{relative!r} is no usable path ({error})", "rename the file") from error
    if not inside:
        raise ImageError(f"{relative!r} is a link that leaves the study folder", "copy the file into the study folder")
    if not there:
        raise ImageError(f"no file {relative!r}", "add the file or remove the row")
    return path


def inspect(path: Path) -> str:
    """Check that an image can be decoded within bounds and return the sha256 of its content.

    Raises ImageError for an image that is too large or that Pillow cannot read.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise ImageError(f"{path.name} has {size} bytes, more than {MAX_BYTES}", "save a smaller image")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                width, height = image.size
                if width * height > MAX_PIXELS:
                    raise ImageError(
                        f"{path.name} has {width}x{height} pixels, more than {MAX_PIXELS}", "save a smaller image"
                    )
                image.load()
    except Image.DecompressionBombError as error:
        raise ImageError(f"{path.name} has too many pixels", "save a smaller image") from error
    except ImageError:
        raise
    except Exception as error:
        # Pillow's many decoders raise whatever they like on a damaged file.
        raise ImageError(f"{path.name} cannot be read as an image ({error})", "replace the file") from error
    return sha256_of(path)


def open_rgb(path: Path) -> Image.Image:
    """The picture as RGB, fully decoded."""
    with Image.open(path) as image:
        return image.convert("RGB")


def sha256_of(path: Path) -> str:
    """The sha256 of a file's bytes, as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
