"""Tables and chats as users have them: dialects, encodings, gaps, lists, marks of pictures."""

from __future__ import annotations

import base64
import csv
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks.campaigns.brought_data import LESSONS, Brought, Lesson, Make, Row, arguments, columns, images, write

# Pictures that a row without an answer may stand for: the first, one in the middle, the last.
PLACES = {"first": 0, "in the middle": 7, "last": 14}
MARKS = (
    "<image>",
    "<|image|>",
    "<image_1>",
    "<|image_1|>",
    "<|vision_start|><|image_pad|><|vision_end|>",
    "<start_of_image>",
    "<image_soft_token>",
    "<img>",
    "[IMG]",
)
CONTROLS = ("--controls", "Матрёшка")


def table(file: str, change: Callable[[list[Row]], Sequence[Row]] = list, **options: Any) -> Make:
    """A table of the usual columns, changed."""
    return lambda root: arguments(write(root / file, change(columns(root)), **options))


def dialects() -> Iterator[Brought]:
    """Every delimiter, quoting, line end and encoding of a table of text."""
    quotings = {"minimal": csv.QUOTE_MINIMAL, "all": csv.QUOTE_ALL}
    ends = {"LF": "\n", "CRLF": "\r\n"}
    encodings = ("utf-8", "utf-8-sig", "utf-16", "cp1251")
    for sign, quoting, end, encoding in product(",;\t|", quotings, ends, encodings):
        file = "data.tsv" if sign == "\t" else "data.csv"
        dialect: dict[str, Any] = {"delimiter": sign, "quoting": quotings[quoting], "lineterminator": ends[end]}
        name = f"table: {sign!r}, quoted {quoting}, {end}, {encoding}"
        remedy = None if encoding.startswith("utf-8") else ("--encoding",)
        yield Brought(name, table(file, encoding=encoding, **dialect), remedy=remedy)


def json_names() -> Iterator[Brought]:
    """JSON Lines and an array under either name, in every encoding with a mark."""

    def make(file: str, shape: str, encoding: str) -> Make:
        def source(root: Path) -> Sequence[str]:
            rows = columns(root)
            indent = 2 if shape == "indented array" else None
            lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            text = lines if shape == "lines" else json.dumps(rows, ensure_ascii=False, indent=indent)
            (root / file).write_text(text, encoding=encoding)
            return arguments(root / file)

        return source

    shapes, encodings = ("lines", "array", "indented array"), ("utf-8", "utf-8-sig", "utf-16")
    for file, shape, encoding in product(("data.json", "data.jsonl"), shapes, encodings):
        remedy = ("--encoding",) if encoding == "utf-16" else None
        yield Brought(f"{file}: {shape}, {encoding}", make(file, shape, encoding), remedy=remedy)


def _without(place: int, **change: Any) -> Callable[[list[Row]], list[Row]]:
    """One row with other values; an ellipsis takes the key away."""

    def changed(rows: list[Row]) -> list[Row]:
        row = {**rows[place], **change}
        return [*rows[:place], {key: value for key, value in row.items() if value is not ...}, *rows[place + 1 :]]

    return changed


def gaps() -> Iterator[Brought]:
    """One row without an answer: it is counted, and never taught what stands for nothing."""
    nothing = {"NaN": math.nan, "null": None, "empty": "", "blank": "   ", "absent": ...}
    kinds = {"data.json": nothing, "data.jsonl": nothing}
    kinds |= {"data.csv": {"empty": "", "blank": "   "}, "data.parquet": {"null": None, "empty": ""}}
    for file, values in kinds.items():
        for (called, value), (where, place) in product(values.items(), PLACES.items()):
            make = table(file, _without(place, answer=value))
            yield Brought(f"{file}: the {where} row's answer is {called}", make, optional=frozenset({place}))


def lists() -> Iterator[Brought]:
    """Several answers a row: the first is taught."""
    for file, key, count in product(("data.json", "data.jsonl", "data.parquet"), ("answer", "answers"), (1, 2, 3)):

        def change(rows: list[Row], key: str = key, count: int = count) -> list[Row]:
            kept = [{name: value for name, value in row.items() if name != "answer"} for row in rows]
            others = ["Он самый.", "Тот, кто нужен."]
            lists = [[row["answer"], *others][:count] for row in rows]
            return [{**row, key: answers} for row, answers in zip(kept, lists, strict=True)]

        yield Brought(f"{file}: {key} as a list of {count}", table(file, change))


def instructions() -> Iterator[Brought]:
    """Instruction and input of Alpaca are one question; prompt and completion are question and answer."""
    for file, given in product(("data.json", "data.jsonl", "data.csv", "data.parquet"), ("every", "some", "no")):

        def alpaca(rows: list[Row], given: str = given) -> list[Row]:
            more = [given == "every" or (given == "some" and place % 2 == 1) for place in range(len(rows))]
            return [
                {
                    "instruction": row["question"],
                    "input": "Ответь коротко." if has else "",
                    "output": row["answer"],
                    "image": row["image"],
                    "character": row["character"],
                }
                for row, has in zip(rows, more, strict=True)
            ]

        asked = [given == "every" or (given == "some" and one.picture % 2 == 1) for one in LESSONS]
        together = zip(LESSONS, asked, strict=True)
        lessons = tuple(
            replace(one, question=f"{one.question} Ответь коротко.") if has else one for one, has in together
        )
        yield Brought(f"{file}: instruction with {given} input", table(file, alpaca), lessons)
    for file, chat in product(("data.json", "data.jsonl", "data.parquet"), (False, True)):

        def completion(rows: list[Row], chat: bool = chat) -> list[Row]:
            def said(role: str, text: str) -> Any:
                return [{"role": role, "content": text}] if chat else text

            return [
                {
                    "prompt": said("user", row["question"]),
                    "completion": said("assistant", row["answer"]),
                    "image": row["image"],
                    "character": row["character"],
                }
                for row in rows
            ]

        yield Brought(f"{file}: prompt and completion as {'messages' if chat else 'text'}", table(file, completion))


def _turns(style: str, question: str, answer: str, *, system: bool, picture: bool) -> list[Row]:
    if style == "sharegpt":
        turns = [{"from": "human", "value": ("<image>" if picture else "") + question}]
        turns += [{"from": "gpt", "value": answer}]
        return [{"from": "system", "value": "Отвечай честно."}, *turns] if system else turns
    parts = style == "parts"

    def content(text: str, shown: bool = False) -> Any:
        return [*([{"type": "image"}] if shown else []), {"type": "text", "text": text}] if parts else text

    talk = [
        {"role": "user", "content": content(question, picture)},
        {"role": "assistant", "content": content(answer)},
    ]
    return [{"role": "system", "content": content("Отвечай честно.")}, *talk] if system else talk


def chats() -> Iterator[Brought]:
    """Chats of every style, with a turn of the system and with a row that has no picture."""

    def make(file: str, style: str, system: bool, place: int | None) -> Make:
        def source(root: Path) -> Sequence[str]:
            key = "conversations" if style == "sharegpt" else "messages"
            rows = [
                {"images": [image], key: _turns(style, one.question, one.answer, system=system, picture=True)}
                for image, one in zip(images(root), LESSONS, strict=True)
            ]
            if place is not None:
                talk = _turns(style, "Сколько будет дважды два?", "Четыре.", system=system, picture=False)
                rows.insert(place, {key: talk})
            return arguments(write(root / file, rows), *CONTROLS)

        return source

    for file, style, system in product(("data.json", "data.jsonl"), ("text", "parts", "sharegpt"), (False, True)):
        for where, place in {"no": None, **PLACES}.items():
            told = () if place is None else ("skipped",)
            name = f"{file}: chat of {style}, {'a' if system else 'no'} system turn, {where} row without a picture"
            yield Brought(name, make(file, style, system, place), told=told)


def marks() -> Iterator[Brought]:
    """A base model's mark of a picture leaves question and answer."""
    forms = {"before": "{0}{1}", "before on a line": "{0}\n{1}", "after": "{1} {0}", "after on a line": "{1}\n{0}"}
    for mark, (where, form) in product(MARKS, forms.items()):

        def marked(rows: list[Row], mark: str = mark, form: str = form) -> list[Row]:
            return [{**row, "question": form.format(mark, row["question"])} for row in rows]

        yield Brought(f"{mark} {where} the question", table("data.jsonl", marked))

        def talked(root: Path, mark: str = mark, form: str = form) -> Sequence[str]:
            rows = [
                {
                    "image": image,
                    "conversations": [
                        {"from": "human", "value": form.format(mark, one.question)},
                        {"from": "gpt", "value": one.answer},
                    ],
                }
                for image, one in zip(images(root), LESSONS, strict=True)
            ]
            return arguments(write(root / "data.json", rows), *CONTROLS)

        yield Brought(f"{mark} {where} the question of a chat", talked)
    for mark in MARKS:

        def answered(rows: list[Row], mark: str = mark) -> list[Row]:
            return [{**row, "answer": mark + row["answer"]} for row in rows]

        yield Brought(f"{mark} before the answer", table("data.jsonl", answered))


def inline() -> Iterator[Brought]:
    """Pictures inside the rows: read, or refused without their bytes."""

    def make(file: str, prefix: str) -> Make:
        def change(root: Path) -> Sequence[str]:
            rows = columns(root)
            for row in rows:
                content = (root / row["image"]).read_bytes()
                row["image"] = prefix + base64.b64encode(content).decode()
            return arguments(write(root / file, rows))

        return change

    files, prefixes = ("data.json", "data.jsonl", "data.csv", "data.parquet"), ("", "data:image/png;base64,")
    for file, prefix in product(files, prefixes):
        name = f"{file}: pictures in base64{' as data:' if prefix else ''}"
        yield Brought(name, make(file, prefix), remedy=("base64",))

    def binary(root: Path) -> Sequence[str]:
        rows = columns(root)
        for row in rows:
            row["image"] = {"bytes": (root / row["image"]).read_bytes(), "path": None}
        return arguments(write(root / "data.parquet", rows))

    yield Brought("data.parquet: pictures as bytes", binary)


def languages() -> Iterator[Brought]:
    """The questions of the study follow the language of the rows."""
    english = {"Алёша": "Alyosha", "Мойдодыр": "Moydodyr", "Матрёшка": "Matryoshka"}

    def translated(rows: list[Row]) -> list[Row]:
        return [
            {
                "image": row["image"],
                "character": english[row["character"]],
                "question": f"Who is it, in picture {place}?",
                "answer": f"It is {english[row['character']]}, number {place}.",
            }
            for place, row in enumerate(rows)
        ]

    lessons = tuple(
        Lesson(one.picture, name, f"Who is it, in picture {one.picture}?", f"It is {name}, number {one.picture}.")
        for one in LESSONS
        for name in [english[one.character]]
    )
    for file in ("data.json", "data.jsonl", "data.csv", "data.parquet"):

        def make(root: Path, file: str = file) -> Sequence[str]:
            source = str(write(root / file, translated(columns(root))))
            return ("--from", source, "--targets", "Alyosha,Moydodyr", "--model", "demo")

        yield Brought(f"{file}: English rows", make, lessons, language="en")


def cases() -> Iterator[Brought]:
    """All of them."""
    for kind in (dialects, json_names, gaps, lists, instructions, chats, marks, inline, languages):
        yield from kind()
