"""Chat templates of released models, as the package trl ships them, and what is asked by them."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import LlavaProcessor, PreTrainedTokenizerFast
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

TEXT, PARTS = "text", "parts"
BOTH = (TEXT, PARTS)
IM_END, GEMMA_4 = "<|im_end|>", "<|turn>model\n"
CHATML, EMPTY = "<|im_start|>assistant\n", "<think>\n\n</think>\n\n"
LLAMA = "<|start_header_id|>assistant<|end_header_id|>\n\n"
NEMOTRON = ((TEXT,), f"{CHATML}<think></think>", "", IM_END)
# Template -> what it takes a question as, how its prompt ends, what is said before an answer, and after it.
ASKED: dict[str, tuple[tuple[str, ...], str, str, str]] = {
    "cohere": ((TEXT,), "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>", "", "<|END_OF_TURN_TOKEN|>"),
    "cohere2": ((TEXT,), "<|CHATBOT_TOKEN|><|START_RESPONSE|>", "", "<|END_RESPONSE|><|END_OF_TURN_TOKEN|>"),
    "diffusion_gemma": (BOTH, GEMMA_4, "", "<turn|>"),
    "gemma": ((TEXT,), "<start_of_turn>model\n", "", "<end_of_turn>"),
    "gemma3": (BOTH, "<start_of_turn>model\n", "", "<end_of_turn>"),
    "gemma4": (BOTH, GEMMA_4, "", "<turn|>"),
    "gemma4_v2": (BOTH, GEMMA_4, "", "<turn|>"),
    "gemma4_v3": (BOTH, GEMMA_4, "", "<turn|>"),
    "gemma4_v4": (BOTH, GEMMA_4, "", "<turn|>"),
    "gemma4_v5": (BOTH, GEMMA_4, "", "<turn|>"),
    # It ends no turn: the tokenizer's own end does.
    "glm4moe": (BOTH, "<|assistant|>\n<think></think>", "\n", "<eos>"),
    "gptoss": ((TEXT,), "<|start|>assistant<|channel|>final<|message|>", "", "<|return|>"),
    "idefics3": ((PARTS,), "<end_of_utterance>\nAssistant:", " ", "<end_of_utterance>"),
    "lfm2": ((TEXT,), CHATML, "", IM_END),
    "lfm2_2_5": (BOTH, CHATML, "", IM_END),
    "lfm2_2_5_v2": (BOTH, CHATML, "", IM_END),
    "lfm2_2_5_vl": (BOTH, CHATML, "", IM_END),
    "lfm2_v2": ((TEXT,), CHATML, "", IM_END),
    "llama3": ((TEXT,), LLAMA, "", "<|eot_id|>"),
    "llama3_1": ((TEXT,), LLAMA, "", "<|eot_id|>"),
    "llama3_2": ((TEXT,), LLAMA, "", "<|eot_id|>"),
    "llava_next": ((PARTS,), "[/INST]", " ", "</s>"),
    "muse_glimmer": (BOTH, "<|start|>assistant to=user<|message|>", "", "<|eot|>"),
    "nemotron_3_5_lightning": NEMOTRON,
    "nemotron_3_nano": NEMOTRON,
    "nemotron_3_super": NEMOTRON,
    "nemotron_3_ultra": NEMOTRON,
    "phi3": ((TEXT,), "<|assistant|>\n", "", "<|end|>"),
    "phi3_5": ((TEXT,), "<|assistant|>\n", "", "<|end|>"),
    "qwen2_5": ((TEXT,), CHATML, "", IM_END),
    "qwen2_5_vl": (BOTH, CHATML, "", IM_END),
    "qwen3": ((TEXT,), CHATML + EMPTY, "", IM_END),
    "qwen3_5_nothink": (BOTH, CHATML + EMPTY, "", IM_END),
    "qwen3_5_think": (BOTH, CHATML + EMPTY, "", IM_END),
    "qwen3_6": (BOTH, CHATML + EMPTY, "", IM_END),
    "qwen3_8": (BOTH, CHATML + EMPTY, "", IM_END),
    "qwen3_instruct_2507": ((TEXT,), CHATML, "", IM_END),
    "qwen3_vl": (BOTH, CHATML, "", IM_END),
    "smolvlm": ((PARTS,), "<end_of_utterance>\nAssistant:", " ", "<end_of_utterance>"),
}
# They begin every answer with thoughts, and have no argument against it.
THINKING = ("deepseek_r1_distill", "deepseekv3")
SPECIAL = re.compile(
    r"<[|｜][^<>{}\s]*[|｜]?>|<\w+\|>|</s>|\[/?INST\]|<(?:start|end)_of_turn>|<end_of_utterance>|\[gMASK\]|<sop>"
)


def folder() -> Path:
    """Where the package lies; it is not imported."""
    found = importlib.util.find_spec("trl")
    assert found is not None
    assert found.submodule_search_locations
    return Path(found.submodule_search_locations[0]) / "chat_templates"


def template(name: str) -> str:
    """A template as it was released."""
    return (folder() / f"{name}.jinja").read_text(encoding="utf-8")


def tokenizer_with(text: Any) -> PreTrainedTokenizerFast:
    """A tokenizer of bytes, to which the template's own marks are special."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(models.BPE({token: place for place, token in enumerate(alphabet)}, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<bos>",
        eos_token="<eos>",
        additional_special_tokens=["<image>", *sorted(set(SPECIAL.findall(str(text))))],
    )
    # As in Qwen's own tokenizers: whole tokens, but not special ones.
    tokenizer.add_tokens([AddedToken(mark, special=False) for mark in ("<think>", "</think>")])
    tokenizer.chat_template = text
    return tokenizer


def asked_with(text: Any, kind: str) -> Any:
    """A tokenizer with a template, or a processor of a real class with it."""
    tokenizer = tokenizer_with(text)
    if kind == TEXT:
        return tokenizer
    return LlavaProcessor(
        image_processor=SiglipImageProcessorPil(size={"height": 64, "width": 64}),
        tokenizer=tokenizer,
        patch_size=16,
        vision_feature_select_strategy="full",
        num_additional_image_tokens=0,
        image_token="<image>",
        chat_template=text,
    )
