"""The campaign of hostile content sees what acts."""

from __future__ import annotations

import pytest

from benchmarks.campaigns.hostile_texts import PAYLOADS, active_tags, controls


@pytest.mark.parametrize(
    ("markdown", "active"),
    [
        ("# a\n\n- **b**\n\n| a |\n|---|\n| b |\n\n![c](charts/t0000.png)\n\n```\n<b>\n```", []),
        ("<script>x</script>", ["<script>"]),
        ("[x](http://evil)", ["<a>"]),
        ("![x](http://evil/x.png)", ["<img>"]),
        ('<p onclick="x()">', ["<p>"]),
        ("a <!-- b -->", ["<!-- -->"]),
    ],
)
def test_what_acts_in_markdown_is_found(markdown: str, active: list[str]) -> None:
    assert active_tags(markdown) == active


def test_what_drives_a_terminal_is_counted() -> None:
    assert controls("one\ntwo \x1b[31m\x9b\u202e") == 3
    assert sum(controls(payload) > 0 for payload in PAYLOADS) >= 8
