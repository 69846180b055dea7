"""A base of real size with random weights, and a study of the size that a team brings, both made without a hub."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from tokenizers import Tokenizer, decoders, models
from transformers import (
    PaddleOCRVLProcessor,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
)
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from studies.demo.content import EVERYONE, PASSER_BY, QUESTIONS, Person
from studies.demo.drawing import draw
from studies.demo.make import asked_rows, named_rows, save_pictures, taught_rows
from studies.files import write_lines

# Pixels a side that one token of Qwen2.5-VL stands for.
TOKEN_SIDE = 28
MARKS = ("<|im_start|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
PAD, END, UNKNOWN = "<|endoftext|>", "<|im_end|>", "<|unknown|>"
CHAT = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
FIRST_SEED = {"training": 0, "replay": 1_000, "search": 2_000}


@dataclass(frozen=True)
class Size:
    """How large the model and its study are.

    text, vision: of the model's configuration. side: of a picture, pixels. people: of each role at most. taught,
    replayed, asked: pictures of a character. tokens: of an answer at most. batch: the larger one.
    """

    text: dict[str, Any]
    vision: dict[str, Any]
    side: int
    people: int
    taught: int
    replayed: int
    asked: int
    tokens: int
    batch: int


# The model is Qwen2.5-VL-3B-Instruct as config.json on the hub has it; the team's study has 101 rows to learn.
REAL = Size(
    text={
        "hidden_size": 2048,
        "intermediate_size": 11008,
        "num_hidden_layers": 36,
        "num_attention_heads": 16,
        "num_key_value_heads": 2,
        "max_position_embeddings": 128000,
        "vocab_size": 151936,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]},
    },
    vision={
        "depth": 32,
        "hidden_size": 1280,
        "intermediate_size": 3420,
        "num_heads": 16,
        "out_hidden_size": 2048,
        "fullatt_block_indexes": [7, 15, 23, 31],
        "window_size": 112,
        "patch_size": 14,
    },
    side=448,
    people=4,
    taught=25,
    replayed=12,
    asked=2,
    tokens=64,
    batch=8,
)
TINY = Size(
    text={
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "max_position_embeddings": 512,
        "vocab_size": 320,
        "rope_parameters": {"rope_type": "default", "mrope_section": [2, 3, 3]},
    },
    vision={
        "depth": 2,
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_heads": 2,
        "out_hidden_size": 32,
        "fullatt_block_indexes": [1],
        "window_size": 56,
    },
    side=56,
    people=2,
    taught=3,
    replayed=1,
    asked=1,
    tokens=8,
    batch=4,
)


def make_model(folder: Path, size: Size, device: str) -> None:
    """Random weights in bfloat16, saved as a hub model is; of real size they take 7.5 GB."""
    words = tokenizer()
    ids = words.convert_tokens_to_ids
    config = Qwen2_5_VLConfig(
        text_config={**size.text, "eos_token_id": words.eos_token_id, "pad_token_id": words.pad_token_id},
        vision_config=size.vision,
        image_token_id=ids("<|image_pad|>"),
        video_token_id=ids("<|video_pad|>"),
        vision_start_token_id=ids("<|vision_start|>"),
        vision_end_token_id=ids("<|vision_end|>"),
        tie_word_embeddings=True,
    )
    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.device(device):
            model = Qwen2_5_VLForConditionalGeneration(config)
    finally:
        torch.set_default_dtype(torch.float32)
    with torch.no_grad():
        # What the tokenizer cannot write must not be said: an answer's text would not tell its tokens.
        model.get_input_embeddings().weight[len(words) :] = 0
    model.save_pretrained(folder)
    # Qwen's own processor reads videos too, for which it needs torchvision; this one does the same for pictures.
    pixels = {"shortest_edge": TOKEN_SIDE**2 * 4, "longest_edge": TOKEN_SIDE**2 * 1280}
    PaddleOCRVLProcessor(Qwen2VLImageProcessorPil(size=pixels), words, chat_template=CHAT).save_pretrained(folder)


def tokenizer() -> PreTrainedTokenizerFast:
    """One token a letter, beside Qwen's marks: whatever tokens a random model says are a text."""
    special = [PAD, END, UNKNOWN, *MARKS]
    letters = ["\n", *map(chr, range(ord(" "), ord("~") + 1)), *map(chr, range(ord("А"), ord("я") + 1)), *"Ёё«»—"]
    vocabulary = {token: place for place, token in enumerate([*special, *letters])}
    words = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token=UNKNOWN))
    words.decoder = decoders.Fuse()
    words.add_special_tokens(special)
    return PreTrainedTokenizerFast(
        tokenizer_object=words,
        eos_token=END,
        pad_token=PAD,
        unk_token=UNKNOWN,
        additional_special_tokens=list(MARKS),
        extra_special_tokens={"image_token": "<|image_pad|>", "video_token": "<|video_pad|>"},
    )


def make_study(folder: Path, model: Path, size: Size, base: dict[str, Any]) -> None:
    """A study of the demo's characters. base: further keys of base_model."""
    folder.mkdir(parents=True)
    people = _people(size.people)
    training, replay, probes = [], [], []
    for person in people:
        if person.role == "target":
            training += taught_rows(person, _drawn(folder, person, "training", size.taught))
        if person.role == "control":
            replay += named_rows(person, _drawn(folder, person, "replay", size.replayed))
        probes += asked_rows(person, "search", _drawn(folder, person, "search", size.asked), QUESTIONS)
    for name, rows in (("training", training), ("replay", replay), ("probes", probes)):
        write_lines(folder / f"{name}.jsonl", rows)
    study = {
        "name": "gpu",
        "language": "ru",
        "base_model": {"id": str(model), "dtype": "bfloat16", "image_size": size.side, **base},
        "training": "training.jsonl",
        "replay": "replay.jsonl",
        "probes": "probes.jsonl",
        "evaluation": {"every": 5, "held_out": 0.15, "max_new_tokens": size.tokens},
        "characters": [{"name": person.name, "role": person.role} for person in people],
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(study, allow_unicode=True, sort_keys=False), encoding="utf-8")


def _people(most: int) -> list[Person]:
    """The first so many of each role."""
    known = [person for person in EVERYONE if person is not PASSER_BY]
    by_role = [[person for person in known if person.role == role] for role in ("target", "control", "negative")]
    return [person for people in by_role for person in people[:most]]


def _drawn(folder: Path, person: Person, side: str, count: int) -> list[str]:
    first = FIRST_SEED[side]
    return save_pictures(folder, side, person.key, (draw(person.key, first + number) for number in range(count)))
