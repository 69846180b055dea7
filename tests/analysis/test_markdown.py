"""Escaping: what comes from data stays text."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.markdown import Markdown, code_block, escape, replace_file


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<script>alert(1)</script> | **x**", r"&lt;script&gt;alert(1)&lt;/script&gt; \| \*\*x\*\*"),
        ("# a\n\n# b", r"\# a \# b"),
        ("[click](javascript:x)", r"\[click\](javascript:x)"),
        ("`code` ~~x~~", r"\`code\` \~\~x\~\~"),
        ("a\\|b", r"a\\\|b"),
        ("&lt;b&gt;", "&amp;lt;b&amp;gt;"),
        ("lora_v2 _it_", r"lora_v2 \_it\_"),
        ("https://x.org www.x.org", r"https\://x.org www\.x.org"),
        ("Чебурашка — 0.25, «да»", "Чебурашка — 0.25, «да»"),
        ("a\x00\u202eb\u2028c", "ab c"),
        (None, "None"),
    ],
)
def test_escape(text: object, expected: str) -> None:
    assert escape(text) == expected


def test_markdown_is_not_escaped_again() -> None:
    assert escape(Markdown("**x**")) == "**x**"


def test_the_fence_of_a_code_block_is_longer_than_its_backticks() -> None:
    assert code_block("a ```` b").startswith("`````\n")


def test_a_file_is_replaced_whole_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    replace_file(path, b"one")
    replace_file(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]
