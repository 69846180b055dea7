"""Tiny models of Qwen's families."""

from __future__ import annotations

from typing import Any

from parts import CHATML, EXPERTS, HIDDEN, Family, hf, released, text_settings, tokenizer

SIZE = {"shortest_edge": 28 * 28, "longest_edge": 56 * 56}


def _qwen_words() -> Any:
    seen = ("<|im_start|>", "<|vision_start|>", "<|vision_end|>")
    return tokenizer(*seen, end="<|im_end|>", image_token="<|image_pad|>", video_token="<|video_pad|>")


def _qwen_ids(words: Any) -> dict[str, Any]:
    ids = words.convert_tokens_to_ids
    return {
        "image_token_id": ids("<|image_pad|>"),
        "video_token_id": ids("<|video_pad|>"),
        "vision_start_token_id": ids("<|vision_start|>"),
        "vision_end_token_id": ids("<|vision_end|>"),
        "tie_word_embeddings": False,
    }


def qwen2_vl() -> Family:
    words = _qwen_words()
    config = hf.Qwen2VLConfig(
        text_config={**text_settings(words), "rope_parameters": {"rope_type": "default", "mrope_section": [2, 3, 3]}},
        vision_config={"depth": 2, "embed_dim": 32, "hidden_size": HIDDEN, "num_heads": 2, "mlp_ratio": 2},
        **_qwen_ids(words),
    )
    pictures = hf.Qwen2VLImageProcessor(size=SIZE)
    processor = hf.Qwen2VLProcessor(pictures, words, hf.Qwen2VLVideoProcessor(), chat_template=released("qwen2_5_vl"))
    return hf.Qwen2VLForConditionalGeneration(config), processor


def qwen2_5_vl() -> Family:
    words = _qwen_words()
    vision = {"depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "out_hidden_size": HIDDEN}
    config = hf.Qwen2_5_VLConfig(
        text_config={**text_settings(words), "rope_parameters": {"rope_type": "default", "mrope_section": [2, 3, 3]}},
        vision_config={**vision, "fullatt_block_indexes": [1], "window_size": 56},
        **_qwen_ids(words),
    )
    pictures = hf.Qwen2VLImageProcessor(size=SIZE)
    processor = hf.Qwen2_5_VLProcessor(
        pictures, words, hf.Qwen2VLVideoProcessor(), chat_template=released("qwen2_5_vl")
    )
    return hf.Qwen2_5_VLForConditionalGeneration(config), processor


SEEN_3 = {
    "depth": 3,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_heads": 2,
    "out_hidden_size": HIDDEN,
    "num_position_embeddings": 64,
    "patch_size": 16,
}
ROPE_3 = {"rope_type": "default", "mrope_section": [2, 3, 3], "mrope_interleaved": True}
PATCHES_3 = {"size": {"shortest_edge": 32 * 32, "longest_edge": 64 * 64}, "patch_size": 16, "merge_size": 2}
HEARING = {
    "num_mel_bins": 16,
    "d_model": 32,
    "encoder_layers": 1,
    "encoder_attention_heads": 2,
    "encoder_ffn_dim": 64,
    "output_dim": HIDDEN,
}
# Of Qwen3.5 a layer of each kind: a state in place of keys and values, and attention with a gate in q_proj.
HYBRID: dict[str, Any] = {
    "layer_types": ["linear_attention", "full_attention"],
    "linear_key_head_dim": 16,
    "linear_value_head_dim": 16,
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "rope_parameters": {**ROPE_3, "mrope_section": [2, 1, 1], "partial_rotary_factor": 0.5},
}


def _qwen3_processor(words: Any, template: str) -> Any:
    pictures = hf.Qwen2VLImageProcessor(**PATCHES_3)
    return hf.Qwen3VLProcessor(pictures, words, hf.Qwen3VLVideoProcessor(), chat_template=template)


def qwen3_vl() -> Family:
    words = _qwen_words()
    config = hf.Qwen3VLConfig(
        text_config={**text_settings(words), "rope_parameters": ROPE_3},
        vision_config={**SEEN_3, "deepstack_visual_indexes": [0, 1]},
        **_qwen_ids(words),
    )
    return hf.Qwen3VLForConditionalGeneration(config), _qwen3_processor(words, released("qwen3_vl"))


def qwen3_vl_moe() -> Family:
    words = _qwen_words()
    config = hf.Qwen3VLMoeConfig(
        text_config={**text_settings(words), **EXPERTS, "rope_parameters": ROPE_3},
        vision_config={**SEEN_3, "deepstack_visual_indexes": [0, 1]},
        **_qwen_ids(words),
    )
    return hf.Qwen3VLMoeForConditionalGeneration(config), _qwen3_processor(words, released("qwen3_vl"))


def qwen3_5() -> Family:
    words = _qwen_words()
    config = hf.Qwen3_5Config(text_config={**text_settings(words), **HYBRID}, vision_config=SEEN_3, **_qwen_ids(words))
    return hf.Qwen3_5ForConditionalGeneration(config), _qwen3_processor(words, released("qwen3_5_think"))


def qwen3_5_moe() -> Family:
    words = _qwen_words()
    settings = {**text_settings(words), **HYBRID, **EXPERTS, "shared_expert_intermediate_size": 32}
    config = hf.Qwen3_5MoeConfig(text_config=settings, vision_config=SEEN_3, **_qwen_ids(words))
    return hf.Qwen3_5MoeForConditionalGeneration(config), _qwen3_processor(words, released("qwen3_6"))


def _omni_words() -> Any:
    sounds = {"audio_token": "<|AUDIO|>", "audio_bos_token": "<|audio_bos|>", "audio_eos_token": "<|audio_eos|>"}
    sights = {"image_token": "<|IMAGE|>", "video_token": "<|VIDEO|>"}
    borders = {"vision_bos_token": "<|vision_bos|>", "vision_eos_token": "<|vision_eos|>"}
    return tokenizer("<|im_start|>", end="<|im_end|>", **sounds, **sights, **borders)


def _omni_ids(words: Any, suffix: str) -> dict[str, Any]:
    """suffix: what the names of the three media's tokens end with in the config."""
    ids = words.convert_tokens_to_ids
    media = {f"{kind}_token_{suffix}": ids(f"<|{kind.upper()}|>") for kind in ("image", "video", "audio")}
    borders = {
        f"{kind}_{name}_token_id": ids(f"<|{kind}_{place}|>")
        for kind in ("vision", "audio")
        for name, place in (("start", "bos"), ("end", "eos"))
    }
    return {**media, **borders}


def _omni_processor(processor: type[Any], pictures: Any, words: Any) -> Any:
    template = CHATML.format(image="<|vision_bos|><|IMAGE|><|vision_eos|>")
    ears = hf.WhisperFeatureExtractor(feature_size=16)
    return processor(pictures, hf.Qwen2VLVideoProcessor(), ears, words, chat_template=template)


def qwen2_5_omni_thinker() -> Family:
    words = _omni_words()
    vision = {"depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "out_hidden_size": HIDDEN}
    config = hf.Qwen2_5OmniThinkerConfig(
        text_config={**text_settings(words), "rope_parameters": {"rope_type": "default", "mrope_section": [2, 3, 3]}},
        vision_config={**vision, "fullatt_block_indexes": [1], "window_size": 56},
        audio_config=HEARING,
        **_omni_ids(words, "index"),
    )
    processor = _omni_processor(hf.Qwen2_5OmniProcessor, hf.Qwen2VLImageProcessor(size=SIZE), words)
    return hf.Qwen2_5OmniThinkerForConditionalGeneration(config), processor


def qwen3_omni_moe_thinker() -> Family:
    words = _omni_words()
    config = hf.Qwen3OmniMoeThinkerConfig(
        text_config={**text_settings(words), **EXPERTS, "rope_parameters": ROPE_3},
        vision_config={**SEEN_3, "deepstack_visual_indexes": [0, 1]},
        audio_config={**HEARING, "downsample_hidden_size": 8},
        **_omni_ids(words, "id"),
    )
    processor = _omni_processor(hf.Qwen3OmniMoeProcessor, hf.Qwen2VLImageProcessor(**PATCHES_3), words)
    return hf.Qwen3OmniMoeThinkerForConditionalGeneration(config), processor
