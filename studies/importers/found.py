"""What every importer gives: the rows of another format, in one type."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from studies.importers.tree import Tree, inside

Side = Literal["training", "search", "test"]
# The words of other formats for the sides of a study.
SIDES: dict[str, Side] = {
    **dict.fromkeys(("train", "training", "trn", "обучение", "обучающая", "тренировка"), "training"),
    **dict.fromkeys(("val", "valid", "validation", "validate", "eval", "evaluation", "dev", "search"), "search"),
    **dict.fromkeys(("валидация", "валидационная", "проверка", "проверочная"), "search"),
    **dict.fromkeys(("test", "tests", "testing", "tst", "тест", "тестовая", "тестирование"), "test"),
}
# What may stand beside such a word in the name of a folder: train_images, val2017, test-set.
_BESIDE_SIDES = {"images", "image", "imgs", "img", "pics", "pictures", "photos", "set", "data", "dataset", "split"}
_BESIDE_SIDES |= {
    "labels",
    "annotations",
    "captions",
    "questions",
    "instances",
    "metadata",
    "rows",
    "qa",
    "vqa",
    "llava",
}


def side_of(name: str) -> Side | None:
    """The side that the name of a folder or split says: by one of SIDES in any case, alone or as in `val2017`."""
    words = re.findall(r"[^\W\d_]+", unicodedata.normalize("NFC", name).casefold())
    left = [word for word in words if word not in _BESIDE_SIDES]
    return SIDES.get(left[0]) if len(left) == 1 else None


Reason = Literal[
    "picture missing",
    "picture unreadable",
    "HEIC picture",
    "no picture",
    "several pictures",
    "no character",
    "no question",
    "empty answer",
    "row damaged",
    "row twice",
    "picture of another character",
    "question about another character",
    "character without a role",
]


# Where no file can lie: no name may hold this sign.
NOWHERE = Path("\0")
# In place of a picture, where a row names none.
PICTURELESS = Path("\0none")
# Signs of a detail: a cell may hold a whole picture.
DETAIL = 300


@dataclass(frozen=True)
class Found:
    """One row of a source.

    place: where it stands, for people. picture: a file, which need not exist, or PICTURELESS. name: the picture's name
    in the source. character, question, answer, side: None where the source does not say; an answer that is there and
    says nothing is "". others: further answers that are as right.
    """

    place: str
    picture: Path = PICTURELESS
    name: str = ""
    character: str | None = None
    question: str | None = None
    answer: str | None = None
    side: Side | None = None
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Skipped:
    """What was not taken over, and why."""

    place: str
    reason: Reason
    detail: str = ""

    def __post_init__(self) -> None:
        if len(self.detail) > DETAIL:
            object.__setattr__(self, "detail", f"{self.detail[:DETAIL]}…")

    @property
    def told(self) -> str:
        """The place, and the detail where there is one."""
        return f"{self.place} ({self.detail})" if self.detail else self.place


@dataclass
class Noticed:
    """What came to light while rows were read; complete once all of them are.

    columns: name of a column -> whether something was taken from it. turns: role of turns that no study has -> how
    many. like_pictures: columns of rows without a picture that seem to hold one. marked: rows without a picture whose
    text marks where one stands.
    """

    remarks: list[str] = field(default_factory=list)
    columns: dict[str, bool] = field(default_factory=dict)
    turns: Counter[str] = field(default_factory=Counter)
    like_pictures: dict[str, None] = field(default_factory=dict)
    marked: int = 0

    @property
    def unused(self) -> list[str]:
        """The columns from which nothing was taken."""
        return [name for name, used in self.columns.items() if not used]


@dataclass(frozen=True)
class Source:
    """Another format, opened.

    rows: read once. questions: those the source asks with. targets, controls: the roles that the format implies.
    aliases: character -> further names. root: the folder that holds the pictures of rows.
    tree: what lies in a source that is a folder of files. read: the files that hold its rows.
    noticed: complete once the rows are read.
    """

    format: str
    rows: Iterable[Found | Skipped]
    questions: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    root: Path | None = None
    tree: Tree | None = None
    read: frozenset[Path] = frozenset()
    noticed: Noticed = field(default_factory=Noticed)


def picture_at(root: Path, name: str) -> Path:
    """Where a picture that a row names lies; NOWHERE when that is outside the source's folder.

    A table must not fetch other files of this machine.
    """
    try:
        path = root / name.replace("\\", "/")
        return path if inside(path, root) else NOWHERE
    except (OSError, ValueError, RuntimeError):
        return NOWHERE
