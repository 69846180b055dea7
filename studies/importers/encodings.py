"""The text of a file, in whichever of the usual encodings it was written."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from pathlib import Path

from skazka_text.problems import InputError, Problem

# UTF-32 first: its mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Of one byte a letter, each with the words that it makes of its own texts; read with another, they look otherwise.
_RUSSIAN = re.compile("[А-ЯЁ]?[а-яё]+|[А-ЯЁ]+")
_LATIN = re.compile("(?=.*[A-Za-z])[A-Za-zÀ-ÖØ-öø-ÿŒœŠšŽžŸ]+")
_ONE_BYTE = (("cp1251", _RUSSIAN), ("koi8-r", _RUSSIAN), ("cp866", _RUSSIAN), ("cp1252", _LATIN))
_ARCHIVES = (
    (b"PK\3\4", "is an archive or an office file, no text", "unpack it, or save its table as CSV"),
    (b"\xd0\xcf\x11\xe0", "is an office file, no text", "save its table as CSV"),
    (b"\x1f\x8b", "is compressed", "unpack it (gunzip)"),
)
_WORD = re.compile(r"[^\W\d_]+")
_ENOUGH = 0.9
# Of a text that is UTF-8 but for some damage; in one of another encoding nearly all signs are broken.
_BROKEN = 0.1


def read_text(path: Path, encoding: str | None, notice: Callable[[str], None]) -> str:
    """A file's text. encoding: as the user says it, None to find out. `notice` is told of one that is not UTF-8.

    Raises InputError where it is in none that is known, and OSError.
    """
    data = path.read_bytes()
    _refuse_archive(path, data)
    if encoding is not None:
        return _as_said(path, data, encoding)
    for mark, name in _MARKS:
        if data.startswith(mark):
            return _as_said(path, data, name)
    for name in ("utf-8", *_wide(data)):
        try:
            text = data.decode(name)
        except UnicodeDecodeError:
            continue
        if _is_text(text):
            return text
    nearly = data.decode("utf-8", "replace")
    broken = nearly.count("\ufffd")
    if broken <= _BROKEN * sum(not sign.isascii() for sign in nearly):
        notice(f"{path.name} has {broken} signs that are not UTF-8; each is read as \ufffd")
        return nearly
    guessed = _one_byte(data)
    if guessed is None:
        message = "is no text in UTF-8, UTF-16, cp1251, koi8-r, cp866 or cp1252"
        raise InputError(Problem(path.name, "", message, "name its encoding: --encoding NAME"))
    notice(f"{path.name} is read as {guessed}: another encoding is named with --encoding")
    return data.decode(guessed)


def _as_said(path: Path, data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding).removeprefix("\ufeff")
    except UnicodeError as error:
        message, remedy = f"is not written in {encoding}", "name its encoding: --encoding utf-8, utf-16, cp1251, …"
        raise InputError(Problem(path.name, "", message, remedy)) from error


def _is_text(text: str) -> bool:
    """Whether nearly all of the first signs can be printed."""
    head = text[:4000]
    odd = sum(not (sign.isprintable() or sign.isspace()) for sign in head)
    return "\0" not in head and odd <= (1 - _ENOUGH) * len(head)


def _wide(data: bytes) -> tuple[str, ...]:
    """UTF-16 without its mark: every second byte of Latin letters, digits and signs is zero."""
    head = data[:4000]
    even, odd = head[::2].count(0), head[1::2].count(0)
    if not even and not odd:
        return ()
    return ("utf-16-le",) if odd > even else ("utf-16-be",)


def _one_byte(data: bytes) -> str | None:
    """The encoding of one byte a letter in which nearly all words beyond ASCII look like words."""
    if b"\0" in data:
        return None
    for name, words in _ONE_BYTE:
        text = data.decode(name, "replace")
        foreign = [word for word in _WORD.findall(text) if not word.isascii()]
        if (
            foreign
            and "\ufffd" not in text
            and sum(bool(words.fullmatch(word)) for word in foreign) >= (_ENOUGH * len(foreign))
        ):
            return name
    return None


def _refuse_archive(path: Path, data: bytes) -> None:
    for beginning, message, remedy in _ARCHIVES:
        if data.startswith(beginning):
            raise InputError(Problem(path.name, "", message, remedy))
