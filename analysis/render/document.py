"""A report as data: sections of blocks, in one language. One content, rendered as Markdown and as HTML.

Every text here is plain: what it holds of Markdown or HTML is data, and the renderers escape it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

# A number is shown to four decimals and sorted as a number; None is shown as a dash and sorted last.
Cell = str | int | float | None
Tone = Literal["good", "bad", "unsure", "plain"]


@dataclass(frozen=True)
class Text:
    """A paragraph. tone: how an HTML report colours it; Markdown leaves it out."""

    text: str
    tone: Tone = "plain"


@dataclass(frozen=True)
class Facts:
    """A list of named facts: (label, text); an empty label is a plain bullet."""

    items: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Column:
    """A column of a table; `number`: right-aligned and sorted as numbers."""

    title: str
    number: bool = False


@dataclass(frozen=True)
class Table:
    """A table. key: its HTML id. filters: whether HTML offers a search field over its rows.

    tones: one tone a row, or empty.
    """

    key: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    filters: bool = False
    tones: Sequence[Tone] = ()


@dataclass(frozen=True)
class Chart:
    """A picture in Markdown and a chart in HTML.

    picture: path of the PNG relative to the report's folder, None where there is none. figure: the same as plotly's
    JSON, {"data": [...], "layout": {...}}; None where HTML shows the picture.
    """

    key: str
    caption: str
    picture: str | None
    figure: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Code:
    """Commands to copy."""

    text: str


@dataclass(frozen=True)
class Answers:
    """The answers browser; Markdown leaves it out.

    trials: (id, heading) of the trials shown. probes: what was asked, with the base's answer and each trial's.
    """

    trials: Sequence[tuple[str, str]]
    probes: Sequence[AskedProbe]


@dataclass(frozen=True)
class AskedProbe:
    """One probe with every answer that the report shows.

    image: path of the picture, None in a study without pictures. gold: what counts as right, in words. before: (text,
    grade). after: trial id -> (text, grade). Grades are those of `trainables.grading.Grade`.
    """

    id: str
    image: str | None
    character: str
    question: str
    gold: str
    before: tuple[str, str]
    after: Mapping[str, tuple[str, str]]


Block = Text | Facts | Table | Chart | Code | Answers


@dataclass(frozen=True)
class Section:
    """A heading with what stands under it. folded: HTML shows it closed at first."""

    key: str
    title: str
    blocks: Sequence[Block]
    sections: Sequence[Section] = ()
    folded: bool = False


@dataclass(frozen=True)
class Document:
    """A whole report. language: ru or en."""

    language: str
    title: str
    subtitle: str
    sections: Sequence[Section]
