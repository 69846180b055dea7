"""Marks of a base model that must not stand in a text: where a picture comes, where a turn ends."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

REMEDY = "remove it from the text: the chat template puts the model's marks where they belong"


def mark_in(text: str, marks: Iterable[str]) -> str | None:
    """The first of a model's marks that stands in a text; None where there is none."""
    return next((mark for mark in marks if mark in text), None)


def said(mark: str) -> str:
    """What is wrong with a text that holds a mark."""
    return f"holds {mark!r}, which the base model reads as a mark of its own"


def marks_among(tokens: Iterable[str]) -> list[str]:
    """Special tokens that nobody writes by chance; some tokenizers fill with a plain "!"."""
    return sorted({token for token in tokens if len(token) > 2 and token[0] in "<[" and token[-1] in ">]"})


def marks_of(model: Path) -> list[str]:
    """The marks of a model in a folder, from its tokenizer's own files; none where they cannot be read."""
    try:
        text = (model / "tokenizer.json").read_text(encoding="utf-8")
        # Of a file of up to 30 MB the few tokens that were added to the vocabulary.
        _, _, rest = text.partition('"added_tokens":')
        added: Sequence[dict[str, Any]] = json.JSONDecoder().raw_decode(rest.lstrip())[0]
        return marks_among(token["content"] for token in added if token["special"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return []
