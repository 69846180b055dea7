"""Which column of a table says what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from skazka_text.problems import InputError, Problem
from studies.importers.cells import answers, bare, parsed, said, shortened, text
from studies.importers.conversations import Turn, chat, marks_picture
from studies.importers.found import Found, Noticed, Side, side_of
from studies.importers.stored_pictures import looks_like_picture

# Our name of a column -> what other people call it, the likeliest first.
KNOWN = {
    "image": (
        *("image", "file_name", "image_path", "images", "picture", "file", "path", "filename", "img", "image_file"),
        *(
            "image_url",
            "image_name",
            "image_file_name",
            "file_path",
            "filepath",
            "img_path",
            "картинка",
            "изображение",
            "файл",
        ),
    ),
    "character": (
        *("character", "character_name", "name", "label", "class", "subject", "choice", "персонаж", "герой"),
        *("имя", "класс"),
    ),
    "question": ("question", "prompt", "instruction", "query", "prefix", "вопрос"),
    "input": ("input",),
    "answer": (
        *("answer", "answers", "response", "output", "completion", "caption", "multiple_choice_answer", "chosen"),
        *("suffix", "text", "ground_truth", "solution", "reward_model", "ответ", "подпись", "описание"),
    ),
    "messages": ("messages", "conversations", "conversation", "texts", "qa_pairs", "contents", "qa", "qas"),
    "history": ("history",),
    "split": ("split", "subset", "partition", "set", "выборка"),
}
# Names that a message lists.
SHOWN = 20


def expected_columns(given: Mapping[str, str]) -> set[str]:
    """Names that columns may have, in lower case. given: as the user says it."""
    return {name.lower() for names in (*KNOWN.values(), given.values()) for name in names}


@dataclass(frozen=True)
class Columns:
    """What each row says by its own columns, for the rows of a table need not be alike.

    given: our name of a column -> the source's, as the user says it. usual: names that come before the known ones.
    noticed: is told which columns there are, and which of them say something.
    """

    given: Mapping[str, str]
    noticed: Noticed
    usual: Mapping[str, str]

    def see(self, row: Mapping[str, Any]) -> None:
        """Note the columns that a row has."""
        for name in row:
            self.noticed.columns.setdefault(name, False)

    def check(self, file: str) -> None:
        """Raise InputError when a column that the user named is in no row."""
        there = self.noticed.columns
        for ours, theirs in self.given.items():
            if there and not any(_folded(name) == _folded(theirs) for name in there):
                remedy = f"name one of {', '.join(shortened(name) for name in list(there)[:SHOWN])}"
                raise InputError(Problem(file, f"columns.{ours}", f"there is no column {theirs!r}", remedy))

    def get(self, row: Mapping[str, Any], ours: str) -> Any:
        """The value of one of our columns; None where the row has none."""
        name = self._name(row, ours)
        if name is None:
            return None
        self.noticed.columns[name] = True
        return row[name]

    def _name(self, row: Mapping[str, Any], ours: str) -> str | None:
        """The source's name of a column: the likeliest that says something in this row, else the likeliest.

        An answer that is missing is missing: no other column may speak in its place.
        """
        by_name = {_folded(name): name for name in reversed(list(row))}
        there = [by_name[name] for name in self._likely(ours) if name in by_name]
        filled = there if ours == "answer" else [name for name in there if _says(row[name])]
        return next(iter(filled or there), None)

    def _likely(self, ours: str) -> list[str]:
        if ours in self.given:
            return [_folded(self.given[ours])]
        taken = {_folded(name) for name in self.given.values()}
        names = (self.usual[ours], *KNOWN[ours]) if ours in self.usual else KNOWN[ours]
        return [_folded(name) for name in names if _folded(name) not in taken]

    def side(self, row: Mapping[str, Any]) -> Side | None:
        """The side that a row's own column names."""
        return side_of(text(self.get(row, "split")) or "")

    def note_like_pictures(self, row: Mapping[str, Any]) -> None:
        """Note what may be a picture in a row that names none."""
        for name, value in row.items():
            if looks_like_picture(value):
                self.noticed.like_pictures[name] = None
        self.noticed.marked += any(map(marks_picture, row.values()))

    def turns(self, row: Mapping[str, Any]) -> list[Turn]:
        """The turns of a row that is a chat: in one column, or as prompt and completion; empty for any other."""
        told = chat(self.get(row, "messages"), pairs=True)
        asked, answered = chat(self.get(row, "question")), chat(self.get(row, "answer"))
        before = chat(self.get(row, "history"), pairs=True)
        if not (told or asked or answered or before):
            return []
        if any(turn.role == "user" for turn in answered):
            return answered
        if told and not (told[-1].role == "user" and (answered or self._answers(row))):
            return told
        question, answer = self._question(row), next(iter(self._answers(row)), None)
        own = [Turn("user", question)] if question and not (asked or told) else []
        last = answered or ([Turn("assistant", answer)] if answer else [])
        return [*before, *told, *asked, *own, *last]

    def found(self, place: str, row: Mapping[str, Any]) -> Found:
        """What a row says beside its picture."""
        answered = self._answers(row)
        question = self._question(row)
        first = answered[0] if answered else self._empty(row, question)
        character = text(self.get(row, "character"))
        return Found(place, character=character, question=question, answer=first, others=answered[1:])

    def _question(self, row: Mapping[str, Any]) -> str | None:
        """Instruction and input together."""
        parts = [said(self.get(row, ours)) for ours in ("question", "input")]
        return "\n".join(filter(None, parts)) or None

    def _answers(self, row: Mapping[str, Any]) -> tuple[str, ...]:
        return answers(self.get(row, "answer"))

    def _empty(self, row: Mapping[str, Any], question: str | None) -> str | None:
        """What stands for no answer: "" in a table of captions, None where neither it nor a question is told."""
        has_question = any(self._name(row, ours) for ours in ("question", "input"))
        return None if (has_question and not question) or self._name(row, "answer") is None else ""


def _folded(name: str) -> str:
    return bare(name).casefold().replace(" ", "_")


def _says(value: Any) -> bool:
    """Whether a cell holds anything at all."""
    value = parsed(value)
    return bool(value) if isinstance(value, dict | list | tuple | bytes) else text(value) is not None
