"""Marks of pictures leave the texts of every source, and of a study's own rows."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows_source import plain, rows, study_of, taught, write
from small_study import edit, make_small_study

from skazka_text.problems import InputError
from studies.checks import load_study
from studies.placeholders import without_placeholders

MARKS = (
    *("<image>", "<Image>", "</image>", "<image/>", "<image_1>", "<image1>", "<image 1>", "<|image|>", "<|image_1|>"),
    *(
        "<|vision_start|><|image_pad|><|vision_end|>",
        "<ImageHere>",
        "<IMG_CONTEXT>",
        "<img></img>",
        "<img>a/b.png</img>",
    ),
    *("Picture 1: <img>a/b.png</img>\n", "Image-1: <image>\n", "<image_soft_token>", "<start_of_image>", "<|img|>"),
    *("<image-placeholder>", "(<image>./</image>)", "<fake_token_around_image><global-img>", "[IMG]", "[IMG_END]"),
    *("<image_newline>", "<im_start><im_patch><im_end>", "<row_1_col_2>", "<video>", '<img src="a.png">', "[image]"),
    *("![](a/b.png)", "![Гена](a.png)", "<image>./a.png</image>", "<image>0</image>", "<__media__>"),
    "<|media_start|>image<|media_content|><|media_pad|><|media_end|>",
)
# What only looks like one.
WORDS = (
    "<television>",
    "<|im_start|>user",
    "3 < image > 2",
    "<b>Гена</b>",
    "<fim>",
    "[1]",
    "<think>",
    "image",
    "a<b",
    "Ура![1]!",
)


@pytest.mark.parametrize("mark", MARKS)
def test_marks_of_pictures_leave_a_text(mark: str) -> None:
    assert without_placeholders(f"{mark}Кто это?") == "Кто это?"
    assert without_placeholders(f"Кто это? {mark}") == "Кто это?"
    assert without_placeholders(mark) == ""


@pytest.mark.parametrize("words", WORDS)
def test_other_words_stay(words: str) -> None:
    assert without_placeholders(words) == words


@given(st.lists(st.sampled_from(["Кто", "это", "на\nкартинке", "12", *WORDS]), min_size=1), st.data())
def test_nothing_but_marks_leaves(words: list[str], data: st.DataObject) -> None:
    marks = data.draw(st.lists(st.sampled_from(MARKS), min_size=len(words) + 1, max_size=len(words) + 1))
    mixed = "".join(f"{mark} {word} " for mark, word in zip(marks, words, strict=False)) + marks[-1]
    assert without_placeholders(mixed).split() == " ".join(words).split()


def test_rows_of_a_source_are_taught_without_marks(tmp_path: Path) -> None:
    def row(path: str, name: str) -> dict[str, str]:
        return {**plain(path, name), "question": "<|image_1|>\nКто это?", "answer": f"<image>Это {name}."}

    study, _ = study_of(write(tmp_path / "data.jsonl", rows(tmp_path, row)), tmp_path / "study")
    assert taught(study) == {("Кто это?", "Это Гена."), ("Кто это?", "Это Матрёшка.")}


def test_a_study_s_own_rows_are_read_without_marks(tmp_path: Path) -> None:
    folder = make_small_study(tmp_path / "study")
    for name in ("training.jsonl", "probes.jsonl"):
        text = (folder / name).read_text(encoding="utf-8")
        (folder / name).write_text(text.replace("Who is it?", "<image>\\nWho is it?").replace("It is", "[IMG]It is"))
    study = load_study(folder)
    assert {row.question for row in (*study.training, *study.probes)} == {"Who is it?"}
    assert {row.answer for row in study.training} == {"Gena.", "It is Gena."}
    assert (study.training.marked, study.probes.marked, study.replay.marked) == (2, 7, 0)
    edit(folder / "probes.jsonl", 1, "<image>\\nWho is it?", "<image_1>")
    with pytest.raises(
        InputError, match=r"probes.jsonl:1 question: holds only marks of pictures, got .* — write words"
    ):
        load_study(folder)
