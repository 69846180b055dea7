"""Pictures that rows name as another machine did: found below the source by the end of their path."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from studies.importers.found import Found, Skipped
from studies.importers.tree import place_of, walk

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_DRIVE = re.compile(r"[a-z]:[\\/]", re.IGNORECASE)
# Label Studio puts eight digits before the name of an uploaded file, and _ for its spaces.
_UPLOADED = re.compile(r"[0-9a-f]{8}-(?=.)")
# Signs of a path that a remark shows.
SHOWN = 200
Parts = tuple[str, ...]


@dataclass(frozen=True)
class Named:
    """A picture's name in a row, taken apart: its folded parts, and whether they begin on another machine."""

    parts: Parts
    foreign: bool


def locate(rows: Sequence[Found | Skipped], root: Path) -> tuple[list[Found | Skipped], list[str]]:
    """The rows with the pictures that were found below `root`, and a remark on how.

    A path may differ from its file's in Unicode form and case, and in the folders before it: the file's path is the
    end of the row's, or the row's the end of the file's. A path of another machine or of the web may share less, down
    to the file's name, where no other file and no other row has that name.
    """
    lost = {row.name: as_named(row.name) for row in rows if isinstance(row, Found) and not os.path.isfile(row.picture)}
    found = _matches(lost, root) if lost else {}
    located = [
        replace(row, picture=found[row.name]) if isinstance(row, Found) and row.name in found else row for row in rows
    ]
    moved = {name: path for name, path in found.items() if len(lost[name].parts) != len(path.relative_to(root).parts)}
    if not moved:
        return located, []
    name, path = next(iter(moved.items()))
    return located, [
        f"{len(moved)} pictures found by the end of their path, first {name[:SHOWN]} as {place_of(path, root)}: "
        "if that is wrong, say where they lie with --pictures"
    ]


def as_named(name: str) -> Named:
    """Take a name apart: a path, a path of Windows, an address, or Label Studio's `/data/local-files/?d=…`."""
    text = name.strip()
    foreign = bool(_ADDRESS.match(text) or _DRIVE.match(text) or text.startswith(("/", "\\", "~")))
    if foreign:
        text = _path_of_address(text)
    parts = [part for part in text.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return Named(tuple(_folded(part) for part in parts), foreign)


def _path_of_address(text: str) -> str:
    """The path in an address or export, without percent signs; a drive's letter is no part of it."""
    if _DRIVE.match(text):
        return text[2:]
    try:
        address = urlsplit(text)
    except ValueError:
        return text
    asked = parse_qs(address.query).get("d")
    return unquote(asked[0] if asked else address.path) if address.scheme or asked else text


def _folded(part: str) -> str:
    return unicodedata.normalize("NFC", part).casefold().replace(" ", "_")


def _matches(lost: Mapping[str, Named], root: Path) -> dict[str, Path]:
    """Row's name -> file; no file for two names that are different paths."""
    files: dict[str, list[tuple[Parts, Path]]] = defaultdict(list)
    for file in walk(root).files:
        # A file may itself be named as on Windows: by unpacking an archive from there.
        place = file.relative_to(root).as_posix().replace("\\", "/")
        parts = tuple(_folded(part) for part in place.split("/"))
        files[parts[-1]].append((parts, file))
    same_name = Counter(parts[-1] for parts in {named.parts for named in lost.values()} if parts)
    found: dict[str, Path] = {}
    for name, named in lost.items():
        if (path := _match(named, files, same_name)) is not None:
            found[name] = path
    owners: dict[Path, set[Parts]] = defaultdict(set)
    for name, path in found.items():
        owners[path].add(lost[name].parts)
    return {name: path for name, path in found.items() if len(owners[path]) == 1}


def _match(named: Named, files: Mapping[str, list[tuple[Parts, Path]]], same_name: Mapping[str, int]) -> Path | None:
    """The one file that shares the longest end with a row's path."""
    if not named.parts:
        return None
    for parts in dict.fromkeys((named.parts, _uploaded_as(_unquoted(named.parts)))):
        ends = [(_shared_end(parts, file), file, path) for file, path in files.get(parts[-1], ())]
        whole = [(shared, path) for shared, file, path in ends if shared == min(len(parts), len(file))]
        part = [(shared, path) for shared, _, path in ends if named.foreign and same_name[named.parts[-1]] == 1]
        for likely in (whole, part):
            longest = max((shared for shared, _ in likely), default=0)
            best = [path for shared, path in likely if shared == longest]
            if len(best) == 1:
                return best[0]
    return None


def _unquoted(parts: Parts) -> Parts:
    return tuple(_folded(unquote(part)) for part in parts)


def _uploaded_as(parts: Parts) -> Parts:
    return (*parts[:-1], _UPLOADED.sub("", parts[-1], count=1) if _UPLOADED.match(parts[-1]) else parts[-1])


def _shared_end(one: Parts, other: Parts) -> int:
    """How many parts two paths share at their end."""
    count = 0
    for left, right in zip(reversed(one), reversed(other), strict=False):
        if left != right:
            break
        count += 1
    return count
