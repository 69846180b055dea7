"""Tiny models of DeepSeek's families, and of Kimi whose text model is DeepSeek's."""

from __future__ import annotations

from typing import Any

from parts import PATCH, SIDE, Family, hf, siglip, text_settings, tokenizer

DEEPSEEK = (
    "<|begin|>{% for message in messages %}"
    "{{ 'Assistant' if message['role'] == 'assistant' else 'User' }}: "
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image_placeholder>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}"
    "{{ '<|end|>' if message['role'] == 'assistant' else '\n\n' }}{% endfor %}"
    "{% if add_generation_prompt %}Assistant:{% endif %}"
)
# An answer begins with its thoughts; the argument that leaves them out is called otherwise than elsewhere.
KIMI = (
    "{% for message in messages %}"
    "<|im_{{ message['role'] }}|>{{ message['role'] }}<|im_middle|>"
    "{% if message['role'] == 'assistant' %}<think></think>{% endif %}"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|media_begin|>image<|media_content|><|media_pad|><|media_end|>"
    "{{ '\n' }}{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}<|im_end|>{% endfor %}"
    "{% if add_generation_prompt %}<|im_assistant|>assistant<|im_middle|>"
    "{% if thinking is defined and not thinking %}<think></think>{% else %}<think>{% endif %}{% endif %}"
)


def _words() -> Any:
    return tokenizer(end="<|end|>", begin="<|begin|>", image_token="<image_placeholder>")


def _settings(words: Any) -> dict[str, Any]:
    return {
        "text_config": hf.LlamaConfig(**text_settings(words)),
        "vision_config": hf.SiglipVisionConfig(**siglip(vision_use_head=False)),
        "image_token_id": words.convert_tokens_to_ids("<image_placeholder>"),
        "tie_word_embeddings": False,
    }


def deepseek_vl() -> Family:
    words = _words()
    model = hf.DeepseekVLForConditionalGeneration(hf.DeepseekVLConfig(**_settings(words)))
    pictures = hf.DeepseekVLImageProcessor(size={"height": SIDE, "width": SIDE}, min_size=PATCH)
    return model, hf.DeepseekVLProcessor(pictures, words, chat_template=DEEPSEEK, num_image_tokens=16)


def deepseek_vl_hybrid() -> Family:
    words = _words()
    high = hf.SamVisionConfig(
        hidden_size=32,
        output_channels=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=2 * SIDE,
        patch_size=PATCH,
        mlp_dim=64,
        window_size=4,
        global_attn_indexes=[1],
        initializer_range=0.02,
    )
    model = hf.DeepseekVLHybridForConditionalGeneration(
        hf.DeepseekVLHybridConfig(**_settings(words), high_res_vision_config=high)
    )
    pictures = hf.DeepseekVLHybridImageProcessor(
        size={"height": SIDE, "width": SIDE},
        high_res_size={"height": 2 * SIDE, "width": 2 * SIDE},
        min_size=PATCH,
    )
    return model, hf.DeepseekVLHybridProcessor(pictures, words, chat_template=DEEPSEEK, num_image_tokens=16)


def kimi_k25() -> Family:
    turns = ("<|im_user|>", "<|im_assistant|>", "<|im_system|>", "<|im_middle|>")
    media = ("<|media_begin|>", "<|media_content|>", "<|media_end|>")
    videos = "<|kimi_k25_video_placeholder|>"
    words = tokenizer(*turns, *media, end="<|im_end|>", image_token="<|media_pad|>", video_token=videos)
    ids = words.convert_tokens_to_ids
    settings = text_settings(words)
    del settings["head_dim"]
    attention = {
        "num_key_value_heads": 4,
        "kv_lora_rank": 16,
        "q_lora_rank": 32,
        "qk_rope_head_dim": 8,
        "qk_nope_head_dim": 8,
        "v_head_dim": 16,
    }
    experts = {
        "n_routed_experts": 4,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 32,
        "n_group": 1,
        "topk_group": 1,
        "first_k_dense_replace": 1,
    }
    config = hf.Kimi_K25Config(
        text_config=hf.DeepseekV3Config(**{**settings, **attention, **experts}),
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "patch_size": PATCH,
            "pos_emb_height": 8,
            "pos_emb_width": 8,
        },
        projection_hidden_size=32,
        image_token_id=ids("<|media_pad|>"),
        video_token_id=ids(videos),
        vision_start_token_id=ids("<|media_begin|>"),
        vision_end_token_id=ids("<|media_end|>"),
        tie_word_embeddings=False,
    )
    processor = hf.Kimi_K25Processor(
        hf.Kimi_K25ImageProcessor(patch_size=PATCH, size={"max_height": 8, "max_width": 8}),
        words,
        hf.Kimi_K25VideoProcessor(patch_size=PATCH),
        chat_template=KIMI,
    )
    return hf.Kimi_K25ForConditionalGeneration(config), processor
