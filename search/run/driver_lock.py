"""Who drives a run: one process at a time, by a lock in the run folder.

The lock is the operating system's: a dead process holds none.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from skazka_text.problems import InputError, Problem

LOCK = "driver.lock"
# Seconds before each attempt: whoever only looks holds the lock for a moment.
ATTEMPTS = (0.0, 0.2, 0.2, 0.2)


@contextmanager
def driving(run: Path) -> Iterator[None]:
    """Hold the run in that folder as its only driver. Raises InputError while another process does."""
    with (run / LOCK).open("w") as file:
        if not any(_taken(file, fcntl.LOCK_EX, after) for after in ATTEMPTS):
            message = f"{run} is being driven by another process"
            raise InputError(Problem("", "RUN", message, "wait for it, or see skazka status"))
        yield


def is_driven(run: Path) -> bool:
    """Whether a process holds the run in that folder as its driver; where that cannot be seen, it may be so."""
    try:
        with (run / LOCK).open() as file:
            return not _taken(file, fcntl.LOCK_SH)
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _taken(file: IO[str], kind: int, after: float = 0.0) -> bool:
    """Whether a lock could be taken, `after` so many seconds."""
    time.sleep(after)
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
