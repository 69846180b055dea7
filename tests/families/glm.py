"""Tiny models of Zhipu's GLM families."""

from __future__ import annotations

from typing import Any

from parts import HIDDEN, SIDE, Family, hf, text_settings, tokenizer

# No turn has an end of its own: the next one's beginning ends it, and so does the tokenizer's end.
GLM = (
    "[gMASK]<sop>\n{% for message in messages %}<|{{ message['role'] }}|>\n"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|begin_of_image|><|image|><|end_of_image|>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
# An answer begins with its thoughts, which are empty where it is asked not to think.
THINKING_GLM = (
    "[gMASK]<sop>\n{% for message in messages %}<|{{ message['role'] }}|>\n"
    "{% if message['role'] == 'assistant' %}<think></think>\n{% endif %}"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|begin_of_image|><|image|><|end_of_image|>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}"
    "{% if message['role'] == 'user' and enable_thinking is defined and not enable_thinking %}/nothink{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n"
    "{% if enable_thinking is defined and not enable_thinking %}<think></think>\n{% endif %}{% endif %}"
)
PATCHES = {"size": {"shortest_edge": 2 * 56 * 56, "longest_edge": 2 * 84 * 84}, "patch_size": 14}


def _words() -> Any:
    turns = ("<|system|>", "<|user|>", "<|assistant|>", "<|observation|>")
    seen = [f"<|{place}_of_{kind}|>" for kind in ("image", "video") for place in ("begin", "end")]
    special = ("[gMASK]", "<sop>", *turns, *seen)
    return tokenizer(*special, end="<|endoftext|>", image_token="<|image|>", video_token="<|video|>")


def _settings(words: Any, **text: Any) -> dict[str, Any]:
    """The arguments of a config: its text model's, its vision tower's and its tokens'."""
    ids = words.convert_tokens_to_ids
    marks = {
        f"{kind}_{name}_token_id": ids(f"<|{place}_of_{kind}|>")
        for kind in ("image", "video")
        for name, place in (("start", "begin"), ("end", "end"))
    }
    rope = {"rope_type": "default", "mrope_section": [2, 1, 1], "partial_rotary_factor": 0.5}
    vision = {
        "depth": 2,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_heads": 2,
        "out_hidden_size": HIDDEN,
        "image_size": 2 * SIDE,
    }
    return {
        "text_config": {**text_settings(words), "rope_parameters": rope, **text},
        "vision_config": vision,
        "image_token_id": ids("<|image|>"),
        "video_token_id": ids("<|video|>"),
        "tie_word_embeddings": False,
        **marks,
    }


def glm4v() -> Family:
    words = _words()
    model = hf.Glm4vForConditionalGeneration(hf.Glm4vConfig(**_settings(words)))
    pictures = hf.Glm4vImageProcessor(**PATCHES)
    return model, hf.Glm4vProcessor(pictures, words, hf.Glm4vVideoProcessor(), chat_template=GLM)


def glm4v_moe() -> Family:
    words = _words()
    experts = {
        "num_experts_per_tok": 2,
        "n_routed_experts": 4,
        "moe_intermediate_size": 32,
        "first_k_dense_replace": 1,
    }
    model = hf.Glm4vMoeForConditionalGeneration(hf.Glm4vMoeConfig(**_settings(words, **experts)))
    pictures = hf.Glm4vImageProcessor(**PATCHES)
    return model, hf.Glm4vProcessor(pictures, words, hf.Glm4vVideoProcessor(), chat_template=THINKING_GLM)


def glm46v() -> Family:
    words = _words()
    model = hf.Glm46VForConditionalGeneration(hf.Glm46VConfig(**_settings(words)))
    pictures = hf.Glm46VImageProcessor(**PATCHES)
    return model, hf.Glm46VProcessor(pictures, words, hf.Glm46VVideoProcessor(), chat_template=THINKING_GLM)
