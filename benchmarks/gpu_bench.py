"""Runs the parts of a benchmark one after another: each in its time, each written down, none in the way of the next."""

from __future__ import annotations

import contextlib
import faulthandler
import json
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import click
import torch

from trainables.memory import free_memory

DONE, FAILED, NOT_TRIED, RUNNING = "done", "failed", "not tried", "running"
# Seconds after which a part that does not even heed its alarm ends the process.
GRACE = 20.0
STDERR = 2


class NotTried(Exception):
    """Why a part cannot be tried on this machine: that is no failure."""


class Wrong(Exception):
    """What a part found must not be; it is written all the same."""

    def __init__(self, reason: str, found: dict[str, Any]) -> None:
        super().__init__(reason)
        self.found = found


class OutOfTime(BaseException):
    """A part took longer than it may. Not an Exception: what handles those must not take it for its own."""


@dataclass
class Runner:
    """Writes to `out`, after each part, what was found so far. seconds: that all parts may take together."""

    out: Path
    seconds: float
    found: dict[str, dict[str, Any]] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)

    def run(self, name: str, part: Callable[[], dict[str, Any]], limit: float, after: Sequence[str] = ()) -> None:
        """Run one part for at most `limit` seconds, unless one that it comes after is not done."""
        self._write(name, {"outcome": RUNNING})
        start = time.monotonic()
        try:
            if lacking := [other for other in after if self.found[other]["outcome"] != DONE]:
                raise NotTried(f"{lacking[0]}: {self.found[lacking[0]]['outcome']}")
            with in_time(min(limit, self.started + self.seconds - start)):
                found = {"outcome": DONE, **part()}
        except NotTried as error:
            found = {"outcome": NOT_TRIED, "reason": str(error)}
        except Wrong as error:
            found = {"outcome": FAILED, "reason": str(error), **error.found}
        except (Exception, OutOfTime) as error:
            reason = f"{type(error).__name__}: {error}"
            found = {"outcome": FAILED, "reason": reason, "traceback": traceback.format_exc()}
        with contextlib.suppress(RuntimeError):
            # A GPU that is lost raises whatever is asked of it, as the next part will say.
            free_memory()
        took = time.monotonic() - start
        self._write(name, {**found, "seconds": took})
        said = found["outcome"] + (f" ({found['reason']})" if "reason" in found else "")
        click.echo(f"{time.monotonic() - self.started:6.1f} s  {name}: {said}, {took:.1f} s")

    @property
    def failed(self) -> list[str]:
        """The parts that failed."""
        return [name for name, found in self.found.items() if found["outcome"] == FAILED]

    def _write(self, name: str, found: dict[str, Any]) -> None:
        self.found[name] = found
        self.out.write_text(json.dumps(self.found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


@contextlib.contextmanager
def in_time(seconds: float) -> Iterator[None]:
    """Raise OutOfTime within a block that takes longer; where nothing of Python runs any more, end the process."""
    if seconds <= 0:
        raise OutOfTime("no time is left")

    def ring(number: int, frame: Any) -> None:
        raise OutOfTime(f"it took more than {seconds:.1f} s")

    faulthandler.dump_traceback_later(seconds + GRACE, exit=True, file=STDERR)
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGALRM, before)


class Meter:
    """Seconds of the steps of something, and the most bytes that tensors took on the GPU in each; no bytes without one.

    Steps do not lie within each other.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.peaks: dict[str, int] = {}

    @property
    def peak(self) -> int | None:
        """Bytes, of all steps."""
        return max(self.peaks.values(), default=None)

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """A block that is one of the steps, or one more time the same."""
        on_gpu = torch.cuda.is_available()
        if on_gpu:
            torch.cuda.reset_peak_memory_stats()
        start = time.perf_counter()
        try:
            yield
        finally:
            if on_gpu:
                torch.cuda.synchronize()
                self.peaks[name] = max(self.peaks.get(name, 0), torch.cuda.max_memory_allocated())
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start

    @contextlib.contextmanager
    def watching(self, *places: tuple[Any, str]) -> Iterator[None]:
        """While it lasts, every call of these functions is a step of that name. places: what has the function, name."""
        with contextlib.ExitStack() as patches:
            for owner, name in places:
                patches.enter_context(mock.patch.object(owner, name, self._watched(name, getattr(owner, name))))
            yield

    def _watched(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any, **options: Any) -> Any:
            with self.step(name):
                return function(*arguments, **options)

        return called

    def as_data(self) -> dict[str, Any]:
        """As plain JSON."""
        return {"parts": self.seconds, "peaks": self.peaks, "peak": self.peak}
