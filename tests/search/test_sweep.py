"""Whole sweeps of tiny trials on a local Ray."""

from __future__ import annotations

import math
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from prepared_here import prepared_here
from ray.tune import Callback

import skazka
from search.outputs.export import export
from search.outputs.fresh_process import ExportError
from search.run.ledger import BASE
from search.run.run_folder import RunFolder
from skazka_text.problems import InputError

pytestmark = pytest.mark.usefixtures("ray_cluster")


@pytest.fixture(scope="module")
def run(tiny_study: Path, tmp_path_factory: pytest.TempPathFactory, ray_cluster: None) -> skazka.Run:
    """A finished sweep: two baselines and three searched trials."""
    return skazka.launch(tiny_study, trials=5, run=tmp_path_factory.mktemp("runs") / "run", seed=1)


@pytest.fixture
def quickly_prepared() -> Iterator[None]:
    """The sweep of `run` and those of tests about preparing prepare in earnest."""
    with prepared_here():
        yield


def test_every_trial_is_a_row_with_its_score(run: skazka.Run) -> None:
    table = run.trials()
    assert list(table["kind"]) == ["baseline"] * 2 + ["search"] * 3
    assert set(table["state"]) == {"completed"}
    expected = table["gain"] - table["degradation"] - 0.5 * table["hallucination"]
    assert list(table["score"]) == pytest.approx(list(expected))
    assert run.best is not None
    assert run.best.score == table["score"].max()
    assert run.summary()["trials"]["completed"] == 5


def test_every_epoch_is_in_the_ledger_and_its_checkpoint_on_disk(run: skazka.Run) -> None:
    ledger = run.folder.ledger()
    for row in ledger.trials():
        epochs = ledger.epochs(row.id)
        assert [entry["epoch"] for entry in epochs] == list(range(1, row.config["epochs"] + 1))
        assert all(math.isfinite(entry["train_loss"]) for entry in epochs)
        assert (run.folder.trial(row.id) / f"epoch-{row.best_epoch:04d}" / "adapter_model.safetensors").is_file()


def test_answers_before_and_after_are_kept(run: skazka.Run) -> None:
    ledger = run.folder.ledger()
    probes = [probe.id for probe in run.folder.study().probes_of("search")]
    assert [graded.answer.probe for graded in ledger.answers(BASE)] == probes
    for row in ledger.trials():
        answers = ledger.answers(row.id)
        assert [graded.answer.probe for graded in answers] == probes
        assert all(len(graded.answer.name_log_probabilities) == 4 for graded in answers)
        assert ledger.answers(row.id, "test") == []


def test_the_report_is_written(run: skazka.Run) -> None:
    text = (run.path / "report" / "report.md").read_text(encoding="utf-8")
    assert "| Персонаж | До дообучения | После дообучения | Статус |" in text
    assert list((run.path / "report" / "charts").glob("t*.png"))


def test_a_finished_run_is_not_run_over(run: skazka.Run, tiny_study: Path) -> None:
    with pytest.raises(InputError, match="already holds another run"):
        skazka.launch(tiny_study, trials=1, run=run.path)


def test_more_trials_continue_a_run_that_is_prepared_again(run: skazka.Run, tmp_path: Path) -> None:
    copy = _copy(run.path, tmp_path / "run")
    shutil.rmtree(copy / "prepared")
    before = run.folder.ledger().trials()
    resumed = skazka.resume(copy, trials=6)
    after = resumed.folder.ledger().trials()
    assert after[:5] == before
    assert [row.state for row in after] == ["completed"] * 6
    assert resumed.summary()["trials"]["pending"] == 0


class Killer(Callback):  # type: ignore[misc]
    """Kills the worker of the first trial after its first epoch, as the system does when memory is short."""

    def __init__(self) -> None:
        self.done = False

    def on_trial_result(self, result: dict[str, Any], **info: object) -> None:
        """An epoch was reported."""
        if not self.done:
            self.done = True
            os.kill(result["pid"], signal.SIGKILL)


@pytest.mark.usefixtures("quickly_prepared")
def test_a_killed_worker_changes_no_number(run: skazka.Run, tiny_study: Path, tmp_path: Path) -> None:
    again = skazka.launch(tiny_study, trials=2, run=tmp_path / "again", seed=1, max_concurrent=1, callbacks=[Killer()])
    ledger = again.folder.ledger()
    assert [event["event"] for event in ledger.attempts("t0000")] == ["started", "lost", "started", "completed"]
    assert [entry["epoch"] for entry in ledger.epochs("t0000")] == [1, 2]
    # The same seed gives the same trials; the worker that took over went on from the checkpoint.
    for one, other in zip(run.folder.ledger().trials()[:2], ledger.trials(), strict=True):
        assert (one.config, one.score, one.name_margin) == (other.config, other.score, other.name_margin)


class Obstacle(Callback):  # type: ignore[misc]
    """Puts a file where a trial's folder should be: its first checkpoint cannot be written."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def setup(self, **info: object) -> None:
        """Before the first trial starts."""
        self.path.parent.mkdir()
        self.path.write_text("in the way")


@pytest.mark.usefixtures("quickly_prepared")
def test_a_failing_trial_is_a_row_and_can_be_tried_again(tiny_study: Path, tmp_path: Path) -> None:
    obstacle = Obstacle(tmp_path / "run" / "trials" / "t0000")
    run = skazka.launch(tiny_study, trials=2, run=tmp_path / "run", max_concurrent=1, callbacks=[obstacle])
    ledger = run.folder.ledger()
    failed, other = ledger.trials()
    assert (failed.state, other.state) == ("failed", "completed")
    assert [event["event"] for event in ledger.attempts("t0000")] == ["started", "failed", "started", "failed"]
    assert "FileExistsError" in (failed.error or "")
    assert failed.log == "trials/t0000/error.log"
    assert failed.score is None
    assert run.summary()["trials"]["failed"] == 1
    assert "t0000" in (run.path / "report" / "report.md").read_text(encoding="utf-8")
    obstacle.path.unlink()
    assert skazka.resume(run.path).folder.ledger().trial("t0000").state == "failed"
    again = skazka.resume(run.path, retry_failed=True).folder.ledger()
    assert [row.state for row in again.trials()] == ["completed", "completed"]
    assert again.trial("t0001") == other


@pytest.mark.usefixtures("quickly_prepared")
def test_a_time_budget_leaves_interrupted_trials_that_resume(tiny_study: Path, tmp_path: Path) -> None:
    folder = _copy(tiny_study, tmp_path / "study")
    path = folder / "study.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("epochs: 2", "epochs: 40"), encoding="utf-8")
    run = skazka.launch(folder, trials=2, run=tmp_path / "run", time_budget=6, max_concurrent=1)
    counts = run.summary()["trials"]
    assert counts["completed"] < 2
    assert counts["interrupted"] + counts["pending"] + counts["completed"] == 2
    done = {row.id: len(run.folder.ledger().epochs(row.id)) for row in run.folder.ledger().trials()}
    finished = skazka.resume(run.path, time_budget=None)
    rows = finished.folder.ledger().trials()
    assert [row.state for row in rows] == ["completed", "completed"]
    for row in rows:
        epochs = [entry["epoch"] for entry in finished.folder.ledger().epochs(row.id)]
        assert epochs == list(range(1, row.config["epochs"] + 1))
        assert len(epochs) >= done.get(row.id, 0)


@pytest.mark.usefixtures("quickly_prepared")
def test_asha_stops_and_says_so(tiny_study: Path, tmp_path: Path) -> None:
    folder = _copy(tiny_study, tmp_path / "study")
    space = "learning_rate: {choice: [0.0001, 0.0002, 0.0003, 0.0005, 0.0008, 0.001]}\nepochs: {choice: [12]}\n"
    (folder / "space.yaml").write_text(space, encoding="utf-8")
    run = skazka.launch(folder, trials=6, run=tmp_path / "run", scheduler="asha", max_concurrent=1)
    rows = run.folder.ledger().trials()
    assert {row.state for row in rows} <= {"completed", "stopped"}
    for row in rows:
        epochs = run.folder.ledger().epochs(row.id)
        assert (len(epochs) < row.config["epochs"]) == (row.state == "stopped")


def test_export_loads_in_plain_peft_and_its_example_runs(run: skazka.Run, tmp_path: Path) -> None:
    done = export(run.folder, tmp_path / "adapter")
    assert done.verified == 4
    names = {path.name for path in done.folder.iterdir()}
    assert {"adapter_model.safetensors", "adapter_config.json", "README.md", "trial.json"} <= names
    card = (done.folder / "README.md").read_text(encoding="utf-8")
    assert "pipeline_tag: image-text-to-text" in card
    assert "library_name: peft" in card
    probe = run.folder.study().probes_of("search")[0]
    (done.folder / "picture.png").write_bytes((run.folder.study_folder / probe.unit).read_bytes())
    code = card.split("```python\n")[1].split("```")[0]
    ran = subprocess.run([sys.executable, "-P", "-c", code], cwd=done.folder, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    answer = run.folder.ledger().answers(done.trial.id)[0].answer.text
    assert ran.stdout.strip() == answer
    for asked in (run.path, done.folder):
        (reply,) = skazka.ask(asked, [done.folder / "picture.png"], question=probe.question).replies
        assert reply.adapter.text == answer


def test_a_merged_model_answers_as_the_trial_did(run: skazka.Run, tmp_path: Path) -> None:
    done = export(run.folder, tmp_path / "adapter", merge=True)
    assert done.merged == done.verified > 0
    names = {path.name for path in (tmp_path / "adapter" / "merged").iterdir()}
    assert {"model.safetensors", "config.json", "chat_template.jinja"} <= names
    assert not any(name.startswith("adapter") for name in names)


def test_export_refuses_an_adapter_that_answers_otherwise(run: skazka.Run, tmp_path: Path) -> None:
    folder = RunFolder(_copy(run.path, tmp_path / "run"))
    ledger = folder.ledger()
    answers = [replace(graded, answer=replace(graded.answer, text="другое")) for graded in ledger.answers("t0000")]
    ledger.put_answers("t0000", "search", answers)
    with pytest.raises(ExportError, match="4 of 4 answers differ"):
        export(folder, tmp_path / "adapter", "t0000")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_export_to_a_full_folder_is_refused(run: skazka.Run, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        export(run.folder, tmp_path)
    with pytest.raises(InputError, match="no finished trial 't9999'"):
        export(run.folder, tmp_path / "new", "t9999")


@pytest.mark.usefixtures("quickly_prepared")
def test_a_length_without_an_answer_token_is_refused(tiny_study: Path, tmp_path: Path) -> None:
    folder = _copy(tiny_study, tmp_path / "study")
    path = folder / "study.yaml"
    text = path.read_text(encoding="utf-8").replace("rank: 3", "rank: 3\n    max_length: 10")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="10 tokens leave no room for an answer: the longest prompt has"):
        skazka.launch(folder, trials=1, run=tmp_path / "run", max_concurrent=1)
    assert not (tmp_path / "run").exists()


def _copy(study: Path, target: Path) -> Path:
    return Path(shutil.copytree(study, target))


def test_a_run_has_one_driver(run: skazka.Run) -> None:
    with run.folder.driving(), pytest.raises(InputError, match="being driven by another process"):
        skazka.resume(run.path)


@pytest.mark.usefixtures("quickly_prepared")
def test_a_step_that_hangs_is_given_up(tiny_study: Path, tmp_path: Path) -> None:
    # No worker loads a model within a tenth of a second.
    run = skazka.launch(tiny_study, trials=1, run=tmp_path / "run", trial_timeout=0.1, max_lost=1)
    row = run.folder.ledger().trial("t0000")
    assert (row.state, row.error) == ("failed", "a step took longer than --trial-timeout")
    assert [event["event"] for event in run.folder.ledger().attempts("t0000")] == ["started", "lost"] * 2
    assert "Timeout" in (run.path / (row.log or "")).read_text(encoding="utf-8")


def test_a_study_that_changed_is_refused_and_can_be_accepted(tiny_study: Path, run: skazka.Run, tmp_path: Path) -> None:
    copy = _copy(run.path, tmp_path / "run")
    probes = copy / "study" / "probes.jsonl"
    probes.write_text(probes.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"study/probes.jsonl has changed since the run began — restore it"):
        skazka.resume(copy)
    with pytest.raises(InputError, match=r"study/probes.jsonl has changed"):
        skazka.report(copy)
    ledger = skazka.resume(copy, accept_change=True).folder.ledger()
    assert ledger.meta("accepted_changes")[0]["changes"] == ["study/probes.jsonl: has changed since the run began"]
    text = skazka.report(copy, formats=["md"]).read_text(encoding="utf-8")
    assert "Изменено по ходу поиска, с согласия:** study/probes" in text


def test_a_model_that_does_not_load_is_bad_input(tiny_study: Path, tmp_path: Path) -> None:
    folder = _copy(tiny_study, tmp_path / "study")
    (folder / "broken").mkdir()
    (folder / "broken" / "config.json").write_text('{"model_type": "no-such-family"}')
    (folder / "broken" / "model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
    path = folder / "study.yaml"
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    data["base_model"]["id"] = "broken"
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    with pytest.raises(InputError, match=r"base_model: .*broken' is of a type that transformers does not know"):
        skazka.launch(folder, trials=1, run=tmp_path / "run")
    assert not (tmp_path / "run").exists()
