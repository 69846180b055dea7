"""Tiny models of Liquid's families."""

from __future__ import annotations

from parts import PATCH, SIDE, Family, hf, released, siglip, text_settings, tokenizer


def lfm2_vl() -> Family:
    special = ("<|im_start|>", "<image>", "<|image_start|>", "<|image_end|>", "<|img_thumbnail|>")
    words = tokenizer(*special, end="<|im_end|>", begin="<|startoftext|>")
    vision = siglip(num_patches=64, vision_use_head=False)
    del vision["image_size"]
    config = hf.Lfm2VlConfig(
        vision_config=hf.Siglip2VisionConfig(**vision),
        text_config=hf.Lfm2Config(**text_settings(words), layer_types=["conv", "full_attention"], block_multiple_of=8),
        image_token_id=words.convert_tokens_to_ids("<image>"),
        projector_hidden_size=64,
        tie_word_embeddings=False,
    )
    pictures = hf.Lfm2VlImageProcessor(
        encoder_patch_size=PATCH, tile_size=SIDE, min_image_tokens=4, max_image_tokens=16, max_tiles=2
    )
    processor = hf.Lfm2VlProcessor(pictures, words, chat_template=released("lfm2_2_5_vl"))
    return hf.Lfm2VlForConditionalGeneration(config), processor
