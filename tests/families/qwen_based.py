"""Tiny models of families whose text model is one of Qwen's."""

from __future__ import annotations

from parts import CHATML, PATCH, SIDE, Family, hf, text_settings, tokenizer


def internvl() -> Family:
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
        text_config=hf.Qwen2Config(**text_settings(words)),
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
