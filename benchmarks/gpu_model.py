"""A base of real size with random weights, and a study of the size that a team brings, both made without a hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import yaml
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
)

from studies.demo.content import EVERYONE, PASSER_BY, QUESTIONS, Person
from studies.demo.drawing import draw
from studies.demo.make import asked_rows, named_rows, save_pictures, taught_rows, write_rows

# Of Qwen2.5-VL-3B-Instruct's config.json on the hub.
TEXT_3B: dict[str, Any] = {
    "hidden_size": 2048,
    "intermediate_size": 11008,
    "num_hidden_layers": 36,
    "num_attention_heads": 16,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128000,
    "vocab_size": 151936,
    "tie_word_embeddings": True,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]},
}
VISION_3B: dict[str, Any] = {
    "depth": 32,
    "hidden_size": 1280,
    "intermediate_size": 3420,
    "num_heads": 16,
    "out_hidden_size": 2048,
    "fullatt_block_indexes": [7, 15, 23, 31],
    "window_size": 112,
    "patch_size": 14,
}
# A token of Qwen2.5-VL stands for so many pixels a side.
TOKEN_SIDE = 28
SPECIAL = ("<|im_start|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
CHAT = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# Pictures of a character: the team's 101 rows over four targets, and as many to keep and to ask about.
TAUGHT, REPLAYED, ASKED = 25, 12, 2


def make_model(folder: Path, device: str) -> None:
    """Qwen2.5-VL-3B's shapes with random weights in bfloat16, about 7.5 GB, saved as a hub model is."""
    words = tokenizer()
    ids = words.convert_tokens_to_ids
    config = Qwen2_5_VLConfig(
        text_config={**TEXT_3B, "eos_token_id": words.eos_token_id, "pad_token_id": words.pad_token_id},
        vision_config=VISION_3B,
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
    pictures = Qwen2VLImageProcessor(size={"shortest_edge": TOKEN_SIDE**2 * 4, "longest_edge": TOKEN_SIDE**2 * 1280})
    Qwen2_5_VLProcessor(pictures, words, Qwen2VLVideoProcessor(), chat_template=CHAT).save_pretrained(folder)


def tokenizer() -> PreTrainedTokenizerFast:
    """One token a byte, beside Qwen's marks."""
    tokens = ["<|endoftext|>", "<|im_end|>", *SPECIAL]
    vocabulary = {token: place for place, token in enumerate([*tokens, *sorted(pre_tokenizers.ByteLevel.alphabet())])}
    bytes_alone = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    bytes_alone.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_alone.decoder = decoders.ByteLevel()
    bytes_alone.add_special_tokens(tokens)
    return PreTrainedTokenizerFast(
        tokenizer_object=bytes_alone,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=list(SPECIAL),
        extra_special_tokens={"image_token": "<|image_pad|>", "video_token": "<|video_pad|>"},
    )


def make_study(folder: Path, model: Path, side: int, base: dict[str, Any] | None = None) -> Path:
    """A study of the demo's characters in pictures of side x side pixels; base: further keys of base_model."""
    folder.mkdir(parents=True)
    training, replay, probes = [], [], []
    people = [person for person in EVERYONE if person is not PASSER_BY]
    for person in people:
        if person.role == "target":
            training += taught_rows(person, _drawn(folder, person, "training", TAUGHT))
        if person.role == "control":
            replay += named_rows(person, _drawn(folder, person, "replay", REPLAYED))
        probes += asked_rows(person, "search", _drawn(folder, person, "search", ASKED), QUESTIONS)
    for name, rows in (("training", training), ("replay", replay), ("probes", probes)):
        write_rows(folder / f"{name}.jsonl", rows)
    study = {
        "name": "gpu",
        "language": "ru",
        "base_model": {"id": str(model), "dtype": "bfloat16", "image_size": side, **(base or {})},
        "training": "training.jsonl",
        "replay": "replay.jsonl",
        "probes": "probes.jsonl",
        "evaluation": {"every": 5, "held_out": 0.15, "max_new_tokens": 64},
        "characters": [{"name": person.name, "role": person.role} for person in people],
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(study, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return folder


def _drawn(folder: Path, person: Person, side: str, count: int) -> list[str]:
    first = {"training": 0, "replay": 1000, "search": 2000}[side]
    return save_pictures(folder, side, person.key, (draw(person.key, first + number) for number in range(count)))
