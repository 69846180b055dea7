"""Tiny models of Baidu's families."""

from __future__ import annotations

from parts import PATCH, SIDE, Family, hf, siglip, text_settings, tokenizer

ROPE = {"rope_type": "default", "mrope_section": [2, 3, 3]}
ERNIE = (
    "<|begin_of_sentence|>{% for message in messages %}"
    "{{ 'Assistant' if message['role'] == 'assistant' else 'User' }}: "
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}PICTURE{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}"
    "{% if message['role'] == 'assistant' %}<|end_of_sentence|>{% else %}{{ '\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}Assistant: {% endif %}"
)


def paddleocr_vl() -> Family:
    words = tokenizer(
        "<|IMAGE_START|>",
        "<|IMAGE_END|>",
        end="</s>",
        begin="<|begin_of_sentence|>",
        image_token="<|IMAGE_PLACEHOLDER|>",
        video_token="<|video_pad|>",
    )
    ids = words.convert_tokens_to_ids
    config = hf.PaddleOCRVLConfig(
        vision_config=siglip(),
        text_config={**text_settings(words), "rope_parameters": ROPE},
        image_token_id=ids("<|IMAGE_PLACEHOLDER|>"),
        video_token_id=ids("<|video_pad|>"),
        vision_start_token_id=ids("<|IMAGE_START|>"),
        vision_end_token_id=ids("<|IMAGE_END|>"),
        tie_word_embeddings=False,
    )
    size = {"shortest_edge": SIDE * SIDE, "longest_edge": 4 * SIDE * SIDE}
    pictures = hf.PaddleOCRVLImageProcessor(size=size, patch_size=PATCH)
    image = "<|IMAGE_START|><|IMAGE_PLACEHOLDER|><|IMAGE_END|>"
    template = ERNIE.replace("PICTURE", image).replace("<|end_of_sentence|>", "</s>")
    processor = hf.PaddleOCRVLProcessor(pictures, words, chat_template=template)
    return hf.PaddleOCRVLForConditionalGeneration(config), processor


def ernie4_5_vl_moe() -> Family:
    marks = {
        f"{kind}_{place}_token": f"<|{kind.upper()}_{place.upper()}|>"
        for kind in ("image", "video")
        for place in ("start", "end")
    }
    holders = {"image_token": "<|IMAGE_PLACEHOLDER|>", "video_token": "<|VIDEO_PLACEHOLDER|>"}
    words = tokenizer(end="<|end_of_sentence|>", begin="<|begin_of_sentence|>", **marks, **holders)
    experts = {"moe_k": 2, "moe_num_experts": 4, "moe_num_shared_experts": 1, "moe_intermediate_size": [32, 16]}
    config = hf.Ernie4_5_VLMoeConfig(
        vision_config={"depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "patch_size": PATCH},
        text_config={**text_settings(words), **experts, "rope_parameters": {**ROPE, "mrope_section": [3, 3, 2]}},
        tie_word_embeddings=False,
        **{f"{name}_id": words.convert_tokens_to_ids(token) for name, token in {**marks, **holders}.items()},
    )
    size = {"shortest_edge": SIDE * SIDE, "longest_edge": 4 * SIDE * SIDE}
    processor = hf.Ernie4_5_VLMoeProcessor(
        hf.Ernie4_5_VLMoeImageProcessor(size=size, patch_size=PATCH),
        words,
        hf.Ernie4_5_VLMoeVideoProcessor(draw_on_frames=False),
        chat_template=ERNIE.replace("PICTURE", "<|IMAGE_START|><|IMAGE_PLACEHOLDER|><|IMAGE_END|>"),
    )
    return hf.Ernie4_5_VLMoeForConditionalGeneration(config), processor
