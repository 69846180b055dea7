"""Escaping: what comes from data stays text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from skazka_text.markdown import Markdown, code_block, escape
from skazka_text.printable import UNPRINTABLE

deterministic = settings(derandomize=True, deadline=None, max_examples=200, database=None)
# Every place where templates put data.
PLACES = (
    "said: {}",
    "- **a:** {}",
    "### {}",
    "**{}:** b",
    "![Curves of {}](charts/t0001.png)",
    "| a | b |\n|---|---|\n| {} | c |\n| {} | c |",
)
PAYLOADS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<!-- <b> -->",
    "&#60;script&#62;",
    "![x](javascript:alert(1))",
    "[x](http://evil.example)",
    "[x](<javascript:1>)",
    "[x]: http://evil.example",
    "<http://evil.example>",
    "<a@evil.example>",
    "a | b | c",
    "a ``` b ` c",
    "\\<b>x</b>",
    "\\\\[x](y)",
    "a  \n\n# b\n---\n- c",
    "\r<b>\u2028<b>",
    "](javascript:1) ![",
    "*a* __b__ ~~c~~ ends with \\",
)


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
        ("https://x.org www.x.org WWW.x.org", r"https\://x.org www\.x.org WWW\.x.org"),
        ("Чебурашка — 0.25, «да»", "Чебурашка — 0.25, «да»"),
        ("a\x00\u202eb\u2028c", "ab c"),
        ("\x1b[31mred\x9b\x07 \udc80", r"\[31mred"),
        (None, "None"),
    ],
)
def test_escape(text: object, expected: str) -> None:
    assert escape(text) == expected


def tags(markdown: str) -> list[str]:
    """The tags of Markdown rendered with HTML allowed, in order."""
    return re.findall(r"</?\w+", MarkdownIt("commonmark", {"html": True}).enable(["table"]).render(markdown))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("payload", PAYLOADS)
def test_data_brings_no_tag(place: str, payload: str) -> None:
    assert tags(place.replace("{}", escape(payload))) == tags(place.replace("{}", "word"))


@deterministic
@given(st.sampled_from(PLACES), st.lists(st.sampled_from([*PAYLOADS, *"<>[]()!`*_|\\\n #&:"]), min_size=1, max_size=6))
def test_no_mixture_brings_a_tag(place: str, parts: list[str]) -> None:
    assert tags(place.replace("{}", escape("x" + "".join(parts)))) == tags(place.replace("{}", "word"))


def test_markdown_is_not_escaped_again() -> None:
    assert escape(Markdown("**x**")) == "**x**"


def test_the_fence_of_a_code_block_is_longer_than_its_backticks() -> None:
    assert code_block("a ```` b").startswith("`````\n")


def test_a_code_block_shows_controls() -> None:
    block = code_block("cd '\x1b[2J'\ncd '\r\u202e'")
    assert block == "```\ncd '\\x1b[2J'\ncd '\\r\\u202e'\n```"
    assert all(not UNPRINTABLE.search(line) for line in block.split("\n"))
