"""An exported adapter is asked again as its trial was, in a process that knows nothing of this project."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoModelForImageTextToText, AutoProcessor

from search.outputs import export_check
from studies.checks import load_study

# Of a checkpoint: no token twice in a row of two, nor any at ease.
OWN = {"repetition_penalty": 5.0, "no_repeat_ngram_size": 1}


def answers(model: Path, study: Path, *, greedy: bool, template: dict[str, Any] | None = None) -> list[str]:
    """What the bare base says to the first search probes."""
    probes = [(probe.image, probe.question) for probe in load_study(study).probes_of("search")[:2]]
    request = {
        "text_only": False,
        "image_size": None,
        "max_pixels": None,
        "template": template or {},
        "greedy": greedy,
        "max_new_tokens": 12,
        # It never ends by itself, and so repeats itself.
        "stops": [-1],
        "probes": [{"image": str(study / str(image)), "question": question} for image, question in probes],
        "batches": [[0, 1]],
    }
    processor = AutoProcessor.from_pretrained(model)
    processor.tokenizer.padding_side = "left"
    loaded = AutoModelForImageTextToText.from_pretrained(model).eval()
    own = loaded.generation_config
    told = export_check.Asking(request, loaded, processor, lambda line: None)._generate([0, 1])
    assert loaded.generation_config is own
    return [answer["text"] for answer in told]


@pytest.fixture(scope="module")
def with_settings(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model with settings of its own for generation, as Qwen2.5-VL has."""
    folder = tmp_path_factory.mktemp("model") / "own"
    shutil.copytree(tiny_model, folder)
    file = folder / "generation_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text(encoding="utf-8")), **OWN}), encoding="utf-8")
    return folder


def test_greedy_is_greedy_whatever_the_checkpoint_says(tiny_model: Path, with_settings: Path, tiny_study: Path) -> None:
    plain = answers(tiny_model, tiny_study, greedy=True)
    assert answers(with_settings, tiny_study, greedy=True) == plain


def test_a_run_that_asked_by_the_checkpoint_is_asked_by_it_again(
    tiny_model: Path, with_settings: Path, tiny_study: Path
) -> None:
    assert answers(with_settings, tiny_study, greedy=False) != answers(tiny_model, tiny_study, greedy=False)


def test_the_chat_template_gets_the_run_s_arguments(tiny_model: Path, tiny_study: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    processor = AutoProcessor.from_pretrained(folder)
    processor.chat_template = "{% if forbidden %}{{ raise_exception('not so') }}{% endif %}" + processor.chat_template
    processor.save_pretrained(folder)
    assert answers(folder, tiny_study, greedy=True, template={"forbidden": False})
    with pytest.raises(Exception, match="not so"):
        answers(folder, tiny_study, greedy=True, template={"forbidden": True})


def test_what_ends_an_answer_is_not_its_text(tiny_model: Path) -> None:
    """Command R7B's end of a turn is an added token that its tokenizer does not call special."""
    tokenizer = AutoProcessor.from_pretrained(tiny_model).tokenizer
    tokenizer.add_tokens(["<end>"])
    end = tokenizer.convert_tokens_to_ids("<end>")
    said = [*tokenizer.encode("гена", add_special_tokens=False), end]
    assert "<end>" in tokenizer.decode(said, skip_special_tokens=True)
    assert export_check.decoded(tokenizer, [said, said[:-1]], [end]) == ["гена", "гена"]
