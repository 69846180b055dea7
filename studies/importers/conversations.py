"""Chats about pictures: those of TRL, LLaMA-Factory, LLaVA and others, one pair of turns a row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from studies.importers.cells import answers, parsed, said
from studies.importers.found import Found, Skipped
from studies.placeholders import has_placeholder, picture_in

_ROLES = {
    **dict.fromkeys(("user", "human", "question", "instruction"), "user"),
    **dict.fromkeys(("assistant", "gpt", "model", "bot", "chatgpt", "answer", "output"), "assistant"),
}
# The keys of an object that is a question with its answer.
_PAIRS = (
    *(("user", "assistant"), ("question", "answer"), ("question", "answers"), ("human", "gpt")),
    *(("instruction", "output"), ("input", "output")),
)
# Where a part of a turn keeps its picture: TRL, Qwen and OpenAI, Anthropic (source), Gemini (inlineData, fileData).
_OF_PART = (
    *("image", "image_url", "url", "path", "data", "source"),
    *("inlineData", "inline_data", "fileData", "file_data"),
)
_OF_ADDRESS = ("url", "data", "fileUri", "file_uri")
_OF_CONTENT = ("content", "value", "parts", "text")


@dataclass(frozen=True)
class Turn:
    """role: user, assistant, or what the source calls another. pictures: as the turn names them."""

    role: str
    text: str | None
    pictures: tuple[Any, ...] = ()


def chat(value: Any, *, pairs: bool = False) -> list[Turn]:
    """The turns that a cell holds, if it holds some. pairs: whether it may hold pairs of question and answer."""
    data = _list_of(parsed(value))
    turns: list[Turn] = []
    for item in data:
        if isinstance(item, dict) and ("role" in item or "from" in item):
            turns.append(_turn(item))
        elif pairs:
            turns += _pair(item)
    return turns


def _list_of(data: Any) -> Sequence[Any]:
    """A list of turns; `datasets` keeps one as columns, and one turn may stand alone."""
    if not isinstance(data, dict):
        return data if isinstance(data, list | tuple) else ()
    columns = [value for value in data.values() if isinstance(value, list)]
    of_turns = ("role" in data or "from" in data) and not isinstance(data.get("role", data.get("from")), str)
    if of_turns and len(columns) == len(data) and len({len(column) for column in columns}) == 1:
        return [dict(zip(data, values, strict=True)) for values in zip(*columns, strict=True)]
    return [data]


def _pair(item: Any) -> list[Turn]:
    if isinstance(item, list | tuple) and len(item) == 2:
        return [Turn("user", said(item[0])), Turn("assistant", said(item[1]))]
    for user, assistant in _PAIRS:
        if isinstance(item, dict) and user in item and assistant in item:
            return [Turn("user", said(item[user])), Turn("assistant", next(iter(answers(item[assistant])), None))]
    return []


def _turn(item: dict[str, Any]) -> Turn:
    role = str(item.get("role", item.get("from"))).strip().casefold()
    content = parsed_parts(next((item[key] for key in _OF_CONTENT if key in item), None))
    texts, pictures = [], [item[key] for key in ("image", "images") if item.get(key)]
    for part in content:
        if isinstance(part, dict):
            texts.append(part.get("text"))
            pictures += [_address(part[key]) for key in _OF_PART if part.get(key)][:1]
        elif isinstance(part, str):
            texts.append(part)
            pictures += [path] if (path := picture_in(part)) else []
    return Turn(
        _ROLES.get(role, role), said(" ".join(text for text in texts if isinstance(text, str))), tuple(pictures)
    )


def parsed_parts(content: Any) -> list[Any]:
    """The parts of a turn's content: a text alone, or a list of texts and pictures."""
    if isinstance(content, list | tuple):
        return list(content)
    written = parsed(content)
    if isinstance(written, list) and written and all(isinstance(part, dict) and "type" in part for part in written):
        return written
    return [content]


def marks_picture(value: Any) -> bool:
    """Whether a cell says that a picture stands in it: by a mark in a text, or by a part of a turn."""
    value = parsed(value)
    if isinstance(value, dict):
        return value.get("type") in ("image", "image_url") or any(map(marks_picture, value.values()))
    if isinstance(value, list | tuple):
        return any(map(marks_picture, value))
    return isinstance(value, str) and has_placeholder(value)


def _address(value: Any) -> Any:
    """OpenAI, Anthropic and Gemini put the address of a picture, or itself, into an object of its own."""
    if not isinstance(value, dict):
        return value
    return next((value[key] for key in _OF_ADDRESS if value.get(key)), value)


def rows_of(found: Found, turns: Sequence[Turn], left_out: Counter[str]) -> Iterator[Found | Skipped]:
    """One row for each question with the answer after it; turns of one role that follow each other are one.

    left_out: counts the roles of turns that no study has, `system` among them.
    """
    left_out.update(turn.role for turn in turns if turn.role not in ("user", "assistant"))
    told = _merged([turn for turn in turns if turn.role in ("user", "assistant")])
    if not any(turn.role == "assistant" for turn in told):
        yield Skipped(found.place, "row damaged", "no turn of a user with an answer after it")
        return
    question: str | None = None
    for place, turn in enumerate(told):
        if turn.role == "user":
            question = turn.text
            if place == len(told) - 1:
                yield replace(found, question=question, answer="")
        else:
            yield replace(found, question=question, answer=turn.text or "")
            question = None


def _merged(turns: Sequence[Turn]) -> list[Turn]:
    merged: list[Turn] = []
    for turn in turns:
        if merged and merged[-1].role == turn.role:
            before = merged.pop()
            turn = replace(turn, text="\n".join(filter(None, (before.text, turn.text))) or None)
        merged.append(turn)
    return merged
