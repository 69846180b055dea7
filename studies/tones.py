"""Every mode of Pillow as the 8 bits of red, green and blue that a person sees; no tone is clipped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PIL import Image

if TYPE_CHECKING:
    import numpy as np

# The whitest tone of 8, 10, 12, 14 and 16 bits: a picture of 12 bits mostly comes in a file of 16.
WHITES = (255.0, 1023.0, 4095.0, 16383.0, 65535.0)


def to_rgb(image: Image.Image) -> Image.Image:
    """A picture in RGB: on white where it is transparent, grey of more than 8 bits scaled by its range."""
    if image.mode.startswith("I") or image.mode == "F":
        return _eight_bits(image).convert("RGB")
    if image.mode == "LAB":
        return _from_lab(image)
    if not image.has_transparency_data:
        return image.convert("RGB")
    seen = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Whole numbers or floats as grey of 8 bits; what is transparent by its tone is white."""
    import numpy as np

    tones = np.asarray(image, dtype=np.float64)
    black, white = _range(tones[np.isfinite(tones)], image.mode == "F")
    finite = np.nan_to_num(tones, nan=black, posinf=white, neginf=black)
    grey = np.rint((finite - black) / (white - black) * 255).astype(np.uint8)
    if isinstance(clear := image.info.get("transparency"), int):
        grey[tones == clear] = 255
    return Image.fromarray(grey)


def _range(tones: np.ndarray[Any, Any], is_float: bool) -> tuple[float, float]:
    """(black, white): the smallest usual range that holds the tones, their own where they fill no quarter of it."""
    low, high = (float(tones.min()), float(tones.max())) if tones.size else (0.0, 0.0)
    white = next((white for white in ((1.0,) if is_float else ()) + WHITES if high <= white), None)
    if low >= 0 and white is not None and (high >= white / 4 or high == low):
        return 0.0, white
    return (low, high) if high > low else (low, low + 1)


def _from_lab(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    lab, rgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    seen = ImageCms.profileToProfile(image, lab, rgb, outputMode="RGB")
    assert seen is not None
    return seen
