"""Markdown in which whatever comes from data or a model stays text."""

from __future__ import annotations

import re

from skazka_text.printable import UNPRINTABLE, printable

# Entities for what HTML reads, backslashes for what Markdown reads. An underscore inside a word means
# nothing to Markdown: lora_v2 stays readable.
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_SPECIAL = re.compile(r"[\\`*\[\]|#~$]|(?<![^\W_])_|_(?![^\W_])|(?<=[wW][wW][wW])\.|:(?=//)")


class Markdown(str):
    """Text that is Markdown already and must not be escaped again."""

    __slots__ = ()


def escape(value: object) -> str:
    """A value as Markdown text on one line: no markup, HTML, link, table border or line break survives.

    Text of the type `Markdown` is returned as it is. Not meant for the very start of a line, where `1.` or `-`
    would begin a list: templates put words of their own before data. A mail address stays one: GitHub makes it a
    link that says where it leads.
    """
    if isinstance(value, Markdown):
        return value
    text = " ".join(UNPRINTABLE.sub("", " ".join(str(value).split())).split())
    for sign, entity in _ENTITIES.items():
        text = text.replace(sign, entity)
    return _SPECIAL.sub(lambda found: "\\" + found.group(), text)


def code_block(text: str) -> Markdown:
    """Lines of text as a fenced block, controls as visible escapes; the fence outlasts any backticks inside."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    lines = "\n".join(printable(line) for line in text.split("\n"))
    return Markdown(f"{fence}\n{lines}\n{fence}")
