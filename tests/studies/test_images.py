"""Pictures that are opened again after the check: still within bounds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import ExifTags, Image

from search import export_check
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


RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)
READERS = pytest.mark.parametrize("read", [images.open_rgb, export_check._picture])


@READERS
def test_a_picture_is_turned_as_its_exif_says(tmp_path: Path, read: Any) -> None:
    picture = Image.new("RGB", (20, 10), RED)
    picture.paste(BLUE, (0, 0, 10, 10))  # blue on the left
    turned = Image.Exif()
    turned[ExifTags.Base.Orientation] = 6  # the camera was held upright: turn by 90 degrees clockwise
    picture.save(tmp_path / "picture.png", exif=turned)
    seen = read(tmp_path / "picture.png")
    assert seen.size == (10, 20)
    assert (seen.getpixel((5, 2)), seen.getpixel((5, 17))) == (BLUE, RED)


@READERS
@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_is_white_whatever_colour_lies_under_it(tmp_path: Path, read: Any, mode: str) -> None:
    picture = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    picture.paste((0, 0, 0, 255), (0, 0, 2, 4))
    picture.convert(mode).save(tmp_path / "picture.png")
    seen = read(tmp_path / "picture.png")
    assert seen.mode == "RGB"
    assert (seen.getpixel((0, 0)), seen.getpixel((3, 3))) == ((0, 0, 0), WHITE)


@READERS
def test_of_an_animation_the_first_frame_is_seen(tmp_path: Path, read: Any) -> None:
    first, second = Image.new("RGB", (4, 4), RED), Image.new("RGB", (4, 4), BLUE)
    first.save(tmp_path / "picture.gif", save_all=True, append_images=[second])
    assert read(tmp_path / "picture.gif").getpixel((1, 1)) == RED


@READERS
def test_print_colours_become_those_of_a_screen(tmp_path: Path, read: Any) -> None:
    Image.new("CMYK", (4, 4), (0, 255, 255, 0)).save(tmp_path / "picture.jpg")  # no cyan, full magenta and yellow
    red, green, blue = read(tmp_path / "picture.jpg").getpixel((1, 1))
    assert red > 200
    assert max(green, blue) < 60


@pytest.mark.parametrize(
    ("image_size", "max_pixels", "size"),
    [(None, None, (200, 50)), (224, None, (224, 224)), (None, 2_500, (100, 25)), (None, 10_000, (200, 50))],
)
def test_a_picture_is_shown_in_the_size_that_the_study_asks_for(
    image_size: int | None, max_pixels: int | None, size: tuple[int, int]
) -> None:
    image = Image.linear_gradient("L").convert("RGB").resize((200, 50))
    shown = images.fit(image, image_size, max_pixels)
    assert shown.size == size
    # The export's check has the same rule, for it runs without this package.
    assert export_check._fit(image, image_size, max_pixels).tobytes() == shown.tobytes()
