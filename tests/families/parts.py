"""What the builders of tiny models share: a tokenizer of bytes, small settings, templates in several styles."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torchvision_operators  # noqa: F401  (before transformers, which looks for it once)
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

HIDDEN, LAYERS, HEADS = 64, 2, 4
SIDE, PATCH = 32, 8
EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32}
CHATML = (
    "{{% for message in messages %}}<|im_start|>{{{{ message['role'] }}}}\n"
    "{{% for part in message['content'] %}}"
    "{{% if part['type'] == 'image' %}}{image}{{% else %}}{{{{ part['text'] }}}}{{% endif %}}"
    "{{% endfor %}}<|im_end|>\n{{% endfor %}}"
    "{{% if add_generation_prompt %}}<|im_start|>assistant\n{{% endif %}}"
)
# Builders take it from here: it has found torchvision.
hf: Any = transformers
# The model and its processor.
Family = tuple[Any, Any]


def released(name: str) -> str:
    """A chat template as its model was released with, of those that the package trl ships; trl is not imported."""
    found = find_spec("trl")
    assert found is not None, "install the package trl: it ships the released chat templates"
    assert found.submodule_search_locations is not None
    return (Path(next(iter(found.submodule_search_locations))) / "chat_templates" / f"{name}.jinja").read_text()


def tokenizer(*special: str, end: str, begin: str | None = None, **named: str) -> Any:
    """One token a byte, beside special tokens; `named` are those that a processor asks the tokenizer for."""
    tokens = list(dict.fromkeys(["<pad>", end, *filter(None, [begin]), *special, *named.values()]))
    vocabulary = {token: place for place, token in enumerate([*tokens, *sorted(pre_tokenizers.ByteLevel.alphabet())])}
    bytes_alone = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    bytes_alone.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_alone.decoder = decoders.ByteLevel()
    bytes_alone.add_special_tokens(tokens)
    return hf.PreTrainedTokenizerFast(
        tokenizer_object=bytes_alone,
        pad_token="<pad>",
        eos_token=end,
        bos_token=begin,
        additional_special_tokens=list(special),
        extra_special_tokens=named,
    )


def text_settings(words: Any) -> dict[str, Any]:
    """A small text model's arguments, the same for every family."""
    return {
        "vocab_size": len(words),
        "hidden_size": HIDDEN,
        "intermediate_size": 2 * HIDDEN,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": 2,
        "head_dim": HIDDEN // HEADS,
        "max_position_embeddings": 1024,
        "pad_token_id": words.pad_token_id,
        "bos_token_id": words.bos_token_id,
        "eos_token_id": words.eos_token_id,
        "tie_word_embeddings": False,
    }


def siglip(**more: Any) -> dict[str, Any]:
    """A small SigLIP tower's arguments."""
    return {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": SIDE,
        "patch_size": PATCH,
        **more,
    }


def plain_inputs(processor: Any, picture: Any, question: str, **template: Any) -> Any:
    """A question about a picture as plain transformers encodes it; template: arguments of the chat template."""
    content = [{"type": "image", "image": picture}, {"type": "text", "text": question}]
    return processor.apply_chat_template(
        [{"role": "user", "content": content}],
        **template,
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
    )
