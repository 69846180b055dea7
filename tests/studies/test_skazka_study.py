"""The team's study is complete but for its pictures."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest
from foreign_data import paint

from skazka_text.problems import InputError
from studies.checks import load_study
from studies.study import Study
from trainables.answers import Answer, grade_answers, grader_of

HOME = Path(__file__).parents[2] / "studies" / "skazka"
FOLDERS = ("cheburashka", "kolobok", "alyosha", "gena", "matryoshka", "spiderman", "superman")


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """The study with ten pictures of each character."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "skazka"
    shutil.copytree(HOME, folder, ignore=shutil.ignore_patterns("pictures"))
    for place, name in enumerate(FOLDERS):
        for number in range(10):
            paint(folder / "pictures" / name / f"{number}.png", place * 30, number * 20, 9)
    return load_study(folder)


def test_with_pictures_it_is_whole(study: Study) -> None:
    assert Counter(study.roles.values()) == {"target": 4, "control": 3}
    assert list(study.file.baselines) == ["lora_init", "lora_v1", "lora_v2", "lora_v3"]
    assert study.file.base_model.image_size == 224
    # Six training pictures a target; three questions for the name, one for the origin, one for the looks.
    assert Counter(row.character for row in study.training) == dict.fromkeys(study.named("target"), 30)
    kinds = Counter((probe.split, probe.kind) for probe in study.probes if probe.character == "Чебурашка")
    assert kinds == {
        ("search", "name"): 6,
        ("search", "origin"): 2,
        ("search", "looks"): 2,
        ("test", "name"): 6,
        ("test", "origin"): 2,
        ("test", "looks"): 2,
    }


def test_what_it_teaches_is_what_it_accepts(study: Study) -> None:
    grader = grader_of(study)
    probes = {(probe.character, probe.question): probe for probe in study.probes}
    taught = [*study.training, *study.replay]
    assert len({row.character for row in taught}) == 7
    for row in taught:
        assert row.answer is not None
        probe = probes[row.character, row.question]
        (graded,) = grade_answers(grader, [probe], [Answer(probe.id, row.answer)])
        assert graded.right, graded


def test_without_pictures_it_says_what_is_missing() -> None:
    if (HOME / "pictures").exists():
        pytest.skip("somebody's pictures are there")
    with pytest.raises(InputError, match=r"study.yaml:\d+ data.from: no file or folder 'pictures'"):
        load_study(HOME)
