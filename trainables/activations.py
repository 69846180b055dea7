"""What a training step keeps for its backward pass: counted where autograd keeps it, on any device."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from trainables.adapter_precision import inputs_as_they_are
from trainables.encoding import Encoded
from trainables.engine import Engine
from trainables.losses import answer_loss

# Tokens of the rows that are counted: enough to tell what grows with a row and what with its square.
COUNTED = (8, 16, 24)
# Linear attention fills its rows up to chunks of so many tokens.
CHUNK = 64


def saved_bytes(model: Any, compute: Callable[[], torch.Tensor]) -> int:
    """Bytes that autograd keeps for the backward pass of what `compute` gives, beside the model's own weights."""
    own = {tensor.untyped_storage().data_ptr() for tensor in (*model.parameters(), *model.buffers())}
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    # The result holds what was kept: an address is taken once.
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        _ = compute()
    return sum(kept.values())


def activation_bytes(engine: Engine, row: Encoded, rows: int, tokens: int, answers: int) -> int:
    """Bytes that a micro-batch of the open trial takes at most beside weights and optimizer.

    row: one of the study's, whose words are counted. rows, tokens: of the micro-batch and of its longest row. answers:
    tokens of all its answers, whose logits have a gradient beside.
    Rows of a few tokens are computed and the rest is inferred, so that it costs seconds on a CPU.
    """
    text = engine.base.model.config.get_text_config()
    places = COUNTED
    if "linear_attention" in (getattr(text, "layer_types", None) or ()):
        places, tokens = (CHUNK, 2 * CHUNK, 3 * CHUNK), -(-tokens // CHUNK) * CHUNK
    with _all_activations(engine) as recomputed:
        counted = [_of_one(engine, row, length) for length in places]
    whole = rows * _through(places, counted, tokens)
    size = engine.base.model.dtype.itemsize
    if recomputed:
        # One layer's at a time, and the input of each.
        whole = whole / text.num_hidden_layers + rows * tokens * text.hidden_size * size * text.num_hidden_layers
    # Their log-probabilities, the gradient of these, and it once more in the base's precision.
    return int(whole + answers * text.vocab_size * (4 + 4 + size))


def _of_one(engine: Engine, row: Encoded, length: int) -> float:
    """Bytes kept for one row of words alone, of that many tokens, of which one is learnt.

    It is one of two: beside a shorter row attention needs a mask, and repeats keys and values for it.
    """
    picture = getattr(engine.base.model.config, "image_token_id", None)
    words = [token for token in row.prompt if token != picture]
    prompt = tuple(words[place % len(words)] for place in range(length - 1))
    pair = [
        Encoded(row.unit, part, row.answer[:1], {name: (0,) * len(part) for name in row.token_inputs})
        for part in (prompt, prompt[1:])
    ]
    model = engine.seat.model.train()
    batch = engine.base.inputs(pair, {})
    with inputs_as_they_are(model, dora=engine.seat.config.dora):
        return saved_bytes(model, lambda: answer_loss(model, batch, engine.seat.config.label_smoothing)) / len(pair)


def _through(places: tuple[int, ...], values: list[float], at: int) -> float:
    """The value at `at` of the parabola through three points; attention may keep the square of a row."""
    total = 0.0
    for place, value in zip(places, values, strict=True):
        share = 1.0
        for other in places:
            if other != place:
                share *= (at - other) / (place - other)
        total += value * share
    return total


@contextmanager
def _all_activations(engine: Engine) -> Iterator[bool]:
    """Within it nothing is computed again; whether it is otherwise."""
    model = engine.base.model
    recomputed = bool(model.is_activation_checkpointing)
    if recomputed:
        model.activation_checkpointing_disable()
    try:
        yield recomputed
    finally:
        if recomputed:
            model.activation_checkpointing_enable({"use_reentrant": False})
