"""Streams that a shell closed, filled, gave to nobody, or that cannot show a character: no traceback."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from skazka.streams import Sink, robust_streams

ROOT = Path(__file__).parents[2]
SKAZKA = f"{sys.executable} -m skazka"


def shell(command: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """What bash makes of a command line in which `skazka` is the program."""
    line = "set -o pipefail; " + command.replace("skazka", SKAZKA)
    known = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(["bash", "-c", line], capture_output=True, env=known, cwd=ROOT)


@pytest.mark.parametrize("command", ["check", "check --json", "--help", "space show"])
def test_a_reader_that_went_away_is_no_error(command: str) -> None:
    done = shell(f"(sleep 0.2; skazka {command}) | true")
    assert (done.returncode, done.stderr) == (141, b"")


def test_what_head_took_is_what_came_first() -> None:
    done = shell("skazka check | head -1")
    assert done.returncode in (0, 141)
    assert done.stdout.startswith(b"study ")
    assert done.stderr == b""


@pytest.mark.parametrize("command", ["check --json", "--help"])
@pytest.mark.parametrize(("where", "why"), [("> /dev/full", "No space left on device"), (">&-", "it is closed")])
def test_a_stdout_that_takes_nothing_is_one_line_and_exit_1(command: str, where: str, why: str) -> None:
    done = shell(f"skazka {command} {where}")
    expected = f"error: stdout could not be written: {why}; what the command did is done\n"
    assert (done.returncode, done.stderr.decode()) == (1, expected)


@pytest.mark.parametrize("where", ["2>&-", "2> /dev/full", "<&- 2>&-"])
def test_a_lost_stderr_changes_nothing(where: str) -> None:
    assert json.loads(shell(f"skazka check --json {where}").stdout)["ok"]
    assert shell(f"skazka check no/such/study {where}").returncode == 2


def test_an_exit_code_that_already_tells_of_a_fault_stays() -> None:
    done = shell("(sleep 0.2; skazka check no/such/study --json) | true")
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    "environment",
    [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}],
)
@pytest.mark.parametrize(("command", "code"), [("check", 0), ("init --help", 0), ("check нигде", 2), ("нет", 2)])
def test_what_ascii_cannot_show_is_escaped(environment: dict[str, str], command: str, code: int) -> None:
    done = shell(f"skazka {command}", **environment)
    said = done.stdout + done.stderr
    assert done.returncode == code
    assert said.isascii()
    assert b"\\u" in said
    assert b"Traceback" not in said


def test_another_alphabet_is_shown_and_the_rest_escaped() -> None:
    done = shell("skazka check нигде😀", PYTHONIOENCODING="cp1251")
    assert "error: нигде\\U0001f600 no such study" in done.stderr.decode("cp1251")


@pytest.mark.parametrize("encoding", ["ascii", "cp1251", "utf-8"])
def test_json_is_the_same_in_every_encoding(encoding: str) -> None:
    done = shell("skazka check no/😀/Чебурашка --json", PYTHONIOENCODING=encoding)
    (problem,) = json.loads(done.stdout.decode(encoding))["problems"]
    assert problem.startswith("no/😀/Чебурашка no such study")


def test_a_sink_remembers_its_first_failure_and_goes_on() -> None:
    read, write = os.pipe()
    os.close(read)
    with Sink(write, "w") as sink:
        assert sink.write(b"lost") == 4
        assert isinstance(sink.failed, BrokenPipeError)
        # What writes past the sink finds a place as well.
        assert os.write(write, b"nowhere") == 7


def test_the_streams_of_a_notebook_or_a_test_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = io.StringIO()
    monkeypatch.setattr(sys, "stdout", mine)
    with robust_streams():
        assert sys.stdout is mine
