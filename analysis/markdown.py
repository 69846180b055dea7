"""Markdown in which whatever comes from data or a model stays text, and files that are never half written."""

from __future__ import annotations

import re
import uuid
from pathlib import Path

# Entities for what HTML reads, backslashes for what Markdown reads. An underscore inside a word means
# nothing to Markdown: lora_v2 stays readable.
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_SPECIAL = re.compile(r"[\\`*\[\]|#~$]|(?<![^\W_])_|_(?![^\W_])|(?<=www)\.|:(?=//)")
_INVISIBLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")


class Markdown(str):
    """Text that is Markdown already and must not be escaped again."""

    __slots__ = ()


def escape(value: object) -> str:
    """A value as Markdown text on one line: no markup, HTML, link, table border or line break survives.

    Text of the type `Markdown` is returned as it is. Not meant for the very start of a line, where `1.` or `-`
    would begin a list: templates put words of their own before data.
    """
    if isinstance(value, Markdown):
        return value
    text = " ".join(_INVISIBLE.sub("", " ".join(str(value).split())).split())
    for sign, entity in _ENTITIES.items():
        text = text.replace(sign, entity)
    return _SPECIAL.sub(lambda found: "\\" + found.group(), text)


def code_block(text: str) -> Markdown:
    """Lines of text as a fenced block; the fence is longer than any run of backticks inside."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return Markdown(f"{fence}\n{text}\n{fence}")


def replace_file(path: Path, data: bytes) -> None:
    """Write a file whole or not at all: a reader sees the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
