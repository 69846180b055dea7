"""From each released version of the ledger to the next."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any


def _to_2(db: sqlite3.Connection, run: Path) -> dict[str, Any]:
    """The manifest moves into the ledger; the frozen files get their hashes; attempts get an index."""
    from search.ledger_file import ATTEMPTS_INDEX
    from search.run_folder import RunFolder

    db.execute(ATTEMPTS_INDEX)
    folder = RunFolder(run)
    manifest = json.loads(folder.manifest_file.read_text(encoding="utf-8"))
    return {"manifest": manifest, "frozen": folder.hashes()}


# Version -> what brings a ledger of it to the next: changes the tables, returns the new named values.
MIGRATIONS: dict[int, Callable[[sqlite3.Connection, Path], dict[str, Any]]] = {1: _to_2}
