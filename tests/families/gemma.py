"""Tiny models of the Gemma families."""

from __future__ import annotations

from parts import HEADS, HIDDEN, SIDE, Family, hf, siglip, text_settings, tokenizer

GEMMA = (
    "<bos>{% for message in messages %}<start_of_turn>"
    "{{ 'model' if message['role'] == 'assistant' else message['role'] }}\n"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<start_of_image>{% else %}{{ part['text'] | trim }}{% endif %}"
    "{% endfor %}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)


def paligemma() -> Family:
    words = tokenizer("<image>", end="<eos>", begin="<bos>")
    settings = {**text_settings(words), "query_pre_attn_scalar": HIDDEN // HEADS, "sliding_window": 512}
    pictures = hf.SiglipImageProcessor(size={"height": SIDE, "width": SIDE})
    pictures.image_seq_length = 16
    processor = hf.PaliGemmaProcessor(pictures, words)
    config = hf.PaliGemmaConfig(
        vision_config=hf.SiglipVisionConfig(**siglip(vision_use_head=False, projection_dim=HIDDEN)),
        text_config=hf.Gemma2Config(**{**settings, "vocab_size": len(words)}),
        image_token_id=words.convert_tokens_to_ids("<image>"),
        projection_dim=HIDDEN,
    )
    return hf.PaliGemmaForConditionalGeneration(config), processor


def gemma3() -> Family:
    words = tokenizer(
        "<start_of_turn>",
        "<end_of_turn>",
        end="<eos>",
        begin="<bos>",
        image_token="<image_soft_token>",
        boi_token="<start_of_image>",
        eoi_token="<end_of_image>",
    )
    ids = words.convert_tokens_to_ids
    settings = {**text_settings(words), "query_pre_attn_scalar": HIDDEN // HEADS, "sliding_window": 16}
    config = hf.Gemma3Config(
        text_config=hf.Gemma3TextConfig(**settings, layer_types=["sliding_attention", "full_attention"]),
        vision_config=siglip(vision_use_head=False),
        mm_tokens_per_image=4,
        boi_token_index=ids("<start_of_image>"),
        eoi_token_index=ids("<end_of_image>"),
        image_token_id=ids("<image_soft_token>"),
    )
    pictures = hf.Gemma3ImageProcessor(size={"height": SIDE, "width": SIDE})
    processor = hf.Gemma3Processor(pictures, words, chat_template=GEMMA, image_seq_length=4)
    return hf.Gemma3ForConditionalGeneration(config), processor
