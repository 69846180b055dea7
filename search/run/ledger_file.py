"""How a ledger lies in SQLite: tables, checksums, and what SQLite's errors mean."""

from __future__ import annotations

import hashlib
import json
import math
import os
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skazka_text.problems import Refusal
from studies.files import DiskFull, is_disk_full

SCHEMA_VERSION = 3
RESTORE = "skazka resume restores it from its backup"
# Keys are columns so that they can be found; everything else of a row is canonical JSON under a checksum.
TABLES = {
    "trials": ("id TEXT PRIMARY KEY, number INTEGER UNIQUE NOT NULL", ""),
    "attempts": ("n INTEGER PRIMARY KEY AUTOINCREMENT, trial TEXT NOT NULL", ""),
    "epochs": (
        "n INTEGER PRIMARY KEY AUTOINCREMENT, trial TEXT NOT NULL, epoch INTEGER NOT NULL",
        ", UNIQUE (trial, epoch)",
    ),
    "answers": ("trial TEXT NOT NULL, split TEXT NOT NULL, probe TEXT NOT NULL", ", PRIMARY KEY (trial, split, probe)"),
    "meta": ("key TEXT PRIMARY KEY", ""),
}
KEYS = {
    "trials": ("id", "number"),
    "attempts": ("trial",),
    "epochs": ("trial", "epoch"),
    "answers": ("trial", "split", "probe"),
    "meta": ("key",),
}
# What SQLite raises for a damaged file; the second where its message quotes a damaged schema.
SQLITE_ERRORS = (sqlite3.DatabaseError, UnicodeDecodeError)
# Errors of SQLite that say nothing of what the file holds.
_NOT_DAMAGE = ("SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_NOMEM")
# Bytes; SQLite's -shm file begins with 32 KiB.
_SHARED_INDEX = 64 * 1024
# The other tables have an index by their keys: a row that vanishes from the one is missed by the other.
ATTEMPTS_INDEX = "CREATE UNIQUE INDEX attempts_of_trial ON attempts (trial, n)"


class LedgerError(Refusal, RuntimeError):
    """A ledger that cannot be used: it is locked, cannot be reached, or has a schema of another version."""


class LedgerDamaged(LedgerError):
    """A ledger that cannot be trusted: a damaged page or row, or something missing."""


def meaning(path: Path, error: Exception) -> Exception:
    """What an error of SQLite says of the ledger at `path`: DiskFull, LedgerError or LedgerDamaged."""
    name = getattr(error, "sqlite_errorname", "")
    elsewhere = name.startswith(_NOT_DAMAGE) and name != "SQLITE_IOERR_SHORT_READ"
    if is_disk_full(error) or (elsewhere and no_room(path)):
        return DiskFull(f"{path.name}: no space left on the disk")
    if elsewhere:
        return LedgerError(f"{path.name}: {error}", "look at the disk and at who else uses the run")
    return LedgerDamaged(f"{path.name}: cannot be used ({error})", RESTORE)


def no_room(path: Path) -> bool:
    """Whether the disk lacks the room of SQLite's shared index, which it then calls an I/O error."""
    try:
        status = os.statvfs(path.parent)
    except OSError:
        return False
    return status.f_bavail * status.f_frsize < _SHARED_INDEX


def canonical(value: Any) -> str:
    """JSON with sorted keys and no NaN: a missing number is null."""
    return json.dumps(_finite(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def checksum_of(table: str, key: tuple[Any, ...], data: str) -> str:
    return hashlib.sha256(f"{table}\0{key}\0{data}".encode()).hexdigest()[:24]


def put_meta(db: sqlite3.Connection, key: str, value: Any) -> None:
    """Keep one named value of the run, within a transaction."""
    data = canonical(value)
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?, ?)", (key, data, checksum_of("meta", (key,), data)))
