"""Tiny models of families whose text model is one of Qwen's."""

from __future__ import annotations

from typing import Any

from parts import CHATML, HIDDEN, PATCH, SIDE, Family, hf, siglip, text_settings, tokenizer
from qwen import HYBRID


def _internvl(text: type[Any]) -> Family:
    words = tokenizer(
        "<|im_start|>",
        end="<|im_end|>",
        start_image_token="<img>",
        end_image_token="</img>",
        context_image_token="<IMG_CONTEXT>",
        video_token="<video>",
    )
    config = hf.InternVLConfig(
        vision_config=hf.InternVLVisionConfig(
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            image_size=[SIDE, SIDE],
            patch_size=[PATCH, PATCH],
        ),
        text_config=text(**text_settings(words)),
        image_token_id=words.convert_tokens_to_ids("<IMG_CONTEXT>"),
        image_seq_length=4,
        downsample_ratio=0.5,
        tie_word_embeddings=False,
    )
    processor = hf.InternVLProcessor(
        hf.GotOcr2ImageProcessor(size={"height": SIDE, "width": SIDE}, crop_to_patches=True, max_patches=2),
        words,
        hf.InternVLVideoProcessor(),
        image_seq_length=4,
        chat_template=CHATML.format(image="<IMG_CONTEXT>\n"),
    )
    return hf.InternVLForConditionalGeneration(config), processor


def internvl() -> Family:
    return _internvl(hf.Qwen2Config)


def internvl_3_5() -> Family:
    return _internvl(hf.Qwen3Config)


def ovis2() -> Family:
    special = ("<|im_start|>", "<image>", "<IMG_ATOM>")
    borders = ("<IMG_START>", "<IMG_GRID>", "<IMG_COL>", "<IMG_ROW>", "<IMG_END>")
    words = tokenizer(*special, *borders, end="<|im_end|>")
    config = hf.Ovis2Config(
        vision_config={**siglip(), "vocab_size": 64, "hidden_stride": 2, "num_visual_indicator_tokens": len(borders)},
        text_config=hf.Qwen2Config(**text_settings(words)),
        image_token_id=words.convert_tokens_to_ids("<IMG_ATOM>"),
        visual_indicator_token_ids=words.convert_tokens_to_ids(list(borders)),
        vocab_size=len(words),
        hidden_size=HIDDEN,
        tie_word_embeddings=False,
    )
    processor = hf.Ovis2Processor(
        hf.Ovis2ImageProcessor(size={"height": SIDE, "width": SIDE}, crop_to_patches=True, max_patches=2),
        words,
        image_seq_length=4,
        chat_template=CHATML.format(image="<image>\n"),
    )
    return hf.Ovis2ForConditionalGeneration(config), processor


def video_llama_3() -> Family:
    words = tokenizer("<|im_start|>", end="<|im_end|>", image_token="<image>", video_token="<video>")
    vision = siglip()
    del vision["image_size"]
    config = hf.VideoLlama3Config(
        vision_config=vision,
        text_config=hf.Qwen2Config(**text_settings(words)),
        image_token_id=words.convert_tokens_to_ids("<image>"),
        video_token_id=words.convert_tokens_to_ids("<video>"),
    )
    size = {"shortest_edge": SIDE * SIDE, "longest_edge": 4 * SIDE * SIDE}
    pictures = hf.VideoLlama3ImageProcessor(size=size, patch_size=PATCH)
    videos = hf.VideoLlama3VideoProcessor(patch_size=PATCH)
    template = CHATML.format(image="<image>\n")
    processor = hf.VideoLlama3Processor(pictures, words, videos, chat_template=template)
    return hf.VideoLlama3ForConditionalGeneration(config), processor


def minicpmv4_6() -> Family:
    tokens = {
        "image": "<|image_pad|>",
        "video": "<|video_pad|>",
        "image_start": "<image>",
        "image_end": "</image>",
        "slice_start": "<slice>",
        "slice_end": "</slice>",
        "image_id_start": "<image_id>",
        "image_id_end": "</image_id>",
    }
    named = {f"{name}_token": token for name, token in tokens.items()}
    words = tokenizer("<|im_start|>", end="<|im_end|>", **named)
    config = hf.MiniCPMV4_6Config(
        vision_config=siglip(),
        text_config=hf.Qwen3_5TextConfig(**{**text_settings(words), **HYBRID}),
        image_token_id=words.convert_tokens_to_ids("<|image_pad|>"),
        video_token_id=words.convert_tokens_to_ids("<|video_pad|>"),
        insert_layer_id=0,
        image_size=2 * SIDE,
    )
    look = {"scale_resolution": 2 * SIDE, "patch_size": PATCH}
    processor = hf.MiniCPMV4_6Processor(
        hf.MiniCPMV4_6ImageProcessor(**look),
        hf.MiniCPMV4_6VideoProcessor(**look),
        words,
        chat_template=CHATML.format(image="<|image_pad|>"),
    )
    return hf.MiniCPMV4_6ForConditionalGeneration(config), processor
