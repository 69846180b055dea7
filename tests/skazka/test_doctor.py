"""`skazka doctor`: one line a finding, with its remedy, and 2 where a search cannot begin."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from skazka.cli import main


def call(*arguments: object) -> tuple[int, dict[str, Any], str]:
    """Exit code, the JSON object and the lines for people."""
    result = CliRunner().invoke(main, ["doctor", *map(str, arguments), "--json"])
    return result.exit_code, json.loads(result.stdout), result.stderr


def changed(study: Path, to: Path, **sections: Any) -> Path:
    """A copy of a study with some sections of study.yaml replaced."""
    shutil.copytree(study, to)
    data = yaml.safe_load((to / "study.yaml").read_text(encoding="utf-8"))
    (to / "study.yaml").write_text(yaml.safe_dump({**data, **sections}, allow_unicode=True), encoding="utf-8")
    return to


def test_a_healthy_study(tiny_study: Path) -> None:
    code, facts, said = call(tiny_study)
    assert (code, facts["ok"]) == (0, True)
    assert facts["sized"]["lengths"]["image"] == [16, 16, 16]
    assert set(facts["sized"]["cut"]) >= {"128", "256", "512"}
    assert facts["sized"]["seconds"] > 0
    assert "loads: llava, 1 M weights" in said
    assert "answers cut at max_length" in said
    assert "LoRA adapts attention 4 layers x 4; MLP 4 layers x 3" in said
    # The weights once, their two moments; in training the gradient too.
    memory = facts["sized"]["memory"]
    assert memory["checkpoint"] == memory["trained"] * 3 / 4
    assert f"each of its checkpoints {memory['checkpoint'] / 1e6:.1f} MB" in " ".join(said.split())


def test_the_trials_that_do_not_fit_are_named(tiny_study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.study_checkup.memory_bytes", lambda: 13_500_000)
    code, facts, _ = call(tiny_study, "--space", "lora")
    [note] = [found for found in facts["findings"] if found["what"].startswith("batch_size")]
    assert code == 0
    # The base has 5 MB, an adapter in training 2 or 5: attention alone fits with 8 rows, all layers do with 2.
    assert note["what"].startswith("batch_size 8 with attention+mlp and rank 32 needs about 17 MB, there are 14 MB")
    assert "micro_batch" in note["remedy"]


def test_a_base_beside_which_no_row_fits_stops_a_search(tiny_study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.study_checkup.memory_bytes", lambda: 4_000_000)
    code, facts, _ = call(tiny_study)
    [stop] = [found for found in facts["findings"] if found["level"] == "stop"]
    assert code == 2
    assert "for one row, there are 4 MB" in stop["what"]
    assert "quantization: 4bit" in stop["remedy"]


@pytest.mark.parametrize(
    ("sections", "message", "remedy"),
    [
        ({"baselines": {"short": {"max_length": 8}}}, "baselines.short.max_length: 8 tokens leave no room", "at least"),
        (
            {"base_model": {"id": "model", "quantization": "4bit"}},
            "quantization 4bit needs a GPU",
            "quantization: none",
        ),
        ({"base_model": {"id": "no/such", "dtype": "float32"}}, "'no/such' is not", "unset it"),
        ({"language": "fr"}, "language", "correct the value"),
    ],
)
def test_what_stops_a_search_is_named(
    tiny_study: Path,
    tiny_model: Path,
    tmp_path: Path,
    sections: dict[str, Any],
    message: str,
    remedy: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    # It is read once, when the hub's package is imported.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    study = changed(tiny_study, tmp_path / "study", **sections)
    if sections.get("base_model", {}).get("id") == "model":
        (study / "model").symlink_to(tiny_model)
    code, facts, said = call(study)
    assert (code, facts["ok"]) == (2, False)
    stops = [finding for finding in facts["findings"] if finding["level"] == "stop"]
    assert any(message in stop["what"] and remedy in stop["remedy"] for stop in stops), stops
    assert "STOP" in said


def test_without_a_study_the_machine_is_told_all_the_same(tmp_path: Path) -> None:
    code, facts, said = call(tmp_path / "nowhere")
    assert code == 2
    assert "CPU cores" in said
    assert facts["findings"][-1]["what"].endswith("no such study")
