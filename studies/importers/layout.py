"""Which of the folders above a picture says who is on it, and which on what side it stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from studies.importers.found import Side, side_of
from studies.text import normalise

Folders = tuple[str, ...]


def folded(label: str) -> str:
    """A label as it is compared: `crocodile_gena` is «Crocodile Gena»; one without any word is only itself."""
    return normalise(label.replace("_", " ")) or label


def arrange(paths: Sequence[Folders], known: set[str]) -> list[tuple[str | None, Side | None]]:
    """(character's folder, side) for the folders above each picture, outermost first.

    Read are `train/NAME/…`, `NAME/train/…`, and both below folders that hold everything; `known`: folded names of
    characters, who are found wherever their folder stands.
    """
    level = _side_level(paths)
    # Pictures that lie in `train` itself are of nobody where others lie in `train/NAME`.
    above = any(len(folders) > 1 and side_of(folders[0]) for folders in paths)
    split = [_without_side(folders, level, known, above) for folders in paths]
    known = known | {folded(rest[0]) for rest, side in split if side and len(rest) == 1}
    names = _characters([rest for rest, _ in split], known)
    return [(name, side) for name, (_, side) in zip(names, split, strict=True)]


def _side_level(paths: Sequence[Folders]) -> int | None:
    """How deep the sides stand: the first level where all folders are sides; None where there is none."""
    for level in range(max(map(len, paths), default=0)):
        there = [folders for folders in paths if len(folders) > level]
        if all(side_of(folders[level]) for folders in there) and any(len(folders) > 1 for folders in there):
            return level
    return None


def _without_side(folders: Folders, level: int | None, known: set[str], above: bool) -> tuple[Folders, Side | None]:
    def at(place: int) -> tuple[Folders, Side | None]:
        return folders[:place] + folders[place + 1 :], side_of(folders[place])

    if level is not None:
        return at(level) if len(folders) > level else (folders, None)
    sides = [place for place, name in enumerate(folders) if side_of(name) and folded(name) not in known]
    return at(sides[0]) if sides and (above or len(folders) > 1) else (folders, None)


def _characters(paths: Sequence[Folders], known: set[str]) -> list[str | None]:
    """The character's folder of each: a known name, else the folder as deep as known names mostly stand."""
    depths = Counter(depth for folders in paths for depth, name in enumerate(folders) if folded(name) in known)
    level = depths.most_common(1)[0][0] if depths else _shared(paths)

    def of(folders: Folders) -> str | None:
        named = [name for name in folders if folded(name) in known]
        return named[0] if named else folders[min(level, len(folders) - 1)] if folders else None

    return [of(folders) for folders in paths]


def _shared(paths: Sequence[Folders]) -> int:
    """How many folders hold everything, one for the character left out."""
    named = [folders for folders in paths if folders]
    level = 0
    while named and all(
        len(folders) > level + 1 and folders[: level + 1] == named[0][: level + 1] for folders in named
    ):
        level += 1
    return level
