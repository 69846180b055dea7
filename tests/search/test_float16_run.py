"""A run that an earlier version began in float16: everything in it can be read, and no more is trained."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.campaigns.good_inputs import manifest_of
from search.launch import resume
from search.run.ledger import Ledger
from search.run.run_folder import RunFolder
from skazka.cli import main
from skazka_text.problems import InputError
from studies.study import read_study


@pytest.fixture
def run(tiny_study: Path, tmp_path: Path) -> RunFolder:
    """A run with a trial that is still to be trained."""
    shutil.copytree(tiny_study, tmp_path / "study")
    text = (tmp_path / "study" / "study.yaml").read_text()
    assert "float32" in text
    (tmp_path / "study" / "study.yaml").write_text(text.replace("float32", "float16"))
    study = read_study(tmp_path / "study" / "study.yaml")
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    folder.freeze(study, study.space())
    manifest = manifest_of(study)
    with closing(Ledger.create(folder.ledger_file)) as ledger:
        ledger.set_meta("manifest", manifest)
        ledger.set_meta("frozen", folder.hashes())
        ledger.set_meta("trials_asked", 1)
    return folder


def test_it_is_read_and_not_trained_further(run: RunFolder) -> None:
    result = CliRunner().invoke(main, ["status", str(run.path), "--json"])
    assert (result.exit_code, json.loads(result.stdout)["trials"]["pending"]) == (0, 1)
    with pytest.raises(InputError) as raised:
        resume(run.path)
    [problem] = raised.value.problems
    assert (problem.file, problem.field) == ("study.yaml", "base_model.dtype")
    assert problem.remedy.startswith("use bfloat16")
