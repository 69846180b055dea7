"""Where a new folder is made: under a hidden name first, in its own place only when all of it is there.

What is not there yet is made beside its place and renamed. An empty folder that is there already is written into: it
may be a mount point, a link or the only folder that its user may write to, none of which can be renamed over.
"""

from __future__ import annotations

import os
from pathlib import Path

# What a file system keeps in its root.
OF_THE_DISK = ("lost+found",)
# The hidden folder inside one that is there already.
DRAFT = ".skazka.new"


def is_free(target: Path) -> bool:
    """Whether a new folder may come here: nothing is there, or an empty folder. Raises OSError."""
    try:
        # Not lexists, which says of a name that is too long that nothing is there.
        os.lstat(target)
    except FileNotFoundError:
        return True
    return target.is_dir() and all(path.name in (*OF_THE_DISK, DRAFT) for path in target.iterdir())


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
