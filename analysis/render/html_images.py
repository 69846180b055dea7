"""Pictures inside an HTML report: small, and each as a data: address."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from PIL import Image

from studies.files import FileError
from studies.images import open_rgb

THUMBNAIL_PIXELS = 96


def data_uri(path: Path, longest: int | None = None) -> str | None:
    """A picture as WebP in a data: address; None for one that is missing or damaged.

    longest: pixels of its longer side at most; without it the size stays.
    """
    try:
        image = open_rgb(path)
    except FileError:
        return None
    if longest is not None:
        image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, format="WEBP", quality=70, method=2)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
