"""The terminal shows what comes from data: it obeys none of it."""

from __future__ import annotations

import io
import logging
from typing import Any

import pytest
from rich.console import Console

from search.run.trial_row import TrialRow
from skazka.screen import Screen, harmless
from skazka.table import finished_line, label
from skazka.trial_table import trials_table
from skazka_text.printable import UNPRINTABLE
from spaces.trial_config import TrialConfig

HOSTILE = "[red]x[/red][link=http://evil]\x1b[31m\x1b]0;title\x07\r\x9b2J\u202e"


def row(**fields: Any) -> TrialRow:
    """A baseline with a hostile name."""
    config = TrialConfig().model_dump(mode="json")
    return TrialRow("t0000", 0, "baseline", HOSTILE, config, 7, True, **fields)


def drawn(*things: Any) -> str:
    """What rich writes to a terminal without colours."""
    console = Console(file=io.StringIO(), force_terminal=True, color_system=None, width=400)
    for thing in things:
        console.print(thing)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


@pytest.mark.parametrize("line", [finished_line(row(state="failed", error=HOSTILE)), label(row())])
def test_a_line_of_a_trial(line: str) -> None:
    assert not UNPRINTABLE.search(line)
    assert r"[red]x[/red][link=http://evil]\x1b[31m\x1b]0;title\x07\r\x9b2J\u202e" in line


def test_the_table_of_trials() -> None:
    text = drawn(trials_table([row(state="failed", finished=1.0)], {}, 400))
    assert r"[red]x[/red]" in text
    assert r"\x1b[31m\x1b]0;title\x07\r\x9b2J\u202e" in text
    # The row of a failed trial is dim, which is rich's own.
    own = text.replace("\x1b[2m", "").replace("\x1b[1m", "").replace("\x1b[0m", "").replace("\n", "")
    assert not UNPRINTABLE.search(own)


def test_a_line_of_the_screen() -> None:
    console = Console(file=io.StringIO(), force_terminal=False)
    Screen(console).say(HOSTILE)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    assert not UNPRINTABLE.search(text.rstrip("\n"))
    assert "[red]x[/red]" in text


def test_a_warning_of_the_screen(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_0123456789")

    @harmless
    def draw() -> None:
        raise ValueError("hf_0123456789 \x1b[31m")

    with caplog.at_level(logging.WARNING):
        draw()
    assert caplog.messages == [r"the screen could not be drawn: *** \x1b[31m"]


def test_a_terminal_that_cannot_redraw_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    console = Console(file=io.StringIO(), force_terminal=True)
    with Screen(console) as screen:
        assert screen.live is None
        screen.say("t0000 completed: " + "word " * 40)
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert lines[0].startswith("     0 s  starting: Ray")
    # Rich takes such a terminal for 80 columns. What is longer is broken between words, under itself.
    assert all(len(line) <= 80 for line in lines)
    assert lines[-1].startswith(" " * 10 + "word")
