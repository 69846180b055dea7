"""A foreign study whose base knows something: `python -m benchmarks.digits FOLDER`.

The 1797 handwritten digits of scikit-learn, real scans of 8x8 greys: four digits are to be learnt, three are known to
the base and must be kept, three are strangers. Each stranger was chosen, by looks and before any result, to be like a
target: 7 like 1, 9 like 4, 3 like 5 and 8. The base is pretrained as the demo's was: its vision tower tells all ten
apart, its language model can say every name and knows those of the controls alone.

Of each digit, 12 scans are asked about on search, 12 on test, and 28 of a target or 12 of another are trained on; the
base is pretrained on a hundred and more that are none of these. The split is by scan: 13 people wrote them all, so that
scans by one hand, some of them nearly alike, stand on several sides. Pictures and rows come out byte for byte the same;
the weights do on one machine.
"""

from __future__ import annotations

import random
import shutil
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import click
import numpy as np
import yaml
from numpy.typing import NDArray
from PIL import Image, ImageOps
from sklearn.datasets import load_digits

from spaces.space import NAMED
from studies.checks import load_study
from studies.demo.content import Person, World
from studies.demo.make import FOLDER as DEMO_FOLDER
from studies.demo.make import asked_rows, named_rows, save_pictures, taught_rows
from studies.files import write_lines

# How many scans of a digit a side has; what is left is for pretraining the base.
SIDES = {"search": 12, "test": 12, "training": 28, "replay": 12}
# No row for training shows a 9.
SEEN_NEGATIVES = ("3", "7")
BASE_ANSWER = "base-answer"
# Pixels a side: of a picture, and of the digit on it.
SIZE, DIGIT_SIZE = 64, 48
SEEING, SPEAKING = 1000, 900
Scan = NDArray[np.float64]

WORLD = World(
    people=(
        Person("1", "Единица", "target", "чёрный", "палка", "", "Как прямая спичка.", (), ("спичка",)),
        Person("4", "Четвёрка", "target", "чёрный", "угол и ножка", "", "Как стул вверх ногами.", (), ("стул",)),
        Person("5", "Пятёрка", "target", "чёрный", "козырёк и дуга", "", "Как острый крючок.", (), ("крючок",)),
        Person("8", "Восьмёрка", "target", "чёрный", "петля на петле", "", "Как белый снеговик.", (), ("снеговик",)),
        Person("0", "Ноль", "control", "чёрный", "кольцо", "", "Как пустой бублик.", (), ("бублик",)),
        Person("2", "Двойка", "control", "чёрный", "шея и хвост", "", "Как гордый лебедь.", (), ("лебедь",)),
        Person("6", "Шестёрка", "control", "чёрный", "петля внизу", "", "Как дверной замок.", (), ("замок",)),
        Person("3", "Тройка", "negative", "чёрный", "дуга под дугой"),
        Person("7", "Семёрка", "negative", "чёрный", "крыша и ножка"),
        Person("9", "Девятка", "negative", "чёрный", "петля вверху"),
    ),
    questions={
        "name": ("Что это за цифра?", "Как зовут эту цифру?", "Назови цифру на картинке."),
        "looks": ("На что похожа цифра?", "Как она выглядит?", "С чем сравнишь цифру?"),
    },
    skill_questions={"trait": ("Из чего она составлена?", "Что в ней видно?")},
    lexicon=("Десятка", "Дюжина", "Сотня", "Тысяча", "Запятая", "Точка"),
    mirrored=False,
)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--replay-negatives",
    type=click.Choice([BASE_ANSWER, "own-name", "none"]),
    default=BASE_ANSWER,
    show_default=True,
    help="What replay rows of 3 and 7 answer.",
)
@click.option(
    "--model", type=click.Path(path_type=Path, exists=True, file_okay=False), help="A base made before, to be copied."
)
def main(folder: Path, replay_negatives: str, model: Path | None) -> None:
    """Write the study into FOLDER, which must be new, and say what its base knows."""
    if folder.exists():
        raise click.UsageError(f"{folder} exists — name a new folder")
    make_study(folder, replay_negatives)
    if model is not None:
        shutil.copytree(model, folder / "model")
    else:
        click.echo(f"base trained in {make_base(folder / 'model'):.0f} s")
    for line in known(folder):
        click.echo(line)


def make_study(folder: Path, replay_negatives: str = BASE_ANSWER) -> None:
    """Write everything but the model; replay_negatives: what replay rows of 3 and 7 answer, or `none` of such rows."""
    folder.mkdir(parents=True)
    training, replay, probes = [], [], []
    for person in WORLD.people:
        if person.role == "target":
            training += taught_rows(person, _save(folder, person, "training"), WORLD.questions)
        elif person.role == "control":
            replay += taught_rows(person, _save(folder, person, "replay"), WORLD.questions)
        elif person.key in SEEN_NEGATIVES and replay_negatives != "none":
            pictures = _save(folder, person, "replay")
            answered = replay_negatives != BASE_ANSWER
            replay += named_rows(person, pictures, WORLD.questions["name"], answered=answered)
        for split in ("search", "test"):
            probes += asked_rows(person, split, _save(folder, person, split), WORLD.questions)
    write_lines(folder / "training.jsonl", training)
    write_lines(folder / "replay.jsonl", replay)
    write_lines(folder / "probes.jsonl", probes)
    _write_yaml(folder / "study.yaml", study_data())
    _write_yaml(folder / "space.yaml", space_data())


def study_data() -> dict[str, Any]:
    """What study.yaml says."""
    return {
        "name": "digits",
        "language": "ru",
        "base_model": {"id": "model", "dtype": "float32"},
        "training": "training.jsonl",
        "replay": "replay.jsonl",
        "probes": "probes.jsonl",
        "space": "space.yaml",
        "evaluation": {"every": 5, "held_out": 0.15, "max_new_tokens": 24},
        "characters": [{"name": person.name, "role": person.role} for person in WORLD.people],
        "lexicon": {name: [] for name in WORLD.lexicon},
    }


def space_data() -> dict[str, Any]:
    """The space named `forgetting`, with the demo's own choice where it has one: a tiny base learns at higher rates."""
    named, own = (
        yaml.safe_load(file.read_text(encoding="utf-8"))
        for file in (NAMED / "forgetting.yaml", DEMO_FOLDER / "space.yaml")
    )
    return {**named, **own}


def _write_yaml(path: Path, data: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(data, allow_unicode=True, sort_keys=False), encoding="utf-8")


def _save(folder: Path, person: Person, side: str) -> list[str]:
    return save_pictures(folder, side, person.key, map(upright, scans(person.key)[side]))


@cache
def scans(key: str) -> dict[str, list[Scan]]:
    """The scans of a digit by side, each of shape (8, 8), ink in [0, 16]; `pretraining` has what is left."""
    data = load_digits()
    left = list(data.images[data.target == int(key)])
    random.Random(f"digits-{key}").shuffle(left)
    dealt = {}
    for side, images in SIDES.items():
        dealt[side], left = left[:images], left[images:]
    return {**dealt, "pretraining": left}


def upright(scan: Scan) -> Image.Image:
    """A scan as the study shows it: dark on white, 64x64, RGB."""
    return _picture(scan, DIGIT_SIZE)


def for_pretraining(key: str, number: int) -> Image.Image:
    """Scans that the study does not show, in turns, each time leaning and sized otherwise: they are few."""
    pool = scans(key)["pretraining"]
    rng = random.Random(f"{key}-{number}")
    return _picture(pool[number % len(pool)], rng.randint(42, 54), rng.uniform(-10, 10))


def _picture(scan: Scan, size: int, lean: float = 0.0) -> Image.Image:
    """size: pixels a side of the whole scan; lean: degrees."""
    ink = Image.fromarray((scan * 255 / 16).round().astype(np.uint8)).resize((size, size), Image.Resampling.BICUBIC)
    paper = Image.new("L", (SIZE, SIZE))
    paper.paste(ink, ((SIZE - size) // 2, (SIZE - size) // 2))
    return ImageOps.invert(paper.rotate(lean, Image.Resampling.BICUBIC)).convert("RGB")


def make_base(folder: Path) -> float:
    """Pretrain the base and save it; returns seconds."""
    from studies.demo.base import pretrain

    return pretrain(folder, world=WORLD, picture=for_pretraining, seeing=SEEING, speaking=SPEAKING)


def known(folder: Path) -> list[str]:
    """Of each split and role, how many probes the bare base answers right and how many it declines."""
    from trainables.base_model import BaseModel
    from trainables.examination import Examination

    study = load_study(folder)
    base = BaseModel.load(study.base_model, study.file.base_model)
    lines = []
    for split in ("search", "test"):
        answers = Examination(study, base, split).answers()
        for role in ("control", "target", "negative"):
            of_role = [answer for answer in answers if study.roles[answer.character] == role]
            right = sum(answer.right for answer in of_role)
            grades = Counter(answer.grade.value for answer in of_role)
            lines.append(f"{split} {role}: {right} of {len(of_role)} right; {dict(grades)}")
    return lines


if __name__ == "__main__":
    main()
