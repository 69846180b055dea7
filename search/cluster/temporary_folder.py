"""Where a Ray that is started here keeps its sockets and logs: in a folder whose path leaves room for the sockets'."""

from __future__ import annotations

import os
from pathlib import Path

from ray._common.utils import get_default_ray_temp_dir

from skazka_text.problems import InputError, Problem

# Bytes that the operating system allows for the path of a socket (104 and 108 with the final zero).
MAX_SOCKET = 103 if os.uname().sysname == "Darwin" else 107
# What Ray adds to its folder, at its longest.
SOCKET = "/session_2026-01-01_00-00-00_000000_4194304/sockets/plasma_store_1"
SHORT = ("/tmp", "/var/tmp")


def ray_folder() -> Path:
    """Ray's own folder ($RAY_TMPDIR or $TMPDIR), or a shorter one where that is too long or cannot be written to.

    Raises InputError where there is none.
    """
    own = default_folder()
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    # The folder /tmp/ray may be another user's.
    names = ("ray", f"ray-{os.getuid()}")
    others = [Path(place) / name for place in (*SHORT, *filter(None, [runtime])) for name in names]
    for folder in (own, *others):
        if why_not(folder) is None:
            return folder
    remedy = "set RAY_TMPDIR to a folder with a short path that can be written to"
    raise InputError(Problem("", "TMPDIR", f"{own} {why_not(own)}, and no other folder will do", remedy))


def default_folder() -> Path:
    """Where Ray itself would go."""
    return Path(get_default_ray_temp_dir()).absolute()


def why_not(folder: Path) -> str | None:
    """Why Ray cannot use a folder; None where it can."""
    if len(os.fsencode(folder)) + len(SOCKET) > MAX_SOCKET:
        return f"is too long for Ray's sockets ({MAX_SOCKET} bytes)"
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        return "cannot be written to"
    return None
