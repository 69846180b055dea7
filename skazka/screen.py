"""The live table of trials on a terminal; plain lines where there is none."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

from ray.tune import Callback
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from search.run.ledger import Ledger
from search.run.run_folder import RunFolder
from search.run.trial_row import ENDED, TrialRow
from skazka.table import duration, finished_line
from skazka.terminal import beside
from skazka.trial_table import trials_table
from skazka_text.printable import printable
from skazka_text.secrets import redact

log = logging.getLogger(__name__)

STARTING = "starting: Ray, and once a run its encoded rows, its pictures' features and the base's own answers"


def harmless(hook: Callable[..., None]) -> Callable[..., None]:
    """A screen that cannot draw must not stop a sweep: Tune would count the trial as failed."""

    @wraps(hook)
    def wrapper(*args: Any, **kwargs: Any) -> None:
        try:
            hook(*args, **kwargs)
        except Exception as error:
            log.warning("the screen could not be drawn: %s", printable(redact(str(error))))

    return wrapper


class Screen(Callback):  # type: ignore[misc]
    """Shows the ledger as it fills. It only displays: nothing depends on it."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.trials = 0
        self.done_before = 0
        self.start = time.monotonic()
        self.live: Live | None = None
        self.ledger: Ledger | None = None
        self.epochs: dict[str, int] = {}

    def __getstate__(self) -> dict[str, Any]:
        # Tune pickles its callbacks; a console and a live display cannot be, and need not be.
        return {"trials": 0, "done_before": 0, "start": self.start, "epochs": {}, "live": None, "ledger": None}

    def __enter__(self) -> Screen:
        if self.console.is_interactive:
            self.live = Live(Text(STARTING), console=self.console)
            self.live.start()
        else:
            self.say(STARTING)
        return self

    def __exit__(self, *_: object) -> None:
        if self.live is not None:
            self.live.stop()
            self.live = None

    @harmless
    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A trial has its worker."""
        self._follow(trial)
        if self.live is None:
            self.say(f"{trial.config['trial']} started")
        self._draw()

    @harmless
    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """An epoch was committed."""
        if "epoch" in result:
            self.epochs[trial.config["trial"]] = result["epoch"]
        self._draw()

    @harmless
    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A trial ended."""
        self._finished(trial)

    @harmless
    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A trial's process died."""
        self._finished(trial)

    @harmless
    def on_test_asked(self, done: int, total: int) -> None:
        """So many adapters, the bare base among them, were asked the test probes."""
        line = f"the winner is chosen; test probes opened: {done}/{total} adapters asked"
        if self.live is not None:
            self.live.update(Text(line))
        elif done in (0, total):
            self.say(line)

    def say(self, line: str) -> None:
        """One plain line with the seconds since the start."""
        self.console.print(beside(f"{time.monotonic() - self.start:6.0f} s", line, 8))

    def _follow(self, trial: Any) -> None:
        if self.ledger is None:
            self.ledger = RunFolder(Path(trial.config["study"]).parent).ledger()
            self.done_before = _done(self.ledger.trials())
        # The finalists are entered when the search is over.
        repeats = sum(row.repeat_of is not None for row in self.ledger.trials())
        self.trials = self.ledger.meta("trials_asked") + repeats

    def _finished(self, trial: Any) -> None:
        self._follow(trial)
        assert self.ledger is not None
        row = self.ledger.trial(trial.config["trial"])
        done = _done(self.ledger.trials())
        # The live table says how far the sweep is; plain lines must say it themselves.
        progress = "" if self.live is not None else f"  {done}/{self.trials}{self._time_left(done)}"
        self.say(finished_line(row) + progress)
        self._draw()

    def _time_left(self, done: int) -> str:
        new = done - self.done_before
        if new < 1 or done >= self.trials:
            return ""
        left = (time.monotonic() - self.start) / new * (self.trials - done)
        return f", about {duration(left)} left"

    def _draw(self) -> None:
        if self.live is None or self.ledger is None:
            return
        rows = self.ledger.trials()
        done = _done(rows)
        head = f"{done}/{self.trials} trials, {duration(time.monotonic() - self.start)}{self._time_left(done)}"
        self.live.update(Group(Text(head), trials_table(rows, self.epochs, self.console.width)))


def _done(rows: Sequence[TrialRow]) -> int:
    return sum(row.state in ENDED for row in rows)
