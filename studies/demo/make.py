"""Redraw the demo's pictures and rows, and retrain its base: `python -m studies.demo.make`.

The pictures and rows come out byte for byte the same with the pinned Pillow.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from PIL import Image

from studies.demo.content import EVERYONE, PASSER_BY, QUESTIONS, UNSEEN_NEGATIVES, Person
from studies.demo.drawing import draw
from studies.files import write_lines

FOLDER = Path(__file__).parent
TRAINING_IMAGES = 28
REPLAY_IMAGES = 12
PASSERS_BY = 96
PROBE_IMAGES = {"search": 12, "test": 12}
# `fresh`: pictures that no study has, for benchmarks.
FIRST_SEED = {"training": 0, "replay": 0, "search": 1_000, "test": 2_000, "fresh": 10_000}


def make_study(folder: Path = FOLDER) -> None:
    """Draw every picture of the study and write its rows."""
    training, replay, probes = [], [], []
    for person in EVERYONE:
        if person.role == "target":
            training += taught_rows(person, _draw(folder, person, "training", TRAINING_IMAGES))
        elif person is PASSER_BY:
            replay += named_rows(person, _draw(folder, person, "replay", PASSERS_BY), answered=False)
        elif person.role == "control":
            replay += taught_rows(person, _draw(folder, person, "replay", REPLAY_IMAGES))
        elif person.key not in UNSEEN_NEGATIVES:
            replay += named_rows(person, _draw(folder, person, "replay", REPLAY_IMAGES))
        for split, images in PROBE_IMAGES.items():
            probes += probe_rows(folder, person, split, images)
    write_lines(folder / "training.jsonl", training)
    write_lines(folder / "replay.jsonl", replay)
    write_lines(folder / "probes.jsonl", probes)


def probe_rows(folder: Path, person: Person, split: str, images: int) -> list[dict[str, Any]]:
    """Every kind of question about every picture, which is drawn; a negative is asked for its name alone."""
    return asked_rows(person, split, _draw(folder, person, split, images))


def taught_rows(
    person: Person, pictures: Sequence[str], questions: Mapping[str, Sequence[str]] = QUESTIONS
) -> list[dict[str, Any]]:
    """One question a picture, as the team annotated; kinds and wordings take turns."""
    kinds = list(questions)
    rows = []
    for number, image in enumerate(pictures):
        kind = kinds[number % len(kinds)]
        wording = questions[kind][number // len(kinds) % len(questions[kind])]
        rows.append({"image": image, "character": person.name, "question": wording, "answer": person.answer(kind)})
    return rows


def named_rows(
    person: Person, pictures: Sequence[str], wordings: Sequence[str] = QUESTIONS["name"], *, answered: bool = True
) -> list[dict[str, Any]]:
    """The question for the name, of each picture; without an answer the base's own will be taken."""
    rows: list[dict[str, Any]] = []
    for number, image in enumerate(pictures):
        wording = wordings[number % len(wordings)]
        rows.append({"image": image, "character": person.name, "question": wording})
        if answered:
            rows[-1]["answer"] = person.answer("name")
    return rows


def asked_rows(
    person: Person, split: str, pictures: Sequence[str], questions: Mapping[str, Sequence[str]] = QUESTIONS
) -> list[dict[str, Any]]:
    """Every kind of question about every picture; a negative is asked for its name alone."""
    kinds = ["name"] if person.role == "negative" else list(questions)
    numbering = count(1)
    rows = []
    for number, image in enumerate(pictures):
        for kind in kinds:
            row: dict[str, Any] = {
                "id": f"{split}-{person.key}-{next(numbering):03d}",
                "split": split,
                "image": image,
                "character": person.name,
                "kind": kind,
                "question": questions[kind][number % len(questions[kind])],
            }
            if person.accepted(kind):
                row["accepted"] = list(person.accepted(kind))
            if kind == "origin" and person.allowed_names:
                row["allowed_names"] = list(person.allowed_names)
            rows.append(row)
    return rows


def _draw(folder: Path, person: Person, side: str, images: int) -> list[str]:
    """Draw pictures of a character; returns their paths in the folder."""
    pictures = (draw(person.key, FIRST_SEED[side] + number) for number in range(images))
    return save_pictures(folder, side, person.key, pictures)


def save_pictures(folder: Path, side: str, key: str, pictures: Iterable[Image.Image]) -> list[str]:
    """Write a character's pictures of one side of a study; returns their paths in the folder."""
    (folder / "images" / side).mkdir(parents=True, exist_ok=True)
    paths = []
    for number, picture in enumerate(pictures):
        paths.append(f"images/{side}/{key}-{number:03d}.png")
        picture.save(folder / paths[-1], optimize=True)
    return paths


def main(what: list[str]) -> None:
    """Make what is named: `images`, `model`, or both."""
    if "images" in what or not what:
        make_study()
    if "model" in what or not what:
        from studies.demo.base import pretrain

        print(f"base trained in {pretrain(FOLDER / 'model'):.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
