"""Tiny models of Mistral's families."""

from __future__ import annotations

from typing import Any

from parts import PATCH, SIDE, Family, hf, text_settings, tokenizer

INSTRUCT = (
    "<s>{% for message in messages %}"
    "{% if message['role'] == 'user' %}[INST]{% endif %}"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}[IMG]{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}"
    "{% if message['role'] == 'user' %}[/INST]{% else %}</s>{% endif %}"
    "{% endfor %}"
)
SEEN = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 2 * SIDE,
    "patch_size": PATCH,
}


def _words() -> Any:
    return tokenizer("[IMG]", "[IMG_BREAK]", "[IMG_END]", "[INST]", "[/INST]", end="</s>", begin="<s>")


def _processor(words: Any, merge: int) -> Any:
    patch = {"height": PATCH, "width": PATCH}
    pictures = hf.PixtralImageProcessor(size={"longest_edge": 2 * SIDE}, patch_size=patch)
    return hf.PixtralProcessor(pictures, words, patch_size=PATCH, spatial_merge_size=merge, chat_template=INSTRUCT)


def mistral3() -> Family:
    words = _words()
    config = hf.Mistral3Config(
        vision_config=hf.PixtralVisionConfig(**SEEN),
        text_config=hf.MistralConfig(**text_settings(words)),
        image_token_index=words.convert_tokens_to_ids("[IMG]"),
        spatial_merge_size=2,
        tie_word_embeddings=False,
    )
    return hf.Mistral3ForConditionalGeneration(config), _processor(words, 2)


def llava_pixtral() -> Family:
    # As Pixtral 12B is released: pictures of any shape, so that the tower needs their sizes.
    words = _words()
    config = hf.LlavaConfig(
        vision_config=hf.PixtralVisionConfig(**SEEN),
        text_config=hf.MistralConfig(**text_settings(words)),
        image_token_id=words.convert_tokens_to_ids("[IMG]"),
        vision_feature_layer=-1,
        vision_feature_select_strategy="full",
    )
    return hf.LlavaForConditionalGeneration(config), _processor(words, 1)
