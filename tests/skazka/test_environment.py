"""What notebooks, CI systems and job managers leave in the environment decides nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from skazka.environment import tidy_environment

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("size", ["", "0", "-3", "²", "٣", "80x24", "9" * 30, "1e3"])
def test_a_size_that_is_none_is_dropped(size: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", size)
    monkeypatch.setenv("LINES", size)
    tidy_environment()
    assert "COLUMNS" not in os.environ
    assert "LINES" not in os.environ


def test_a_size_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "132")
    tidy_environment()
    assert os.environ["COLUMNS"] == "132"


@pytest.mark.parametrize("option", ["error", "error::DeprecationWarning", "e"])
def test_a_warning_of_a_library_is_no_error(option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "warnoptions", [option])
    monkeypatch.setenv("PYTHONWARNINGS", option)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("error")
        tidy_environment()
        warnings.warn("of a library", DeprecationWarning, stacklevel=1)
    assert [str(warning.message) for warning in told] == ["of a library"]
    # The processes that train inherit it.
    assert os.environ["PYTHONWARNINGS"] == "default"


@pytest.mark.parametrize(
    "environment",
    [
        {"COLUMNS": "²", "LINES": "²"},
        {"TERM": "dumb", "NO_COLOR": "1"},
        {"PYTHONWARNINGS": "error", "PYTHONSTARTUP": "/nonexistent", "PYTHONDEVMODE": "1"},
        {"HOME": "/nonexistent", "XDG_CACHE_HOME": "/nonexistent", "TZ": "nonsense"},
        {"LC_ALL": "ru_RU.KOI8-R", "LANG": "nonsense"},
    ],
)
def test_a_command_works_in_any_environment(environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "skazka", "space", "show"]
    known = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run(command, capture_output=True, env=known, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert b"learning_rate" in done.stdout


def test_a_locale_without_utf_8_is_told_with_its_remedy() -> None:
    command = [sys.executable, "-m", "skazka", "check"]
    known = {**os.environ, "PYTHONPATH": str(ROOT), "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(command, capture_output=True, env={**known, "PYTHONUTF8": "0"}, cwd=ROOT)
    assert done.stderr.startswith(b"note: this shell's locale is ascii: ")
    assert done.stderr.endswith(b"export PYTHONUTF8=1\n")
    assert done.stderr.count(b"\n") == 1
    assert subprocess.run(command, capture_output=True, env={**known, "PYTHONUTF8": "1"}, cwd=ROOT).stderr == b""
