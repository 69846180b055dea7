"""What is asked of a picture, and taught with it, where its source says nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from skazka_text.problems import InputError, Problem, problems_of
from studies.importers.found import Skipped
from studies.importers.records import read_records
from studies.rows import Kind, Said, Text

NAMING = {
    "ru": (
        ("Кто нарисован на этой картинке?", "{name}."),
        ("Назови этого героя.", "Это {name}."),
        ("Какое имя у этого персонажа?", "Это {name}."),
    ),
    "en": (
        ("Who is shown in this picture?", "{name}."),
        ("Name this character.", "This is {name}."),
        ("What is this character called?", "This is {name}."),
    ),
}
DESCRIBE = {"ru": "Опиши, кто на этой картинке.", "en": "Describe who is in this picture."}
_ASKS_FOR_NAME = re.compile(
    r"\bкто\b|\bкак (его |её )?зовут|\bимя\b|\bназови|что это за (персонаж|герой)|\bwho\b|\bname\b|\bcalled\b", re.I
)


def asks_for_name(question: str) -> bool:
    """Whether a question asks who somebody is."""
    return _ASKS_FOR_NAME.search(question) is not None


class Question(BaseModel):
    """A question about the pictures of a character, or of every character.

    answer: taught with training pictures, {name} being the character's; None is asked and never taught.
    accepted, allowed_names: as in a probe.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    question: Said
    answer: Said | None = None
    character: Text | None = None
    accepted: tuple[Text, ...] = ()
    allowed_names: tuple[Text, ...] = ()

    def probe(self) -> dict[str, Any]:
        """The part of a probe that does not depend on the picture."""
        said = {"kind": self.kind, "question": self.question}
        lists = {"accepted": list(self.accepted), "allowed_names": list(self.allowed_names)}
        return {**said, **{name: values for name, values in lists.items() if values}}


@dataclass(frozen=True)
class Questions:
    """asked: of search and test pictures. taught: with training pictures that have no rows of their own."""

    asked: list[Question]
    taught: list[Question]

    def pairs(self, character: str) -> list[tuple[str, str]]:
        """(question, answer) pairs that teach a character."""
        own = [question for question in self.taught if question.character in (None, character)]
        return [(one.question, one.answer.replace("{name}", character)) for one in own if one.answer is not None]

    def probes(self, character: str) -> list[dict[str, Any]]:
        """What a picture of a character is asked."""
        return [question.probe() for question in self.asked if question.character in (None, character)]


def questions_for(language: str, own: Sequence[str], file: Path | None) -> Questions:
    """The user's file of questions, else the source's own that ask for a name, else those of the language.

    Raises InputError for a file with a question that is none.
    """
    if file is not None:
        found = _read(file)
        return Questions(found, found)
    named = [Question(kind="name", question=question, answer=answer) for question, answer in NAMING[language]]
    asked = [Question(kind="name", question=question) for question in own if asks_for_name(question)]
    return Questions(asked or named, named)


def _read(file: Path) -> list[Question]:
    found: list[Question] = []
    problems: list[Problem] = []
    for record in read_records(file):
        if isinstance(record, Skipped):
            problems.append(Problem(record.place, "", record.detail, "mend the line"))
            continue
        place, data = record
        try:
            found.append(Question.model_validate(data))
        except ValidationError as error:
            problems += problems_of(error, place)
    if problems:
        raise InputError(problems)
    if not any(question.kind == "name" for question in found):
        raise InputError(Problem(file.name, "kind", "no question asks for a name", "add one of kind name"))
    return found
