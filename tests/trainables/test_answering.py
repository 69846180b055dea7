"""Asking a model: the same answers however the probes are batched, and true probabilities of names."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from studies.checks import load_study
from studies.study import BaseModelSpec, find_study
from trainables.answering import Interviewer
from trainables.base_model import BaseModel
from trainables.encoding import IGNORED, Encoded
from trainables.examination import Examination, naming
from trainables.memory import batches
from trainables.prepared import Prepared, prepare


@pytest.fixture(scope="module")
def asked(tiny_study: Path) -> tuple[BaseModel, Prepared, list[str]]:
    """A base with everything that can be asked of it."""
    study = load_study(tiny_study)
    base = BaseModel.load(study.base_model, BaseModelSpec(id="model", dtype="float32"))
    return base, prepare(study, base), naming(study.probes_of("search"))


def test_batches_do_not_change_answers(asked: tuple[BaseModel, Prepared, list[str]]) -> None:
    base, prepared, ids = asked
    one_by_one = Interviewer(base, prepared.features, prepared.names, max_new_tokens=4, batch_size=1)
    together = Interviewer(base, prepared.features, prepared.names, max_new_tokens=4, batch_size=64)
    first = one_by_one.ask(base.model, prepared.probes, ids)
    second = together.ask(base.model, prepared.probes, ids)
    assert [answer.text for answer in first] == [answer.text for answer in second]
    for one, other in zip(first, second, strict=True):
        assert one.name_log_probabilities == pytest.approx(dict(other.name_log_probabilities), abs=1e-4)


def test_name_probabilities_are_those_of_the_whole_sequence(asked: tuple[BaseModel, Prepared, list[str]]) -> None:
    base, prepared, ids = asked
    interviewer = Interviewer(base, prepared.features, prepared.names, max_new_tokens=4)
    answer = interviewer.ask(base.model, prepared.probes, ids)[0]
    prompt = prepared.probes[answer.probe]
    for name, tokens in prepared.names.items():
        row = Encoded(prompt.unit, prompt.prompt, tokens, prompt.token_inputs)
        batch = base.inputs([row], prepared.features)
        labels = batch.pop("labels")[0, 1:]
        with torch.inference_mode():
            odds = base.model(**batch).logits[0, :-1].log_softmax(-1)
        expected = sum(float(odds[place, token]) for place, token in enumerate(labels) if token != IGNORED)
        assert answer.name_log_probabilities[name] == pytest.approx(expected, abs=1e-4)


def test_only_name_questions_carry_probabilities(asked: tuple[BaseModel, Prepared, list[str]]) -> None:
    base, prepared, ids = asked
    interviewer = Interviewer(base, prepared.features, prepared.names, max_new_tokens=4)
    answers = interviewer.ask(base.model, prepared.probes, ids[:1])
    assert [bool(answer.name_log_probabilities) for answer in answers] == [True, False, False, False]


def test_batches_keep_every_item() -> None:
    assert [list(batch) for batch in batches([1, 2, 3, 4, 5], 2)] == [[1, 2], [3, 4], [5]]


def test_shipped_base_knows_the_controls_and_abstains_on_targets() -> None:
    study = load_study(find_study("demo"))
    base = BaseModel.load(study.base_model, BaseModelSpec(id="model", dtype="float32"))
    graded = [answer for split in ("search", "test") for answer in Examination(study, base, split).answers()]
    controls = [answer for answer in graded if study.roles[answer.character] == "control"]
    targets = [answer for answer in graded if study.roles[answer.character] == "target"]
    assert sum(answer.right for answer in controls) >= 0.9 * len(controls)
    assert sum(answer.right for answer in targets) <= 0.05 * len(targets)
    assert sum(answer.grade == "abstain" for answer in targets) > 0.5 * len(targets)
