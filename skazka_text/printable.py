"""Text from outside as a terminal may show it: a file name or a model's answer must not drive the terminal."""

from __future__ import annotations

import json
import re
from typing import Any

# C0 and C1 controls (ESC, bell, carriage return), what turns the direction of writing or is not seen at
# all, and halves of characters, which cannot be encoded. Joiners (U+200C, U+200D) belong to words and emoji.
UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)


def printable(text: str) -> str:
    r"""The text on one line, with controls and invisible characters as visible escapes: `\x1b`, `\n`, `\u202e`."""
    return UNPRINTABLE.sub(lambda found: ascii(found.group())[1:-1], text)


def json_line(value: Any, *, only_ascii: bool = False) -> str:
    """A value as JSON on one line, readable in any language; what `printable` escapes is a JSON escape.

    only_ascii: all but ASCII is a JSON escape.
    Raises TypeError for a value that JSON has no form for.
    """
    return UNPRINTABLE.sub(lambda found: f"\\u{ord(found.group()):04x}", json.dumps(value, ensure_ascii=only_ascii))
