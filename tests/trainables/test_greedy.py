"""Greedy is greedy: an answer is the likeliest token, again and again, whatever the checkpoint would generate by."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import get_peft_model
from transformers import GenerationConfig

from search.options import Options
from search.run.ledger import Ledger
from search.run.manifest import build_manifest
from search.run.run_folder import RunFolder
from search.tuning.preparation import prepare_run
from spaces.trial_config import TrialConfig
from studies.checks import load_study
from studies.study import BaseModelSpec
from trainables.answering import Interviewer
from trainables.base_model import BaseModel
from trainables.encoding import Encoded
from trainables.engine import lora_config
from trainables.facts import Facts
from trainables.prepared import Prepared, prepare
from trainables.prompting import CHECKPOINTS_OWN, GREEDY

TOKENS = 8
SPEC = BaseModelSpec(id="model", dtype="float32")


@pytest.fixture(scope="module")
def asked(tiny_study: Path) -> tuple[BaseModel, Prepared]:
    """A base with what can be asked of it, that seldom ends by itself."""
    study = load_study(tiny_study)
    base = BaseModel.load(study.base_model, SPEC)
    prepared = prepare(study, base)
    return base, replace(prepared, probes=dict(list(prepared.probes.items())[:2]))


def argmax(base: BaseModel, model: Any, prepared: Prepared) -> list[str]:
    """The likeliest token, again and again, each time from the whole text."""
    return [_argmax(base, model, prepared, prompt) for prompt in prepared.probes.values()]


def _argmax(base: BaseModel, model: Any, prepared: Prepared, prompt: Encoded) -> str:
    inputs = base.inputs([prompt], prepared.features)
    inputs.pop("labels")
    said: list[int] = []
    with torch.inference_mode():
        while len(said) < TOKENS and not {*said} & {*base.stops}:
            said.append(int(model(**inputs).logits[0, -1].argmax()))
            inputs["input_ids"] = torch.tensor([[*prompt.prompt, *said]])
            inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
    return str(base.encoder.tokenizer.decode(said, skip_special_tokens=True)).strip()


def answers(base: BaseModel, model: Any, prepared: Prepared) -> list[str]:
    """What the interviewer is told."""
    interviewer = Interviewer(base, prepared.features, prepared.names, max_new_tokens=TOKENS)
    return [answer.text for answer in interviewer.ask(model, prepared.probes, [])]


@pytest.mark.parametrize(
    "own",
    [
        {"repetition_penalty": 100.0},
        {"no_repeat_ngram_size": 1},
        {"min_new_tokens": 3, "eos_token_id": 5},
        {"min_length": 500},
        {"max_length": 1},
        {"max_time": 0.0},
        {"suppress_tokens": list(range(200))},
        {"begin_suppress_tokens": list(range(200))},
        {"bad_words_ids": [[token] for token in range(6, 200)]},
        {"sequence_bias": [[[7], 100.0]]},
        {"forced_bos_token_id": 7},
        {"forced_eos_token_id": 7},
        {"exponential_decay_length_penalty": [1, 100.0]},
        {"guidance_scale": 3.0},
        {"num_beams": 4, "length_penalty": -5.0},
        {"num_return_sequences": 2, "num_beams": 2},
        {"do_sample": True, "temperature": 9.0, "top_k": 3, "top_p": 0.5},
        {"stop_strings": ["a", "e", " "]},
        {"prompt_lookup_num_tokens": 3},
        {"return_dict_in_generate": True, "output_scores": True},
        {"cache_implementation": "static"},
        {"use_cache": False},
        {"penalty_alpha": 0.6, "top_k": 4},
        {"watermarking_config": {"bias": 50.0, "greenlist_ratio": 0.1}},
        {"a_setting_of_its_own": 3},
    ],
    ids=lambda own: next(iter(own)),
)
@pytest.mark.filterwarnings("ignore")
def test_what_the_checkpoint_generates_by_changes_no_answer(
    own: dict[str, Any], asked: tuple[BaseModel, Prepared]
) -> None:
    base, prepared = asked
    expected = argmax(base, base.model, prepared)
    before = base.model.generation_config
    config = GenerationConfig(**own)
    base.model.generation_config = config
    try:
        assert answers(base, base.model, prepared) == expected
        # Whoever keeps the model finds it as it was.
        assert base.model.generation_config is config
    finally:
        base.model.generation_config = before


def test_with_an_adapter_too(asked: tuple[BaseModel, Prepared]) -> None:
    base, prepared = asked
    before = base.model.generation_config
    base.model.generation_config = GenerationConfig(repetition_penalty=5.0, no_repeat_ngram_size=1)
    torch.manual_seed(0)
    config = TrialConfig(rank=4, init="gaussian")
    model = get_peft_model(base.model, lora_config(config, base.adapted(config.target_modules).targets)).eval()
    try:
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(weight, std=0.5)
        assert answers(base, model, prepared) == argmax(base, model, prepared)
    finally:
        base.model = model.unload()
        base.model.generation_config = before


def test_a_checkpoint_s_own_generate_is_not_asked(asked: tuple[BaseModel, Prepared]) -> None:
    """As transformers leaves it there with trust_remote_code and a custom_generate folder."""
    base, prepared = asked

    def own_generate(*arguments: Any, **options: Any) -> None:
        raise AssertionError("it was asked")

    base.model.generate = own_generate
    try:
        assert answers(base, base.model, prepared) == argmax(base, base.model, prepared)
        assert base.model.generate is own_generate
    finally:
        del base.model.generate


def test_a_run_that_began_with_the_checkpoint_s_own_keeps_it(asked: tuple[BaseModel, Prepared]) -> None:
    base, prepared = asked
    before = base.model.generation_config, base.prompting
    base.model.generation_config = GenerationConfig(suppress_tokens=[*range(200)])
    base.prompting = replace(base.prompting, generation=CHECKPOINTS_OWN)
    try:
        inputs = base.inputs(list(prepared.probes.values()), prepared.features, left=True)
        inputs.pop("labels")
        settings = {
            "max_new_tokens": TOKENS,
            "do_sample": False,
            "pad_token_id": base.pad_id,
            "eos_token_id": base.stops,
        }
        told = base.model.generate(**inputs, **settings)[:, inputs["input_ids"].shape[1] :]
        texts = base.encoder.tokenizer.batch_decode(told, skip_special_tokens=True)
        assert answers(base, base.model, prepared) == [text.strip() for text in texts]
        assert answers(base, base.model, prepared) != argmax(base, base.model, prepared)
    finally:
        base.model.generation_config, base.prompting = before


@pytest.mark.parametrize(("written", "expected"), [({"generation": GREEDY}, GREEDY), ({}, CHECKPOINTS_OWN)])
def test_a_run_is_prepared_as_its_manifest_says(
    written: dict[str, int], expected: int, tiny_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Again too: what was prepared is gone, and this version would ask otherwise."""
    study = load_study(tiny_study)
    manifest = build_manifest(study, Options())
    assert manifest.pop("generation") == GREEDY
    folder = RunFolder(tmp_path)
    Ledger.create(folder.ledger_file).close()
    monkeypatch.setattr(RunFolder, "study", lambda self: study)
    monkeypatch.setattr(RunFolder, "manifest", lambda self: {**manifest, **written})
    monkeypatch.setattr("search.tuning.preparation._variants", lambda folder, study: 0)
    monkeypatch.setattr(RunFolder, "space", lambda self: study.space())
    prepare_run(folder)
    [draft] = tmp_path.glob(".preparing-*")
    assert Facts.read(draft).prompting.generation == expected
    assert Prepared.load(draft).prompting.generation == expected
    shutil.rmtree(draft)
