"""Pictures from outside: of a bounded size, readable, and known by content."""

from __future__ import annotations

import warnings
from pathlib import Path

from PIL import Image

from studies.files import FileError, sha256_of

MAX_PIXELS = 64_000_000
MAX_BYTES = 64 * 1024 * 1024


def inspect(path: Path) -> str:
    """Check that an image can be decoded within bounds and return the sha256 of its content.

    Raises FileError for an image that is too large or that Pillow cannot read.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise FileError(f"{path.name} has {size} bytes, more than {MAX_BYTES}", "save a smaller image")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                width, height = image.size
                if width * height > MAX_PIXELS:
                    raise FileError(
                        f"{path.name} has {width}x{height} pixels, more than {MAX_PIXELS}", "save a smaller image"
                    )
                image.load()
    except Image.DecompressionBombError as error:
        raise FileError(f"{path.name} has too many pixels", "save a smaller image") from error
    except FileError:
        raise
    except Exception as error:
        # Pillow's many decoders raise whatever they like on a damaged file.
        raise FileError(f"{path.name} cannot be read as an image ({error})", "replace the file") from error
    return sha256_of(path)


def open_rgb(path: Path) -> Image.Image:
    """The picture as RGB, fully decoded."""
    with Image.open(path) as image:
        return image.convert("RGB")
