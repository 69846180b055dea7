"""What doctor says of trials that were tried out on a GPU."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from benchmarks.campaigns.good_inputs import manifest_of
from search import study_checkup
from search.checkup import Finding
from search.run.ledger import Ledger
from search.run.manifest import memory_bytes
from search.run.run_folder import RunFolder
from search.tuning.preparation import UNLOADABLE, prepare_run
from spaces.space import load_space
from spaces.trial_config import TrialConfig
from studies.checks import load_study
from trainables.answering import Interviewer
from trainables.engine import Engine, NotFinite
from trainables.sizing import Cost

GB = 10**9


class Tried:
    """Stands for a GPU that has memory for so many rows."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.base = SimpleNamespace(gpus=["cuda:0"])
        self.engine = SimpleNamespace(micro_batch=None)
        self.study = SimpleNamespace(training=range(100))

    def cost(self, config: TrialConfig, *, measure: bool, timed: bool) -> Cost:
        """As it is measured: memory that ran out was never allocated."""
        assert measure
        assert not timed
        if not self.rows:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        at_once = min(config.batch_size, self.rows)
        return Cost(8 * GB, GB, at_once * GB, None, None, at_once)


@pytest.mark.parametrize(("rows", "notes"), [(8, 0), (4, 2)])
def test_a_batch_that_ran_out_of_memory_is_named(monkeypatch: pytest.MonkeyPatch, rows: int, notes: int) -> None:
    monkeypatch.setattr(study_checkup, "_memory_of", lambda _: 24 * GB)
    tried: Any = Tried(rows)
    first = Cost(8 * GB, GB, 4 * GB, 1.0, 1.0, 4)
    found = list(study_checkup._memory(tried, load_space("lora"), TrialConfig(), first))
    assert [finding.level for finding in found] == ["note"] * notes
    if notes:
        assert found[0].what == (
            "batch_size 8 with attention and rank 32 does not fit 24.0 GB at once, but 4 of its rows do"
        )
        assert found[0].remedy.startswith("such trials halve their micro-batch themselves")


def test_a_corner_of_which_no_row_fits_is_no_reason_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study_checkup, "_memory_of", lambda _: 24 * GB)
    tried: Any = Tried(0)
    found = list(study_checkup._memory(tried, load_space("lora"), TrialConfig(), Cost(8 * GB, GB, GB, 1.0, 1.0, 1)))
    assert {finding.level for finding in found} == {"note"}
    assert "of batch_size 8 with attention and rank 32 not even one row fits 24.0 GB" in [one.what for one in found]
    assert found[0].remedy.startswith("leave it out of the space, or use quantization: 4bit")


def test_a_spread_base_has_the_memory_of_all_its_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {"cuda:0": 24 * GB, "cuda:1": 16 * GB}
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda gpu: SimpleNamespace(total_memory=sizes[gpu]))
    spread: Any = SimpleNamespace(gpus=list(sizes))
    assert study_checkup._memory_of(spread) == 40 * GB
    nowhere: Any = SimpleNamespace(gpus=[])
    assert study_checkup._memory_of(nowhere) == memory_bytes()


def test_a_first_trial_that_diverges_is_a_note(tiny_study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def diverge(engine: Engine) -> None:
        raise NotFinite("the loss is nan in epoch 1", "lower the learning rate")

    monkeypatch.setattr(Engine, "train_epoch", diverge)
    study = load_study(tiny_study)
    findings, sized = study_checkup.size_up(study, study.space())
    assert sized is None
    name, _ = study_checkup.first_trial(study)
    said = Finding("note", f"a trial such as {name} fails: the loss is nan in epoch 1", "lower the learning rate")
    assert findings[-1] == said


def test_a_study_of_which_no_row_fits_is_refused_in_one_line(
    tiny_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_room(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(Interviewer, "_generate", no_room)
    study = load_study(tiny_study)
    findings, sized = study_checkup.size_up(study, study.space())
    assert sized is None
    assert [finding.what for finding in findings if finding.level == "stop"] == [
        "one row at a time does not fit memory beside the base model"
    ]
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    folder.freeze(study, study.space())
    with closing(Ledger.create(folder.ledger_file)) as ledger:
        ledger.set_meta("manifest", manifest_of(study))
        ledger.set_meta("frozen", folder.hashes())
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        prepare_run(folder)
    assert ended.value.code == UNLOADABLE
    told = json.loads(capsys.readouterr().err.strip().splitlines()[-1])
    assert told["message"].startswith("one row at a time does not fit memory")
    assert "quantization: 4bit" in told["remedy"]
