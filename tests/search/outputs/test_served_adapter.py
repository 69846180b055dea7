"""What an exported adapter's settings say to peft, and to the loaders of vLLM and SGLang."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors import safe_open
from transformers import AutoModelForImageTextToText

from benchmarks.campaigns.good_inputs import manifest_of
from search.outputs.model_card import model_card
from search.outputs.served_adapter import served
from search.run.trial_row import TrialRow
from spaces.trial_config import TargetModules, TrialConfig
from studies.checks import load_study
from studies.study import BaseModelSpec
from trainables.answering import Interviewer
from trainables.base_model import BaseModel
from trainables.engine import Engine
from trainables.prompting import Prompting
from trainables.training_set import TrainingSet

# What the servers call these modules; vLLM takes the parts of those that it packs, by these names alone.
SGLANG = {"q_proj": "qkv_proj", "k_proj": "qkv_proj", "v_proj": "qkv_proj", "gate_proj": "gate_up_proj"}
SGLANG |= {"up_proj": "gate_up_proj", "o_proj": "o_proj", "down_proj": "down_proj"}
VLLM = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}


def adapter(model: Path, to: Path, prompting: Prompting | None = None, **knobs: Any) -> dict[str, Any]:
    """Save a fresh adapter on a model; its settings, as exported."""
    base = BaseModel.load(str(model), BaseModelSpec(id="model", dtype="float32"), prompting=prompting)
    engine = Engine(base, {}, Interviewer(base, {}, {}, max_new_tokens=1))
    engine.open(TrialConfig(rank=8, **knobs), 0, TrainingSet((), (), (), 0, 0))
    try:
        for parameter in engine.seat.parameters:
            torch.nn.init.normal_(parameter, std=0.1)
        engine.save_adapter(str(to))
    finally:
        engine.close()
    settings = json.loads((to / "adapter_config.json").read_text(encoding="utf-8"))
    exported = served(settings, to / "adapter_model.safetensors")
    (to / "adapter_config.json").write_text(json.dumps(exported), encoding="utf-8")
    return exported


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    with safe_open(folder / "adapter_model.safetensors", framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


@pytest.mark.parametrize("prompting", [None, Prompting()], ids=["now", "by_the_first_versions"])
@pytest.mark.parametrize(("modules", "count"), [("attention", 4), ("attention+mlp", 7)])
def test_settings_and_tensors_are_what_servers_read(
    tiny_model: Path, tmp_path: Path, prompting: Prompting | None, modules: TargetModules, count: int
) -> None:
    settings = adapter(tiny_model, tmp_path, prompting, target_modules=modules)
    targets = settings["target_modules"]
    # SGLang: a list of names, of which it reads the last part.
    assert isinstance(targets, list)
    assert {name.rpartition(".")[2] for name in targets} <= set(SGLANG)
    names = list(tensors(tmp_path))
    assert len(names) == 4 * count * 2  # layers, projections, A and B
    for name in names:
        # Both: of transformers' own module names, by which vLLM knows its own; the layer's number is in `layers.N.`.
        module, _, rest = name.removeprefix("base_model.model.").partition(".lora_")
        assert module.startswith("model.language_model.layers.")
        assert rest in ("A.weight", "B.weight")
        assert module.rpartition(".")[2] in VLLM
    # vLLM refuses what these say otherwise.
    assert not settings["use_dora"]
    assert settings["modules_to_save"] is None
    assert settings["bias"] == "none"
    assert settings["init_lora_weights"] in (True, "gaussian")


@pytest.mark.parametrize("prompting", [None, Prompting()], ids=["now", "by_the_first_versions"])
def test_plain_peft_loads_every_tensor_and_adapts_the_text_model_alone(
    tiny_model: Path, tmp_path: Path, prompting: Prompting | None
) -> None:
    adapter(tiny_model, tmp_path, prompting, target_modules="attention+mlp")
    model = PeftModel.from_pretrained(AutoModelForImageTextToText.from_pretrained(tiny_model), str(tmp_path))
    saved = tensors(tmp_path)
    loaded = {
        name.replace(".default.", "."): weight
        for name, weight in model.state_dict().items()
        if ".lora_" in name and ".default." in name
    }
    assert sorted(loaded) == sorted(saved)
    assert all(torch.equal(loaded[name], saved[name]) for name in saved)


def test_the_names_are_the_same_in_every_export(tmp_path: Path) -> None:
    settings = {"target_modules": ["v_proj", "q_proj"], "r": 8, "lora_alpha": 16}
    assert served(settings, tmp_path)["target_modules"] == ["q_proj", "v_proj"]


@pytest.mark.parametrize("rank", [1, 2, 3, 5, 8, 16, 24, 32, 48, 64, 128, 256])
def test_a_scale_by_the_root_of_the_rank_is_one_by_the_rank(rank: int, tmp_path: Path) -> None:
    settings = {"target_modules": ["q_proj"], "r": rank, "lora_alpha": 2 * rank * 0.85, "use_rslora": True}
    exported = served(settings, tmp_path)
    # SGLang's scale, which does not read use_rslora; peft's and vLLM's is the same.
    assert exported["use_rslora"] is False
    now, before = exported["lora_alpha"] / exported["r"], 2 * rank * 0.85 / math.sqrt(rank)
    assert torch.tensor(now).float() == torch.tensor(before).float()
    assert served({**settings, "use_rslora": False}, tmp_path) == {**settings, "use_rslora": False}


@pytest.mark.parametrize(("config", "said"), [({}, 0), ({"dora": True}, 1), ({"dora": False}, 0)])
def test_the_card_says_what_no_server_loads(tiny_study: Path, config: dict[str, Any], said: int) -> None:
    study = load_study(tiny_study)
    scores: dict[str, Any] = dict.fromkeys(("score", "gain", "degradation", "hallucination"), 0.5)
    row = TrialRow("t0000", 0, "search", "t0000", {"epochs": 1, **config}, 0, True, best_epoch=1, **scores)
    card = model_card(
        study, row, manifest_of(study), None, None, Prompting(), {"asked": 1, "differing": 0, "device": "cpu"}
    )
    assert card.count("DoRA adapter, which vLLM and SGLang do not load") == said
