"""Tokens: labels are the answer and nothing else; max_length cuts the answer's tail and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image
from transformers import AutoProcessor

from trainables.encoding import IGNORED, Encoded, Encoder, collate


@pytest.fixture(scope="module")
def encoder(tiny_model: Path) -> Encoder:
    """The demo's tokenizer and template."""
    return Encoder(AutoProcessor.from_pretrained(tiny_model))


def encode(encoder: Encoder, question: str, answer: str) -> Encoded:
    """A row about a grey picture."""
    return encoder.encode("grey.png", Image.new("RGB", (64, 64), "grey"), question, answer)[0]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Кто это?", "Крокодил Гена."),
        ("Кто это? ", "Гена"),
        ("Who is it? ", "It is «Колобок» — a bun!"),
        ("Кто это?", "Первая строка\nвторая строка"),
    ],
)
def test_labels_decode_to_the_answer(encoder: Encoder, question: str, answer: str) -> None:
    row = encode(encoder, question, answer)
    labels = collate([row], 0)["labels"][0]
    learnt = labels[labels != IGNORED].tolist()
    assert encoder.tokenizer.decode(learnt, skip_special_tokens=True) == answer
    assert learnt[-1] == encoder.tokenizer.eos_token_id


def test_prompt_and_answer_are_the_template_s_own(encoder: Encoder) -> None:
    row = encode(encoder, "Кто это?", "Гена.")
    text = encoder.tokenizer.decode(row.prompt + row.answer)
    assert text == "<user>" + "<image>" * 16 + "Кто это?<assistant>Гена.<eos>"


def test_max_length_cuts_only_the_answer(encoder: Encoder) -> None:
    row = encode(encoder, "Кто это?", "Зелёный крокодил в шляпе.")
    cut = row.cut(len(row.prompt) + 2)
    assert cut.prompt == row.prompt
    assert cut.answer == row.answer[:2]
    assert row.cut(len(row.prompt) + len(row.answer)) == row
    assert row.cut(3).prompt == row.prompt


def test_padding_sides() -> None:
    rows = [Encoded("a", (1, 2), (3,)), Encoded("a", (4,), (5,))]
    right = collate(rows, 9)
    assert right["input_ids"].tolist() == [[1, 2, 3], [4, 5, 9]]
    assert right["labels"].tolist() == [[IGNORED, IGNORED, 3], [IGNORED, 5, IGNORED]]
    assert right["attention_mask"].tolist() == [[1, 1, 1], [1, 1, 0]]
    left = collate(rows, 9, left=True)
    assert left["input_ids"].tolist() == [[1, 2, 3], [9, 4, 5]]
    assert torch.equal(left["attention_mask"], torch.tensor([[1, 1, 1], [0, 1, 1]]))


def test_a_template_that_loses_the_answer_is_refused(tiny_model: Path) -> None:
    processor = AutoProcessor.from_pretrained(tiny_model)
    processor.chat_template = "{% for m in messages %}<{{ m['role'] }}><image>{% endfor %}<assistant>"
    with pytest.raises(ValueError, match="does not write an answer"):
        encode(Encoder(processor), "Кто это?", "Гена.")
