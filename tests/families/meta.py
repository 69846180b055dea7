"""Tiny models of Meta's families."""

from __future__ import annotations

from parts import PATCH, SIDE, Family, hf, text_settings, tokenizer

LLAMA = (
    "<|begin_of_text|>{% for message in messages %}<|start_header_id|>{{ message['role'] }}<|end_header_id|>\n\n"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|image|>{% else %}{{ part['text'] | trim }}{% endif %}"
    "{% endfor %}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)


def mllama() -> Family:
    special = ("<|start_header_id|>", "<|end_header_id|>", "<|python_tag|>", "<|image|>")
    words = tokenizer(*special, end="<|eot_id|>", begin="<|begin_of_text|>")
    settings = text_settings(words)
    del settings["head_dim"]
    config = hf.MllamaConfig(
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_global_layers": 1,
            "attention_heads": 2,
            "image_size": SIDE,
            "patch_size": PATCH,
            "intermediate_layers_indices": [0, 1],
            "vision_output_dim": 96,
            "max_num_tiles": 2,
            "supported_aspect_ratios": [[1, 1], [1, 2], [2, 1]],
        },
        text_config={**settings, "cross_attention_layers": [1]},
        image_token_id=words.convert_tokens_to_ids("<|image|>"),
    )
    pictures = hf.MllamaImageProcessor(size={"height": SIDE, "width": SIDE}, max_image_tiles=2)
    return hf.MllamaForConditionalGeneration(config), hf.MllamaProcessor(pictures, words, chat_template=LLAMA)
