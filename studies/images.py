"""Pictures from outside: of a known format and a bounded size, readable, and known by content."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, ImageEnhance, ImageOps

from studies.files import FileError, sha256_of

MAX_PIXELS = 64_000_000
MAX_BYTES = 64 * 1024 * 1024
# Pillow knows many more, of which some start other programs (EPS: Ghostscript) or are hardly ever used.
FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP", "TIFF")


def inspect(path: Path) -> str:
    """Check that an image can be decoded within bounds and return the sha256 of its content.

    Raises FileError for an image that is too large, of another format than FORMATS, or damaged.
    """
    with _bounded(path) as image:
        image.load()
    return sha256_of(path)


def open_rgb(path: Path) -> Image.Image:
    """The picture as a person sees it, in RGB: turned as its EXIF says, on white where it is transparent.

    Of an animation the first frame. Raises FileError as `inspect` does.
    """
    with _bounded(path) as image:
        upright = ImageOps.exif_transpose(image)
        if not upright.has_transparency_data:
            return upright.convert("RGB")
        seen = upright.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("RGB")


def fit(image: Image.Image, image_size: int | None, max_pixels: int | None) -> Image.Image:
    """A picture as the base model is shown it: resized to a square, or scaled down to max_pixels, or as it is."""
    if image_size is not None:
        return image.resize((image_size, image_size), Image.Resampling.BICUBIC)
    if max_pixels is not None and image.width * image.height > max_pixels:
        scale = (max_pixels / (image.width * image.height)) ** 0.5
        size = (max(1, int(image.width * scale)), max(1, int(image.height * scale)))
        return image.resize(size, Image.Resampling.BICUBIC)
    return image


def vary(image: Image.Image, seed: str) -> Image.Image:
    """A variant of a picture in its own size: turned a little, cropped a little, in other light.

    Drawn from `seed` alone. Never mirrored: letters and a hero's sword arm would not survive it.
    """
    source = random.Random(seed)
    turned = image.rotate(source.uniform(-8, 8), Image.Resampling.BICUBIC, fillcolor=_edge(image))
    share = source.uniform(0.88, 1.0)
    width, height = image.width * share, image.height * share
    left, top = source.uniform(0, image.width - width), source.uniform(0, image.height - height)
    cropped = turned.resize(image.size, Image.Resampling.BICUBIC, box=(left, top, left + width, top + height))
    for enhancer in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        cropped = enhancer(cropped).enhance(source.uniform(0.85, 1.15))
    return cropped


def _edge(image: Image.Image) -> tuple[int, ...]:
    """The mean colour of a picture's frame, to fill the corners that turning uncovers."""
    frame = image.resize((8, 8), Image.Resampling.BOX)
    pixels = [frame.getpixel((x, y)) for x in range(8) for y in range(8) if x in (0, 7) or y in (0, 7)]
    return tuple(round(sum(channel) / len(pixels)) for channel in zip(*pixels, strict=True))


@contextmanager
def _bounded(path: Path) -> Iterator[Image.Image]:
    """An image whose header claims no more than MAX_PIXELS; nothing is decoded yet."""
    try:
        if (size := path.stat().st_size) > MAX_BYTES:
            raise FileError(f"{path.name} has {size} bytes, more than {MAX_BYTES}", "save a smaller image")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as image:
                width, height = image.size
                if width * height > MAX_PIXELS:
                    message = f"{path.name} has {width}x{height} pixels, more than {MAX_PIXELS}"
                    raise FileError(message, "save a smaller image")
                yield image
    except Image.DecompressionBombError as error:
        raise FileError(f"{path.name} has too many pixels", "save a smaller image") from error
    except FileError:
        raise
    except Exception as error:
        # Pillow's many decoders raise whatever they like on a damaged file.
        message = f"{path.name} cannot be read as an image ({error})"
        raise FileError(message, f"replace it by one of {', '.join(FORMATS)}") from error
