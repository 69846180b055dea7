"""How large pictures are, and what that costs a model that reads them in their own size."""

from __future__ import annotations

from skazka_text.problems import Advice
from studies.files import FileError
from studies.images import size_of
from studies.study import Study

# Pixels that show who is in a picture.
SMALL_PICTURE = 512 * 512
# Of a token of Qwen2.5-VL, a square of 28; Qwen3-VL has one of 32.
PIXELS_A_TOKEN = 28 * 28
# Tokens of one picture that are worth a word: a batch of such rows is tens of thousands.
MANY_TOKENS = 2_000
REMEDY = f"base_model.max_pixels: {SMALL_PICTURE} has larger ones scaled down"


def many_tokens(tokens: int) -> Advice:
    """What is said where pictures take so many tokens of a prompt."""
    return Advice(f"a picture takes up to {tokens:,} tokens of its prompt, and memory and time with it", REMEDY)


def large_pictures(study: Study) -> Advice | None:
    """What is said of pictures that are large and are not scaled down; None where there is nothing to say.

    Pictures that cannot be read are left to those who refuse them.
    """
    spec = study.file.base_model
    if spec.image_size is not None or spec.max_pixels is not None:
        return None
    largest, name = (0, 0), ""
    images = {row.image for rows in (study.training, study.replay, study.probes) for row in rows if row.image}
    for image in sorted(images):
        try:
            size = size_of(study.folder / image)
        except FileError:
            continue
        if size[0] * size[1] > largest[0] * largest[1]:
            largest, name = size, image
    tokens = largest[0] * largest[1] // PIXELS_A_TOKEN
    if tokens <= MANY_TOKENS:
        return None
    return Advice(
        f"{name} has {largest[0]} x {largest[1]} pixels, about {tokens:,} tokens for a model that reads pictures in "
        "their own size, as Qwen2.5-VL does",
        REMEDY,
    )
