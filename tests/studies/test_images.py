"""Pictures that are opened again after the check: still within bounds."""

from __future__ import annotations

import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from search.outputs import export_check
from studies import images
from studies.files import FileError
from studies.tones import to_rgb


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


def test_a_heic_picture_is_read_whatever_its_name(tmp_path: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    for name in ("one.HEIC", "two.jpg", "three"):
        pillow_heif.from_pillow(Image.new("RGB", (64, 32), (200, 10, 10))).save(tmp_path / name)
        seen = images.open_rgb(tmp_path / name)
        assert seen.size == (64, 32)
        assert seen.getpixel((9, 9))[0] > 180  # type: ignore[index]
        assert images.format_of(tmp_path / name) == "HEIF"


def test_a_heic_picture_names_what_would_read_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (tmp_path / "one.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    with pytest.raises(images.HeifUnknown, match=r"one\.heic is a HEIC picture") as caught:
        images.inspect(tmp_path / "one.heic")
    assert caught.value.remedy == "install what reads it: pip install 'skazka-tune[heif]'"


RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)


def test_a_picture_is_turned_as_its_exif_says(tmp_path: Path) -> None:
    picture = Image.new("RGB", (20, 10), RED)
    picture.paste(BLUE, (0, 0, 10, 10))  # blue on the left
    turned = Image.Exif()
    turned[ExifTags.Base.Orientation] = 6  # the camera was held upright: turn by 90 degrees clockwise
    picture.save(tmp_path / "picture.png", exif=turned)
    seen = images.open_rgb(tmp_path / "picture.png")
    assert seen.size == (10, 20)
    assert (seen.getpixel((5, 2)), seen.getpixel((5, 17))) == (BLUE, RED)


def test_a_picture_with_damaged_exif_is_seen_as_it_is_stored(tmp_path: Path) -> None:
    for name, exif in (("a.png", b"Exif\0\0no TIFF at all"), ("b.png", b"")):
        Image.new("RGB", (20, 10), RED).save(tmp_path / name, exif=exif)
    assert images.inspect(tmp_path / "a.png") == images.inspect(tmp_path / "b.png")


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_is_white_whatever_colour_lies_under_it(tmp_path: Path, mode: str) -> None:
    picture = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    picture.paste((0, 0, 0, 255), (0, 0, 2, 4))
    picture.convert(mode).save(tmp_path / "picture.png")
    seen = images.open_rgb(tmp_path / "picture.png")
    assert seen.mode == "RGB"
    assert (seen.getpixel((0, 0)), seen.getpixel((3, 3))) == ((0, 0, 0), WHITE)


def test_of_an_animation_the_first_frame_is_seen(tmp_path: Path) -> None:
    first, second = Image.new("RGB", (4, 4), RED), Image.new("RGB", (4, 4), BLUE)
    first.save(tmp_path / "picture.gif", save_all=True, append_images=[second])
    assert images.open_rgb(tmp_path / "picture.gif").getpixel((1, 1)) == RED


def test_print_colours_become_those_of_a_screen(tmp_path: Path) -> None:
    Image.new("CMYK", (4, 4), (0, 255, 255, 0)).save(tmp_path / "picture.jpg")  # no cyan, full magenta and yellow
    red, green, blue = images.open_rgb(tmp_path / "picture.jpg").getpixel((1, 1))  # type: ignore[misc]
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


@pytest.mark.parametrize(
    ("mode", "tones", "greys"),
    [
        pytest.param("I;16", [0, 257, 32896, 65535], [0, 1, 128, 255], id="16 bits"),
        pytest.param("I;16", [0, 273, 2048, 4095], [0, 17, 128, 255], id="12 bits in 16"),
        pytest.param("I;16", [0, 1, 128, 255], [0, 1, 128, 255], id="8 bits in 16"),
        pytest.param("I;16B", [0, 257, 32896, 65535], [0, 1, 128, 255], id="16 bits, big end first"),
        pytest.param("I", [0, 257, 32896, 65535], [0, 1, 128, 255], id="16 bits in 32"),
        pytest.param("I", [-1_000_000, 0, 0, 1_000_000], [0, 128, 128, 255], id="32 bits"),
        pytest.param("I", [0, 0, 2**30, 2**31 - 1], [0, 0, 128, 255], id="32 bits in full"),
        pytest.param("F", [0.0, 0.25, 0.5, 1.0], [0, 64, 128, 255], id="floats to 1"),
        pytest.param("F", [0.0, 1.0, 128.0, 255.0], [0, 1, 128, 255], id="floats to 255"),
        pytest.param("F", [-2.0, 0.0, 1.0, 2.0], [0, 128, 191, 255], id="floats below 0"),
        pytest.param("F", [float("nan"), float("-inf"), 1.0, float("inf")], [0, 0, 255, 255], id="no numbers"),
    ],
)
def test_more_than_eight_bits_are_scaled_and_never_clipped(
    tmp_path: Path, mode: str, tones: list[float], greys: list[int]
) -> None:
    kind = {"I;16": "<u2", "I;16B": ">u2", "I": "<i4", "F": "<f4"}[mode]
    picture = Image.frombytes(mode, (2, 2), np.array(tones, kind).tobytes())
    picture.save(tmp_path / "picture.tif")
    with Image.open(tmp_path / "picture.tif") as stored:
        assert stored.mode == mode
    seen = images.open_rgb(tmp_path / "picture.tif")
    assert seen.mode == "RGB"
    assert list(seen.tobytes()) == [grey for grey in greys for _ in "RGB"]


@given(st.lists(st.integers(0, 65535), min_size=2, max_size=30))
@settings(derandomize=True, deadline=None, max_examples=60)
def test_brighter_tones_stay_brighter(tones: list[int]) -> None:
    picture = Image.frombytes("I;16", (len(tones), 1), np.array(tones, "<u2").tobytes())
    seen = list(to_rgb(picture).getdata(0))
    assert [x for _, x in sorted(zip(tones, seen, strict=True))] == sorted(seen)
    if max(tones) - min(tones) > 20_000:
        assert max(seen) - min(seen) >= 20_000 * 255 // 65535


def test_colours_of_lab_keep_their_tones(tmp_path: Path) -> None:
    Image.new("LAB", (2, 2), (255, 128, 128)).save(tmp_path / "lab.tif")
    Image.new("LAB", (2, 2), (128, 128, 128)).save(tmp_path / "grey.tif")
    assert min(images.open_rgb(tmp_path / "lab.tif").tobytes()) >= 254
    red, green, blue = images.open_rgb(tmp_path / "grey.tif").getpixel((0, 0))  # type: ignore[misc]
    assert 110 < red < 130
    assert abs(red - green) < 4
    assert abs(green - blue) < 4


@pytest.mark.parametrize(("colour_type", "channels"), [(2, 3), (4, 2), (6, 4)])
def test_png_of_16_bits_a_channel_keeps_its_tones(tmp_path: Path, colour_type: int, channels: int) -> None:
    """Pillow writes none: grey with transparency, colours, colours with transparency."""
    tones = np.full((1, 3, channels), 65535, ">u2")
    tones[0, :, :1] = [[0], [32896], [65535]]

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 3, 1, 16, colour_type, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(b"\0" + tones.tobytes())) + chunk(b"IEND", b"")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + body)
    assert list(images.open_rgb(tmp_path / "picture.png").tobytes()[::3]) == [0, 128, 255]


def upright() -> Image.Image:
    """Sixteen colours, none of which a palette of 256 would lose."""
    picture = Image.new("RGB", (4, 4))
    picture.putdata([(17 * place, 255 - 17 * place, 40) for place in range(16)])
    return picture


def test_the_same_picture_is_known_by_its_pixels(tmp_path: Path) -> None:
    turned = Image.Exif()
    turned[ExifTags.Base.Orientation] = 3
    upright().save(tmp_path / "a.png")
    upright().save(tmp_path / "b.png", compress_level=0)
    upright().save(tmp_path / "c.bmp")
    upright().save(tmp_path / "d.webp", lossless=True)
    upright().save(tmp_path / "e.tif", compression="tiff_lzw")
    upright().convert("RGBA").save(tmp_path / "f.png")
    upright().convert("P", palette=Image.Palette.ADAPTIVE, colors=16).save(tmp_path / "g.png")
    upright().rotate(180).save(tmp_path / "h.png", exif=turned)
    assert len({images.inspect(path) for path in tmp_path.iterdir()}) == 1


def test_other_pixels_or_another_size_are_another_picture(tmp_path: Path) -> None:
    upright().save(tmp_path / "a.png")
    upright().rotate(180).save(tmp_path / "b.png")
    Image.frombytes("RGB", (8, 2), upright().tobytes()).save(tmp_path / "c.png")
    assert len({images.inspect(path) for path in tmp_path.iterdir()}) == 3


def test_grey_of_8_and_of_16_bits_is_one_picture(tmp_path: Path) -> None:
    Image.linear_gradient("L").save(tmp_path / "a.png")
    tones = np.asarray(Image.linear_gradient("L")).astype(np.uint16) * 257
    Image.fromarray(tones).save(tmp_path / "b.png")
    assert images.inspect(tmp_path / "a.png") == images.inspect(tmp_path / "b.png")
