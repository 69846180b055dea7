"""A valid study of three characters in a folder, small enough to break one line at a time."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image

# The tests name these lines by number.
STUDY = """\
name: small
language: en
base_model: {id: model, dtype: float32}
training: training.jsonl
probes: probes.jsonl
replay: replay.jsonl
characters:
  - name: Gena
    role: target
    aliases: [Crocodile]
  - name: Matryoshka
    role: control
  - name: Knight
    role: negative
space: own.yaml
baselines:
  hand:
    learning_rate: 1.0e-4
    rank: 8
    replay: true
    replay_ratio: 0.5
"""
TRAINING = [("train-1", "Gena", "Gena."), ("train-2", "Gena", "It is Gena.")]
REPLAY = [("replay-1", "Matryoshka", "Matryoshka.")]
# In this order: the third probe asks for a fact.
PROBES = [
    ("search-1", "Gena", "name", "search"),
    ("test-1", "Gena", "name", "test"),
    ("search-1", "Gena", "origin", "search"),
    ("search-2", "Matryoshka", "name", "search"),
    ("test-2", "Matryoshka", "name", "test"),
    ("search-3", "Knight", "name", "search"),
    ("test-3", "Knight", "name", "test"),
]


def make_small_study(folder: Path) -> Path:
    """Write the study into a new folder and return it."""
    (folder / "model").mkdir(parents=True)
    (folder / "model" / "config.json").write_text('{"model_type": "llava"}')
    (folder / "model" / "model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
    (folder / "study.yaml").write_text(STUDY)
    (folder / "own.yaml").write_text("rank: {choice: [4, 8]}\n")
    for file, examples in (("training.jsonl", TRAINING), ("replay.jsonl", REPLAY)):
        write_rows(folder / file, [row(image, character, answer=answer) for image, character, answer in examples])
    write_rows(
        folder / "probes.jsonl",
        [
            row(image, character, id=f"p{number}", kind=kind, split=split)
            | ({"accepted": ["cartoon"], "allowed_names": ["Cheburashka"]} if kind == "origin" else {})
            for number, (image, character, kind, split) in enumerate(PROBES, start=1)
        ],
    )
    images = dict.fromkeys(image for image, *_ in [*TRAINING, *REPLAY, *PROBES])
    for number, image in enumerate(images):
        paint(folder / "images" / f"{image}.png", number)
    return folder


def row(image: str, character: str, **fields: object) -> dict[str, object]:
    """A row about one of the study's pictures."""
    return {"image": f"images/{image}.png", "character": character, "question": "Who is it?", **fields}


def write_rows(path: Path, rows: list[dict[str, object]]) -> None:
    """A JSON Lines file."""
    path.write_text("".join(json.dumps(line) + "\n" for line in rows), encoding="utf-8")


def paint(path: Path, number: int) -> None:
    """A PNG of 4x4 pixels whose colour is its number."""
    path.parent.mkdir(exist_ok=True)
    Image.new("RGB", (4, 4), (number * 20, 40, 80)).save(path)


def edit(path: Path, line: int, old: str, new: str) -> None:
    """Replace a text on one line (from 1) of a file; the text must stand there once."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    assert lines[line - 1].count(old) == 1, lines[line - 1]
    lines[line - 1] = lines[line - 1].replace(old, new)
    path.write_text("".join(lines), encoding="utf-8")


def drop(path: Path, *numbers: int) -> None:
    """Remove lines (from 1) of a file."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(line for number, line in enumerate(lines, start=1) if number not in numbers))
