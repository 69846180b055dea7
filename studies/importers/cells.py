"""What a cell of a table says: text, answers, or nothing, in whatever way its writer put it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

from studies.importers.printed import literal
from studies.placeholders import without_placeholders

# How tables write that there is nothing: pandas' own list.
MISSING = frozenset({"", "#N/A", "#NA", "<NA>", "N/A", "NA", "NULL", "NaN", "NaT", "None", "n/a", "nan", "null"})
MISSING |= {"#N/A N/A", "-NaN", "-nan", "1.#IND", "1.#QNAN", "-1.#IND", "-1.#QNAN"}
# Signs that nobody sees, which web pages and Excel leave around words; str.strip knows none of them.
_HALF = re.compile("[\ud800-\udfff]")
_UNSEEN = "\u200b\u200e\u200f\u2060\ufeff"
# Where datasets of questions and answers keep the words of an answer: VQA, SQuAD, Label Studio.
_OF_ANSWER = ("answer", "text", "value", "label", "content", "choices", "ground_truth")
# Signs of a cell that a message shows.
SHOWN = 100


def text(value: Any) -> str | None:
    """A cell as text without the white space around it; None where it is missing, or no single value.

    3.0 is written 3: a column of whole numbers with a gap comes as floats.
    """
    if isinstance(value, list | tuple) and len(value) == 1:
        return text(value[0])
    if value is None or isinstance(value, dict | list | tuple | bytes):
        return None
    if isinstance(value, str) and not value.isascii():
        value = _HALF.sub("\ufffd", value)
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        value = int(value) if value.is_integer() else value
    said = bare(str(value).replace("\r\n", "\n"))
    return None if said in MISSING else said


def bare(words: str) -> str:
    """A text without white space and unseen signs around it, in whatever order these stand."""
    while (stripped := words.strip().strip(_UNSEEN)) != words:
        words = stripped
    return words


def said(value: Any) -> str | None:
    """A cell as what somebody says, without marks of pictures."""
    words = text(value)
    return (without_placeholders(words).strip() or None) if words else None


def answers(value: Any) -> tuple[str, ...]:
    """The answers of a cell, each once: one text, a list of them, or VQA's list of objects; a list may be written out.

    Of those that say the same but for white space the first.
    """
    return tuple(dict.fromkeys(filter(None, map(said, _each(parsed(value))))))


def parsed(value: Any) -> Any:
    """The list or object that a text writes out, as JSON or as Python or numpy prints it; anything else as it is."""
    if not isinstance(value, str) or not value.strip().startswith(("[", "{", "array(")):
        return value
    for read in (json.loads, literal):
        try:
            found = read(value.strip())
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        return found if isinstance(found, list | dict) else value
    return value


def shortened(value: Any) -> str:
    """A value for a message: one line of bounded length."""
    words = " ".join(str(value).split())
    return words if len(words) <= SHOWN else f"{words[: SHOWN - 1]}…"


def _each(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        for part in value:
            yield from _each(part)
    elif isinstance(value, dict):
        yield from _each(next((value[name] for name in _OF_ANSWER if name in value), None))
    else:
        yield value
