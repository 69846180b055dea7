"""Pictures from outside: of a known format and a bounded size, readable, and known by their pixels."""

from __future__ import annotations

import hashlib
import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import ExifTags, Image, ImageEnhance, ImageOps, UnidentifiedImageError

from studies.files import FileError
from studies.tones import to_rgb

MAX_PIXELS = 64_000_000
MAX_BYTES = 64 * 1024 * 1024
# Pillow knows many more, of which some start other programs (EPS: Ghostscript) or are hardly ever used.
FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP", "TIFF")


# The first brand in the header of HEIC and its kin, four bytes after `ftyp`.
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


class HeifUnknown(FileError):
    """A HEIC picture, and nothing here that reads it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is a HEIC picture", "install what reads it: pip install 'skazka-tune[heif]'")


def inspect(path: Path) -> str:
    """Check that an image can be decoded within bounds and return the sha256 of what a person sees of it.

    The same picture in another format, mode or compression without loss has the same one.
    Raises FileError for an image that is too large, of another format than FORMATS, or damaged.
    """
    seen = open_rgb(path)
    digest = hashlib.sha256(b"%dx%d " % seen.size)
    digest.update(seen.tobytes())
    return digest.hexdigest()


def open_rgb(path: Path) -> Image.Image:
    """The picture as a person sees it, in RGB: turned as its EXIF says, on white where it is transparent.

    More than 8 bits a tone are scaled to 8. Of an animation the first frame. Raises FileError as `inspect` does.
    """
    with _bounded(path) as image:
        return to_rgb(_upright(image))


def _upright(image: Image.Image) -> Image.Image:
    """The picture turned as its EXIF says; as it is stored where that is damaged, as viewers show it."""
    # PNG reads all of itself to find its EXIF: what is wrong with the picture must not pass for damaged EXIF.
    image.load()
    try:
        image.getexif().get(ExifTags.Base.Orientation)
    except Exception:
        # Pillow's parser of EXIF raises whatever it likes.
        return image
    return ImageOps.exif_transpose(image)


def size_of(path: Path) -> tuple[int, int]:
    """Width and height in pixels, by the picture's header alone. Raises FileError."""
    with _bounded(path) as image:
        return image.size


def format_of(path: Path) -> str:
    """The format of a picture that `inspect` passed: one of FORMATS, or HEIF."""
    with _bounded(path) as image:
        # A JPEG with a preview behind it.
        return "JPEG" if image.format == "MPO" else str(image.format)


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
        if not size:
            raise FileError(f"{path.name} cannot be read as an image (an empty file)", "copy it again")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with _open(path) as image:
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
        why = "of no known format" if isinstance(error, UnidentifiedImageError) else error
        message = f"{path.name} cannot be read as an image ({why})"
        raise FileError(message, f"replace it by one of {', '.join(FORMATS)}") from error


def _open(path: Path) -> Image.Image:
    try:
        return Image.open(path, formats=FORMATS)
    except UnidentifiedImageError:
        if not is_heif(path):
            raise
    try:
        import pillow_heif
    except ImportError as error:
        raise HeifUnknown(path.name) from error
    pillow_heif.register_heif_opener()
    return Image.open(path, formats=("HEIF",))


def is_heif(path: Path) -> bool:
    """Whether a file begins as a HEIC picture does, whatever its name."""
    with path.open("rb") as file:
        header = file.read(12)
    return header[4:8] == b"ftyp" and header[8:] in HEIF_BRANDS
