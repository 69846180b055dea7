"""The loss of the answers alone is the loss that the model itself would give, for text models of several kinds."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
import transformers as hf

from trainables.encoding import Encoded, collate
from trainables.losses import answer_logits, answer_loss

SHAPE = {
    "vocab_size": 61,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "pad_token_id": 0,
}
# Gemma 2 caps its logits, Cohere and Granite scale them: all of it happens after the places are chosen.
KINDS: tuple[tuple[Any, Any, dict[str, Any]], ...] = (
    (hf.LlamaConfig, hf.LlamaForCausalLM, {}),
    (hf.Qwen3Config, hf.Qwen3ForCausalLM, {"head_dim": 8}),
    (hf.Gemma2Config, hf.Gemma2ForCausalLM, {"head_dim": 8, "final_logit_softcapping": 0.5}),
    (hf.CohereConfig, hf.CohereForCausalLM, {"logit_scale": 0.1}),
    (hf.GraniteConfig, hf.GraniteForCausalLM, {"logits_scaling": 3.0}),
)
# Prompts and answers of other lengths in each row.
ROWS = (
    Encoded("a", (5, 6, 7), (8, 9)),
    Encoded("b", (5, 6, 7, 8, 9, 10, 11), (12,)),
    Encoded("c", (5, 6), (13, 14, 15, 16)),
)


@pytest.mark.parametrize(("config", "model_class", "more"), KINDS, ids=[kind[0].model_type for kind in KINDS])
def test_the_loss_is_the_model_s_own(config: Any, model_class: Any, more: dict[str, Any]) -> None:
    torch.manual_seed(0)
    model = model_class(config(**SHAPE, **more)).eval()
    batch: dict[str, Any] = collate(ROWS, 0)
    expected = model(**batch, use_cache=False)
    assert float(answer_loss(model, batch, 0.0)) == pytest.approx(float(expected.loss), rel=1e-6)
    logits, wanted = answer_logits(model, batch)
    assert wanted.tolist() == [8, 9, 12, 13, 14, 15, 16]
    # Row by row: what stands before each token of the answer.
    places = [(0, 2), (0, 3), (1, 6), (2, 1), (2, 2), (2, 3), (2, 4)]
    torch.testing.assert_close(logits, torch.stack([expected.logits[row, place] for row, place in places]))


class OwnCode(torch.nn.Module):
    """A model with code of its own, which knows of no places and shapes what its head gives."""

    def __init__(self, inner: Any, *, through_head: bool) -> None:
        super().__init__()
        self.inner = inner
        self.through_head = through_head

    def get_output_embeddings(self) -> Any:
        """As every model of transformers."""
        return self.inner.lm_head

    def forward(self, input_ids: Any, attention_mask: Any, use_cache: bool) -> Any:
        """Logits of what it is given, (n_rows, length, vocabulary), or of the places that its head was told."""
        hidden = self.inner.model(input_ids, attention_mask=attention_mask, use_cache=use_cache).last_hidden_state
        if self.through_head:
            return SimpleNamespace(logits=self.inner.lm_head(hidden))
        return SimpleNamespace(logits=torch.nn.functional.linear(hidden, self.inner.lm_head.weight))


@pytest.mark.parametrize("through_head", [True, False])
def test_a_model_with_code_of_its_own_has_the_same_loss(through_head: bool) -> None:
    torch.manual_seed(0)
    model = hf.LlamaForCausalLM(hf.LlamaConfig(**SHAPE)).eval()
    batch = collate(ROWS, 0)
    expected = float(model(**batch, use_cache=False).loss)
    own = OwnCode(model, through_head=through_head)
    batch = {name: batch[name] for name in ("input_ids", "attention_mask", "labels")}
    assert float(answer_loss(own, batch, 0.0)) == pytest.approx(expected, rel=1e-6)
