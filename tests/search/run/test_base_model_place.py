"""Where a run's base model lies: as recorded, or where it moved to, if it is the very same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from search.run.base_model_place import base_model_place
from search.run.manifest import model_hash
from skazka_text.problems import InputError


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder with a model's files."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    return folder


def manifest(place: str | Path, sha256: str | None) -> dict[str, Any]:
    """What a manifest says of a base model."""
    return {"base_model": {"id": str(place), "sha256": sha256}}


def moved(model: Path) -> tuple[dict[str, Any], Path]:
    """The manifest of a run, and the folder that its model moved to since."""
    known = manifest(model, model_hash(str(model)))
    return known, model.rename(model.with_name("moved"))


def test_a_model_stays_where_it_was(model: Path) -> None:
    assert base_model_place(manifest(model, "0" * 64)) == str(model)
    assert base_model_place(manifest("owner/name", None)) == "owner/name"


def test_a_model_that_moved_is_taken_however_its_folder_is_written(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, place = moved(model)
    (tmp_path / "link").symlink_to("moved")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for given in (place, "moved", "./moved/", "~/moved", "link", "link/../moved"):
        assert base_model_place(known, given) == str(place)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("nowhere", "nowhere is not there"),
        ("moved/config.json", "is no folder"),
        ("empty", "holds another base model"),
        ("name\0", "null"),
        ("~nobody-of-this-name/m", "~nobody-of-this-name/m"),
    ],
)
def test_what_is_not_the_model_is_refused(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, said: str
) -> None:
    known, _ = moved(model)
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=f"--base-model: .*{said}"):
        base_model_place(known, given)


def test_a_hub_s_model_has_no_folder_to_compare_with(model: Path) -> None:
    with pytest.raises(InputError, match="'owner/name' of the hub"):
        base_model_place(manifest("owner/name", None), model)


def test_a_run_that_lost_its_model_s_hash_takes_the_folder_it_is_given(model: Path) -> None:
    """Earlier versions forgot the hash of a model that was gone when a change was accepted."""
    _, place = moved(model)
    assert base_model_place(manifest(model, None), place) == str(place)
