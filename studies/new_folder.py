"""Where a new folder is made: under a hidden name first, in its own place only when all of it is there.

What is not there yet is made beside its place and renamed. An empty folder that is there already is written into: it
may be a mount point, a link or the only folder that its user may write to, none of which can be renamed over.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from skazka_text.problems import InputError, Problem
from studies.files import is_disk_full

# What a file system keeps in its root.
OF_THE_DISK = ("lost+found",)
# The hidden folder inside one that is there already.
DRAFT = ".skazka.new"
# How the names of drafts begin that are cleared by their own process; one may lie in the very source that is read.
TEMPORARY = ".skazka-"


def is_free(target: Path) -> bool:
    """Whether a new folder may come here: nothing is there, or an empty folder. Raises OSError."""
    try:
        # Not lexists, which says of a name that is too long that nothing is there.
        os.lstat(target)
    except FileNotFoundError:
        return True
    return target.is_dir() and all(path.name in (*OF_THE_DISK, DRAFT) for path in target.iterdir())


@contextmanager
def usable(option: str, place: str | Path, remedy: str = "choose another folder") -> Iterator[None]:
    """Refuses, with the system's reason, a place given as `option` that cannot be used; a full disk stays one."""
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:
        if isinstance(error, InputError) or is_disk_full(error):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(Problem("", option, f"{place}: {reason}", remedy)) from error


def _not_empty(option: str, target: Path) -> Problem:
    return Problem("", option, f"{target} is not an empty folder", "choose another folder")


def claim(
    option: str,
    place: str | Path,
    remedy: str = "choose another folder",
    occupied: Callable[[str, Path], Problem] = _not_empty,
) -> Path:
    """The absolute path of a new folder, its parent made. Raises InputError when it cannot be made or holds anything.

    option: what gave the place. occupied: what is said of one that holds something.
    """
    with usable(option, place, remedy):
        target = Path(place).expanduser().absolute()
        if not is_free(target):
            raise InputError(occupied(option, target))
        target.parent.mkdir(parents=True, exist_ok=True)
    return target


@contextmanager
def drafted(
    option: str, place: str | Path, *, last: str, occupied: Callable[[str, Path], Problem] = _not_empty
) -> Iterator[Path]:
    """A folder to write into; what lies there becomes the folder `place`, the file `last` at the end.

    Raises InputError as `claim` does; after any exception nothing is left but what was there.
    """
    target = claim(option, place, occupied=occupied)
    there = target.is_dir()
    with usable(option, place):
        draft = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=target if there else target.parent))
    try:
        yield draft
        if not there:
            # mkdtemp makes it for its owner alone.
            draft.chmod(0o755)
        put_in_place(draft, target, last=last)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def draft_of(target: Path) -> Path:
    """The hidden folder in which the one at `target` is made."""
    return target / DRAFT if target.is_dir() else target.with_name(f".{target.name}.new")


def put_in_place(draft: Path, target: Path, *, last: str) -> None:
    """Give what was made in `draft` its own place.

    last: the file that makes the folder what it is; where the contents are moved one by one it comes last.
    Raises OSError where `target` was filled meanwhile.
    """
    if draft.parent != target:
        draft.rename(target)
        return
    if any(path.name not in OF_THE_DISK and path != draft for path in target.iterdir()):
        raise FileExistsError(f"{target} is not empty")
    for path in sorted(draft.iterdir(), key=lambda path: path.name == last):
        path.rename(target / path.name)
    draft.rmdir()
