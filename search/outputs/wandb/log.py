"""Weights & Biases: a process beside the driver keeps it up to date with the ledger, and the sweep never waits for it.

W&B shows what the ledger holds and nothing depends on it. It runs in a process of its own
(`search.outputs.wandb.follower`), for inside the driver it would replace `sys.exit`, start threads, and wait for
uploads when the driver ends.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from search.run.ledger import Ledger
from search.run.run_folder import RunFolder
from skazka_text.printable import printable
from skazka_text.problems import InputError, Problem
from skazka_text.secrets import redact

log = logging.getLogger(__name__)

# In the ledger: what the run is called on W&B, and after FOLLOWED a trial's id or SWEEP: what W&B has of it.
IDENTITY, FOLLOWED, SWEEP = "wandb", "wandb:", "sweep"
DEFAULT_PROJECT = "skazka-tune"
# A user's own W&B run around the sweep, or a W&B agent: its runs are not ours.
FOREIGN = ("WANDB_SERVICE", "WANDB_SWEEP_ID", "WANDB_SWEEP_PARAM_PATH", "WANDB_LAUNCH")
CHECK_SECONDS, RETRY_SECONDS, END_SECONDS, PUBLISH_SECONDS = 60.0, 60.0, 60.0, 180.0
REMEDY = "wandb login, or set WANDB_MODE=offline and send it later with wandb sync"


def wandb_folder(folder: RunFolder) -> Path:
    """Where W&B keeps all of its files of a run."""
    return folder.path / "wandb"


def check_login() -> None:
    """Ask W&B whether it would take runs from here.

    Raises InputError when nobody is logged in, the login is refused or W&B does not answer.
    """
    with tempfile.TemporaryDirectory() as scratch:
        try:
            done = subprocess.run(timeout=CHECK_SECONDS, check=False, **_process("check", Path(scratch)))
            problem = json.loads(done.stdout.splitlines()[-1])["problem"]
        except subprocess.TimeoutExpired:
            problem = f"W&B did not answer within {CHECK_SECONDS:.0f} s"
        except (OSError, ValueError, LookupError) as error:
            problem = f"W&B could not be started ({error})"
    if problem is not None:
        raise InputError(Problem("", "--wandb", problem, REMEDY))


@contextmanager
def following(folder: RunFolder) -> Iterator[None]:
    """Keep W&B up to date with a run's ledger for as long as the context lasts, and bring it up to date at its end.

    Only for the driver of the run, who alone writes to the ledger. Raises nothing: the first trouble with W&B is a
    warning, and so is the last one where W&B lacks something at the end.
    """
    follower = _Follower(folder)
    follower.start()
    try:
        yield
    finally:
        follower.end()


def publish_report(folder: RunFolder) -> None:
    """Log the report folder as an artifact of the sweep's W&B run; nothing where the run is not on W&B.

    Raises nothing: trouble with W&B is one warning.
    """
    with closing(folder.ledger()) as ledger:
        if ledger.meta(IDENTITY) is None:
            return
    try:
        files = wandb_folder(folder)
        done = subprocess.run(timeout=PUBLISH_SECONDS, check=False, **_process("publish", files, folder.path))
        for line in done.stdout.splitlines():
            if "trouble" in (told := json.loads(line)):
                _warn(f"the report was not logged: {told['trouble']}")
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        _warn(f"the report was not logged: {error}")


def addresses(ledger: Ledger) -> dict[str, str | None]:
    """The W&B address of each trial by its id, and of the sweep as SWEEP; None while it lies on this machine only."""
    return {key.removeprefix(FOLLOWED): told["url"] for key, told in ledger.metas(FOLLOWED).items()}


class _Follower(threading.Thread):
    """Runs the process that follows the ledger, enters what it reports, and starts it anew after trouble."""

    def __init__(self, folder: RunFolder) -> None:
        super().__init__(name="wandb", daemon=True)
        self.folder = folder
        self.ended = threading.Event()
        self.process: subprocess.Popen[str] | None = None
        self.trouble: str | None = None
        self.complete = False

    def run(self) -> None:
        """Follow until `end`, with a last try where there is trouble then."""
        try:
            with closing(self.folder.ledger()) as ledger:
                _identify(ledger)
                while not self._follow(ledger) and not self.ended.is_set():
                    self.ended.wait(RETRY_SECONDS)
        except Exception as error:
            self._note(str(error))
            self._kill()

    def end(self) -> None:
        """Let W&B get the rest, for at most END_SECONDS."""
        self.ended.set()
        self._tell_end()
        try:
            self.join(END_SECONDS)
        finally:
            if self.is_alive():
                self.trouble = f"it did not take everything within {END_SECONDS:.0f} s"
            if not self.complete:
                _warn(f"{self.trouble}; what it lacks is sent by the next skazka resume")
            self._kill()

    def _follow(self, ledger: Ledger) -> bool:
        """One process from its start to its end; whether W&B has everything."""
        how = _process("follow", wandb_folder(self.folder), self.folder.path)
        process = subprocess.Popen(**{**how, "stdin": subprocess.PIPE})
        self.process = process
        if self.ended.is_set():
            self._tell_end()
        for line in process.stdout or ():
            told = json.loads(line)
            if "trouble" in told:
                self._note(told["trouble"])
            else:
                ledger.set_meta(FOLLOWED + told.pop("key"), told)
        self.complete = process.wait() == 0
        if not self.complete and self.trouble is None:
            self._note(f"its process ended with code {process.returncode}")
        return self.complete

    def _tell_end(self) -> None:
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()

    def _kill(self) -> None:
        if self.process is not None:
            self.process.kill()

    def _note(self, trouble: str) -> None:
        """Tell the first trouble at once; `end` tells the last one, where W&B lacks something then."""
        if self.trouble is None and not self.ended.is_set():
            _warn(f"{trouble}; training goes on, and W&B gets what it lacks when it answers")
        self.trouble = trouble


def _warn(text: str) -> None:
    log.warning("W&B: %s", printable(redact(text)))


def _identify(ledger: Ledger) -> None:
    """Name the run on W&B once and for all: the id is unique, for W&B's ids are one namespace a project."""
    if ledger.meta(IDENTITY) is None:
        project = os.environ.get("WANDB_PROJECT") or DEFAULT_PROJECT
        entity = os.environ.get("WANDB_ENTITY") or None
        ledger.set_meta(IDENTITY, {"id": secrets.token_hex(5), "project": project, "entity": entity})


def _process(command: str, files: Path, *arguments: Path) -> dict[str, Any]:
    """How a W&B process is started.

    It gets no signals of the terminal (it must outlive Ctrl-C to end its runs), sees the user's own W&B settings
    in the current folder, takes no package from there (-P), and writes below `files` only.
    """
    environment = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    folders = {f"WANDB_{name}_DIR": str(files / name.lower()) for name in ("CACHE", "DATA", "ARTIFACT")}
    return {
        "args": [sys.executable, "-P", "-m", "search.outputs.wandb.follower", command, *map(str, arguments)],
        "env": {**environment, **folders, "WANDB_ERROR_REPORTING": "false"},
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.DEVNULL,
        "text": True,
        "start_new_session": True,
    }
