"""Requests to end: raised where nothing runs, left to Tune's loop where trials do, at once the second time."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from search.tuning.stop_request import Halt, Interrupted

SECOND = """
import os, signal, sys
from pathlib import Path
from search.tuning.stop_request import Halt
halt = Halt(Path("run"))
with halt.listening(), halt.tuning():
    os.kill(os.getpid(), signal.SIGINT)
    print(halt.stop_all(), flush=True)
    os.kill(os.getpid(), signal.SIGTERM)
    print("never")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_before_any_trial_runs_a_signal_is_raised(number: signal.Signals, tmp_path: Path) -> None:
    before = signal.getsignal(number)
    with pytest.raises(Interrupted, match=f"interrupted by {number.name}") as caught, Halt(tmp_path).listening():
        os.kill(os.getpid(), number)
    assert (caught.value.signal, caught.value.run) == (number, tmp_path)
    assert signal.getsignal(number) is before


def test_while_trials_run_a_signal_waits_for_tune(tmp_path: Path) -> None:
    halt = Halt(tmp_path)
    with halt.listening(), halt.tuning():
        assert not halt.stop_all()
        os.kill(os.getpid(), signal.SIGTERM)
        assert halt.stop_all()
    with pytest.raises(Interrupted):
        halt.check()


def test_what_ray_raises_for_sigterm_while_it_starts_is_an_interruption(tmp_path: Path) -> None:
    with pytest.raises(Interrupted), Halt(tmp_path).listening():
        sys.exit(signal.SIGTERM)
    with pytest.raises(SystemExit), Halt(tmp_path).listening():
        sys.exit(1)


def test_a_second_signal_ends_at_once() -> None:
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", SECOND], cwd=root, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (143, "True\n")
    assert done.stderr.startswith("ending: the running epochs are given up")


def test_a_closed_terminal_may_hang_up_twice(tmp_path: Path) -> None:
    """The kernel and the shell each send one: the second asks for no more than the first."""
    halt = Halt(tmp_path)
    with halt.listening(), halt.tuning():
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGHUP)
    with pytest.raises(Interrupted, match="interrupted by SIGHUP"):
        halt.check()


def test_under_nohup_a_hangup_stays_ignored(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Halt(tmp_path).listening():
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_terminal_that_is_gone_does_not_break_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> int:
        raise OSError(errno.EIO, "Input/output error")

    halt = Halt(tmp_path)
    monkeypatch.setattr("search.tuning.stop_request.os.write", gone)
    with halt.listening(), halt.tuning():
        os.kill(os.getpid(), signal.SIGHUP)
        assert halt.stop_all()
