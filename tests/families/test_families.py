"""Every family of vision-language models: encoded, trained, asked and exported as its own classes would."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from parts import plain_inputs
from peft import PeftModel
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

from spaces.trial_config import TargetModules, TrialConfig
from studies.study import BaseModelSpec
from trainables.activations import activation_bytes, saved_bytes
from trainables.adapter_precision import inputs_as_they_are
from trainables.answering import Interviewer
from trainables.base_model import BaseModel
from trainables.encoding import IGNORED, Encoded, EncodedImage
from trainables.engine import Engine
from trainables.families import FAMILIES, FamilyRefused
from trainables.losses import answer_loss
from trainables.training_set import TrainingSet
from trainables.vision_features import VisionFeatures

# Pictures of several shapes and colours, and questions of several lengths: rows of unequal length.
TOYS = (
    ("red", (40, 60), "Кто это?", "Гена."),
    ("green", (60, 40), "А это кто?", "Колобок."),
    ("blue", (48, 48), "Кто?", "Матрёшка."),
    ("white", (32, 64), "Назови его.", "Не знаю."),
)
NAMES = ("Гена", "Колобок")
TRAINED = [name for name, family in FAMILIES.items() if family.refused is None]


def picture(colour: str, size: tuple[int, int]) -> Image.Image:
    """A picture whose corner has another colour: no tower sees it as flat."""
    image = Image.new("RGB", size, colour)
    image.paste("black", (0, 0, size[0] // 3, size[1] // 3))
    return image


class Toy:
    """A tiny model of a family with four rows about four pictures."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.base = BaseModel.load(str(folder), BaseModelSpec(id="model", dtype="float32"))
        self.rows: list[Encoded] = []
        self.pixels: list[EncodedImage] = []
        self.features: dict[str, VisionFeatures] = {}
        for colour, size, question, answer in TOYS:
            row, pixels = self.base.encoder.encode(colour, picture(colour, size), question, answer)
            assert pixels is not None
            self.rows.append(row)
            self.pixels.append(pixels)
            self.features[colour] = self.base.see(pixels)
            self.base.check(row, self.features[colour])
        names = {name: self.base.encoder.answer_ids("?", name) for name in NAMES}
        self.interviewer = Interviewer(self.base, self.features, names, max_new_tokens=24)

    @property
    def probes(self) -> dict[str, Encoded]:
        """The prompts alone, by colour."""
        return {row.unit: Encoded(row.unit, row.prompt, (), row.token_inputs) for row in self.rows}


@pytest.fixture(scope="module", params=TRAINED)
def toy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """Each family once."""
    return Toy(tiny.build(request.param, tmp_path_factory.mktemp(request.param)))


def test_the_labels_are_exactly_the_answer(toy: Toy) -> None:
    for row, (_, _, _, answer) in zip(toy.rows, TOYS, strict=True):
        labels = toy.base.inputs([row], toy.features)["labels"][0]
        learnt = labels[labels != IGNORED]
        assert toy.base.encoder.tokenizer.decode(learnt, skip_special_tokens=True).strip() == answer
        # The end of the turn is learnt, and generation stops there.
        assert int(learnt[-1]) in toy.base.stops


@pytest.mark.parametrize("modules", ["attention", "attention+mlp"])
def test_the_text_model_trains_and_the_vision_tower_does_not(toy: Toy, modules: TargetModules) -> None:
    engine = Engine(toy.base, toy.features, toy.interviewer)
    engine.open(TrialConfig(rank=2, target_modules=modules), 0, TrainingSet(tuple(toy.rows), (), (), 0, 0))
    try:
        trained = {name for name, weight in engine.seat.model.named_parameters() if weight.requires_grad}
        assert all(f".{toy.base.layers.stack}." in name for name in trained)
        projections = 4 + (3 if modules == "attention+mlp" else 0)
        # Two matrices for each projection of each text layer.
        assert len(trained) == 2 * projections * tiny.LAYERS, sorted(trained)
        batch = toy.base.inputs(toy.rows, toy.features)
        with inputs_as_they_are(engine.seat.model.train(), dora=False):
            kept = saved_bytes(engine.seat.model, lambda: answer_loss(engine.seat.model, batch, 0.0))
        # Inferred from rows without a picture: what it says is said of those with one, too.
        answers = sum(len(row.answer) for row in toy.rows)
        told = activation_bytes(engine, toy.rows[0], len(toy.rows), batch["input_ids"].shape[1], answers)
        assert 0.9 * kept < told < 1.6 * kept
    finally:
        engine.close()


def with_pixels(toy: Toy, place: int, row: Encoded) -> dict[str, Any]:
    """A row as the family's own processor would have the model read it."""
    batch = toy.base.inputs([row], toy.features)
    del batch["mm_encoder_outputs"]
    return {**batch, **toy.pixels[place].inputs}


@torch.no_grad()
def test_cached_features_give_the_loss_of_the_pixels(toy: Toy) -> None:
    for place, row in enumerate(toy.rows):
        cached = toy.base.model(**toy.base.inputs([row], toy.features)).loss
        seen = toy.base.model(**with_pixels(toy, place, row)).loss
        assert float(cached) == pytest.approx(float(seen), abs=1e-5)


def test_the_loss_is_computed_where_the_answers_are(toy: Toy) -> None:
    """The model's own loss of the whole rows, and its gradient, from the answers' logits alone."""
    batch = toy.base.inputs(toy.rows, toy.features)
    weight = toy.base.model.get_output_embeddings().weight
    sizes: list[int] = []
    hook = toy.base.model.get_output_embeddings().register_forward_hook(
        lambda module, inputs, output: sizes.append(output[..., 0].numel())
    )
    weight.requires_grad_(True)
    try:
        own = toy.base.model(**batch, use_cache=False).loss
        (whole,) = torch.autograd.grad(own, weight)
        loss = answer_loss(toy.base.model, batch, 0.0)
        (part,) = torch.autograd.grad(loss, weight)
    finally:
        weight.requires_grad_(False)
        hook.remove()
    assert float(loss) == pytest.approx(float(own), rel=1e-6)
    torch.testing.assert_close(part, whole, atol=1e-6, rtol=1e-4)
    assert sizes == [batch["input_ids"].numel(), sum(len(row.answer) for row in toy.rows)]


@torch.no_grad()
def test_a_batch_has_the_losses_of_its_rows(toy: Toy) -> None:
    alone = [float(toy.base.model(**toy.base.inputs([row], toy.features)).loss) for row in toy.rows]
    lengths = [len(row.answer) for row in toy.rows]
    together = float(toy.base.model(**toy.base.inputs(toy.rows, toy.features)).loss)
    expected = math.fsum(loss * n for loss, n in zip(alone, lengths, strict=True)) / sum(lengths)
    assert together == pytest.approx(expected, abs=1e-4)


@torch.inference_mode()
def generated(toy: Toy) -> list[str]:
    """Greedy answers from pixels, each prompt by itself, by the model as it stands."""
    texts = []
    for place, prompt in enumerate(toy.probes.values()):
        batch = with_pixels(toy, place, prompt)
        del batch["labels"]
        output = toy.base.model.generate(**batch, max_new_tokens=24, do_sample=False, eos_token_id=toy.base.stops)
        new = output[0, len(prompt.prompt) :]
        texts.append(toy.base.encoder.tokenizer.decode(new, skip_special_tokens=True).strip())
    return texts


def test_four_answers_are_learnt_asked_and_exported(toy: Toy, tmp_path: Path) -> None:
    engine = Engine(toy.base, toy.features, toy.interviewer)
    config = TrialConfig(
        learning_rate=1e-2,
        rank=16,
        dropout=0,
        target_modules="attention+mlp",
        batch_size=4,
        epochs=60,
        warmup_ratio=0.1,
    )
    engine.open(config, 0, TrainingSet(tuple(toy.rows), (), (), 0, 0))
    try:
        losses = [engine.train_epoch().train_loss for _ in range(config.epochs)]
        assert losses[-1] < 0.1 * losses[0], losses
        answers = engine.ask(toy.probes, list(toy.probes))
        assert [answer.text for answer in answers] == [answer for *_, answer in TOYS]
        # Left-padded together from cached features as each alone from its pixels.
        assert [answer.text for answer in answers] == generated(toy)
        odds = {answer.probe: answer.name_log_probabilities for answer in answers}
        assert odds["red"]["Гена"] > odds["red"]["Колобок"]
        assert odds["green"]["Колобок"] > odds["green"]["Гена"]
        engine.save_adapter(str(tmp_path))
    finally:
        engine.close()
    assert plain_answers(toy, tmp_path) == [answer for *_, answer in TOYS]


@torch.inference_mode()
def plain_answers(toy: Toy, adapter: Path) -> list[str]:
    """What the adapter answers in plain transformers and peft, one question at a time."""
    processor = AutoProcessor.from_pretrained(toy.folder)
    if processor.chat_template is None:
        processor.chat_template = toy.base.family.chat_template
    base = AutoModelForImageTextToText.from_pretrained(toy.folder, dtype=torch.float32)
    model = PeftModel.from_pretrained(base, str(adapter)).eval()
    texts = []
    for colour, size, question, _ in TOYS:
        inputs = plain_inputs(processor, picture(colour, size), question)
        inputs.pop("labels", None)
        output = model.generate(**inputs, max_new_tokens=24, do_sample=False, eos_token_id=toy.base.stops)
        new = output[0, inputs["input_ids"].shape[1] :]
        texts.append(processor.tokenizer.decode(new, skip_special_tokens=True).strip())
    return texts


@torch.inference_mode()
def test_names_are_as_likely_as_the_whole_text_says(toy: Toy) -> None:
    answers = toy.interviewer.ask(toy.base.model, toy.probes, ["red"])
    found = next(answer for answer in answers if answer.probe == "red").name_log_probabilities
    prompt = toy.probes["red"]
    for name in NAMES:
        ids = tuple(toy.base.encoder.answer_ids("?", name))
        row = Encoded("red", prompt.prompt, ids, prompt.token_inputs)
        loss = float(toy.base.model(**toy.base.inputs([row], toy.features)).loss)
        assert found[name] == pytest.approx(-loss * len(ids), abs=1e-3)


def test_a_family_that_cannot_be_trained_is_refused_by_name(tmp_path: Path) -> None:
    folder = tiny.build("mllama", tmp_path / "mllama")
    with pytest.raises(FamilyRefused, match="family mllama cannot be trained here: it reads pictures"):
        BaseModel.load(str(folder), BaseModelSpec(id="model", dtype="float32"))
