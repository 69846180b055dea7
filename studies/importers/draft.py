"""A folder that is written whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from skazka_text.problems import InputError, Problem
from studies.files import is_disk_full
from studies.new_folder import is_free, put_in_place

# How the name of a draft begins: it may lie in the very source that is read.
DRAFT = ".skazka-"


@contextmanager
def drafted(to: Path, last: str) -> Iterator[Path]:
    """A folder to write into; what lies there becomes the folder `to`, the file `last` at the end.

    Raises InputError when the place holds anything; after any exception nothing is left but what was there.
    """
    target, there = _place(to)
    with _usable(to):
        target.parent.mkdir(parents=True, exist_ok=True)
        # Inside a folder that is there: it may be a mount point, which can neither be replaced nor moved into.
        draft = Path(tempfile.mkdtemp(prefix=DRAFT, dir=target if there else target.parent))
    try:
        yield draft
        if not there:
            draft.chmod(0o755)
        put_in_place(draft, target, last=last)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _place(to: Path) -> tuple[Path, bool]:
    """The absolute path, and whether an empty folder is there."""
    with _usable(to):
        target = to.expanduser().absolute()
        if not os.path.lexists(target):
            return target, False
        if not is_free(target):
            raise InputError(Problem("", "DIR", f"{to} is not an empty folder", "choose another one"))
        return target, True


@contextmanager
def _usable(to: Path) -> Iterator[None]:
    """Says of a path that cannot be used why not."""
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:
        if isinstance(error, InputError) or is_disk_full(error):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(Problem("", "DIR", f"{to}: {reason}", "choose another folder")) from error
