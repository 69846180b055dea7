"""Which rows of a source can be used: pictures that are there and readable, each once, with something to learn."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from studies.files import FileError
from studies.images import HeifUnknown, inspect
from studies.importers.cast import Cast
from studies.importers.cells import shortened
from studies.importers.found import NOWHERE, PICTURELESS, Found, Reason, Side, Skipped
from studies.rows import Role
from studies.text import normalise


@dataclass(frozen=True)
class Kept:
    """A row that can be used.

    picture: the sha256 of its pixels, in hex; without pictures `question_digest`. others: answers that are as right.
    asks: whether its question can be asked by itself, without a picture.
    """

    place: str
    picture: str
    character: str
    question: str | None
    answer: str | None
    others: tuple[str, ...] = ()
    asks: bool = False


@dataclass(frozen=True)
class Picture:
    """A picture of the source: where it lies, what it is called there, and who is on it.

    Without pictures a question: its path is PICTURELESS, its name what it asks.
    """

    path: Path
    name: str
    character: str


@dataclass(frozen=True)
class Cleaned:
    """pictures: sha256 -> picture. said: sha256 -> the sides that the source gives it. roles: character -> role."""

    rows: list[Kept]
    pictures: dict[str, Picture]
    said: dict[str, set[Side]]
    skipped: list[Skipped]
    roles: dict[str, Role]

    @property
    def unit(self) -> str:
        """What rows are counted by: pictures, or questions where there are none."""
        return "question" if any(picture.path == PICTURELESS for picture in self.pictures.values()) else "picture"


def clean(rows: Iterable[Found | Skipped], cast: Cast) -> Cleaned:
    """Keep what can be used, and say of the rest why not. Raises InputError as `Cast.roles` does."""
    found = list(rows)
    about = {index: cast.of(row) for index, row in enumerate(found) if isinstance(row, Found)}
    roles = cast.roles(name for name in about.values() if name)
    cleaner = _Cleaner(roles, cast)
    for index, row in enumerate(found):
        if isinstance(row, Skipped):
            cleaner.skipped.append(row)
        else:
            cleaner.take(row, about[index])
    return Cleaned(cleaner.rows, cleaner.pictures, cleaner.said, cleaner.skipped, roles)


def question_digest(question: str) -> str:
    """What stands in place of a picture's sha256: the same for questions that a study takes for one."""
    return hashlib.sha256((normalise(question) or question).encode("utf-8", "surrogatepass")).hexdigest()


class _Cleaner:
    def __init__(self, roles: Mapping[str, Role], cast: Cast) -> None:
        self.roles = roles
        self.cast = cast
        self.rows: list[Kept] = []
        self.pictures: dict[str, Picture] = {}
        self.said: dict[str, set[Side]] = {}
        self.skipped: list[Skipped] = []
        self._hashes: dict[Path, str | FileError] = {}
        self._seen: set[tuple[str, str | None, str | None]] = set()

    def take(self, row: Found, character: str | None) -> None:
        kept = self._kept(row, character)
        if isinstance(kept, Skipped):
            self.skipped.append(kept)
        else:
            self.rows.append(kept)

    def _kept(self, row: Found, character: str | None) -> Kept | Skipped:
        def skip(reason: Reason, detail: str = "") -> Skipped:
            return Skipped(row.place, reason, detail)

        if character is None:
            said = f": {shortened(row.answer)}" if row.answer else ""
            return skip("no character", f"neither a column, nor the folder, nor the answer names one alone{said}")
        if character not in self.roles:
            return skip("character without a role", character)
        if (row.question or row.answer == "") and not row.answer:
            return skip("empty answer", row.question or "")
        if row.picture == PICTURELESS:
            return self._text(row, character)
        digest = self._digest(row)
        if isinstance(digest, Skipped):
            return digest
        first = self.pictures.setdefault(digest, Picture(row.picture, row.name, character))
        if first.character != character:
            return skip("picture of another character", f"{row.name} is {first.name} of {first.character}")
        if row.side is not None:
            self.said.setdefault(digest, set()).add(row.side)
        content = (digest, row.question, row.answer)
        if content in self._seen:
            return skip(
                "row twice", "" if row.name == first.name else f"{row.name} is the same picture as {first.name}"
            )
        self._seen.add(content)
        return Kept(row.place, digest, character, row.question, row.answer, row.others)

    def _text(self, row: Found, character: str) -> Kept | Skipped:
        """A row without a picture, whose question stands in its place."""
        if not row.question or not row.answer:
            return Skipped(row.place, "no question", row.answer or "")
        digest = question_digest(row.question)
        first = self.pictures.setdefault(digest, Picture(PICTURELESS, row.question, character))
        if first.character != character:
            return Skipped(row.place, "question about another character", f"{row.question} is about {first.character}")
        if row.side is not None:
            self.said.setdefault(digest, set()).add(row.side)
        content = (digest, None, row.answer)
        if content in self._seen:
            return Skipped(row.place, "row twice", row.question)
        self._seen.add(content)
        named = any(character in self.cast.named_in(answer) for answer in (row.answer, *row.others))
        asks = named and character not in self.cast.named_in(row.question)
        return Kept(row.place, digest, character, row.question, row.answer, row.others, asks)

    def _digest(self, row: Found) -> str | Skipped:
        if row.picture == NOWHERE:
            return Skipped(row.place, "picture missing", f"{row.name} lies outside the source's folder")
        if not os.path.isfile(row.picture):
            return Skipped(row.place, "picture missing", row.name)
        if row.picture not in self._hashes:
            try:
                self._hashes[row.picture] = inspect(row.picture)
            except FileError as error:
                self._hashes[row.picture] = error
        found = self._hashes[row.picture]
        if isinstance(found, HeifUnknown):
            return Skipped(row.place, "HEIC picture", f"{found}: {found.remedy}")
        return Skipped(row.place, "picture unreadable", str(found)) if isinstance(found, FileError) else found
