"""A tiny random model of each family's real classes, with its real processor and a template in its own style."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import baidu
import cohere
import deepseek
import gemma
import glm
import idefics
import liquid
import llava
import meta
import mistral
import qwen
import qwen_based
import torch
from parts import LAYERS, Family

__all__ = ["BUILDERS", "LAYERS", "build"]
BUILDERS: dict[str, Callable[[], Family]] = {
    "qwen2_vl": qwen.qwen2_vl,
    "qwen2_5_vl": qwen.qwen2_5_vl,
    "qwen3_vl": qwen.qwen3_vl,
    "qwen3_vl_moe": qwen.qwen3_vl_moe,
    "qwen3_5": qwen.qwen3_5,
    "qwen3_5_moe": qwen.qwen3_5_moe,
    "qwen2_5_omni_thinker": qwen.qwen2_5_omni_thinker,
    "qwen3_omni_moe_thinker": qwen.qwen3_omni_moe_thinker,
    "llava": llava.llava,
    "llava_pixtral": mistral.llava_pixtral,
    "llava_next": llava.llava_next,
    "llava_onevision": llava.llava_onevision,
    "granite4_vision": llava.granite4_vision,
    "idefics2": idefics.idefics2,
    "idefics3": idefics.idefics3,
    "smolvlm": idefics.smolvlm,
    "paligemma": gemma.paligemma,
    "gemma3": gemma.gemma3,
    "mistral3": mistral.mistral3,
    "gemma4": gemma.gemma4,
    "gemma4_shared": gemma.gemma4_shared,
    "gemma4_moe": gemma.gemma4_moe,
    "gemma4_unified": gemma.gemma4_unified,
    "glm4v": glm.glm4v,
    "glm4v_moe": glm.glm4v_moe,
    "glm46v": glm.glm46v,
    "internvl": qwen_based.internvl,
    "internvl_3_5": qwen_based.internvl_3_5,
    "ovis2": qwen_based.ovis2,
    "video_llama_3": qwen_based.video_llama_3,
    "minicpmv4_6": qwen_based.minicpmv4_6,
    "paddleocr_vl": baidu.paddleocr_vl,
    "ernie4_5_vl_moe": baidu.ernie4_5_vl_moe,
    "deepseek_vl": deepseek.deepseek_vl,
    "deepseek_vl_hybrid": deepseek.deepseek_vl_hybrid,
    "kimi_k25": deepseek.kimi_k25,
    "aya_vision": cohere.aya_vision,
    "cohere2_vision": cohere.cohere2_vision,
    "lfm2_vl": liquid.lfm2_vl,
    "llama4": meta.llama4,
    "mllama": meta.mllama,
}


def build(name: str, folder: Path) -> Path:
    """Save a family's tiny model and processor as any hub model is."""
    torch.manual_seed(0)
    model, processor = BUILDERS[name]()
    # Frozen as the base is, a new model's last layer is too weak for any adapter to be sure of a token.
    torch.nn.init.normal_(model.get_output_embeddings().weight, std=0.3)
    # A released projector is not the zero that a new one begins as.
    for weight in model.parameters():
        if weight.dim() > 1 and not weight.any():
            torch.nn.init.normal_(weight, std=0.3)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder
