"""Who is on the pictures: the characters of a source, by the names that the user gave and their roles."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from skazka_text.problems import InputError, Problem
from studies.importers.cells import shortened
from studies.importers.found import NOWHERE, PICTURELESS, Found, Skipped, Source
from studies.importers.layout import folded
from studies.importers.options import ImportOptions
from studies.names import PhraseMatcher
from studies.rows import Role
from studies.text import normalise, tokenise

SHOWN = 12


class Cast:
    """The known names, and whom a row is about.

    aliases: character -> further names, the folder's or label's own among them.
    """

    def __init__(self, options: ImportOptions, source: Source, labels: Iterable[str] = ()) -> None:
        """labels: what the source's own column says of its rows."""
        self.given: dict[str, Role] = {name: "target" for name in options.targets}
        self.given |= {name: "control" for name in options.controls}
        self.given |= {name: "negative" for name in options.negatives}
        self.implied: dict[str, Role] = {name: "target" for name in source.targets}
        self.implied |= {name: "control" for name in source.controls}
        self.aliases: dict[str, dict[str, None]] = defaultdict(dict)
        known = self.given or self.implied
        for name, aliases in source.aliases.items():
            self.aliases[name].update(dict.fromkeys(aliases))
        for label, name in options.names.items():
            self.aliases[name][label.replace("_", " ").strip()] = None
        phrases = {name: (name, *self.aliases.get(name, ())) for name in known}
        self._by_label = {folded(phrase): name for name, texts in phrases.items() for phrase in texts}
        self._by_label |= {folded(label): name for label, name in options.names.items()}
        for label in labels:
            # Of several spellings the first is the character's name: composed or not, ё or е, in any case.
            name = self._by_label.setdefault(folded(label), unicodedata.normalize("NFC", label))
            phrases.setdefault(name, (name,))
        self._columns = source.noticed.columns
        self._on_picture: dict[Path, str] = {}
        self._matcher = PhraseMatcher({name: tuple(filter(normalise, texts)) for name, texts in phrases.items()})

    def named_in(self, text: str) -> set[str]:
        """The known characters that a text names."""
        return {found.key for found in self._matcher.find(tokenise(text)) if not found.negated}

    def of(self, row: Found) -> str | None:
        """Whom a row is about: as its own column says, else its folder, else the one whom its answer names."""
        if row.character:
            return self._by_label.get(folded(row.character), row.character)
        folder = self._by_label.get(folded(row.picture.parent.name))
        if folder:
            return folder
        named = self.named_in(row.answer or "")
        if len(named) == 1:
            return named.pop()
        if row.picture == PICTURELESS:
            asked = self.named_in(row.question or "")
            return asked.pop() if len(asked) == 1 and not named else None
        return self._on_picture.get(row.picture)

    def see(self, rows: Iterable[Found | Skipped]) -> None:
        """Learn whom a picture shows from those of its rows that say it: the others are about the same one."""
        named: dict[Path, set[str]] = defaultdict(set)
        for row in rows:
            if isinstance(row, Found) and row.picture not in (PICTURELESS, NOWHERE):
                named[row.picture] |= {character for character in (self.of(row),) if character}
        self._on_picture = {picture: found.pop() for picture, found in named.items() if len(found) == 1}

    def roles(self, seen: Iterable[str]) -> dict[str, Role]:
        """Role of each character; one that is missing has none. `seen`: the characters on the pictures, in order.

        Raises InputError when nobody said who is to be learnt, or a name that was given is on no picture.
        """
        names = self._ordered(dict.fromkeys(seen))
        shown = (
            ", ".join(map(shortened, names[:SHOWN])) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
            or "none"
        )
        if not self.given and not self.implied:
            message = f"who is to be learnt? The pictures show: {shown}"
            remedy = "name those; all others become controls"
            if not names:
                message = "who is to be learnt? No column or folder names a character"
                remedy = "name those whom the answers name, and --controls; or the column: --column character=NAME"
            raise InputError(Problem("", "--targets", message, remedy))
        known = self.given or self.implied
        if self.given:
            self._refuse_strangers(names, shown)
        rest = self._role_of_rest()
        roles = {name: known.get(name, rest) for name in names}
        return {name: role for name, role in roles.items() if role is not None}

    def _ordered(self, names: Iterable[str]) -> list[str]:
        """The names as they are seen, negatives as they were given: the last of these stays out of training."""
        given = [name for name, role in self.given.items() if role == "negative"]
        return sorted(names, key=lambda name: given.index(name) + 1 if name in given else 0)

    def _refuse_strangers(self, names: list[str], shown: str) -> None:
        """Raise InputError for a name that was given and that nothing in the source says."""
        if not names:
            columns = ", ".join(map(shortened, list(self._columns)[:SHOWN])) or "none"
            message = f"no column, folder or answer names a character; columns: {columns}"
            raise InputError(Problem("", "--column", message, "name the column that does: --column character=NAME"))
        for name, role in self.given.items():
            if name not in names:
                message, remedy = f"{name!r} is on no picture", f"use these names, or --name LABEL=NAME: {shown}"
                raise InputError(Problem("", f"--{role}s", message, remedy))

    def _role_of_rest(self) -> Role | None:
        """The role of those whom the user did not name: with targets alone given they are controls, and the reverse."""
        said = set(self.given.values())
        if "target" in said and "control" not in said:
            return "control"
        if "control" in said and "target" not in said:
            return "target"
        return None
