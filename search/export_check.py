"""Ask an exported adapter again, with plain transformers and peft: `python export_check.py ASKED ANSWERED`.

Imports nothing of this project: what runs here runs for anyone who downloads the adapter.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def save_processor(base_model: str, revision: str | None, folder: Path, trust_remote_code: bool) -> None:
    """Write the base model's processor beside the adapter."""
    from transformers import AutoProcessor

    processor = AutoProcessor.from_pretrained(base_model, revision=revision, trust_remote_code=trust_remote_code)
    processor.save_pretrained(folder)


def answer_all(request: dict[str, Any]) -> list[str]:
    """The adapter's greedy answers to every probe, in order, asked in the batches of the request."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForImageTextToText, AutoProcessor

    torch.set_num_threads(1)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    trust = request["trust_remote_code"]
    processor = AutoProcessor.from_pretrained(request["adapter"], trust_remote_code=trust)
    processor.tokenizer.padding_side = "left"
    base = AutoModelForImageTextToText.from_pretrained(
        request["base_model"],
        revision=request["revision"],
        dtype=getattr(torch, request["dtype"]),
        use_safetensors=True,
        trust_remote_code=trust,
    )
    model = PeftModel.from_pretrained(base, request["adapter"]).to(device).eval()
    answers = [""] * len(request["probes"])
    for batch in request["batches"]:
        asked = [request["probes"][place] for place in batch]
        for place, text in zip(batch, _answer(model, processor, asked, request["max_new_tokens"]), strict=True):
            answers[place] = text
    return answers


def _picture(path: str) -> Any:
    """The picture as it was trained on: upright, on white where it is transparent."""
    from PIL import Image, ImageOps

    with Image.open(path) as image:
        upright = ImageOps.exif_transpose(image)
        if not upright.has_transparency_data:
            return upright.convert("RGB")
        seen = upright.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("RGB")


def _answer(model: Any, processor: Any, probes: list[dict[str, str]], max_new_tokens: int) -> list[str]:
    import torch

    chats = []
    for probe in probes:
        content = [{"type": "image", "image": _picture(probe["image"])}, {"type": "text", "text": probe["question"]}]
        chats.append([{"role": "user", "content": content}])
    inputs = processor.apply_chat_template(
        chats,
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
        processor_kwargs={"padding": True},
    ).to(model.device, dtype=model.dtype)
    end = processor.tokenizer.eos_token_id
    pad = processor.tokenizer.pad_token_id if processor.tokenizer.pad_token_id is not None else end
    with torch.inference_mode():
        output = model.generate(
            **inputs, max_new_tokens=max_new_tokens, do_sample=False, pad_token_id=pad, eos_token_id=end
        )
    new = output[:, inputs["input_ids"].shape[1] :]
    return [text.strip() for text in processor.batch_decode(new, skip_special_tokens=True)]


if __name__ == "__main__":
    asked, answered = map(Path, sys.argv[1:3])
    answered.write_text(json.dumps(answer_all(json.loads(asked.read_text()))), encoding="utf-8")
