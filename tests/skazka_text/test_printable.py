"""What comes from outside is shown, and does not drive the terminal."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skazka_text.printable import UNPRINTABLE, json_line, printable

deterministic = settings(derandomize=True, deadline=None, max_examples=60, database=None)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x1b]8;;http://evil\x07click", r"\x1b]8;;http://evil\x07click"),
        ("ok\rfailed", r"ok\rfailed"),
        ("one\ntwo\tthree", r"one\ntwo\tthree"),
        ("\x9b2J", r"\x9b2J"),
        ("\u202egnp.exe\u2066", r"\u202egnp.exe\u2066"),
        ("half \udc80", r"half \udc80"),
        ("Алёша — «да», 中文, 👩\u200d🚀\u00a0!", "Алёша — «да», 中文, 👩\u200d🚀\u00a0!"),
        (r"C:\x1b", r"C:\x1b"),
    ],
)
def test_controls_become_visible(text: str, shown: str) -> None:
    assert printable(text) == shown


@deterministic
@given(st.text(st.characters()))
def test_what_is_printable_is_one_line_and_stays(text: str) -> None:
    shown = printable(text)
    assert not UNPRINTABLE.search(shown)
    assert printable(shown) == shown
    assert shown.encode("utf-8").decode("utf-8") == shown


@deterministic
@given(st.dictionaries(st.text(st.characters()), st.text(st.characters())))
def test_json_says_the_same_and_drives_no_terminal(value: dict[str, str]) -> None:
    line = json_line(value)
    assert json.loads(line) == value
    assert not UNPRINTABLE.search(line)


def test_json_in_another_language_stays_readable() -> None:
    assert json_line({"name": "Алёша\x9b"}) == '{"name": "Алёша\\u009b"}'
