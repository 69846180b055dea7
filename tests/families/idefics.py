"""Tiny models of the Idefics families."""

from __future__ import annotations

from typing import Any

from parts import HIDDEN, SIDE, Family, hf, released, siglip, text_settings, tokenizer

IDEFICS = (
    "{% for message in messages %}{{ message['role'].capitalize() }}"
    "{% if message['content'][0]['type'] == 'image' %}:{% else %}: {% endif %}"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}<end_of_utterance>\n{% endfor %}"
    "{% if add_generation_prompt %}Assistant:{% endif %}"
)


def _idefics_words(begin: str) -> Any:
    rows = [f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)]
    special = ("<fake_token_around_image>", "<image>", "<global-img>", *rows)
    # As in the released Idefics3: the turn ends with a token that is not the tokenizer's end.
    return tokenizer(*special, "<end_of_utterance>", end="<|end_of_text|>", begin=begin)


def _idefics_config(config: type[Any], words: Any) -> Any:
    return config(
        vision_config=siglip(),
        text_config=hf.LlamaConfig(**text_settings(words)),
        image_token_id=words.convert_tokens_to_ids("<image>"),
        scale_factor=2,
        pad_token_id=words.pad_token_id,
    )


def idefics3() -> Family:
    words = _idefics_words("<|begin_of_text|>")
    config = _idefics_config(hf.Idefics3Config, words)
    pictures = hf.Idefics3ImageProcessor(size={"longest_edge": 2 * SIDE}, max_image_size={"longest_edge": SIDE})
    processor = hf.Idefics3Processor(pictures, words, image_seq_len=4, chat_template=released("idefics3"))
    return hf.Idefics3ForConditionalGeneration(config), processor


def smolvlm() -> Family:
    words = _idefics_words("<|im_start|>")
    config = _idefics_config(hf.SmolVLMConfig, words)
    pictures = hf.SmolVLMImageProcessor(size={"longest_edge": 2 * SIDE}, max_image_size={"longest_edge": SIDE})
    videos = hf.SmolVLMVideoProcessor()
    processor = hf.SmolVLMProcessor(pictures, words, videos, image_seq_len=4, chat_template=released("smolvlm"))
    return hf.SmolVLMForConditionalGeneration(config), processor


def idefics2() -> Family:
    words = tokenizer("<fake_token_around_image>", "<image>", "<end_of_utterance>", end="</s>", begin="<s>")
    config = hf.Idefics2Config(
        vision_config=siglip(),
        perceiver_config={
            "hidden_size": HIDDEN,
            "resampler_n_latents": 4,
            "resampler_depth": 1,
            "resampler_n_heads": 2,
            "resampler_head_dim": 16,
            "num_key_value_heads": 1,
        },
        text_config=hf.MistralConfig(**text_settings(words)),
        image_token_id=words.convert_tokens_to_ids("<image>"),
    )
    size = {"shortest_edge": SIDE, "longest_edge": 2 * SIDE}
    pictures = hf.Idefics2ImageProcessor(size=size, do_image_splitting=False)
    processor = hf.Idefics2Processor(pictures, words, image_seq_len=4, chat_template=IDEFICS)
    return hf.Idefics2ForConditionalGeneration(config), processor
