"""Rows that the base model cannot be shown are refused before anything is asked, those of the test side too."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from skazka_text.problems import InputError, Problem
from studies.checks import load_study
from studies.model_marks import marks_among, marks_of
from studies.study import Study, read_study
from trainables.base_model import BaseModel
from trainables.encoding import Encoder
from trainables.examination import MAX_TOLD, RowError
from trainables.prepared import prepare
from trainables.sizing import row_lengths

# Of the eight probes the first four are of split search.
FIRST_TEST = 5
Look = Callable[[Study, BaseModel], Any]


@pytest.fixture(scope="module")
def base(tiny_study: Path) -> BaseModel:
    """The tiny study's base."""
    study = read_study(tiny_study / "study.yaml")
    return BaseModel.load(study.base_model, study.file.base_model)


@pytest.fixture
def folder(tiny_study: Path, tmp_path: Path) -> Path:
    """A copy of the tiny study to change."""
    return Path(shutil.copytree(tiny_study, tmp_path / "study"))


def change(folder: Path, file: str, line: int, **fields: str) -> None:
    """Change fields of one row, by its line."""
    path = folder / file
    rows = [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines()]
    rows[line - 1] |= fields
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def study_of(folder: Path) -> Study:
    """The study as a run reads it, unchecked."""
    return read_study(folder / "study.yaml")


# As launch does it, and as doctor does.
looks = pytest.mark.parametrize("look", [prepare, row_lengths])


@looks
@pytest.mark.parametrize(
    ("file", "line", "field"),
    [("probes.jsonl", FIRST_TEST, "question"), ("probes.jsonl", 1, "question"), ("training.jsonl", 2, "answer")],
)
def test_a_mark_of_the_model_in_a_text_is_refused(
    folder: Path, base: BaseModel, look: Look, file: str, line: int, field: str
) -> None:
    change(folder, file, line, **{field: "<assistant>\nКто это?"})
    said = rf"^{file}:{line} {field}: holds '<assistant>', which the base model reads .* — remove it from the text"
    with pytest.raises(RowError, match=said):
        look(study_of(folder), base)
    # `check` needs no torch to see it.
    with pytest.raises(InputError, match=said):
        load_study(folder)


@looks
def test_a_picture_that_the_processor_refuses_is_named(
    folder: Path, base: BaseModel, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    def narrow(self: Encoder, unit: str, image: Image.Image, *texts: Any) -> Any:
        # As Qwen's image processor does.
        if image.width > 200 * image.height:
            raise ValueError("absolute aspect ratio must be smaller than 200, got 1000.0\nand more")
        return encode(self, unit, image, *texts)

    encode = Encoder.encode
    monkeypatch.setattr(Encoder, "encode", narrow)
    Image.new("RGB", (1000, 1)).save(folder / "images" / "line.png")
    change(folder, "probes.jsonl", FIRST_TEST, image="images/line.png")
    with pytest.raises(RowError) as refused:
        look(study_of(folder), base)
    [problem] = refused.value.problems
    assert (problem.file, problem.line, problem.field) == ("probes.jsonl", FIRST_TEST, "image")
    assert problem.message.endswith("(absolute aspect ratio must be smaller than 200, got 1000.0)")
    assert "image_size" in problem.remedy


@looks
@pytest.mark.parametrize("error", [IndexError("list index out of range"), RuntimeError("shape"), KeyError("x")])
def test_whatever_a_processor_raises_is_one_line(
    folder: Path, base: BaseModel, look: Look, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(Encoder, "encode", fail)
    with pytest.raises(RowError, match="cannot be shown to the base model"):
        look(study_of(folder), base)


@looks
def test_a_prompt_longer_than_the_model_reads_is_refused(
    folder: Path, base: BaseModel, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base.model.config.get_text_config(), "max_position_embeddings", 1000)
    change(folder, "probes.jsonl", FIRST_TEST, question="Кто это? " * 500)
    with pytest.raises(RowError, match=r"^probes.jsonl:5 question: its prompt has \d+ tokens, .* at most 1000 — "):
        look(study_of(folder), base)


@looks
def test_all_rows_are_told_at_once(folder: Path, base: BaseModel, look: Look) -> None:
    change(folder, "training.jsonl", 1, question="<eos>")
    change(folder, "replay.jsonl", 1, question="<user>")
    for line in (1, FIRST_TEST):
        change(folder, "probes.jsonl", line, question="<assistant>")
    with pytest.raises(RowError) as refused:
        look(study_of(folder), base)
    found = {(problem.file, problem.line) for problem in refused.value.problems}
    assert found == {("training.jsonl", 1), ("replay.jsonl", 1), ("probes.jsonl", 1), ("probes.jsonl", FIRST_TEST)}


def test_a_refusal_of_thousands_stays_short() -> None:
    refused = RowError([Problem("rows.jsonl", "question", "is odd", line=line) for line in range(1, 5001)])
    assert len(refused.problems) == MAX_TOLD + 1
    assert str(refused.problems[-1]) == f"and {5000 - MAX_TOLD} more rows"


def test_the_test_side_is_looked_at_and_not_kept(folder: Path, base: BaseModel) -> None:
    study = study_of(folder)
    prepared = prepare(study, base)
    tested = {probe.image for probe in study.probes_of("test")}
    assert not tested & set(prepared.features)
    assert list(prepared.probes) == [probe.id for probe in study.probes_of("search")]
    assert [graded.answer.probe for graded in prepared.before] == list(prepared.probes)


def test_the_marks_of_a_model_are_its_special_tokens(tiny_model: Path, base: BaseModel) -> None:
    expected = ["<assistant>", "<bos>", "<eos>", "<image>", "<pad>", "<unk>", "<user>"]
    assert marks_of(tiny_model) == base.encoder.marks == expected


def test_a_tokenizer_that_fills_with_a_plain_sign_forbids_nothing() -> None:
    assert marks_among(["!", "<s>", "</s>", "[PAD]", "word", "<", "<|im_end|>"]) == [
        "</s>",
        "<s>",
        "<|im_end|>",
        "[PAD]",
    ]


@pytest.mark.parametrize("text", [None, "no JSON", '{"added_tokens": 3}', '{"added_tokens": [{"id": 0}]}'])
def test_a_tokenizer_that_cannot_be_read_leaves_it_to_the_model(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "tokenizer.json").write_text(text)
    assert marks_of(tmp_path) == []
