"""Why a sweep ends before its last trial: a signal from outside, a full disk, a damaged ledger."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from ray.tune import Stopper

from search.run.ledger_file import LedgerError
from studies.files import DiskFull

ENDING = b"ending: the running epochs are given up; once more ends at once\n"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(KeyboardInterrupt):
    """The sweep was asked to end by the signal of that number; `run` can be resumed where it exists already."""

    def __init__(self, number: int, run: Path) -> None:
        super().__init__(f"interrupted by {signal.Signals(number).name}")
        self.signal = number
        self.run = run


class Halt(Stopper):  # type: ignore[misc]
    """Tune asks it before each of its steps whether everything is to stop."""

    def __init__(self, run: Path) -> None:
        self.run = run
        self.signal: int | None = None
        self.trouble: DiskFull | LedgerError | None = None
        self._tuning = False
        self._hangup_ignored = False

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """No trial is stopped alone."""
        return False

    def stop_all(self) -> bool:
        """Whether the sweep is to end."""
        return self.signal is not None or self.trouble is not None

    @contextmanager
    def on_trouble(self) -> Iterator[None]:
        """End the sweep when a commit finds no room or a damaged ledger: Tune would blame the trial for it."""
        try:
            yield
        except (DiskFull, LedgerError) as error:
            self.trouble = self.trouble or error

    def check(self) -> None:
        """Raise what ended the sweep: Interrupted, DiskFull or LedgerError."""
        if self.signal is not None:
            raise Interrupted(self.signal, self.run)
        if self.trouble is not None:
            raise self.trouble

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take SIGINT, SIGTERM and SIGHUP as requests to end, for as long as the context lasts.

        Raises Interrupted where nothing runs yet; inside `tuning`, Tune ends its trials first. A second
        signal ends the process at once, but for SIGHUP: of a terminal that is closed more than one comes. One that is
        ignored already (nohup) stays so. Only the main thread can listen.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.getsignal(number) for number in SIGNALS}
        self._hangup_ignored = before[signal.SIGHUP] is signal.SIG_IGN
        self._listen()
        try:
            yield
        except SystemExit as error:
            # What Ray's own handler of SIGTERM raises while it starts.
            if error.code != signal.SIGTERM:
                raise
            raise Interrupted(signal.SIGTERM, self.run) from error
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def tuning(self) -> Iterator[None]:
        """Signals wait for Tune's loop to come round. Ray has replaced the handlers by now."""
        if threading.current_thread() is threading.main_thread():
            self._listen()
        self._tuning = True
        try:
            yield
        finally:
            self._tuning = False

    def _listen(self) -> None:
        for number in SIGNALS:
            if number != signal.SIGHUP or not self._hangup_ignored:
                signal.signal(number, self._take)

    def _take(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None:
            if number == signal.SIGHUP:
                return
            # As safe as SIGKILL: whatever is being written is whole or absent.
            os._exit(128 + number)
        self.signal = number
        if not self._tuning:
            raise Interrupted(number, self.run)
        # Not print: the signal may have come in the middle of one. The terminal may be gone.
        with suppress(OSError):
            os.write(2, ENDING)
