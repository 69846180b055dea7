"""What training makes small: the answers' loss, and how far their odds are from the base's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from trainables.answering import batches
from trainables.encoding import IGNORED, Encoded


def answer_loss(model: Any, batch: Mapping[str, Any], label_smoothing: float) -> torch.Tensor:
    """Mean loss over a batch's answer tokens, nats; label_smoothing spreads that share over all tokens."""
    if not label_smoothing:
        loss: torch.Tensor = model(**batch, use_cache=False).loss
        return loss
    inputs = {name: value for name, value in batch.items() if name != "labels"}
    labels = batch["labels"]
    logits = answer_logits(model(**inputs, use_cache=False).logits, labels)
    wanted = labels[:, 1:][labels[:, 1:] != IGNORED]
    return torch.nn.functional.cross_entropy(logits, wanted, label_smoothing=label_smoothing)


def divergence(model: Any, batch: Mapping[str, Any]) -> torch.Tensor:
    """Mean over answer tokens of KL(base || adapter), nats; the base is the model without its adapter.

    This direction punishes giving up what the base would say, not saying more.
    Source: Li and Hoiem, Learning without Forgetting, ECCV 2016 (there with softened outputs).
    Costs a forward pass more, without gradients.
    """
    inputs = {name: value for name, value in batch.items() if name != "labels"}
    with torch.no_grad(), model.disable_adapter():
        known = answer_logits(model(**inputs, use_cache=False).logits, batch["labels"]).log_softmax(-1)
    told = answer_logits(model(**inputs, use_cache=False).logits, batch["labels"]).log_softmax(-1)
    return torch.nn.functional.kl_div(told, known, reduction="batchmean", log_target=True)


def answer_logits(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The logits that predict the answers' tokens, shape (n_tokens, vocabulary), float32."""
    return logits[:, :-1][labels[:, 1:] != IGNORED].float()


def parts(rows: Sequence[Encoded], size: int) -> Iterator[tuple[Sequence[Encoded], float]]:
    """Micro-batches, each with its share of all rows' answer tokens."""
    tokens = sum(len(row.answer) for row in rows)
    for part in batches(rows, size):
        yield part, sum(len(row.answer) for row in part) / tokens
