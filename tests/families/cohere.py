"""Tiny models of Cohere's families."""

from __future__ import annotations

from typing import Any

from parts import PATCH, SIDE, Family, hf, siglip, text_settings, tokenizer

TURNS = (
    "<BOS_TOKEN>{% for message in messages %}<|START_OF_TURN_TOKEN|>"
    "{{ '<|CHATBOT_TOKEN|>' if message['role'] == 'assistant' else '<|USER_TOKEN|>' }}"
    "{% if message['role'] == 'assistant' %}<|START_RESPONSE|>{% endif %}"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}IMAGE{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}"
    "{% if message['role'] == 'assistant' %}<|END_RESPONSE|>{% endif %}<|END_OF_TURN_TOKEN|>{% endfor %}"
    "{% if add_generation_prompt %}<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|><|START_RESPONSE|>{% endif %}"
)
SPOKEN = (
    "<|START_OF_TURN_TOKEN|>",
    "<|USER_TOKEN|>",
    "<|CHATBOT_TOKEN|>",
    "<|START_RESPONSE|>",
    "<|END_RESPONSE|>",
)


def _text(words: Any) -> Any:
    layers = ["sliding_attention", "full_attention"]
    return hf.Cohere2Config(**text_settings(words), layer_types=layers, sliding_window=16)


def aya_vision() -> Family:
    seen = (
        "<image>",
        "<|START_OF_IMG|>",
        "<|END_OF_IMG|>",
        "<|IMG_PATCH|>",
        "<|IMG_LINE_BREAK|>",
        "TILE",
        "TILE_GLOBAL",
    )
    words = tokenizer(*SPOKEN, *seen, end="<|END_OF_TURN_TOKEN|>", begin="<BOS_TOKEN>")
    config = hf.AyaVisionConfig(
        vision_config=hf.SiglipVisionConfig(**siglip(vision_use_head=False)),
        text_config=_text(words),
        image_token_index=words.convert_tokens_to_ids("<|IMG_PATCH|>"),
        tie_word_embeddings=False,
    )
    processor = hf.AyaVisionProcessor(
        hf.GotOcr2ImageProcessor(size={"height": SIDE, "width": SIDE}, crop_to_patches=True, max_patches=2),
        words,
        patch_size=PATCH,
        img_size=SIDE,
        downsample_factor=2,
        chat_template=TURNS.replace("IMAGE", "<image>"),
    )
    return hf.AyaVisionForConditionalGeneration(config), processor


def cohere2_vision() -> Family:
    words = tokenizer(
        *SPOKEN,
        end="<|END_OF_TURN_TOKEN|>",
        begin="<BOS_TOKEN>",
        boi_token="<|START_OF_IMG|>",
        eoi_token="<|END_OF_IMG|>",
        image_token="<|IMG_PATCH|>",
        img_line_break_token="<|IMG_LINE_BREAK|>",
    )
    config = hf.Cohere2VisionConfig(
        vision_config=hf.SiglipVisionConfig(**siglip(vision_use_head=False)),
        text_config=_text(words),
        image_token_id=words.convert_tokens_to_ids("<|IMG_PATCH|>"),
        alignment_intermediate_size=64,
        tie_word_embeddings=False,
    )
    # patch_size: the side of a tile in tokens.
    pictures = hf.Cohere2VisionImageProcessor(size={"height": SIDE, "width": SIDE}, max_patches=2, patch_size=2)
    template = TURNS.replace("IMAGE", "<|IMG_PATCH|>")
    processor = hf.Cohere2VisionProcessor(pictures, words, chat_template=template)
    return hf.Cohere2VisionForConditionalGeneration(config), processor
