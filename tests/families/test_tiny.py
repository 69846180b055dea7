"""Each tiny model is whole: saved, reloaded and asked about a picture in plain transformers."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from parts import plain_inputs
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

# It comes without a template.
PALIGEMMA = "<image>{{ messages[0]['content'][1]['text'] }}"
# Read by cross-attention, whose gates are closed in a new model: there are no features to ask for.
WITHOUT_FEATURES = {"mllama"}


def asked(processor: Any, colour: str) -> Any:
    """A question about a picture, as the processor encodes it, in the model's precision."""
    picture = Image.new("RGB", (40, 30), colour)
    picture.paste("black", (0, 0, 13, 10))
    return plain_inputs(processor, picture, "Кто?").to(torch.float32)


@pytest.mark.parametrize("name", tiny.BUILDERS)
@torch.inference_mode()
def test_a_tiny_model_sees_and_answers_in_plain_transformers(name: str, tmp_path: Path) -> None:
    folder = tiny.build(name, tmp_path)
    model = AutoModelForImageTextToText.from_pretrained(folder).eval()
    processor = AutoProcessor.from_pretrained(folder)
    processor.chat_template = processor.chat_template or PALIGEMMA
    # A kind of a family has its name and one more word.
    assert name.startswith(model.config.model_type)
    inputs = asked(processor, "red")
    logits = model(**inputs).logits
    assert logits.isfinite().all()
    length = inputs["input_ids"].shape[1]
    assert model.generate(**inputs, max_new_tokens=3, min_new_tokens=3, do_sample=False).shape == (1, length + 3)
    if name not in WITHOUT_FEATURES:
        assert not torch.allclose(logits, model(**asked(processor, "blue")).logits)
        look = getattr(model, "model", model).get_image_features
        taken = {key: value for key, value in inputs.items() if key in inspect.signature(look).parameters}
        assert look(**taken, return_dict=True).to_tuple()
