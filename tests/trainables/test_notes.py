"""What is said of large pictures, and of a GPU without bfloat16."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from search import launch
from studies.checks import load_study
from studies.study import Study
from trainables import notes
from trainables.base_model import BaseModel
from trainables.facts import Facts
from trainables.prepared import prepare


class Spec(SimpleNamespace):
    """Stands for a study and a base on a device."""

    @classmethod
    def of(cls, device: str = "cpu", **spec: Any) -> tuple[Any, Any]:
        """A study whose base model is described so, and that base."""
        settings = {"image_size": None, "max_pixels": None, "dtype": "bfloat16", **spec}
        return cls(file=cls(base_model=cls(**settings))), cls(device=cls(type=device))


@pytest.mark.parametrize(
    ("tokens", "spec", "said"),
    [
        (16_384, {}, True),
        (2_000, {}, False),
        # Whoever chose a size knows.
        (16_384, {"max_pixels": 12_845_056}, False),
        (16_384, {"image_size": 2048}, False),
    ],
)
def test_long_pictures_are_told_with_the_remedy(tokens: int, spec: dict[str, Any], said: bool) -> None:
    found = [str(note) for note in notes.notes_of(*Spec.of(**spec), tokens)]
    assert len(found) == said
    if said:
        assert found[0].startswith("a picture takes up to 16,384 tokens of its prompt")
        assert "— base_model.max_pixels: 262144" in found[0]


@pytest.mark.parametrize(
    ("device", "dtype", "hardware", "said"),
    [
        ("cuda", "bfloat16", False, True),
        ("cuda", "bfloat16", True, False),
        ("cuda", "float32", False, False),
        ("cpu", "bfloat16", False, False),
    ],
)
def test_a_gpu_without_bfloat16_is_told(
    monkeypatch: pytest.MonkeyPatch, device: str, dtype: str, hardware: bool, said: bool
) -> None:
    monkeypatch.setattr(notes, "computes_bfloat16", lambda: hardware)
    found = [str(note) for note in notes.notes_of(*Spec.of(device, dtype=dtype), 0)]
    assert len(found) == said
    assert not said or "dtype: float32" in found[0]


def test_a_launch_says_what_the_preparation_noted(
    tiny_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    study: Study = load_study(tiny_study)
    # The tiny base makes 16 tokens of a picture.
    monkeypatch.setattr(notes, "MANY_TOKENS", 15)
    prepare(study, BaseModel.load(study.base_model, study.file.base_model)).save(tmp_path / "prepared")
    facts = Facts.read(tmp_path / "prepared")
    folder: Any = SimpleNamespace(study=lambda: study, manifest=lambda: {"options": {}}, path=tmp_path)
    ledger = SimpleNamespace(put_answers=lambda *_: None, close=lambda: None, meta=lambda *_: True)
    folder.ledger = lambda: ledger
    with caplog.at_level(logging.WARNING):
        launch._settle_controls(folder, facts, ())
    assert "a picture takes up to 16 tokens of its prompt" in caplog.text
