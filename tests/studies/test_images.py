"""Pictures that are opened again after the check: still within bounds."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from studies import images
from studies.files import FileError


@pytest.mark.parametrize("read", [images.inspect, images.open_rgb])
def test_bounds_hold_whenever_a_picture_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: object
) -> None:
    path = tmp_path / "picture.png"
    Image.new("RGB", (20, 10)).save(path)
    assert images.open_rgb(path).size == (20, 10)
    assert callable(read)
    monkeypatch.setattr(images, "MAX_PIXELS", 199)
    with pytest.raises(FileError, match="20x10 pixels, more than 199"):
        read(path)
    monkeypatch.setattr(images, "MAX_BYTES", 10)
    with pytest.raises(FileError, match="bytes, more than 10"):
        read(path)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP", "TIFF"])
def test_a_known_format_is_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "picture"
    Image.new("RGB", (20, 10)).save(path, kind)
    assert images.open_rgb(path).size == (20, 10)
    assert len(images.inspect(path)) == 64
