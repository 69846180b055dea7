"""Controls that the base does not know: told before the first trial, and refused where there are no others."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

import skazka
from search.study_checkup import size_up
from skazka.cli import main
from skazka_text.problems import InputError
from studies.checks import load_study


def _with_strange_control(folder: Path, source: Path, *, known_too: bool) -> Path:
    """The tiny study with Колобок as a control, whom the base declines; Матрёшка, whom it knows, only where asked."""
    data = yaml.safe_load((source / "study.yaml").read_text(encoding="utf-8"))
    data["base_model"]["id"] = str((source / data["base_model"]["id"]).resolve())
    roles = {"Колобок": "control", "Матрёшка": "control" if known_too else "negative"}
    for character in data["characters"]:
        character["role"] = roles.get(character["name"], character["role"])
    data["baselines"] = {}
    folder.mkdir()
    shutil.copytree(source / "images", folder / "images")
    for name in ("training", "probes", "replay"):
        rows = [json.loads(line) for line in (source / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    data["space"] = "quick"
    (folder / "study.yaml").write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    return folder


@pytest.mark.usefixtures("ray_cluster")
def test_a_search_without_a_known_control_waits_for_its_user(tiny_study: Path, tmp_path: Path) -> None:
    study = _with_strange_control(tmp_path / "study", tiny_study, known_too=False)
    run = tmp_path / "run"
    with pytest.raises(InputError) as caught:
        skazka.launch(study, trials=1, run=run)
    assert "the base knows none of the controls" in str(caught.value)
    assert "Колобок: 0 of 1 right, mostly «Не знаю.» 1×" in str(caught.value)
    assert f"skazka resume {run} --allow-unknown-controls" in str(caught.value)
    # What was prepared is kept, and nothing was tried.
    assert (run / "prepared" / "facts.json").is_file()
    assert not skazka.open_run(run).folder.ledger().trials()
    told = CliRunner().invoke(main, ["status", str(run)]).output
    assert "--allow-unknown-controls" in told
    with pytest.raises(InputError):
        skazka.resume(run)
    done = skazka.resume(run, allow_unknown_controls=True)
    (row,) = done.folder.ledger().trials()
    assert row.state == "completed"
    assert row.degradation == 0.0
    # Asked once is enough.
    assert skazka.resume(run, trials=2).summary()["trials"]["completed"] == 2


def test_doctor_says_which_controls_the_base_does_not_know(tiny_study: Path, tmp_path: Path) -> None:
    study = load_study(_with_strange_control(tmp_path / "some", tiny_study, known_too=True))
    findings, _ = size_up(study, study.space())
    (note,) = [finding for finding in findings if finding.level == "note"]
    assert note.what.startswith("the base does not know Колобок: 0 of 1 right, mostly «Не знаю.» 1×")
    assert note.remedy == "where one of these is its name, add it to its aliases"
    assert not [finding for finding in findings if finding.level == "stop"]
    study = load_study(_with_strange_control(tmp_path / "none", tiny_study, known_too=False))
    findings, _ = size_up(study, study.space())
    assert [finding.what for finding in findings if finding.level == "stop"] == [
        "the base knows none of the controls, so forgetting cannot be measured"
    ]
