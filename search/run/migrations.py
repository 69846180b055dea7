"""From each released version of the ledger to the next."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from search.run.layout import RunLayout
from search.run.ledger import Ledger
from search.run.ledger_file import ATTEMPTS_INDEX, SCHEMA_VERSION, LedgerDamaged, LedgerError, put_meta
from studies.files import is_disk_full


def _to_2(db: sqlite3.Connection, run: Path) -> dict[str, Any]:
    """The manifest moves into the ledger; the frozen files get their hashes; attempts get an index."""
    db.execute(ATTEMPTS_INDEX)
    layout = RunLayout(run)
    manifest = json.loads(layout.manifest_file.read_text(encoding="utf-8"))
    return {"manifest": manifest, "frozen": layout.hashes()}


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


def migrate(ledger: Ledger) -> None:
    """Bring a ledger of an older version to this one's. Raises LedgerError when it cannot be."""
    name, version = ledger.path.name, ledger.meta("schema")
    if version == SCHEMA_VERSION:
        return
    if version not in MIGRATIONS:
        message = f"{name} has schema {version}, this skazka-tune reads up to {SCHEMA_VERSION}"
        raise LedgerError(message, "install a newer one")
    try:
        with ledger.transaction() as db:
            # Read anew: another process may have been quicker.
            for step in range(ledger.meta("schema"), SCHEMA_VERSION):
                for key, value in MIGRATIONS[step](db, ledger.path.parent).items():
                    put_meta(db, key, value)
            put_meta(db, "schema", SCHEMA_VERSION)
    except (LedgerDamaged, OSError, ValueError) as error:
        if is_disk_full(error):
            raise
        message = f"{name} has schema {version} and cannot be brought to {SCHEMA_VERSION} ({error})"
        remedy = "restore what is missing, or go on with the release that wrote it"
        raise LedgerError(message, remedy) from error
