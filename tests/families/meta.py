"""Tiny models of Meta's families."""

from __future__ import annotations

from parts import HIDDEN, PATCH, SIDE, Family, hf, siglip, text_settings, tokenizer

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


def llama4() -> Family:
    words = tokenizer(
        "<|header_start|>",
        "<|header_end|>",
        "<|image|>",
        "<|image_start|>",
        "<|image_end|>",
        "<|patch|>",
        "<|tile_x_separator|>",
        "<|tile_y_separator|>",
        end="<|eot|>",
        begin="<|begin_of_text|>",
    )
    # As in Maverick, every second layer has experts; attention in chunks, and in every second layer in full.
    experts = {
        "num_local_experts": 4,
        "num_experts_per_tok": 1,
        "interleave_moe_layer_step": 2,
        "intermediate_size_mlp": 2 * HIDDEN,
        "no_rope_layer_interval": 2,
        "attention_chunk_size": 16,
    }
    config = hf.Llama4Config(
        vision_config={
            **siglip(intermediate_size=128),
            "vision_output_dim": HIDDEN,
            "projector_input_dim": HIDDEN,
            "projector_output_dim": HIDDEN,
        },
        text_config={**text_settings(words), **experts},
        boi_token_index=words.convert_tokens_to_ids("<|image_start|>"),
        eoi_token_index=words.convert_tokens_to_ids("<|image_end|>"),
        # Not the token that stands in the template: that one is replaced by patches, one for each feature.
        image_token_index=words.convert_tokens_to_ids("<|patch|>"),
    )
    pictures = hf.Llama4ImageProcessor(size={"height": SIDE, "width": SIDE}, max_patches=2)
    # Its template comes with the processor.
    return hf.Llama4ForConditionalGeneration(config), hf.Llama4Processor(pictures, words, patch_size=PATCH)
