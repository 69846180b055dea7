"""study.yaml reads data in another format in place."""

from __future__ import annotations

from pathlib import Path

import foreign_data as sources
import pytest
import yaml

from skazka_text.problems import InputError
from studies.checks import load_study
from studies.demo import __file__ as demo

YAML = """\
name: mine
base_model: {id: %s, dtype: float32}
data:
  from: ../source
  targets: [Гена, Колобок]
  controls: [Матрёшка]
space: own.yaml
evaluation: {every: 2}
"""


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A study folder beside its data."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    sources.image_folder(tmp_path / "source")
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "study.yaml").write_text(YAML % (Path(demo).parent / "model"), encoding="utf-8")
    (folder / "own.yaml").write_text("rank: {choice: [4, 8]}\n")
    return folder


def test_data_is_read_in_place(study: Path) -> None:
    found = load_study(study)
    assert len(found.training) == 6
    assert found.file.evaluation.every == 2
    assert list(found.space().knobs) == ["rank"]
    assert sorted(path.name for path in study.iterdir()) == ["own.yaml", "study.yaml"]
    assert load_study(study).folder == found.folder


def test_new_data_is_seen(study: Path, tmp_path: Path) -> None:
    load_study(study)
    rows = (tmp_path / "source" / "metadata.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "source" / "metadata.jsonl").write_text("".join(rows[1:]), encoding="utf-8")
    assert len(load_study(study).training) == 5


def test_roles_and_aliases_may_stand_under_characters(study: Path) -> None:
    data = yaml.safe_load((study / "study.yaml").read_text(encoding="utf-8"))
    data["data"] = {"from": "../source"}
    data["characters"] = [
        {"name": "Гена", "role": "target", "aliases": ["Крокодил"]},
        {"name": "Матрёшка", "role": "control"},
    ]
    (study / "study.yaml").write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    found = load_study(study)
    assert found.roles == {"Гена": "target", "Матрёшка": "control"}
    assert found.aliases["Гена"] == ("Гена", "Крокодил")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("from: ../source", "from: ../gone", "study.yaml:4 data.from: no file or folder '../gone'"),
        ("[Матрёшка]", "[Баба]", "study.yaml:6 data.controls: 'Баба' is on no picture"),
        ("from: ../source", "frm: ../source", "study.yaml:4 data.frm: unknown key 'frm'"),
        ("space: own.yaml", "training: x.jsonl", "study.yaml:7 training: stands beside data"),
        ("{every: 2}", "{every: 0}", "study.yaml:8 evaluation.every: input should be greater than or equal to 1"),
    ],
)
def test_a_wrong_section_is_refused_with_its_line(study: Path, old: str, new: str, message: str) -> None:
    text = (study / "study.yaml").read_text(encoding="utf-8")
    (study / "study.yaml").write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_study(study)
    assert message.casefold() in str(caught.value).casefold()


def test_missing_pictures_name_the_key_that_allows_them(study: Path, tmp_path: Path) -> None:
    (tmp_path / "source" / "gena" / "0.png").unlink()
    with pytest.raises(InputError, match=r"study.yaml:4 data.from: 1 of 15 .* data.allow_missing: true"):
        load_study(study)


def test_a_study_may_lie_in_its_own_source(study: Path, tmp_path: Path) -> None:
    (study / "study.yaml").rename(tmp_path / "source" / "study.yaml")
    (study / "own.yaml").rename(tmp_path / "source" / "own.yaml")
    text = (tmp_path / "source" / "study.yaml").read_text(encoding="utf-8")
    (tmp_path / "source" / "study.yaml").write_text(text.replace("../source", "."), encoding="utf-8")
    assert len(load_study(tmp_path / "source").training) == 6


def test_pictures_may_lie_in_a_folder_of_their_own(study: Path, tmp_path: Path) -> None:
    rows = [{"image": f"/data/{path}", "character": name} for path, name in sources.pictures(tmp_path / "images")]
    (study / "rows.jsonl").write_text(sources.lines(rows), encoding="utf-8")
    text = (study / "study.yaml").read_text(encoding="utf-8")
    text = text.replace("from: ../source", "from: rows.jsonl")
    (study / "study.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"data\.pictures: FOLDER"):
        load_study(study)
    text = text.replace("from: rows.jsonl", "from: rows.jsonl\n  pictures: ../images")
    (study / "study.yaml").write_text(text, encoding="utf-8")
    assert len(load_study(study).training) == 18


def test_rows_in_place_have_their_own_language_and_encoding(study: Path, tmp_path: Path) -> None:
    assert load_study(study).file.language == "ru"
    rows = (tmp_path / "source" / "metadata.jsonl").read_text(encoding="utf-8")
    english = rows.replace("Кто это?", "Who is this?").replace("Это", "There he is:")
    (tmp_path / "source" / "metadata.jsonl").write_text(english, encoding="utf-8")
    assert load_study(study).file.language == "en"
    (tmp_path / "source" / "metadata.jsonl").write_text(rows, encoding="mac-cyrillic")
    with pytest.raises(InputError, match=r"metadata.jsonl is no text .* data.encoding"):
        load_study(study)
    text = (study / "study.yaml").read_text(encoding="utf-8")
    (study / "study.yaml").write_text(text.replace("data:", "data:\n  encoding: mac-cyrillic"), encoding="utf-8")
    assert {row.answer for row in load_study(study).training} == {"Это Гена.", "Это Колобок."}


def test_rows_in_place_may_be_of_text_alone(study: Path, tmp_path: Path) -> None:
    names = {"Гена": "поёт", "Колобок": "катится", "Матрёшка": "спит"}
    riddles = [f"Кто {what} {number}?;Это {name}.\n" for name, what in names.items() for number in range(4)]
    (tmp_path / "riddles.csv").write_text("вопрос;ответ\n" + "".join(riddles), encoding="cp1251")
    text = (study / "study.yaml").read_text(encoding="utf-8")
    (study / "study.yaml").write_text(text.replace("../source", "../riddles.csv"), encoding="utf-8")
    found = load_study(study)
    assert not found.has_pictures
    assert len(found.training) == 4
