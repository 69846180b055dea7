"""The ledger of a run: what was tried, what came of it. Written by the driver alone, verified on every read."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from trainables.answers import GradedAnswer, graded_from_data, graded_to_data
from trainables.metrics import SCORES, better, rank

Kind = Literal["baseline", "search", "finalist"]
State = Literal["pending", "running", "completed", "stopped", "failed", "interrupted"]
STATES: tuple[State, ...] = ("completed", "stopped", "failed", "interrupted", "running", "pending")
SCORED: tuple[State, ...] = ("completed", "stopped")
SCHEMA_VERSION = 1
BASE = "base"
log = logging.getLogger(__name__)

# Keys are columns so that they can be found; everything else of a row is canonical JSON under a checksum.
_TABLES = {
    "trials": ("id TEXT PRIMARY KEY, number INTEGER UNIQUE NOT NULL", ""),
    "attempts": ("n INTEGER PRIMARY KEY AUTOINCREMENT, trial TEXT NOT NULL", ""),
    "epochs": (
        "n INTEGER PRIMARY KEY AUTOINCREMENT, trial TEXT NOT NULL, epoch INTEGER NOT NULL",
        ", UNIQUE (trial, epoch)",
    ),
    "answers": ("trial TEXT NOT NULL, split TEXT NOT NULL, probe TEXT NOT NULL", ", PRIMARY KEY (trial, split, probe)"),
    "meta": ("key TEXT PRIMARY KEY", ""),
}


class LedgerError(RuntimeError):
    """A ledger that cannot be trusted: a damaged row, or a schema of another version."""


@dataclass(frozen=True)
class TrialRow:
    """One trial. Score and parts are those of its best evaluated epoch; None until there is one.

    in_space: whether the named space could suggest it; only such trials are told to Optuna.
    started, finished: seconds since 1970 on the driver's clock.
    """

    id: str
    number: int
    kind: Kind
    name: str
    config: dict[str, Any]
    seed: int
    in_space: bool
    state: State = "pending"
    best_epoch: int | None = None
    score: float | None = None
    gain: float | None = None
    degradation: float | None = None
    hallucination: float | None = None
    name_margin: float | None = None
    error: str | None = None
    started: float | None = None
    finished: float | None = None


class Ledger:
    """Opens lazily and pickles as its path: Tune pickles whoever holds one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: sqlite3.Connection | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "_connection": None}

    @classmethod
    def create(cls, path: Path, *, shared: bool = False) -> Ledger:
        """Make a new, empty ledger; `shared`: on a network disk, where SQLite's WAL does not work."""
        ledger = cls(path)
        ledger._db().execute(f"PRAGMA journal_mode={'DELETE' if shared else 'WAL'}")
        with ledger._commit() as db:
            for table, (columns, constraint) in _TABLES.items():
                db.execute(f"CREATE TABLE {table} ({columns}, data TEXT NOT NULL, checksum TEXT NOT NULL{constraint})")
        ledger.set_meta("schema", SCHEMA_VERSION)
        return ledger

    def close(self) -> None:
        """Close the connection; the next use opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # -- writing ---------------------------------------------------------------------------------

    def add(self, row: TrialRow) -> None:
        """Enter a trial that has just been asked for."""
        with self._commit() as db:
            self._put_trial(db, row)

    def start(self, trial: str) -> None:
        """A new attempt of a trial begins."""
        row = self.trial(trial)
        started = row.started if row.started is not None else time.time()
        with self._commit() as db:
            self._append_attempt(db, trial, "started", None)
            self._put_trial(db, _replace(row, state="running", started=started, error=None, finished=None))

    def record_epoch(
        self, trial: str, epoch: int, metrics: Mapping[str, Any], answers: Sequence[GradedAnswer] = ()
    ) -> bool:
        """Enter one epoch's metrics, with the graded answers where the probes were asked.

        An epoch that stands already is left as it is. Returns whether it was new.
        """
        with self._commit() as db:
            known = db.execute("SELECT 1 FROM epochs WHERE trial=? AND epoch=?", (trial, epoch)).fetchone()
            if known:
                return False
            data = _canonical({"time": time.time(), "metrics": dict(metrics)})
            checksum = _checksum("epochs", (trial, epoch), data)
            db.execute(
                "INSERT INTO epochs (trial, epoch, data, checksum) VALUES (?, ?, ?, ?)", (trial, epoch, data, checksum)
            )
            row = self.trial(trial)
            if metrics.get("score") is not None and better(metrics, vars(row)):
                best = {name: metrics.get(name) for name in SCORES}
                self._put_trial(db, _replace(row, best_epoch=epoch, **best))
                self._put_answers(db, trial, "search", answers)
        return True

    def finish(self, trial: str, state: State, error: str | None = None) -> None:
        """An attempt ended: completed, stopped, failed or interrupted."""
        row = self.trial(trial)
        if row.state in (*SCORED, "failed"):
            # Tune reports an error after the end when its own bookkeeping fails: the end stands.
            return
        with self._commit() as db:
            self._append_attempt(db, trial, state, error)
            self._put_trial(db, _replace(row, state=state, error=error, finished=time.time()))
        self.backup()

    def interrupt(self, cause: str) -> None:
        """Whatever still counts as running was cut off: it stays to be resumed."""
        for row in self.trials():
            if row.state == "running":
                self.finish(row.id, "interrupted", cause)

    def put_answers(self, trial: str, split: str, answers: Sequence[GradedAnswer]) -> None:
        """Keep the answers of a trial (or of the bare base) to a split's probes."""
        with self._commit() as db:
            self._put_answers(db, trial, split, answers)

    def set_meta(self, key: str, value: Any) -> None:
        """Keep one named value of the run."""
        data = _canonical(value)
        with self._commit() as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?, ?)", (key, data, _checksum("meta", (key,), data)))

    def backup(self) -> None:
        """Copy the ledger beside itself, whole, by SQLite's own backup; a failure to is only a warning."""
        copy = self.path.with_suffix(".backup.sqlite")
        try:
            with closing(sqlite3.connect(copy)) as target:
                self._db().backup(target)
        except sqlite3.Error as error:
            log.warning("%s was not written: %s", copy.name, error)

    # -- reading ---------------------------------------------------------------------------------

    def trials(self) -> list[TrialRow]:
        """Every trial, in the order of its number."""
        return [TrialRow(**data) for _, data in self._read("trials", ("id", "number"), "ORDER BY number")]

    def trial(self, trial: str) -> TrialRow:
        """One trial. Raises KeyError when there is none."""
        for _, data in self._read("trials", ("id", "number"), "WHERE id=?", (trial,)):
            return TrialRow(**data)
        raise KeyError(trial)

    def epochs(self, trial: str) -> list[dict[str, Any]]:
        """The metrics of a trial's epochs, each with its `epoch`."""
        rows = self._read("epochs", ("trial", "epoch"), "WHERE trial=? ORDER BY epoch", (trial,))
        return [{"epoch": key[1], **data["metrics"]} for key, data in rows]

    def epochs_in_commit_order(self) -> list[tuple[str, dict[str, Any]]]:
        """(trial, metrics) of every epoch as they were committed: what a scheduler saw."""
        rows = self._read("epochs", ("trial", "epoch"), "ORDER BY n")
        return [(key[0], {"epoch": key[1], **data["metrics"]}) for key, data in rows]

    def attempts(self, trial: str) -> list[dict[str, Any]]:
        """What happened to a trial, in order: each with `event`, `cause` and `time`."""
        return [data for _, data in self._read("attempts", ("trial",), "WHERE trial=? ORDER BY n", (trial,))]

    def answers(self, trial: str, split: str = "search") -> list[GradedAnswer]:
        """The graded answers of a trial's best epoch, or of `BASE`, in the order of the probes."""
        rows = self._read("answers", ("trial", "split", "probe"), "WHERE trial=? AND split=?", (trial, split))
        return [graded_from_data(data) for _, data in sorted(rows, key=lambda item: item[1]["place"])]

    def meta(self, key: str, default: Any = None) -> Any:
        """One named value of the run."""
        for _, data in self._read("meta", ("key",), "WHERE key=?", (key,)):
            return data
        return default

    def metas(self, prefix: str) -> dict[str, Any]:
        """All named values whose name begins with `prefix`."""
        return {key[0]: data for key, data in self._read("meta", ("key",), "") if key[0].startswith(prefix)}

    # -- inside ----------------------------------------------------------------------------------

    def _db(self) -> sqlite3.Connection:
        if self._connection is None:
            # On a disk that cannot be written SQLite needs to be told that nobody else writes either.
            mode = "rwc" if os.access(self.path.parent, os.W_OK) else "ro&immutable=1"
            uri = f"file:{quote(str(self.path))}?mode={mode}"
            self._connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=30)
            self._connection.execute("PRAGMA synchronous=FULL")
        return self._connection

    @contextmanager
    def _commit(self) -> Iterator[sqlite3.Connection]:
        db = self._db()
        db.execute("BEGIN IMMEDIATE")
        try:
            yield db
        except BaseException:
            db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")

    def _put_trial(self, db: sqlite3.Connection, row: TrialRow) -> None:
        data = _canonical(vars(row))
        checksum = _checksum("trials", (row.id, row.number), data)
        db.execute("INSERT OR REPLACE INTO trials VALUES (?, ?, ?, ?)", (row.id, row.number, data, checksum))

    def _append_attempt(self, db: sqlite3.Connection, trial: str, event: str, cause: str | None) -> None:
        data = _canonical({"event": event, "cause": cause, "time": time.time()})
        checksum = _checksum("attempts", (trial,), data)
        db.execute("INSERT INTO attempts (trial, data, checksum) VALUES (?, ?, ?)", (trial, data, checksum))

    def _put_answers(self, db: sqlite3.Connection, trial: str, split: str, answers: Sequence[GradedAnswer]) -> None:
        db.execute("DELETE FROM answers WHERE trial=? AND split=?", (trial, split))
        for place, graded in enumerate(answers):
            probe = graded.answer.probe
            data = _canonical({"place": place, **graded_to_data(graded)})
            checksum = _checksum("answers", (trial, split, probe), data)
            db.execute("INSERT INTO answers VALUES (?, ?, ?, ?, ?)", (trial, split, probe, data, checksum))

    def _read(
        self, table: str, keys: Sequence[str], where: str, values: Sequence[Any] = ()
    ) -> list[tuple[tuple[Any, ...], Any]]:
        try:
            rows = self._db().execute(f"SELECT {', '.join(keys)}, data, checksum FROM {table} {where}", values)
            found = rows.fetchall()
        except sqlite3.DatabaseError as error:
            raise LedgerError(f"{self.path.name}: cannot be read ({error}) — restore it from its backup") from error
        result = []
        for *key, data, checksum in found:
            if _checksum(table, tuple(key), data) != checksum:
                raise LedgerError(f"{self.path.name}: table {table}, row {key} is damaged — restore it from its backup")
            result.append((tuple(key), json.loads(data)))
        return result


def _replace(row: TrialRow, **changes: Any) -> TrialRow:
    return TrialRow(**{**vars(row), **changes})


def _canonical(value: Any) -> str:
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


def _checksum(table: str, key: tuple[Any, ...], data: str) -> str:
    return hashlib.sha256(f"{table}\0{key}\0{data}".encode()).hexdigest()[:24]


def ranked(rows: Sequence[TrialRow]) -> list[TrialRow]:
    """Completed and stopped trials that have a score, best first; equal ones in the order of their numbers."""
    found = [row for row in rows if row.state in SCORED and row.score is not None]
    return sorted(sorted(found, key=lambda row: row.number), key=lambda row: rank(vars(row)), reverse=True)
