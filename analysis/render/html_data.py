"""What an HTML report's script reads: data blocks that no text can end or break, and the answers, each text once."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Hashable, Mapping
from typing import Any

from markupsafe import Markup

from analysis.messages.catalogue import Messages
from analysis.render.document import Answers, AskedProbe
from skazka_text.printable import UNPRINTABLE
from trainables.grading import Grade

# What could end a script element or open another.
_ESCAPES = str.maketrans({sign: f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"})
_GRADE_MESSAGES: Mapping[Grade, str] = {
    Grade.correct: "html_grade_correct",
    Grade.mixed: "html_grade_mixed",
    Grade.wrong_known: "html_grade_wrong_known",
    Grade.wrong_unknown: "html_grade_wrong_unknown",
    Grade.wrong_fact: "html_grade_wrong_fact",
    Grade.abstain: "html_grade_abstain",
    Grade.no_name: "html_grade_no_name",
}


def cleaned(value: Any) -> Any:
    """A value of JSON without what is invisible or drives a terminal or the direction of writing; NaN is None.

    Text that is markup already is returned as it is.
    """
    if isinstance(value, Markup):
        return value
    if isinstance(value, str):
        return UNPRINTABLE.sub("", " ".join(value.split("\n")))
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {cleaned(key): cleaned(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [cleaned(inner) for inner in value]
    return value


def data_block(value: Any) -> Markup:
    """A value as JSON that may stand in a script element of type application/json."""
    text = json.dumps(cleaned(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.translate(_ESCAPES))


def grade_word(grade: str, messages: Messages) -> str:
    """A grade in words; one that is not known is its own name."""
    return messages.text(_GRADE_MESSAGES[Grade(grade)]) if grade in Grade.__members__ else grade


def answers_data(answers: Answers, messages: Messages, thumbnail: Callable[[str], str | None]) -> dict[str, Any]:
    """The answers browser's data. thumbnail: a picture's path -> its data: address, asked once for each picture.

    Every distinct text, picture, character and grade stands once; a probe refers to it by its place. `after` has a
    text and a grade for each trial, -1 and -1 where it was not asked; the picture of a question without one is -1.
    """
    texts, pictures, characters, grades = _Places(), _Places(), _Places(), _Places()
    images = dict.fromkeys(probe.image for probe in answers.probes if probe.image is not None)
    found = {image: thumbnail(image) for image in images}

    def row(probe: AskedProbe) -> dict[str, Any]:
        after: list[int] = []
        for trial, _ in answers.trials:
            text, grade = probe.after.get(trial, (None, None))
            after += [-1, -1] if text is None else [texts.of(text), grades.of(grade)]
        return {
            "id": probe.id,
            "picture": -1 if probe.image is None else pictures.of(found[probe.image]),
            "character": characters.of(probe.character),
            "question": texts.of(probe.question),
            "gold": texts.of(probe.gold),
            "before": [texts.of(probe.before[0]), grades.of(probe.before[1])],
            "after": after,
        }

    return {
        "probes": [row(probe) for probe in answers.probes],
        "trials": [heading for _, heading in answers.trials],
        "texts": texts.values,
        "pictures": pictures.values,
        "characters": characters.values,
        "grades": [{"name": grade, "word": grade_word(grade, messages)} for grade in grades.values],
    }


class _Places:
    """Distinct values in the order in which they came, each known by its place."""

    def __init__(self) -> None:
        self._place: dict[Hashable, int] = {}

    def of(self, value: Hashable) -> int:
        return self._place.setdefault(value, len(self._place))

    @property
    def values(self) -> list[Any]:
        return list(self._place)
