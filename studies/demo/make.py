"""Redraw the demo's pictures and rows, and retrain its base: `python -m studies.demo.make`.

The pictures and rows come out byte for byte the same with the pinned Pillow.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from typing import Any

from studies.demo.content import PEOPLE, QUESTIONS, Person
from studies.demo.drawing import draw

FOLDER = Path(__file__).parent
TRAINING_IMAGES = 28
REPLAY_IMAGES = 12
PROBE_IMAGES = {"search": 12, "test": 12}
# `fresh`: pictures that no study has, for benchmarks.
FIRST_SEED = {"training": 0, "replay": 0, "search": 1_000, "test": 2_000, "fresh": 10_000}


def make_study(folder: Path = FOLDER) -> None:
    """Draw every picture of the study and write its rows."""
    training, replay, probes = [], [], []
    for person in PEOPLE:
        if person.role == "target":
            training += _training_rows(folder, person, "training", TRAINING_IMAGES)
        if person.role == "control":
            replay += _training_rows(folder, person, "replay", REPLAY_IMAGES)
        for split, images in PROBE_IMAGES.items():
            probes += probe_rows(folder, person, split, images)
    _write(folder / "training.jsonl", training)
    _write(folder / "replay.jsonl", replay)
    _write(folder / "probes.jsonl", probes)


def _training_rows(folder: Path, person: Person, side: str, images: int) -> list[dict[str, Any]]:
    """One question a picture, as the team annotated; kinds and wordings take turns."""
    kinds = list(QUESTIONS)
    rows = []
    for number in range(images):
        kind = kinds[number % len(kinds)]
        wording = QUESTIONS[kind][number // len(kinds) % len(QUESTIONS[kind])]
        image = _draw(folder, person, side, number)
        rows.append({"image": image, "character": person.name, "question": wording, "answer": person.answer(kind)})
    return rows


def probe_rows(folder: Path, person: Person, split: str, images: int) -> list[dict[str, Any]]:
    """Every kind of question about every picture, which is drawn; a negative is asked for its name alone."""
    kinds = ["name"] if person.role == "negative" else list(QUESTIONS)
    numbering = count(1)
    rows = []
    for number in range(images):
        image = _draw(folder, person, split, number)
        for kind in kinds:
            row: dict[str, Any] = {
                "id": f"{split}-{person.key}-{next(numbering):03d}",
                "split": split,
                "image": image,
                "character": person.name,
                "kind": kind,
                "question": QUESTIONS[kind][number % len(QUESTIONS[kind])],
            }
            if person.accepted(kind):
                row["accepted"] = list(person.accepted(kind))
            if kind == "origin" and person.allowed_names:
                row["allowed_names"] = list(person.allowed_names)
            rows.append(row)
    return rows


def _draw(folder: Path, person: Person, side: str, number: int) -> str:
    relative = f"images/{side}/{person.key}-{number:03d}.png"
    path = folder / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    draw(person.key, FIRST_SEED[side] + number).save(path, optimize=True)
    return relative


def _write(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def main(what: list[str]) -> None:
    """Make what is named: `images`, `model`, or both."""
    if "images" in what or not what:
        make_study()
    if "model" in what or not what:
        from studies.demo.base import pretrain

        print(f"base trained in {pretrain(FOLDER / 'model'):.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
