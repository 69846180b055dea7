"""The files below a source's folder, and what is passed by there: nothing outside is read, and nothing vanishes."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studies.importers.hub_cache import blobs_of
from studies.new_folder import TEMPORARY

PICTURES = (
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".jfi", ".pjpeg", ".pjp"),
    *(
        ".webp",
        ".gif",
        ".bmp",
        ".dib",
        ".tif",
        ".tiff",
        ".avif",
        ".avifs",
        ".heic",
        ".heics",
        ".heif",
        ".heifs",
        ".hif",
    ),
)
# How files of these formats begin; TIFF is not among them, for so begin the raw files of cameras.
_BEGINNING = re.compile(
    rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|GIF8[79]a|RIFF....WEBP|....ftyp(avif|hei[cxms]|hev[cx])", re.DOTALL
)
_OF_THE_SYSTEM = {"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin", "lost+found"}
_OF_THE_SYSTEM |= {"system volume information", "__pycache__", "icon\r"}
# A file that only such a folder has -> what the folder is.
_OURS = {
    "study.yaml": "a study",
    "ledger.sqlite": "a run",
    "adapter_config.json": "an adapter",
    "report.html": "a report",
}
# A link of a system that has links, on one that has none: a short text in place of the file.
_TEXT_LINK = re.compile(rb"(/|\.\.?/)[^\0\r\n]{1,1000}\n?")

REMEDIES = {
    "a link that leaves the source": "copy in what it points to, or give the folder that holds both",
    "a link copied as text": "copy the source anew with its links (cp -a, rsync -a; git: core.symlinks=true)",
    "a link to nothing": "copy in what it should point to",
    "hidden": "rename what is to be read, without the dot",
    "cannot be opened": "give yourself the right to read it",
}
REMEDY_OF_SUFFIX = {
    **dict.fromkeys((".zip", ".tar", ".gz", ".tgz", ".rar", ".7z", ".xz", ".zst"), "unpack it"),
    **dict.fromkeys((".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".3gp"), "save frames of it as pictures"),
    **dict.fromkeys((".csv", ".tsv", ".json", ".jsonl", ".parquet"), "to read it as rows: --from FILE"),
    **dict.fromkeys((".svg", ".psd", ".ico", ".jp2", ".jxl", ".tga", ".xcf", ".eps", ".pdf"), "save it as PNG"),
    **dict.fromkeys((".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2"), "save it as JPEG or PNG"),
}


@dataclass(frozen=True)
class Unread:
    """Something below a source that is no data. place: within the source. what: its kind. to: where a link leads."""

    place: str
    what: str
    to: str = ""


@dataclass(frozen=True)
class Tree:
    """files: every file that may be read, sorted. unread: what was passed by, folders once."""

    root: Path
    files: list[Path]
    unread: list[Unread]

    @property
    def pictures(self) -> list[Path]:
        """The files that are pictures by their suffix, or by their beginning."""
        return [path for path in self.files if is_picture(path)]


def is_picture(path: Path) -> bool:
    """Whether a file is taken for a picture: by a usual suffix, and with any other one by how it begins."""
    if path.suffix.lower() in PICTURES:
        return True
    try:
        with path.open("rb") as file:
            return _BEGINNING.match(file.read(12)) is not None
    except OSError:
        return False


def place_of(path: Path, root: Path) -> str:
    """Where a file lies, as text whatever bytes its name has."""
    return readable(path.relative_to(root).as_posix())


def readable(name: str) -> str:
    """A name of the file system as text: composed, and without bytes that are none."""
    return unicodedata.normalize("NFC", name.encode("utf-8", "backslashreplace").decode())


def inside(path: Path, root: Path) -> bool:
    """Whether a file lies in the source's folder, links followed; for a snapshot of the hub also among its blobs."""
    real, real_root = path.resolve(), root.resolve()
    return real.is_relative_to(real_root) or real.parent == blobs_of(real_root)


def walk(root: Path) -> Tree:
    """Every file below a folder. Links are followed inside the source, those to folders one deep."""
    walker = _Walker(root)
    walker.run()
    return Tree(root, sorted(walker.files), sorted(walker.unread, key=lambda unread: unread.place))


class _Walker:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.real_root = root.resolve()
        self.blobs = blobs_of(self.real_root)
        self.files: list[Path] = []
        self.unread: list[Unread] = []
        # The file itself -> the place that links to it.
        self.linked: dict[Path, Path] = {}

    def run(self) -> None:
        folders = [(self.root, False)]
        while folders:
            folders += self._folder(*folders.pop())
        twice = {path for path in self.files if self.real_root / path.relative_to(self.root) in self.linked}
        self.files = [path for path in self.files if path not in twice]
        for path in twice:
            self.pass_by(path, "read where a link names it")

    def pass_by(self, path: Path, what: str) -> None:
        to = readable(os.readlink(path)) if path.is_symlink() else ""
        self.unread.append(Unread(place_of(path, self.root), what, to))

    def _folder(self, folder: Path, linked: bool) -> list[tuple[Path, bool]]:
        """Take the files of a folder; return the folders in it, each with whether a link led there."""
        try:
            names = sorted(os.listdir(folder))
        except OSError:
            self.pass_by(folder, "cannot be opened")
            return []
        ours = next((what for name, what in _OURS.items() if name in names), None)
        if ours is not None and folder != self.root:
            self.pass_by(folder, ours)
            return []
        return [below for name in names for below in self._entry(folder / name, linked)]

    def _entry(self, path: Path, linked: bool) -> list[tuple[Path, bool]]:
        if path.name.startswith(TEMPORARY):
            return []
        if path.name.casefold() in _OF_THE_SYSTEM or path.name == ".DS_Store":
            self.pass_by(path, "left by the system")
        elif path.name.startswith("."):
            self.pass_by(path, "hidden")
        elif path.is_symlink():
            return self._link(path, linked)
        elif os.path.isdir(path):
            return [(path, linked)]
        elif not os.path.isfile(path):
            self.pass_by(path, "neither file nor folder")
        elif _is_text_link(path):
            self.pass_by(path, "a link copied as text")
        else:
            self.files.append(path)
            if linked:
                self.linked[path.resolve()] = path
        return []

    def _link(self, path: Path, linked: bool) -> list[tuple[Path, bool]]:
        # Not Path.resolve, which raises for links in a circle.
        real = Path(os.path.realpath(path))
        if not os.path.exists(path):
            self.pass_by(path, "a link to nothing")
        elif not (real.is_relative_to(self.real_root) or real.parent == self.blobs):
            self.pass_by(path, "a link that leaves the source")
        elif os.path.isfile(real):
            self.files.append(path)
            self.linked[real] = path
        elif path.parent.resolve().is_relative_to(real):
            self.pass_by(path, "a link to a folder above it")
        elif linked:
            self.pass_by(path, "a link below a linked folder")
        else:
            return [(path, True)]
        return []


def _is_text_link(path: Path) -> bool:
    try:
        if path.stat().st_size > 1024:
            return False
        return _TEXT_LINK.fullmatch(path.read_bytes()) is not None
    except OSError:
        return False


def unused(tree: Tree, used: Iterable[Path]) -> list[Unread]:
    """All that was not read of a source, the files of no use among it."""
    known = {os.path.realpath(path) for path in used}
    left = [path for path in tree.files if os.path.realpath(path) not in known]
    return [*tree.unread, *(Unread(place_of(path, tree.root), _kind(path)) for path in left)]


def _kind(path: Path) -> str:
    if is_picture(path):
        return "a picture that no row names"
    return f"{readable(path.suffix).lower()} file" if path.suffix else "file without a suffix"


def summary(unread: Iterable[Unread]) -> list[dict[str, Any]]:
    """One entry a kind: how many, in which folders, the first, and a remedy where there is one."""
    kinds: dict[str, list[Unread]] = defaultdict(list)
    for one in unread:
        kinds[one.what].append(one)
    return [
        {
            "what": what,
            "count": len(found),
            "folders": dict(Counter(one.place.rpartition("/")[0] or "." for one in found)),
            "first": " -> ".join(filter(None, (found[0].place, found[0].to))),
            "remedy": REMEDIES.get(what) or REMEDY_OF_SUFFIX.get(what.removesuffix(" file"), ""),
        }
        for what, found in sorted(kinds.items())
    ]
