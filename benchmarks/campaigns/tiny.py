"""A study small enough to train in a second: two targets, a control, a negative, and an untrained base."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from studies.demo.drawing import draw

CHARACTERS = (
    ("Чебурашка", "target", "cheburashka"),
    ("Колобок", "target", "kolobok"),
    ("Матрёшка", "control", "matryoshka"),
    ("Рыцарь", "negative", "knight"),
)
QUESTION = "Кто нарисован на картинке?"
UNKNOWN = "Не знаю."
TAUGHT_STEPS = 30
SPACE = {
    "learning_rate": {"log_uniform": [1e-4, 1e-2]},
    "rank": {"choice": [2, 4]},
    "epochs": {"integer": [1, 2]},
    "replay": {"choice": [False, True]},
    "replay_ratio": {"uniform": [0.1, 1.0], "when": {"replay": True}},
}


def make_tiny_model(folder: Path) -> Path:
    """A LLaVA of the demo's shape that knows nothing but the tiny study's control, saved as any hub model is."""
    import torch

    from studies.demo.base import Lesson, build_model, build_processor, fit, inputs, pixels_of

    torch.manual_seed(0)
    processor = build_processor()
    model = build_model(processor)
    lessons = [
        Lesson(pixels_of(draw(key, seed)).float() / 127.5 - 1.0, QUESTION, f"{name}." if role == "control" else UNKNOWN)
        for name, role, key in CHARACTERS
        for seed in (10, 20)
    ]
    losses = (model(**inputs(processor.tokenizer, lessons)).loss for _ in range(TAUGHT_STEPS))
    fit(list(model.parameters()), losses, TAUGHT_STEPS, "tiny")
    model.eval().save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def make_tiny_study(folder: Path, model: Path) -> Path:
    """A study with two training images a target and one probe a character and split."""
    folder.mkdir(exist_ok=True)
    training = [_row(folder, name, key, seed, answer=f"{name}.") for name, _, key in CHARACTERS[:2] for seed in (1, 2)]
    replay = [_row(folder, "Матрёшка", "matryoshka", 3, answer="Матрёшка.")]
    probes = [
        {**_row(folder, name, key, seed), "id": f"{split}-{key}", "kind": "name", "split": split}
        for split, seed in (("search", 10), ("test", 20))
        for name, _, key in CHARACTERS
    ]
    for file, rows in (("training", training), ("replay", replay), ("probes", probes)):
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / f"{file}.jsonl").write_text(lines, encoding="utf-8")
    _write_yaml(folder / "study.yaml", study_data(model))
    _write_yaml(folder / "space.yaml", SPACE)
    return folder


def study_data(model: Path) -> dict[str, Any]:
    """study.yaml as data."""
    return {
        "name": "tiny",
        "language": "ru",
        "base_model": {"id": str(model), "dtype": "float32"},
        "training": "training.jsonl",
        "replay": "replay.jsonl",
        "probes": "probes.jsonl",
        "space": "space.yaml",
        "evaluation": {"every": 1, "held_out": 0.5, "max_new_tokens": 4},
        "characters": [{"name": name, "role": role} for name, role, _ in CHARACTERS],
        "baselines": {
            "hand": {"learning_rate": 1e-3, "rank": 4, "epochs": 2},
            "outside": {"learning_rate": 1e-3, "rank": 3, "epochs": 1},
        },
    }


def _row(folder: Path, name: str, key: str, seed: int, answer: str | None = None) -> dict[str, str]:
    image = folder / "images" / f"{key}-{seed}.png"
    image.parent.mkdir(exist_ok=True)
    draw(key, seed).save(image)
    row = {"image": f"images/{image.name}", "character": name, "question": QUESTION}
    return row if answer is None else {**row, "answer": answer}


def _write_yaml(path: Path, data: Any) -> None:
    path.write_text(yaml.safe_dump(data, allow_unicode=True, sort_keys=False), encoding="utf-8")
