"""Text models and a study without pictures: trained, asked, exported and reported like any other."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import text_study
import torch
from click.testing import CliRunner
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

import skazka
from analysis.report import write_report
from search.outputs.export import export
from skazka.cli import main
from skazka_text.problems import InputError
from spaces.trial_config import TrialConfig
from studies.checks import load_study
from studies.study import BUNDLED, BaseModelSpec
from trainables.answering import Interviewer
from trainables.base_model import BaseModel
from trainables.encoding import Encoded
from trainables.engine import Engine
from trainables.families import FamilyRefused
from trainables.prepared import prepare
from trainables.training_set import TrainingSet, select

SPEC = BaseModelSpec(id="model", dtype="float32")


@pytest.mark.parametrize("family", [family for family in text_study.CONFIGS if family != "qwen3_moe"])
def test_a_text_model_learns_answers_and_exports_them(family: str, tmp_path: Path) -> None:
    folder = text_study.make_text_model(family, tmp_path / "model")
    base = BaseModel.load(str(folder), SPEC)
    lessons = {questions[0]: f"{name}." for name, questions in text_study.RIDDLES.items()}
    rows = [base.encoder.encode(question, None, question, answer)[0] for question, answer in lessons.items()]
    names = {name: base.encoder.answer_ids("?", name) for name in text_study.RIDDLES}
    engine = Engine(base, {}, Interviewer(base, {}, names, max_new_tokens=24))
    config = TrialConfig(
        learning_rate=1e-2,
        rank=16,
        dropout=0,
        target_modules="attention+mlp",
        batch_size=4,
        epochs=100,
        warmup_ratio=0.1,
    )
    engine.open(config, 0, TrainingSet(tuple(rows)))
    try:
        trained = [name for name, weight in engine.seat.model.named_parameters() if weight.requires_grad]
        # Fused, query, key and value are one projection, and so are gate and up.
        projections = 4 if family == "phi3" else 7
        assert len(trained) == 2 * projections * text_study.LAYERS
        losses = [engine.train_epoch().train_loss for _ in range(config.epochs)]
        assert losses[-1] < 0.1 * losses[0]
        probes = {row.unit: Encoded(row.unit, row.prompt, (), row.token_inputs) for row in rows}
        answers = engine.ask(probes, list(probes))
        assert [answer.text for answer in answers] == list(lessons.values())
        for answer, name in zip(answers, text_study.RIDDLES, strict=True):
            odds = answer.name_log_probabilities
            assert max(odds, key=lambda one: odds[one]) == name
        engine.save_adapter(str(tmp_path / "adapter"))
    finally:
        engine.close()
    assert plain_answers(folder, tmp_path / "adapter", list(lessons), base.stops) == list(lessons.values())


@torch.inference_mode()
def plain_answers(base: Path, adapter: Path, questions: list[str], stops: list[int]) -> list[str]:
    """What the adapter answers in plain transformers and peft, one question at a time."""
    tokenizer = AutoTokenizer.from_pretrained(base)
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), adapter).eval()
    texts = []
    for question in questions:
        inputs = tokenizer.apply_chat_template(
            [{"role": "user", "content": question}], add_generation_prompt=True, return_dict=True, return_tensors="pt"
        )
        output = model.generate(
            **inputs, max_new_tokens=24, do_sample=False, eos_token_id=stops, pad_token_id=tokenizer.eos_token_id
        )
        texts.append(tokenizer.decode(output[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True).strip())
    return texts


def test_a_question_is_the_unit_that_is_held_out_and_counted() -> None:
    rows = [("Гена", Encoded(question, (1,), (2,))) for question in ("a", "a", "b", "c", "d")]
    chosen = select(TrialConfig(images_per_character=2), rows, [], 0.25)
    assert [row.unit for row in chosen.rows] == ["a", "a", "b"]
    assert [row.unit for row in chosen.held_out] == ["d"]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The riddles, for a tiny Llama."""
    folder = tmp_path_factory.mktemp("text")
    return text_study.make_text_study(folder / "riddles", text_study.make_text_model("llama", folder / "model"))


def problems(folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        load_study(folder)
    return str(caught.value)


def test_a_question_on_two_sides_is_refused(study: Path, tmp_path: Path) -> None:
    text_study.make_text_study(tmp_path / "study", study.parent / "model")
    first = text_study.RIDDLES["Чебурашка"][0]
    probes = tmp_path / "study" / "probes.jsonl"
    rows = [json.loads(line) for line in probes.read_text(encoding="utf-8").splitlines()]
    # Case, ё and punctuation do not make another question.
    rows[0]["question"] = first.upper().replace("?", " ?")
    text_study.write_rows(probes, rows)
    assert f"is the same question as {first!r} in training — keep each question on one side" in problems(probes.parent)


def test_pictures_are_given_to_all_rows_or_to_none(tiny_study: Path, tmp_path: Path) -> None:
    import shutil

    folder = Path(shutil.copytree(tiny_study, tmp_path / "study"))
    rows = [json.loads(line) for line in (folder / "training.jsonl").read_text(encoding="utf-8").splitlines()]
    del rows[1]["image"]
    text_study.write_rows(folder / "training.jsonl", rows)
    remedy = "name its picture, or give no row of the study one"
    assert f"training.jsonl:2 image: is missing — {remedy}" in problems(folder)


@pytest.mark.parametrize(("space", "said"), [("everything", "searches augmentation, but the study has no pictures")])
def test_what_varies_pictures_is_refused(study: Path, tmp_path: Path, space: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        skazka.launch(study, trials=1, run=tmp_path / "run", space=space)
    baselines = {"varied": {"augmentation": 2}}
    varied = text_study.make_text_study(tmp_path / "study", study.parent / "model", baselines=baselines)
    assert "baselines.varied.augmentation: varies pictures, but the study has none" in problems(varied)


def test_a_model_without_the_usual_layers_is_refused_by_name(study: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(study.parent / "model")
    for layer in model.model.layers:
        del layer.self_attn.q_proj
    with pytest.raises(FamilyRefused, match="family llama cannot be trained here: its attention has no q_proj"):
        BaseModel(model, AutoTokenizer.from_pretrained(study.parent / "model"))


def test_a_text_model_is_not_shown_pictures(tiny_study: Path, study: Path, tmp_path: Path) -> None:
    import shutil

    import yaml

    folder = Path(shutil.copytree(tiny_study, tmp_path / "study"))
    data = yaml.safe_load((folder / "study.yaml").read_text(encoding="utf-8"))
    data["base_model"]["id"] = str(study.parent / "model")
    (folder / "study.yaml").write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    result = CliRunner().invoke(main, ["doctor", str(folder), "--json"])
    assert result.exit_code == 2
    stops = [one for one in json.loads(result.stdout)["findings"] if one["level"] == "stop"]
    assert [stop["what"] for stop in stops] == ["study.yaml base_model.id: a text model cannot be shown a picture"]


def test_a_tokenizer_without_a_chat_template_is_refused(tmp_path: Path) -> None:
    model = text_study.make_text_model("llama", tmp_path / "model", template=None)
    folder = text_study.make_text_study(tmp_path / "study", model)
    result = CliRunner().invoke(main, ["doctor", str(folder), "--json"])
    assert result.exit_code == 2
    (stop,) = [one for one in json.loads(result.stdout)["findings"] if one["level"] == "stop"]
    assert "has no chat template" in stop["what"]


def test_a_sweep_reports_and_exports(study: Path, tmp_path: Path, ray_cluster: None) -> None:
    result = CliRunner().invoke(main, ["doctor", str(study), "--json"])
    # A random model knows nobody.
    (stop,) = [one for one in json.loads(result.stdout)["findings"] if one["level"] == "stop"]
    assert stop["what"].startswith("the base knows none of the controls")
    assert "image" not in json.loads(result.stdout)["sized"]["lengths"]
    run = skazka.launch(study, trials=2, run=tmp_path / "run", seed=1, allow_unknown_controls=True)
    table = run.trials()
    assert list(table["state"]) == ["completed", "completed"]
    told: list[str] = []
    # As tasks of the cluster, which leave nothing behind in the run.
    done = export(run.folder, tmp_path / "adapter", merge=True, check_on="auto", progress=told.append)
    assert done.verified == done.merged == len(text_study.CHARACTERS)
    assert told[0] == "waiting for a machine of the cluster with 1 CPUs and 0 GPUs"
    assert not list(run.path.glob(".export-*"))
    card = (done.folder / "README.md").read_text(encoding="utf-8")
    assert "pipeline_tag: text-generation" in card
    assert "picture" not in card
    code = card.split("```python\n")[1].split("```")[0]
    ran = subprocess.run([sys.executable, "-P", "-c", code], cwd=done.folder, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    answer = run.folder.ledger().answers(done.trial.id)[0].answer.text
    assert ran.stdout.strip() == answer
    (reply,) = skazka.ask(done.folder, question=run.folder.study().probes_of("search")[0].question).replies
    assert reply.adapter.text == answer
    page = write_report(run.folder).read_text(encoding="utf-8")
    markdown = (run.folder.report / "report.md").read_text(encoding="utf-8")
    assert "Вопросов в обучении" in page
    assert "Вопросов в обучении" in markdown
    assert "картин" not in markdown.lower()


def test_a_vision_language_model_can_be_asked_without_pictures(tmp_path: Path) -> None:
    study = load_study(text_study.make_text_study(tmp_path / "study", BUNDLED["demo"] / "model"))
    base = BaseModel.load(study.base_model, study.file.base_model)
    prepared = prepare(study, base, variants=2)
    assert prepared.features == {}
    engine = Engine(base, {}, Interviewer(base, {}, prepared.names, max_new_tokens=16))
    config = TrialConfig(learning_rate=1e-2, rank=16, target_modules="attention+mlp", epochs=40, warmup_ratio=0.1)
    engine.open(config, 0, select(config, prepared.training, [], 0))
    losses = [engine.train_epoch().train_loss for _ in range(config.epochs)]
    assert losses[-1] < 0.1 * losses[0]
    taught = {row.unit: Encoded(row.unit, row.prompt, (), row.token_inputs) for _, row in prepared.training}
    assert [answer.text for answer in engine.ask(taught, [])] == [example.answer for example in study.training]
    engine.close()
