"""The embedded study: valid, small, redrawn byte for byte, and it teaches nothing wrong."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from studies.checks import load_study
from studies.demo.content import EVERYONE, QUESTIONS
from studies.demo.make import FOLDER, make_study
from studies.study import Study, units_by_character
from trainables.answers import grader_of

MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def demo() -> Study:
    """The embedded study, checked."""
    return load_study("demo")


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def drawn(folder: Path) -> dict[str, bytes]:
    """Every picture and row file of a study folder, by its path."""
    paths = [*folder.glob("*.jsonl"), *folder.glob("images/**/*.png")]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_who_is_in_it(demo: Study) -> None:
    assert demo.named("target") == ["Чебурашка", "Колобок", "Алёша Попович", "Крокодил Гена"]
    assert demo.named("control") == ["Матрёшка", "Человек-паук", "Супермен"]
    assert len(demo.named("negative")) >= 3
    assert demo.roles == {person.name: person.role for person in EVERYONE}


def test_there_is_enough_to_learn_from_and_to_ask(demo: Study) -> None:
    training = units_by_character(demo.training)
    assert set(training) == set(demo.named("target"))
    assert min(map(len, training.values())) >= 25
    assert set(units_by_character(demo.replay)) == {*demo.named("control"), *demo.trained_negatives}
    assert [name for name in demo.named("negative") if name not in demo.trained_negatives] == ["Рыцарь"]
    for split in ("search", "test"):
        asked = units_by_character(demo.probes_of(split))
        assert set(asked) == set(demo.names)
        assert min(map(len, asked.values())) >= 12


def test_it_is_small(demo: Study) -> None:
    assert size_of(demo.folder / "images") < 4 * MEGABYTE
    assert size_of(demo.folder / "model") < 6 * MEGABYTE


def test_the_team_s_four_baselines_are_in_it(demo: Study) -> None:
    assert list(demo.file.baselines) == ["lora_init", "lora_v1", "lora_v2", "lora_v3"]


def test_no_picture_lies_in_the_folder_unused(demo: Study) -> None:
    assert {path for path in demo.files if path.suffix == ".png"} == set(demo.folder.glob("images/**/*.png"))


def test_redrawing_gives_the_same_bytes(tmp_path: Path) -> None:
    make_study(tmp_path)
    assert drawn(tmp_path) == drawn(FOLDER)


def test_every_answer_that_is_taught_is_right(demo: Study) -> None:
    grader = grader_of(demo)
    kind_of = {wording: kind for kind, wordings in QUESTIONS.items() for wording in wordings}
    probe_of = {(probe.character, str(probe.kind)): probe for probe in demo.probes}
    grades = Counter[str]()
    taught = [row for row in (*demo.training, *demo.replay) if row.answer is not None]
    for example in taught:
        assert example.answer is not None
        probe = probe_of[example.character, kind_of[example.question]]
        graded = grader.grade(
            example.answer,
            character=probe.character,
            kind=probe.kind,
            accepted=probe.accepted,
            allowed_names=probe.allowed_names,
        )
        grades[graded.grade] += 1
    assert grades == {"correct": len(taught)}
