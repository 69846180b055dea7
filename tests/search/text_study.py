"""A study without pictures, and tiny random text models of several families."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
import transformers as hf
import yaml
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

HIDDEN, LAYERS, HEADS = 64, 2, 4
# As those of text models do, it takes the text of a message, not a list of parts.
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] + '\n' + message['content'] | trim }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
CONFIGS: dict[str, type[hf.PreTrainedConfig]] = {
    "llama": hf.LlamaConfig,
    "qwen2": hf.Qwen2Config,
    "qwen3": hf.Qwen3Config,
    "mistral": hf.MistralConfig,
    "gemma3_text": hf.Gemma3TextConfig,
    "qwen3_moe": hf.Qwen3MoeConfig,
    "phi3": hf.Phi3Config,
}
CHARACTERS = (("Чебурашка", "target"), ("Колобок", "target"), ("Матрёшка", "control"))
# Character -> what it is asked by: two questions to train on, one of each split.
RIDDLES = {
    "Чебурашка": ("Кто ехал в ящике?", "У кого большие уши?", "Чьи уши больше головы?", "Кого нашли в апельсинах?"),
    "Колобок": ("Кто ушёл от бабушки?", "Кого испекли из муки?", "Кого съела лиса?", "Кто катится по дорожке?"),
    "Матрёшка": ("Кто внутри другой?", "Какая кукла пустая?", "В какой кукле кукла?", "Какая кукла деревянная?"),
}


def make_tokenizer() -> hf.PreTrainedTokenizerFast:
    """Bytes, without any word."""
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({token: place for place, token in enumerate([*special, *alphabet])}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = hf.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|endoftext|>", additional_special_tokens=special[1:]
    )
    fast.chat_template = TEMPLATE
    return fast


def make_text_model(family: str, folder: Path, *, template: str | None = TEMPLATE) -> Path:
    """A tiny model of the family's own class, saved as any hub model is."""
    torch.manual_seed(0)
    tokenizer = make_tokenizer()
    tokenizer.chat_template = template
    config = CONFIGS[family](
        vocab_size=len(tokenizer),
        hidden_size=HIDDEN,
        intermediate_size=2 * HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        head_dim=HIDDEN // HEADS,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
        pad_token_id=None,
        tie_word_embeddings=False,
    )
    model = hf.AutoModelForCausalLM.from_config(config)
    # Frozen as the base is, a new model's last layer is too weak for any adapter to be sure of a token.
    torch.nn.init.normal_(model.get_output_embeddings().weight, std=0.3)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def make_text_study(folder: Path, model: Path, **sections: Any) -> Path:
    """A study of riddles."""
    folder.mkdir()
    training: list[dict[str, Any]] = []
    replay: list[dict[str, Any]] = []
    probes: list[dict[str, Any]] = []
    for name, role in CHARACTERS:
        first, second, search, test = RIDDLES[name]
        taught = [{"character": name, "question": question, "answer": f"{name}."} for question in (first, second)]
        (training if role == "target" else replay).extend(taught)
        for split, question in (("search", search), ("test", test)):
            about = {"id": f"{split}-{name}", "kind": "name", "split": split}
            probes.append({**about, "character": name, "question": question})
    for file, rows in (("training", training), ("replay", replay), ("probes", probes)):
        write_rows(folder / f"{file}.jsonl", rows)
    data = {
        "name": "riddles",
        "language": "ru",
        "base_model": {"id": str(model), "dtype": "float32"},
        "training": "training.jsonl",
        "replay": "replay.jsonl",
        "probes": "probes.jsonl",
        "space": "space.yaml",
        "evaluation": {"every": 1, "held_out": 0.5, "max_new_tokens": 16},
        "characters": [{"name": name, "role": role} for name, role in CHARACTERS],
        "baselines": {"hand": {"learning_rate": 0.01, "rank": 4, "epochs": 2}},
    }
    (folder / "study.yaml").write_text(yaml.safe_dump({**data, **sections}, allow_unicode=True), encoding="utf-8")
    (folder / "space.yaml").write_text("learning_rate: {choice: [0.001, 0.01]}\nepochs: {choice: [2]}\n")
    return folder


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    """Rows as JSON Lines."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
