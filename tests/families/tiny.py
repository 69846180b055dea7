"""A tiny random model of each family's real classes, with its real processor and a template in its own style."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torchvision_operators  # noqa: F401  (before transformers, which looks for it once)
import transformers as hf
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

HIDDEN, LAYERS, HEADS = 64, 2, 4
SIDE, PATCH = 32, 8
CHATML = (
    "{{% for message in messages %}}<|im_start|>{{{{ message['role'] }}}}\n"
    "{{% for part in message['content'] %}}"
    "{{% if part['type'] == 'image' %}}{image}{{% else %}}{{{{ part['text'] }}}}{{% endif %}}"
    "{{% endfor %}}<|im_end|>\n{{% endfor %}}"
    "{{% if add_generation_prompt %}}<|im_start|>assistant\n{{% endif %}}"
)
VICUNA = (
    "{% for message in messages %}{{ message['role'].upper() }}: "
    "{% for part in message['content'] if part['type'] == 'image' %}<image>\n{% endfor %}"
    "{% for part in message['content'] if part['type'] == 'text' %}{{ part['text'] }} {% endfor %}{% endfor %}"
    "{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)
IDEFICS = (
    "<|begin_of_text|>{% for message in messages %}{{ message['role'].capitalize() }}"
    "{% if message['content'][0]['type'] == 'image' %}:{% else %}: {% endif %}"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}<end_of_utterance>\n{% endfor %}"
    "{% if add_generation_prompt %}Assistant:{% endif %}"
)
GEMMA = (
    "<bos>{% for message in messages %}<start_of_turn>"
    "{{ 'model' if message['role'] == 'assistant' else message['role'] }}\n"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<start_of_image>{% else %}{{ part['text'] | trim }}{% endif %}"
    "{% endfor %}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
LLAMA = (
    "<|begin_of_text|>{% for message in messages %}<|start_header_id|>{{ message['role'] }}<|end_header_id|>\n\n"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|image|>{% else %}{{ part['text'] | trim }}{% endif %}"
    "{% endfor %}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
Family = tuple[Any, Any]


def build(name: str, folder: Path) -> Path:
    """Save a family's tiny model and processor as any hub model is."""
    torch.manual_seed(0)
    model, processor = BUILDERS[name]()
    # Frozen as the base is, a new model's last layer is too weak for any adapter to be sure of a token.
    torch.nn.init.normal_(model.get_output_embeddings().weight, std=0.3)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def tokenizer(*special: str, end: str, begin: str | None = None, **named: str) -> Any:
    """One token a byte, beside special tokens; `named` are those that a processor asks the tokenizer for."""
    tokens = list(dict.fromkeys(["<pad>", end, *filter(None, [begin]), *special, *named.values()]))
    vocabulary = {token: place for place, token in enumerate([*tokens, *sorted(pre_tokenizers.ByteLevel.alphabet())])}
    bytes_alone = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    bytes_alone.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_alone.decoder = decoders.ByteLevel()
    bytes_alone.add_special_tokens(tokens)
    return hf.PreTrainedTokenizerFast(
        tokenizer_object=bytes_alone,
        pad_token="<pad>",
        eos_token=end,
        bos_token=begin,
        additional_special_tokens=list(special),
        extra_special_tokens=named,
    )


def text_settings(words: Any) -> dict[str, Any]:
    """A small text model's arguments, the same for every family."""
    return {
        "vocab_size": len(words),
        "hidden_size": HIDDEN,
        "intermediate_size": 2 * HIDDEN,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": 2,
        "head_dim": HIDDEN // HEADS,
        "max_position_embeddings": 1024,
        "pad_token_id": words.pad_token_id,
        "bos_token_id": words.bos_token_id,
        "eos_token_id": words.eos_token_id,
        "tie_word_embeddings": False,
    }


def siglip(**more: Any) -> dict[str, Any]:
    """A small SigLIP tower's arguments."""
    return {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": SIDE,
        "patch_size": PATCH,
        **more,
    }


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


QWEN_CHAT = CHATML.format(image="<|vision_start|><|image_pad|><|vision_end|>")
SIZE = {"shortest_edge": 28 * 28, "longest_edge": 56 * 56}


def qwen2_vl() -> Family:
    words = _qwen_words()
    config = hf.Qwen2VLConfig(
        text_config={**text_settings(words), "rope_parameters": {"rope_type": "default", "mrope_section": [2, 3, 3]}},
        vision_config={"depth": 2, "embed_dim": 32, "hidden_size": HIDDEN, "num_heads": 2, "mlp_ratio": 2},
        **_qwen_ids(words),
    )
    pictures = hf.Qwen2VLImageProcessor(size=SIZE)
    processor = hf.Qwen2VLProcessor(pictures, words, hf.Qwen2VLVideoProcessor(), chat_template=QWEN_CHAT)
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
    processor = hf.Qwen2_5_VLProcessor(pictures, words, hf.Qwen2VLVideoProcessor(), chat_template=QWEN_CHAT)
    return hf.Qwen2_5_VLForConditionalGeneration(config), processor


def qwen3_vl() -> Family:
    words = _qwen_words()
    vision = {"depth": 3, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "out_hidden_size": HIDDEN}
    rope = {"rope_type": "default", "mrope_section": [2, 3, 3], "mrope_interleaved": True}
    config = hf.Qwen3VLConfig(
        text_config={**text_settings(words), "rope_parameters": rope},
        vision_config={**vision, "deepstack_visual_indexes": [0, 1], "num_position_embeddings": 64, "patch_size": 16},
        **_qwen_ids(words),
    )
    pictures = hf.Qwen2VLImageProcessor(
        size={"shortest_edge": 32 * 32, "longest_edge": 64 * 64}, patch_size=16, merge_size=2
    )
    processor = hf.Qwen3VLProcessor(pictures, words, hf.Qwen3VLVideoProcessor(), chat_template=QWEN_CHAT)
    return hf.Qwen3VLForConditionalGeneration(config), processor


def llava() -> Family:
    words = tokenizer("<image>", end="</s>", begin="<s>")
    config = hf.LlavaConfig(
        vision_config=hf.CLIPVisionConfig(**siglip(projection_dim=32)),
        text_config=hf.LlamaConfig(**text_settings(words)),
        image_token_id=words.convert_tokens_to_ids("<image>"),
        vision_feature_layer=-2,
        vision_feature_select_strategy="default",
        image_seq_length=16,
    )
    side = {"height": SIDE, "width": SIDE}
    processor = hf.LlavaProcessor(
        hf.CLIPImageProcessor(size=side, crop_size=side),
        words,
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        image_token="<image>",
        chat_template=VICUNA,
    )
    return hf.LlavaForConditionalGeneration(config), processor


def llava_onevision() -> Family:
    words = tokenizer("<|im_start|>", end="<|im_end|>", image_token="<image>", video_token="<video>")
    pinpoints = [[SIDE, SIDE], [SIDE, 2 * SIDE], [2 * SIDE, SIDE]]
    config = hf.LlavaOnevisionConfig(
        vision_config=hf.SiglipVisionConfig(**siglip(vision_use_head=False)),
        text_config=hf.Qwen2Config(**text_settings(words)),
        image_token_id=words.convert_tokens_to_ids("<image>"),
        video_token_id=words.convert_tokens_to_ids("<video>"),
        image_grid_pinpoints=pinpoints,
        vision_feature_layer=-1,
        vision_feature_select_strategy="full",
        tie_word_embeddings=False,
    )
    processor = hf.LlavaOnevisionProcessor(
        hf.LlavaOnevisionImageProcessor(size={"height": SIDE, "width": SIDE}, image_grid_pinpoints=pinpoints),
        words,
        hf.LlavaOnevisionVideoProcessor(),
        num_image_tokens=16,
        vision_feature_select_strategy="full",
        chat_template=CHATML.format(image="<image>\n"),
    )
    return hf.LlavaOnevisionForConditionalGeneration(config), processor


def _idefics_words() -> Any:
    rows = [f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)]
    special = ("<fake_token_around_image>", "<image>", "<global-img>", *rows)
    # As in the released Idefics3: the turn ends with a token that is not the tokenizer's end.
    return tokenizer(*special, "<end_of_utterance>", end="<|end_of_text|>", begin="<|begin_of_text|>")


def idefics3() -> Family:
    words = _idefics_words()
    config = hf.Idefics3Config(
        vision_config=siglip(),
        text_config=hf.LlamaConfig(**text_settings(words)),
        image_token_id=words.convert_tokens_to_ids("<image>"),
        scale_factor=2,
        pad_token_id=words.pad_token_id,
    )
    pictures = hf.Idefics3ImageProcessor(size={"longest_edge": 2 * SIDE}, max_image_size={"longest_edge": SIDE})
    processor = hf.Idefics3Processor(pictures, words, image_seq_len=4, chat_template=IDEFICS)
    return hf.Idefics3ForConditionalGeneration(config), processor


def smolvlm() -> Family:
    words = _idefics_words()
    config = hf.SmolVLMConfig(
        vision_config=siglip(),
        text_config=hf.LlamaConfig(**text_settings(words)),
        image_token_id=words.convert_tokens_to_ids("<image>"),
        scale_factor=2,
        pad_token_id=words.pad_token_id,
    )
    pictures = hf.SmolVLMImageProcessor(size={"longest_edge": 2 * SIDE}, max_image_size={"longest_edge": SIDE})
    processor = hf.SmolVLMProcessor(pictures, words, hf.SmolVLMVideoProcessor(), image_seq_len=4, chat_template=IDEFICS)
    return hf.SmolVLMForConditionalGeneration(config), processor


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


def internvl() -> Family:
    words = tokenizer(
        "<|im_start|>",
        end="<|im_end|>",
        start_image_token="<img>",
        end_image_token="</img>",
        context_image_token="<IMG_CONTEXT>",
        video_token="<video>",
    )
    config = hf.InternVLConfig(
        vision_config=hf.InternVLVisionConfig(
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            image_size=[SIDE, SIDE],
            patch_size=[PATCH, PATCH],
        ),
        text_config=hf.Qwen2Config(**text_settings(words)),
        image_token_id=words.convert_tokens_to_ids("<IMG_CONTEXT>"),
        image_seq_length=4,
        downsample_ratio=0.5,
        tie_word_embeddings=False,
    )
    processor = hf.InternVLProcessor(
        hf.GotOcr2ImageProcessor(size={"height": SIDE, "width": SIDE}, crop_to_patches=True, max_patches=2),
        words,
        hf.InternVLVideoProcessor(),
        image_seq_length=4,
        chat_template=CHATML.format(image="<IMG_CONTEXT>\n"),
    )
    return hf.InternVLForConditionalGeneration(config), processor


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


BUILDERS: dict[str, Callable[[], Family]] = {
    builder.__name__: builder
    for builder in (
        qwen2_vl,
        qwen2_5_vl,
        qwen3_vl,
        llava,
        llava_onevision,
        idefics3,
        smolvlm,
        paligemma,
        gemma3,
        internvl,
        mllama,
    )
}
