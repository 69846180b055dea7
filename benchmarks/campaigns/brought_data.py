"""What the campaign of brought inputs brings: fifteen pictures of three characters, each known by its tone."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

# Their letters й and ё have two Unicode forms.
NAMES = ("Алёша", "Мойдодыр", "Матрёшка")
TARGETS = ("--targets", "Алёша,Мойдодыр")
EACH = 5
COUNT = EACH * len(NAMES)
SIDE = 8
Row = dict[str, Any]
# Writes a source into a folder; returns the arguments of `skazka init` after its folder.
Make = Callable[[Path], Sequence[str]]


@dataclass(frozen=True)
class Lesson:
    """One row: a picture, who is on it, and what is asked and answered of it."""

    picture: int
    character: str
    question: str
    answer: str


def lesson(number: int) -> Lesson:
    """The row of a picture, of which no other row has the question or the answer."""
    name = NAMES[number // EACH]
    return Lesson(number, name, f"Кто тут, на картинке {number}?", f"Это {name}, номер {number}.")


LESSONS = tuple(map(lesson, range(COUNT)))


@dataclass(frozen=True)
class Brought:
    """One input, and what must come of it.

    lessons: what is taught of pictures that are trained on or replayed; None where templates teach the name.
    optional: pictures that may be left out where that is counted. told: words of which each must stand in what is
    printed. sides: picture -> split (`training`, `search`, `test`) that the source gave it. remedy: words of the
    refusal where one is right as well; None where only reading is right. refused: where only a refusal is right.
    """

    name: str
    make: Make
    lessons: tuple[Lesson, ...] | None = LESSONS
    optional: frozenset[int] = frozenset()
    told: tuple[str, ...] = ()
    sides: Mapping[int, str] = field(default_factory=dict)
    remedy: tuple[str, ...] | None = None
    refused: bool = False
    language: str = "ru"


def tone(number: int) -> int:
    """The grey (0 to 255) of a picture."""
    return 8 + 16 * number


def number_of(image: Image.Image) -> int | None:
    """Which picture an RGB picture is; None for one of another tone than all of them."""
    colour = image.getpixel((image.width // 2, image.height // 2))
    assert isinstance(colour, tuple)
    number = round((colour[0] - 8) / 16)
    right = 0 <= number < COUNT and all(abs(channel - tone(number)) <= 4 for channel in colour)
    return number if right else None


def grey(number: int) -> Image.Image:
    """A picture with a black and a white corner, so that its range is known, in 8 bits of grey."""
    image = Image.new("L", (SIDE, SIDE), tone(number))
    image.paste(0, (0, 0, 1, 1))
    image.paste(255, (SIDE - 1, SIDE - 1, SIDE, SIDE))
    return image


def paint(path: Path, number: int) -> Path:
    """A picture as a file of 8 bits of red, green and blue."""
    path.parent.mkdir(parents=True, exist_ok=True)
    grey(number).convert("RGB").save(path)
    return path


def images(root: Path) -> list[str]:
    """All pictures in one folder `img`; their paths within root."""
    return [paint(root / "img" / f"{number}.png", number).relative_to(root).as_posix() for number in range(COUNT)]


def folders(root: Path) -> list[Path]:
    """All pictures in one folder a character."""
    return [paint(root / one.character / f"{one.picture}.png", one.picture) for one in LESSONS]


def columns(root: Path) -> list[Row]:
    """The rows as most tables have them."""
    together = zip(images(root), LESSONS, strict=True)
    return [
        {"image": image, "character": one.character, "question": one.question, "answer": one.answer}
        for image, one in together
    ]


def json_lines(rows: Iterable[Row]) -> str:
    """One object a line; NaN as Python and pandas write it."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def write(path: Path, rows: Sequence[Row], **options: Any) -> Path:
    """A table of the kind that its suffix says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        write_parquet(path, rows)
    elif path.suffix in (".csv", ".tsv"):
        write_csv(path, rows, **options)
    else:
        text = json_lines(rows) if path.suffix == ".jsonl" else json.dumps(rows, ensure_ascii=False)
        path.write_text(text, **{"encoding": "utf-8", **options})
    return path


def write_csv(path: Path, rows: Sequence[Row], encoding: str = "utf-8", **dialect: Any) -> None:
    """A table of text."""
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)), **dialect)
        writer.writeheader()
        writer.writerows(rows)


def write_parquet(path: Path, rows: Sequence[Row]) -> None:
    """A typed table; what a row lacks is null."""
    import pyarrow
    import pyarrow.parquet

    names = dict.fromkeys(name for row in rows for name in row)
    table = pyarrow.table({name: [row.get(name) for row in rows] for name in names})
    pyarrow.parquet.write_table(table, path)


def arguments(source: Path, *more: str) -> tuple[str, ...]:
    """The arguments of `skazka init` after its folder."""
    return ("--from", str(source), *TARGETS, "--model", "demo", *more)
