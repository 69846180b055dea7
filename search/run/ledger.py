"""The ledger of a run: what was tried, what came of it. Written by the driver alone, verified on every read."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from search.run.ledger_file import (
    ATTEMPTS_INDEX,
    KEYS,
    RESTORE,
    SCHEMA_VERSION,
    SQLITE_ERRORS,
    TABLES,
    LedgerDamaged,
    LedgerError,
    canonical,
    checksum_of,
    meaning,
    no_room,
    put_meta,
)
from search.run.trial_row import ENDED, End, State, TrialRow
from skazka_text.printable import printable
from skazka_text.secrets import redact
from studies.files import replacing
from trainables.answers import GradedAnswer, graded_from_data, graded_to_data
from trainables.metrics import SCORES, better

BASE = "base"
log = logging.getLogger(__name__)


class Ledger:
    """Opens lazily and pickles as its path: Tune pickles whoever holds one."""

    def __init__(self, path: Path, *, at_rest: bool = False) -> None:
        """`at_rest`: nobody writes to the file any more; it is read as it is, and nothing is put beside it."""
        self.path = path
        self.at_rest = at_rest
        self._connection: sqlite3.Connection | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_connection": None}

    @classmethod
    def create(cls, path: Path, *, shared: bool = False) -> Ledger:
        """Make a new, empty ledger; `shared`: on a network disk, where SQLite's WAL does not work."""
        ledger = cls(path)
        path.touch()
        ledger._db().execute(f"PRAGMA journal_mode={'DELETE' if shared else 'WAL'}")
        with ledger.transaction() as db:
            for table, (columns, constraint) in TABLES.items():
                db.execute(f"CREATE TABLE {table} ({columns}, data TEXT NOT NULL, checksum TEXT NOT NULL{constraint})")
            db.execute(ATTEMPTS_INDEX)
            put_meta(db, "schema", SCHEMA_VERSION)
        return ledger

    @property
    def backup_path(self) -> Path:
        """The copy of the ledger that is made after each finished trial."""
        return self.path.with_suffix(".backup.sqlite")

    def backed_up(self) -> Ledger:
        """The ledger as it was when it was last copied; it may not be there."""
        return Ledger(self.backup_path, at_rest=True)

    def close(self) -> None:
        """Close the connection; the next use opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # -- writing ---------------------------------------------------------------------------------

    def add(self, row: TrialRow) -> None:
        """Enter a trial that has just been asked for."""
        with self.transaction() as db:
            self._put_trial(db, row)

    def start(self, trial: str) -> None:
        """A new attempt of a trial begins."""
        row = self.trial(trial)
        started = row.started if row.started is not None else time.time()
        with self.transaction() as db:
            self._append_attempt(db, trial, "started", None)
            self._put_trial(db, replace(row, state="running", started=started, error=None, finished=None))

    def record_epoch(
        self, trial: str, epoch: int, metrics: Mapping[str, Any], answers: Sequence[GradedAnswer] = ()
    ) -> bool:
        """Enter one epoch's metrics, with the graded answers where the probes were asked.

        An epoch that stands already is left as it is. Returns whether it was new.
        """
        with self.transaction() as db:
            known = db.execute("SELECT 1 FROM epochs WHERE trial=? AND epoch=?", (trial, epoch)).fetchone()
            if known:
                return False
            data = canonical({"time": time.time(), "metrics": dict(metrics)})
            checksum = checksum_of("epochs", (trial, epoch), data)
            db.execute(
                "INSERT INTO epochs (trial, epoch, data, checksum) VALUES (?, ?, ?, ?)", (trial, epoch, data, checksum)
            )
            row = self.trial(trial)
            if metrics.get("score") is not None and better(metrics, vars(row)):
                best: dict[str, Any] = {name: metrics.get(name) for name in SCORES}
                feasible = bool(metrics.get("feasible", True))
                self._put_trial(db, replace(row, best_epoch=epoch, feasible=feasible, **best))
                self._put_answers(db, trial, "search", answers)
        return True

    def finish(
        self, trial: str, end: End, cause: str | None = None, *, again: bool = False, log: str | None = None
    ) -> None:
        """An attempt ended. `again`: a failed or lost trial waits for another attempt.

        cause: one line; secrets of the environment are struck out. log: where the whole story is.
        """
        row = self.trial(trial)
        if row.state in ENDED:
            # Tune reports an error after the end when its own bookkeeping fails: the end stands.
            return
        state: State = "interrupted" if again else "failed" if end == "lost" else end
        cause = None if cause is None else printable(redact(cause))
        with self.transaction() as db:
            self._append_attempt(db, trial, end, cause)
            self._put_trial(db, replace(row, state=state, error=cause, log=log, finished=time.time()))
        self.backup()

    def interrupt(self, cause: str) -> None:
        """Whatever still counts as running was cut off: it stays to be resumed."""
        for row in self.trials():
            if row.state == "running":
                self.finish(row.id, "interrupted", cause)

    def retry(self, trial: str) -> None:
        """Give a failed trial another chance: its earlier failures no longer count."""
        row = self.trial(trial)
        with self.transaction() as db:
            self._append_attempt(db, trial, "retried", None)
            self._put_trial(db, replace(row, state="interrupted"))

    def warn(self, trial: str, text: str) -> None:
        """Note something odd that a trial met and survived."""
        with self.transaction() as db:
            self._append_attempt(db, trial, "warning", printable(redact(text)))

    def put_answers(self, trial: str, split: str, answers: Sequence[GradedAnswer]) -> None:
        """Keep the answers of a trial (or of the bare base) to a split's probes."""
        with self.transaction() as db:
            self._put_answers(db, trial, split, answers)

    def set_meta(self, key: str, value: Any) -> None:
        """Keep one named value of the run."""
        with self.transaction() as db:
            put_meta(db, key, value)

    def backup(self) -> None:
        """Copy the ledger beside itself, whole, by SQLite's own backup; a failure to is only a warning."""
        try:
            with replacing(self.backup_path) as writing, closing(sqlite3.connect(writing)) as target:
                self._db().backup(target)
        except (sqlite3.Error, OSError) as error:
            log.warning("%s was not written: %s", self.backup_path.name, printable(redact(str(error))))

    # -- reading ---------------------------------------------------------------------------------

    def verify(self) -> None:
        """Read everything.

        Raises LedgerDamaged for a damaged page or row, a row that is missing from an index, and a ledger that has
        lost what its backup knows: SQLite drops a damaged WAL without a word. Raises DiskFull where there is no
        room for SQLite's own files.
        """
        if not self.path.is_file():
            raise LedgerDamaged(f"{self.path.name} is gone — {RESTORE}")
        try:
            found = [text for (text,) in self._db().execute("PRAGMA integrity_check")]
        except SQLITE_ERRORS as error:
            raise meaning(self.path, error) from error
        if found != ["ok"]:
            raise LedgerDamaged(f"{self.path.name} is damaged ({found[0].splitlines()[-1]}) — {RESTORE}")
        for table, keys in KEYS.items():
            self._read(table, keys, "")
        if self.meta("schema") is None:
            raise LedgerDamaged(f"{self.path.name} is damaged (it has no schema version) — {RESTORE}")
        if self._is_behind_backup():
            raise LedgerDamaged(f"{self.path.name} has lost what its backup knows — {RESTORE}")

    def check_writable(self) -> None:
        """Raises LedgerDamaged where SQLite takes the file for one that must not be written: one bit of it says so."""
        with self.transaction() as db:
            db.execute("DELETE FROM meta WHERE FALSE")

    def _is_behind_backup(self) -> bool:
        if not self.backup_path.is_file():
            return False
        with closing(self.backed_up()) as backup:
            try:
                # The backup first: while a sweep runs, both grow.
                saved = backup._commits()
                if saved <= self._commits():
                    return False
                backup.verify()
            except LedgerError:
                return False
        return True

    def _commits(self) -> int:
        """How much has happened: grows with every attempt and epoch."""
        try:
            count = "SELECT (SELECT COUNT(*) FROM attempts) + (SELECT COUNT(*) FROM epochs)"
            return int(self._db().execute(count).fetchone()[0])
        except SQLITE_ERRORS as error:
            raise meaning(self.path, error) from error

    def trials(self) -> list[TrialRow]:
        """Every trial, in the order of its number."""
        return [TrialRow(**data) for _, data in self._read("trials", KEYS["trials"], "ORDER BY number")]

    def trial(self, trial: str) -> TrialRow:
        """One trial. Raises KeyError when there is none."""
        for _, data in self._read("trials", KEYS["trials"], "WHERE id=?", (trial,)):
            return TrialRow(**data)
        raise KeyError(trial)

    def epochs(self, trial: str) -> list[dict[str, Any]]:
        """The metrics of a trial's epochs, each with its `epoch`."""
        rows = self._read("epochs", KEYS["epochs"], "WHERE trial=? ORDER BY epoch", (trial,))
        return [{"epoch": key[1], **data["metrics"]} for key, data in rows]

    def epochs_in_commit_order(self) -> list[tuple[str, dict[str, Any]]]:
        """(trial, metrics) of every epoch as they were committed: what a scheduler saw."""
        rows = self._read("epochs", KEYS["epochs"], "ORDER BY n")
        return [(key[0], {"epoch": key[1], **data["metrics"]}) for key, data in rows]

    def attempts(self, trial: str) -> list[dict[str, Any]]:
        """What happened to a trial, in order: each with `event`, `cause` and `time`."""
        return [data for _, data in self._read("attempts", KEYS["attempts"], "WHERE trial=? ORDER BY n", (trial,))]

    def answers(self, trial: str, split: str = "search") -> list[GradedAnswer]:
        """The graded answers of a trial's best epoch, or of `BASE`, in the order of the probes."""
        rows = self._read("answers", KEYS["answers"], "WHERE trial=? AND split=?", (trial, split))
        return [graded_from_data(data) for _, data in sorted(rows, key=lambda item: item[1]["place"])]

    def meta(self, key: str, default: Any = None) -> Any:
        """One named value of the run."""
        for _, data in self._read("meta", KEYS["meta"], "WHERE key=?", (key,)):
            return data
        return default

    def metas(self, prefix: str) -> dict[str, Any]:
        """All named values whose name begins with `prefix`."""
        return {key[0]: data for key, data in self._read("meta", KEYS["meta"], "") if key[0].startswith(prefix)}

    # -- inside ----------------------------------------------------------------------------------

    def _db(self) -> sqlite3.Connection:
        if self._connection is None:
            # On a disk that cannot be written SQLite needs to be told that nobody else writes either.
            at_rest = self.at_rest or not os.access(self.path.parent, os.W_OK)
            mode = "ro&immutable=1" if at_rest else "rw"
            uri = f"file:{quote(str(self.path))}?mode={mode}"
            self._connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=30)
            if not at_rest and no_room(self.path) and not self.path.with_name(f"{self.path.name}-shm").exists():
                # Before anything is read: SQLite then keeps in memory what it would share in a file.
                self._connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._connection.execute("PRAGMA synchronous=FULL")
        return self._connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of a change, or nothing of it. Raises LedgerError and DiskFull as everything here does."""
        db = self._db()
        try:
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")
        except BaseException as error:
            # SQLite has rolled back by itself where the disk was full.
            if db.in_transaction:
                db.execute("ROLLBACK")
            if isinstance(error, sqlite3.DatabaseError):
                raise meaning(self.path, error) from error
            raise

    def _put_trial(self, db: sqlite3.Connection, row: TrialRow) -> None:
        data = canonical(vars(row))
        checksum = checksum_of("trials", (row.id, row.number), data)
        db.execute("INSERT OR REPLACE INTO trials VALUES (?, ?, ?, ?)", (row.id, row.number, data, checksum))

    def _append_attempt(self, db: sqlite3.Connection, trial: str, event: str, cause: str | None) -> None:
        data = canonical({"event": event, "cause": cause, "time": time.time()})
        checksum = checksum_of("attempts", (trial,), data)
        db.execute("INSERT INTO attempts (trial, data, checksum) VALUES (?, ?, ?)", (trial, data, checksum))

    def _put_answers(self, db: sqlite3.Connection, trial: str, split: str, answers: Sequence[GradedAnswer]) -> None:
        db.execute("DELETE FROM answers WHERE trial=? AND split=?", (trial, split))
        for place, graded in enumerate(answers):
            probe = graded.answer.probe
            data = canonical({"place": place, **graded_to_data(graded)})
            checksum = checksum_of("answers", (trial, split, probe), data)
            db.execute("INSERT INTO answers VALUES (?, ?, ?, ?, ?)", (trial, split, probe, data, checksum))

    def _read(
        self, table: str, keys: Sequence[str], where: str, values: Sequence[Any] = ()
    ) -> list[tuple[tuple[Any, ...], Any]]:
        try:
            rows = self._db().execute(f"SELECT {', '.join(keys)}, data, checksum FROM {table} {where}", values)
            found = rows.fetchall()
        except SQLITE_ERRORS as error:
            raise meaning(self.path, error) from error
        result = []
        for *key, data, checksum in found:
            if checksum_of(table, tuple(key), data) != checksum:
                raise LedgerDamaged(f"{self.path.name}: table {table}, row {key} is damaged — {RESTORE}")
            result.append((tuple(key), json.loads(data)))
        return result
