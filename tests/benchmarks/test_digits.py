"""The study of handwritten digits: who is in it, no scan on two sides, and nothing wrong in its rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from benchmarks.digits import SIDES, WORLD, for_pretraining, make_study, scans, upright
from studies.checks import load_study
from studies.rows import Row
from studies.study import Study, units_by_character
from trainables.answers import grader_of


def made(folder: Path, replay_negatives: str = "base-answer") -> Path:
    """The study without its base: an empty one stands in."""
    make_study(folder, replay_negatives)
    (folder / "model").mkdir()
    (folder / "model" / "config.json").write_text('{"model_type": "llava"}')
    (folder / "model" / "model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
    return folder


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """The study, which passed every check: no picture is on two sides."""
    return load_study(made(tmp_path_factory.mktemp("digits") / "study"))


def images(rows: Sequence[Row]) -> dict[str, int]:
    """Pictures by character."""
    return {name: len(units) for name, units in units_by_character(rows).items()}


def test_every_character_is_on_the_sides_of_its_role(digits: Study) -> None:
    assert digits.named("target") == ["Единица", "Четвёрка", "Пятёрка", "Восьмёрка"]
    assert digits.named("control") == ["Ноль", "Двойка", "Шестёрка"]
    assert digits.named("negative") == ["Тройка", "Семёрка", "Девятка"]
    assert images(digits.training) == dict.fromkeys(digits.named("target"), 28)
    assert images(digits.replay) == dict.fromkeys([*digits.named("control"), "Тройка", "Семёрка"], 12)
    for split in ("search", "test"):
        assert images(digits.probes_of(split)) == dict.fromkeys(digits.names, 12)


def test_strangers_may_stay_out_of_replay(tmp_path: Path) -> None:
    study = load_study(made(tmp_path / "study", "none"))
    assert set(images(study.replay)) == set(study.named("control"))


def test_a_stranger_is_asked_for_its_name_alone(digits: Study) -> None:
    strangers = set(digits.named("negative"))
    kinds = Counter((probe.character in strangers, probe.kind) for probe in digits.probes)
    assert kinds == {(False, "name"): 168, (False, "looks"): 168, (True, "name"): 72}
    assert {row.question for row in digits.replay if row.character in strangers} <= set(WORLD.questions["name"])


def test_every_answer_that_is_taught_is_right(digits: Study) -> None:
    grader = grader_of(digits)
    accepted = {person.name: person.accepted("looks") for person in WORLD.people}
    kinds = {wording: kind for kind, wordings in WORLD.questions.items() for wording in wordings}
    for row in [*digits.training, *(row for row in digits.replay if row.answer is not None)]:
        assert row.answer is not None
        kind = kinds[row.question]
        allowed = accepted[row.character] if kind == "looks" else ()
        assert grader.grade(row.answer, character=row.character, kind=kind, accepted=allowed).grade == "correct", row


@pytest.mark.parametrize("key", [person.key for person in WORLD.people])
def test_every_scan_of_a_digit_is_on_one_side(key: str) -> None:
    data = load_digits()
    dealt = [scan.tobytes() for side in scans(key).values() for scan in side]
    assert sorted(dealt) == sorted(scan.tobytes() for scan in data.images[data.target == int(key)])
    assert {side: len(scans(key)[side]) for side in SIDES} == SIDES
    assert len(scans(key)["pretraining"]) > 100


def test_a_scan_is_drawn_dark_on_white() -> None:
    scan = np.zeros((8, 8))
    scan[2:6, 2:6] = 16
    picture = upright(scan)
    assert (picture.mode, picture.size) == ("RGB", (64, 64))
    assert picture.getpixel((0, 0)) == picture.getpixel((63, 32)) == (255, 255, 255)
    assert picture.getpixel((32, 32)) == (0, 0, 0)


def test_everything_is_made_the_same_again(digits: Study, tmp_path: Path) -> None:
    again = made(tmp_path / "again")
    assert {path.relative_to(again): path.read_bytes() for path in again.rglob("*") if path.is_file()} == {
        path.relative_to(digits.folder): path.read_bytes() for path in digits.folder.rglob("*") if path.is_file()
    }
    assert for_pretraining("8", 300).tobytes() == for_pretraining("8", 300).tobytes()
