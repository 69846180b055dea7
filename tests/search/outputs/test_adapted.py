"""Text models whose layers are others than Llama's: adapted alike in every layer, or refused by name beforehand."""

from __future__ import annotations

from pathlib import Path

import pytest
import text_study
from safetensors.torch import load_file

from search.study_checkup import size_up
from search.tuning.preparation import module_problems
from spaces.space import load_space
from spaces.trial_config import TrialConfig
from studies.checks import load_study
from studies.study import BaseModelSpec
from trainables.answering import Interviewer
from trainables.base_model import BaseModel
from trainables.engine import Engine
from trainables.prompting import Prompting
from trainables.text_layers import LayersUnknown
from trainables.training_set import TrainingSet

SPEC = BaseModelSpec(id="model", dtype="float32")


def trained(base: BaseModel, config: TrialConfig) -> list[str]:
    """The modules that a trial would train, without the text model's own name."""
    engine = Engine(base, {}, Interviewer(base, {}, {}, max_new_tokens=1))
    engine.open(config, 0, TrainingSet((), (), (), 0, 0))
    try:
        names = [name for name, weight in engine.seat.model.named_parameters() if weight.requires_grad]
    finally:
        engine.close()
    return sorted({name.partition(".lora_")[0].removeprefix("base_model.model.model.layers.") for name in names})


def test_fused_projections_are_adapted(tmp_path: Path) -> None:
    base = BaseModel.load(str(text_study.make_text_model("phi3", tmp_path / "model")), SPEC)
    attention = ["0.self_attn.o_proj", "0.self_attn.qkv_proj", "1.self_attn.o_proj", "1.self_attn.qkv_proj"]
    assert trained(base, TrialConfig(rank=2)) == attention
    both = trained(base, TrialConfig(rank=2, target_modules="attention+mlp"))
    mlp = {f"{layer}.mlp.{name}" for layer in (0, 1) for name in ("gate_up_proj", "down_proj")}
    assert set(both) == {*attention, *mlp}


def test_a_run_of_the_first_versions_goes_on_with_the_modules_of_its_checkpoint(tmp_path: Path) -> None:
    model = text_study.make_text_model("phi3", tmp_path / "model")
    first = BaseModel.load(str(model), SPEC, prompting=Prompting(text_only=True))
    # They went by Llama's names, of which this family has one.
    assert trained(first, TrialConfig(rank=2)) == ["0.self_attn.o_proj", "1.self_attn.o_proj"]
    engine = Engine(first, {}, Interviewer(first, {}, {}, max_new_tokens=1))
    engine.open(TrialConfig(rank=2), 0, TrainingSet((), (), (), 0, 0))
    engine.save_adapter(str(tmp_path / "adapter"))
    saved = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    assert {name.partition(".lora_")[0].rpartition(".")[2] for name in saved} == {"o_proj"}
    state = engine.state()
    engine.restore(0, saved, state)
    engine.close()
    # Nor is a checkpoint ever taken for one of other modules.
    now = BaseModel.load(str(model), SPEC)
    engine = Engine(now, {}, Interviewer(now, {}, {}, max_new_tokens=1))
    engine.open(TrialConfig(rank=2), 0, TrainingSet((), (), (), 0, 0))
    with pytest.raises(RuntimeError, match="the checkpoint adapts other modules than this trial"):
        engine.restore(0, saved, state)
    engine.close()


def test_experts_are_refused_before_anything_is_trained(tmp_path: Path) -> None:
    model = text_study.make_text_model("qwen3_moe", tmp_path / "model")
    baselines = {"hand": {"rank": 2}, "wide": {"rank": 2, "target_modules": "attention+mlp"}}
    study = load_study(text_study.make_text_study(tmp_path / "study", model, baselines=baselines))
    base = BaseModel.load(study.base_model, SPEC)
    problems = [str(problem) for problem in module_problems(study, load_space("lora"), base)]
    why = "models of the family qwen3_moe cannot be trained with attention+mlp: the experts of a layer are one tensor"
    assert [problem.partition(" (")[0] for problem in problems] == [
        f"study.yaml baselines.wide.target_modules: {why}",
        f"space lora: target_modules: {why}",
    ]
    assert all("use target_modules: attention" in problem for problem in problems)
    findings, sized = size_up(study, load_space("lora"))
    assert sized is None
    assert len([one for one in findings if one.level == "stop" and "qwen3_moe" in one.what]) == 2
    assert len(trained(base, TrialConfig(rank=2))) == 2 * 4
    with pytest.raises(LayersUnknown, match="use target_modules: attention"):
        trained(base, TrialConfig(rank=2, target_modules="attention+mlp"))


def test_attention_alone_is_searched_where_experts_are(tmp_path: Path) -> None:
    model = text_study.make_text_model("qwen3_moe", tmp_path / "model")
    study = load_study(text_study.make_text_study(tmp_path / "study", model))
    assert module_problems(study, study.space(), BaseModel.load(study.base_model, SPEC)) == []
