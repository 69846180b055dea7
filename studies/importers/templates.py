"""Questions and answers for pictures that come without any."""

from __future__ import annotations

import re
from collections.abc import Sequence

# Language -> (question, answer) pairs that ask for a name.
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


def naming_questions(language: str, own: Sequence[str] = ()) -> list[str]:
    """Questions whose right answer is a name: the source's own, else those of the language."""
    asked = [question for question in own if _ASKS_FOR_NAME.search(question)]
    return asked or [question for question, _ in NAMING[language]]


def taught(language: str, name: str) -> list[tuple[str, str]]:
    """(question, answer) pairs that teach a name."""
    return [(question, answer.format(name=name)) for question, answer in NAMING[language]]
