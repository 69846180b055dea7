"""Pictures of a row: named by a path, or held in the cell itself as bytes, base64 or a `data:` address."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote_to_bytes

from studies.importers.cells import parsed, text
from studies.importers.tree import PICTURES
from studies.placeholders import has_placeholder

_ADDRESS = re.compile(r"data:(?:[\w/+.;=-]*?)(?P<base64>;base64)?,", re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_HEX = re.compile(r"[0-9A-Fa-f]+")
# How the formats that are read begin; HEIC and AVIF name theirs after the length of the first box.
_BEGINNINGS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"BM", b"II*\0", b"MM\0*")
_OF_PICTURE = ("path", "url", "src", "file_name", "filename", "image", "image_url")
# No path of a system is longer.
LONGEST_PATH, LONGEST_NAME = 4096, 255


class NoPicture(ValueError):
    """A cell that holds neither a path nor a picture."""


@dataclass(frozen=True)
class StoredPicture:
    """name: the path that the row gives, if it gives one. data: the picture itself, if the row holds it."""

    name: str | None
    data: bytes | None


def pictures_of(cell: Any) -> list[Any]:
    """The pictures that a cell names, each once; a list may be written out as text."""
    written = parsed(cell) if isinstance(cell, str) and cell.strip().startswith("[") else cell
    found: list[Any] = []
    for one in _each(written if isinstance(written, list | tuple) else cell):
        if _is_there(one) and one not in found:
            found.append(one)
    return found


def _each(cell: Any) -> Iterator[Any]:
    """What a cell lists; MiniCPM-V names each picture by its mark, `{"<image_00>": "a.png"}`."""
    if isinstance(cell, Mapping) and cell and all(has_placeholder(str(key)) for key in cell):
        cell = list(cell.values())
    if isinstance(cell, list | tuple):
        for one in cell:
            yield from _each(one)
    else:
        yield cell


def stored(cell: Any) -> StoredPicture:
    """One picture of a cell. Raises NoPicture with what came instead; never with its content."""
    if isinstance(cell, bytes):
        return StoredPicture(None, cell)
    if isinstance(cell, Mapping):
        named = next((cell[key] for key in _OF_PICTURE if cell.get(key)), None)
        held = _bytes_of(cell.get("bytes"))
        if held is not None:
            return StoredPicture(text(named), held)
        cell = named.get("url") if isinstance(named, Mapping) else named
    if isinstance(cell, Mapping | list):
        raise NoPicture(f"{type(cell).__name__} where a path or a picture is expected")
    return _of_text(str(cell).strip())


def looks_like_picture(value: Any) -> bool:
    """Whether a value may name or hold a picture."""
    if isinstance(value, Mapping):
        return isinstance(value.get("bytes"), bytes)
    if isinstance(value, bytes):
        return _begins_as_picture(value)
    if isinstance(value, list):
        return bool(value) and looks_like_picture(value[0])
    if not isinstance(value, str):
        return False
    suffix = PurePosixPath(value.strip()[-20:].replace("\\", "/")).suffix.lower()
    return suffix in PICTURES or value[:11].lower() == "data:image/" or _held_in(value) is not None


def _is_there(cell: Any) -> bool:
    if isinstance(cell, Mapping):
        return any(value for key, value in cell.items() if key in ("bytes", *_OF_PICTURE))
    return (isinstance(cell, bytes | list) and bool(cell)) or text(cell) is not None


def _of_text(said: str) -> StoredPicture:
    if said[:5].lower() == "data:":
        return StoredPicture(None, _of_address(said))
    data = _held_in(said)
    longest = max(map(len, re.split(r"[/\\]", said)))
    if data is None and (len(said) > LONGEST_PATH or longest > LONGEST_NAME):
        raise NoPicture(f"a text of {len(said)} signs, neither a path nor a picture in base64")
    return StoredPicture(said if data is None else None, data)


def _of_address(said: str) -> bytes:
    head = _ADDRESS.match(said)
    if head is None:
        raise NoPicture("a data: address without data")
    body = said[head.end() :]
    data = _decoded(body) if head["base64"] else unquote_to_bytes(body)
    if data is None:
        raise NoPicture("a data: address that is no base64")
    return data


def _held_in(said: str) -> bytes | None:
    return _picture_in_base64(said) or _picture_in_hex(said)


def _picture_in_base64(said: str) -> bytes | None:
    """The picture that a text holds, if it begins as one."""
    head = "".join(said[:80].split())[:64]
    if len(head) < 64 or not _BASE64.fullmatch(head) or not _begins_as_picture(_decoded(head) or b""):
        return None
    data = _decoded(said)
    return data if data is not None and _begins_as_picture(data) else None


def _picture_in_hex(said: str) -> bytes | None:
    """The picture that a database wrote out in hex, with `\\x` or `0x` before it or not."""
    bare = re.sub(r"^(\\x|0x)", "", said)
    if len(bare) < 64 or not _HEX.fullmatch(bare) or not _begins_as_picture(bytes.fromhex(bare[:64])):
        return None
    return bytes.fromhex(bare) if len(bare) % 2 == 0 else None


def _begins_as_picture(data: bytes) -> bool:
    return data.startswith(_BEGINNINGS) or data[4:8] == b"ftyp"


def _decoded(said: str) -> bytes | None:
    bare = "".join(said.split()).replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def _bytes_of(value: Any) -> bytes | None:
    if isinstance(value, bytes):
        return value or None
    if isinstance(value, list) and value and all(isinstance(one, int) and 0 <= one < 256 for one in value):
        return bytes(value)
    return _decoded(value) if isinstance(value, str) and value else None
