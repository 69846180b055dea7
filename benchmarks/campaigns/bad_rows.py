"""Bad rows and bad pictures, met by `skazka check`."""

from __future__ import annotations

import os
import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarks.campaigns.spoiling import (
    CHECK,
    LONG,
    PICTURE,
    PROBES,
    REPLAY,
    TRAINING,
    Case,
    Spoil,
    both,
    copy,
    data,
    drop,
    edit,
    encoded,
    folder_instead,
    remove,
    row,
    text,
)


def _row(name: str, spoil: Spoil, field: str, line: str = "training.jsonl:2") -> Case:
    return Case(f"rows: {name}", spoil, CHECK, line, field)


def _answer(name: str, new: str, field: str = "answer") -> Case:
    """The value of `answer` on line 2 of training.jsonl, as JSON text."""
    return _row(name, edit(TRAINING, 2, '"It is Gena."', new), field)


def _image(name: str, value: Any) -> Case:
    """The value of `image` on line 2 of training.jsonl."""
    return _row(name, row(TRAINING, 2, image=value), "image")


ROWS = [
    _row("an open brace", edit(TRAINING, 2, "}", ""), ""),
    _row("no brace", edit(TRAINING, 2, "{", ""), ""),
    _row("single quotes", edit(TRAINING, 2, '"answer"', "'answer'"), ""),
    _row("a comma too many", edit(TRAINING, 2, "}", ",}"), ""),
    _row("two objects on a line", edit(TRAINING, 2, "}", "} {}"), ""),
    _row("a zero byte", edit(TRAINING, 2, "{", "\0{"), ""),
    _row("a list", text(TRAINING, "\n[1, 2]\n"), ""),
    _row("a number", text(TRAINING, "\n5\n"), ""),
    _row("null", text(TRAINING, "\nnull\n"), ""),
    _row("deep nesting", text(TRAINING, "\n" + "[" * 100_000), ""),
    _answer("a number of 5000 digits", "9" * 5000, ""),
    _answer("answer empty", '""'),
    _answer("answer of spaces", '"  "'),
    _answer("answer a number", "5"),
    _answer("answer not a number", "NaN"),
    _answer("answer null", "null"),
    _answer("answer a list", '["Gena"]'),
    _answer("answer of 20 001 signs", f'"{"a" * 20_001}"'),
    _answer("answer half a sign", r'"\ud800"'),
    _answer("answer twice", '"Gena", "answer": "Cheburashka"'),
    _row("no answer", row(TRAINING, 2, answer=None), "answer"),
    _row("no question", row(TRAINING, 2, question=None), "question"),
    _row("no character", row(TRAINING, 2, character=None), "character"),
    _row("no image", row(TRAINING, 2, image=None), "image"),
    _row("question empty", row(TRAINING, 2, question=""), "question"),
    _row("an unknown key", row(TRAINING, 2, weight=2), "weight"),
    _row("a key half a sign", edit(TRAINING, 2, '"answer"', r'"\ud800"'), ""),
    _row("an unknown character", row(TRAINING, 2, character="Gene"), "character"),
    _row("a negative", row(TRAINING, 2, character="Knight"), "character"),
    _row("replay of a target", row(REPLAY, 1, character="Gena"), "character", "replay.jsonl:1"),
    _row("replay of every negative", row(REPLAY, 1, character="Knight"), "replay", "study.yaml:6"),
    _row("training file empty", text(TRAINING, ""), "characters[0]", "study.yaml:8"),
    _row("training file UTF-16", encoded(TRAINING, "utf-16"), "", "training.jsonl"),
    _row("training file Windows-1251", encoded(TRAINING, "cp1251", "Гена"), "", "training.jsonl"),
    _row("training file a picture", copy(PICTURE, TRAINING), "", "training.jsonl"),
    _row("training file a folder", folder_instead(TRAINING), "training", "study.yaml:4"),
    _row("training file a CSV", text(TRAINING, "image,character\na.png,Gena\n"), "", "training.jsonl:1"),
    _row("training file an array", text(TRAINING, "[\n{}\n]"), "", "training.jsonl:1"),
    _row("probes file empty", text(PROBES, ""), "characters[0]", "study.yaml:8"),
    _row("no probe of a target in test", drop(PROBES, 2), "characters[0]", "study.yaml:8"),
    _row("no probe of a negative in search", drop(PROBES, 6), "characters[2]", "study.yaml:13"),
    _row("probe without id", row(PROBES, 3, id=None), "id", "probes.jsonl:3"),
    _row("probe id a number", row(PROBES, 3, id=3), "id", "probes.jsonl:3"),
    _row("probe id twice", row(PROBES, 3, id="p1"), "id", "probes.jsonl:3"),
    _row("probe kind unknown", row(PROBES, 3, kind="colour"), "kind", "probes.jsonl:3"),
    _row("probe split unknown", row(PROBES, 3, split="train"), "split", "probes.jsonl:3"),
    _row("probe without accepted", row(PROBES, 3, accepted=None), "accepted", "probes.jsonl:3"),
    _row("accepted a text", row(PROBES, 3, accepted="cartoon"), "accepted", "probes.jsonl:3"),
    _row("accepted empty text", row(PROBES, 3, accepted=[""]), "accepted[0]", "probes.jsonl:3"),
    _row("accepted without letters", row(PROBES, 3, accepted=["?!"]), "accepted", "probes.jsonl:3"),
    _row("allowed names a text", row(PROBES, 3, allowed_names="Gena"), "allowed_names", "probes.jsonl:3"),
    _row("probe of nobody", row(PROBES, 3, character="Nobody"), "character", "probes.jsonl:3"),
    _row("test probe on a search picture", row(PROBES, 7, image="images/search-3.png"), "image", "probes.jsonl:7"),
    _row("search probe on a training picture", row(PROBES, 6, image="images/train-1.png"), "image", "probes.jsonl:6"),
    _row(
        "a training picture under another name",
        copy("study/images/train-1.png", "study/images/search-2.png"),
        "image",
        "probes.jsonl:4",
    ),
    _row(
        "a replay picture under another name",
        copy("study/images/replay-1.png", "study/images/test-1.png"),
        "image",
        "probes.jsonl:2",
    ),
    _image("image missing", "images/no.png"),
    _image("image a folder", "images"),
    _image("image above", "../outside.png"),
    _image("image by a detour", "images/../images/train-2.png"),
    _image("image absolute", "/etc/hostname"),
    _image("image name too long", LONG),
    _image("image with a zero byte", "images/a\0.png"),
    _image("image empty", ""),
    _image("image a number", 5),
    _image("image an address", "https://example.org/a.png"),
    _image("image a Windows path", "images\\train-2.png"),
]


def saved(kind: str, noise: int = 64) -> bytes:
    """A noisy picture in a format."""
    target = BytesIO()
    Image.effect_noise((noise, noise), 80).convert("RGB").save(target, kind)
    return target.getvalue()


def half(content: bytes) -> bytes:
    """The first half of a file."""
    return content[: len(content) // 2]


def zeroed(content: bytes) -> bytes:
    """A file whose middle third is zeros."""
    third = len(content) // 3
    return content[:third] + bytes(third) + content[2 * third :]


def png_claiming(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header claims a size."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(b"\0"))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


def _of_65_megabytes(folder: Path) -> None:
    os.truncate(folder / PICTURE, 65 * 1024 * 1024)


def _linked_to(target: str) -> Spoil:
    return both(remove(PICTURE), lambda folder: (folder / PICTURE).symlink_to(target))


def _picture(name: str, spoil: Spoil | bytes) -> Case:
    """The picture of line 2 of training.jsonl."""
    return Case(
        f"images: {name}",
        data(PICTURE, spoil) if isinstance(spoil, bytes) else spoil,
        CHECK,
        "training.jsonl:2",
        "image",
    )


PICTURES = [
    _picture("missing", remove(PICTURE)),
    _picture("of no byte", b""),
    _picture("text", b"not a picture"),
    _picture("a web page", b"<!DOCTYPE html><html><body>404</body></html>"),
    _picture("an SVG", b'<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"/>'),
    _picture("a PDF", b"%PDF-1.4\n%%EOF\n"),
    _picture("zeros", bytes(1000)),
    _picture("only a PNG's signature", b"\x89PNG\r\n\x1a\n"),
    _picture("half a PNG", half(saved("PNG"))),
    _picture("half a JPEG", half(saved("JPEG"))),
    _picture("half a GIF renamed", half(saved("GIF"))),
    _picture("half a WebP renamed", half(saved("WEBP"))),
    _picture("half a BMP renamed", half(saved("BMP"))),
    _picture("half a TIFF renamed", half(saved("TIFF"))),
    _picture("a PNG with a hole", zeroed(saved("PNG"))),
    _picture("an AVIF of zeros", saved("AVIF").partition(b"mdat")[0] + bytes(1000)),
    _picture("50 000 x 50 000 pixels", png_claiming(50_000, 50_000)),
    _picture("8 001 x 8 001 pixels", png_claiming(8_001, 8_001)),
    _picture("2 billion pixels wide", png_claiming(2**31 - 1, 1)),
    _picture("0 x 0 pixels", png_claiming(0, 0)),
    _picture("65 megabytes", _of_65_megabytes),
    _picture("a folder", folder_instead(PICTURE)),
    _picture("a link to nothing", _linked_to("nothing.png")),
    _picture("a link to itself", _linked_to("train-2.png")),
    _picture("a link outside", _linked_to("../../../study.png")),
]


CASES = [*ROWS, *PICTURES]
