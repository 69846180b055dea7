"""Tiny models of the LLaVA families."""

from __future__ import annotations

from parts import CHATML, PATCH, SIDE, Family, hf, released, siglip, text_settings, tokenizer

VICUNA = (
    "{% for message in messages %}{{ message['role'].upper() }}: "
    "{% for part in message['content'] if part['type'] == 'image' %}<image>\n{% endfor %}"
    "{% for part in message['content'] if part['type'] == 'text' %}{{ part['text'] }} {% endfor %}{% endfor %}"
    "{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)
GRANITE = (
    "{% for message in messages %}<|start_of_role|>{{ message['role'] }}<|end_of_role|>"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>{{ '\n' }}{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}<|end_of_text|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|start_of_role|>assistant<|end_of_role|>{% endif %}"
)


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


def llava_next() -> Family:
    words = tokenizer("<image>", end="</s>", begin="<s>")
    pinpoints = [[SIDE, 2 * SIDE], [2 * SIDE, SIDE], [2 * SIDE, 2 * SIDE]]
    config = hf.LlavaNextConfig(
        vision_config=hf.CLIPVisionConfig(**siglip(projection_dim=32)),
        text_config=hf.MistralConfig(**text_settings(words)),
        image_token_index=words.convert_tokens_to_ids("<image>"),
        image_grid_pinpoints=pinpoints,
        image_seq_length=16,
    )
    side = {"height": SIDE, "width": SIDE}
    processor = hf.LlavaNextProcessor(
        hf.LlavaNextImageProcessor(size={"shortest_edge": SIDE}, crop_size=side, image_grid_pinpoints=pinpoints),
        words,
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        image_token="<image>",
        chat_template=released("llava_next"),
    )
    return hf.LlavaNextForConditionalGeneration(config), processor


def granite4_vision() -> Family:
    # Features for several layers of the text model, by the layer's number; made by Q-Formers.
    words = tokenizer("<image>", "<|start_of_role|>", "<|end_of_role|>", end="<|end_of_text|>")
    pinpoints = [[SIDE, 2 * SIDE], [2 * SIDE, SIDE]]
    vision = siglip(hidden_size=64, vision_use_head=False)
    config = hf.Granite4VisionConfig(
        vision_config=hf.SiglipVisionConfig(**vision),
        text_config=text_settings(words),
        qformer_config=hf.Blip2QFormerConfig(num_hidden_layers=1, intermediate_size=64),
        image_token_index=words.convert_tokens_to_ids("<image>"),
        image_grid_pinpoints=pinpoints,
        vision_feature_select_strategy="full",
        downsample_rate="1/2",
        deepstack_layer_map=[[-1, 0]],
        spatial_target_layers=[1],
    )
    processor = hf.Granite4VisionProcessor(
        hf.LlavaNextImageProcessor(
            size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}, image_grid_pinpoints=pinpoints
        ),
        words,
        patch_size=PATCH,
        vision_feature_select_strategy="full",
        downsample_rate="1/2",
        chat_template=GRANITE,
    )
    return hf.Granite4VisionForConditionalGeneration(config), processor
