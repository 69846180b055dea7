"""Chats about pictures: TRL's `messages` and LLaMA-Factory's `conversations`, one pair of turns a row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from studies.importers.found import Found, Skipped

USER, ASSISTANT = ("user", "human"), ("assistant", "gpt")
PLACEHOLDER = "<image>"


def pairs(messages: Any) -> Iterator[tuple[str, str]]:
    """(question, answer) for each user turn that an assistant turn follows; pictures are taken out of the texts."""
    question: str | None = None
    for turn in messages if isinstance(messages, Sequence) else ():
        if not isinstance(turn, dict):
            continue
        role = turn.get("role", turn.get("from"))
        said = _said(turn.get("content", turn.get("value")))
        if role in USER:
            question = said
        elif role in ASSISTANT and question is not None:
            yield question, said
            question = None


def _said(content: Any) -> str:
    """The text of a turn: a string, or a list of parts of which some are pictures."""
    parts = content if isinstance(content, list) else [content]
    texts = [part.get("text") if isinstance(part, dict) else part for part in parts]
    return " ".join("\n".join(text for text in texts if isinstance(text, str)).replace(PLACEHOLDER, " ").split())


def rows_of(found: Found, messages: Any) -> Iterator[Found | Skipped]:
    """One row for each pair of a chat about one picture."""
    empty = True
    for question, answer in pairs(messages):
        empty = False
        yield replace(found, question=question or None, answer=answer)
    if empty:
        yield Skipped(found.place, "row damaged", "no user turn with an assistant turn after it")
