"""Tiny models of the Gemma families."""

from __future__ import annotations

from typing import Any

from parts import EXPERTS, HEADS, HIDDEN, SIDE, Family, hf, released, siglip, text_settings, tokenizer


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
    processor = hf.Gemma3Processor(pictures, words, chat_template=released("gemma3"), image_seq_length=4)
    return hf.Gemma3ForConditionalGeneration(config), processor


SIGHTS = {"image": "<|image|>", "boi": "<|image>", "eoi": "<image|>"}
SOUNDS = {"audio": "<|audio|>", "boa": "<|audio>", "eoa": "<audio|>"}


def _gemma4_words() -> Any:
    special = ("<|turn>", "<turn|>", "<|channel>", "<channel|>", "<|video|>")
    tokens = {f"{name}_token": token for name, token in {**SIGHTS, **SOUNDS}.items()}
    return tokenizer(*special, end="<eos>", begin="<bos>", **tokens)


def _gemma4_ids(words: Any) -> dict[str, Any]:
    ids = words.convert_tokens_to_ids
    named = {f"{name}_token_id": ids(token) for name, token in {**SIGHTS, **SOUNDS}.items()}
    return {**named, "video_token_id": ids("<|video|>"), "tie_word_embeddings": False}


def _gemma4_processor(kind: str, words: Any) -> Any:
    """kind: what its classes' names begin with."""
    # As many soft tokens as the processor allows at least.
    look = {"patch_size": 4, "max_soft_tokens": 70, "pooling_kernel_size": 2}
    return getattr(hf, f"{kind}Processor")(
        getattr(hf, f"{kind}AudioFeatureExtractor")(),
        getattr(hf, f"{kind}ImageProcessor")(**look),
        words,
        getattr(hf, f"{kind}VideoProcessor")(**look),
        chat_template=released("gemma4_v5"),
    )


def _gemma4(hearing: dict[str, Any] | None = None, **text: Any) -> Family:
    words = _gemma4_words()
    settings = {
        "layer_types": ["sliding_attention", "full_attention"],
        "sliding_window": 16,
        "global_head_dim": 32,
        "vocab_size_per_layer_input": len(words),
        "hidden_size_per_layer_input": 8,
        "use_bidirectional_attention": "vision",
    }
    config = hf.Gemma4Config(
        text_config={**text_settings(words), **settings, **text},
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "head_dim": 16,
            "patch_size": 4,
            "pooling_kernel_size": 2,
            "position_embedding_size": 64,
        },
        audio_config=hearing,
        **_gemma4_ids(words),
    )
    return hf.Gemma4ForConditionalGeneration(config), _gemma4_processor("Gemma4", words)


def gemma4() -> Family:
    return _gemma4()


def gemma4_shared() -> Family:
    # As in E2B: it hears too, and its last layers have no keys and values of their own and wider MLPs.
    hearing = {
        "hidden_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "subsampling_conv_channels": [8, 8],
        "output_proj_dims": 32,
    }
    kinds = ["sliding_attention", "full_attention"]
    shared = {"num_kv_shared_layers": 2, "use_double_wide_mlp": True}
    return _gemma4(hearing, num_hidden_layers=4, layer_types=2 * kinds, **shared)


def gemma4_moe() -> Family:
    # As in 26B-A4B: keys are values where attention is full, and a token's own input to a layer is left out.
    experts: dict[str, Any] = {**EXPERTS, "top_k_experts": EXPERTS["num_experts_per_tok"]}
    del experts["num_experts_per_tok"]
    return _gemma4(enable_moe_block=True, attention_k_eq_v=True, hidden_size_per_layer_input=0, **experts)


def gemma4_unified() -> Family:
    # It has no vision tower: patches are embedded as they are.
    words = _gemma4_words()
    settings = {"layer_types": ["sliding_attention", "full_attention"], "sliding_window": 16, "global_head_dim": 32}
    config = hf.Gemma4UnifiedConfig(
        text_config={**text_settings(words), **settings},
        vision_config={
            "patch_size": 4,
            "pooling_kernel_size": 2,
            "mm_embed_dim": 32,
            "mm_posemb_size": 64,
            "output_proj_dims": 32,
        },
        audio_config=None,
        **_gemma4_ids(words),
    )
    return hf.Gemma4UnifiedForConditionalGeneration(config), _gemma4_processor("Gemma4Unified", words)
