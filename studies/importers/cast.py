"""Who is on the pictures: the characters of a source, by the names that the user gave and their roles."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from spaces.problems import InputError, Problem
from studies.importers.found import Found, Source
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
        self._by_label = {_folded(phrase): name for name, texts in phrases.items() for phrase in texts}
        self._by_label |= {_folded(label): name for label, name in options.names.items()}
        for label in labels:
            name = self._by_label.get(_folded(label), label)
            phrases.setdefault(name, (name,))
        self._matcher = PhraseMatcher({name: tuple(filter(normalise, texts)) for name, texts in phrases.items()})

    def named_in(self, text: str) -> set[str]:
        """The known characters that a text names."""
        return {found.key for found in self._matcher.find(tokenise(text)) if not found.negated}

    def of(self, row: Found) -> str | None:
        """Whom a row is about: as its own column says, else its folder, else the one whom its answer names."""
        if row.character:
            return self._by_label.get(_folded(row.character), row.character)
        folder = self._by_label.get(_folded(row.picture.parent.name))
        if folder:
            return folder
        named = self.named_in(row.answer or "")
        return named.pop() if len(named) == 1 else None

    def roles(self, seen: Iterable[str]) -> dict[str, Role]:
        """Role of each character; one that is missing has none. `seen`: the characters on the pictures, in order.

        Raises InputError when nobody said who is to be learnt, or a name that was given is on no picture.
        """
        names = list(dict.fromkeys(seen))
        shown = ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "") or "none"
        if not self.given and not self.implied:
            message = f"who is to be learnt? The pictures show: {shown}"
            raise InputError(Problem("", "--targets", message, "name those; all others become controls"))
        known = self.given or self.implied
        for name in known if self.given else ():
            if name not in names:
                message, remedy = f"{name!r} is on no picture", f"use these names, or --name LABEL=NAME: {shown}"
                raise InputError(Problem("", f"--{known[name]}s", message, remedy))
        rest = self._role_of_rest()
        roles = {name: known.get(name, rest) for name in names}
        return {name: role for name, role in roles.items() if role is not None}

    def _role_of_rest(self) -> Role | None:
        """The role of those whom the user did not name: with targets alone given they are controls, and the reverse."""
        said = set(self.given.values())
        if "target" in said and "control" not in said:
            return "control"
        if "control" in said and "target" not in said:
            return "target"
        return None


def _folded(label: str) -> str:
    """A label as it is compared: `crocodile_gena` is «Crocodile Gena»."""
    return normalise(label.replace("_", " "))
