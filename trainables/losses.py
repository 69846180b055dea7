"""What training makes small: the answers' loss, and how far their odds are from the base's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from trainables.encoding import IGNORED, Encoded
from trainables.memory import batches


def answer_loss(model: Any, batch: Mapping[str, Any], label_smoothing: float) -> torch.Tensor:
    """Mean loss over a batch's answer tokens, nats; label_smoothing spreads that share over all tokens."""
    logits, wanted = answer_logits(model, batch)
    return torch.nn.functional.cross_entropy(logits, wanted, label_smoothing=label_smoothing)


def divergence(model: Any, batch: Mapping[str, Any]) -> torch.Tensor:
    """Mean over answer tokens of KL(base || adapter), nats; the base is the model without its adapter.

    This direction punishes giving up what the base would say, not saying more.
    Source: Li and Hoiem, Learning without Forgetting, ECCV 2016 (there with softened outputs).
    Costs a forward pass more, without gradients.
    """
    with torch.no_grad(), model.disable_adapter():
        known = answer_logits(model, batch)[0].log_softmax(-1)
    told = answer_logits(model, batch)[0].log_softmax(-1)
    return torch.nn.functional.kl_div(told, known, reduction="batchmean", log_target=True)


def answer_logits(model: Any, batch: Mapping[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    """What predicts the answers' tokens, and these: logits (n_tokens, vocabulary) in float32, ids (n_tokens,).

    No other logits are computed: of a prompt they would be most of a row's memory.
    """
    inputs = {name: value for name, value in batch.items() if name != "labels"}
    # A token is predicted at the place before it.
    labels = torch.nn.functional.pad(batch["labels"][:, 1:], (0, 1), value=IGNORED)
    places = labels != IGNORED
    with head_at(model, places):
        logits = model(**inputs, use_cache=False).logits
    return (logits if logits.ndim == 2 else logits[places]).float(), labels[places]


@contextmanager
def head_at(model: Any, places: torch.Tensor) -> Iterator[None]:
    """Within it the head reads the places of this mask alone, shape (n_rows, length).

    transformers' own `logits_to_keep` takes a mask, but not in all families, not in code that comes with a model, and
    not where a model is spread over devices.
    """

    def pick(_: Any, read: tuple[Any, ...]) -> tuple[Any, ...] | None:
        hidden, *further = read
        if hidden.shape[:-1] != places.shape:
            return None
        return hidden[places.to(hidden.device)], *further

    hook = model.get_output_embeddings().register_forward_pre_hook(pick)
    try:
        yield
    finally:
        hook.remove()


def parts(rows: Sequence[Encoded], size: int) -> Iterator[tuple[Sequence[Encoded], float]]:
    """Micro-batches, each with its share of all rows' answer tokens."""
    tokens = sum(len(row.answer) for row in rows)
    for part in batches(rows, size):
        yield part, sum(len(row.answer) for row in part) / tokens
