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


def _to_3(db: sqlite3.Connection, run: Path) -> dict[str, Any]:
    """Duplicates keep a value for each objective; a run from before finalists goes on without them."""
    rows = {key: json.loads(data) for key, data in db.execute("SELECT key, data FROM meta")}
    manifest = rows["manifest"]
    found: dict[str, Any] = {"manifest": {**manifest, "options": {"finalists": 0, **manifest["options"]}}}
    for key, twin in rows.items():
        if key.startswith("duplicate:"):
            values = None if twin["value"] is None else [twin["value"]]
            found[key] = {"of": twin["of"], "config": twin["config"], "values": values, "constraints": {}}
    return found


# Version -> what brings a ledger of it to the next: changes the tables, returns the new named values.
MIGRATIONS: dict[int, Callable[[sqlite3.Connection, Path], dict[str, Any]]] = {1: _to_2, 2: _to_3}
