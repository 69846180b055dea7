"""A run as an Optuna study in a file: what Optuna and optuna-dashboard read in it, and what is refused."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from search.outputs.study_db import write_study
from search.run.ledger import Ledger
from search.run.run_folder import RunFolder
from search.run.trial_row import Kind, TrialRow
from search.tuning.optuna_study import DUPLICATE
from skazka_text.problems import InputError
from spaces.space import Space, space_of
from spaces.trial_config import TrialConfig

KNOBS = {"learning_rate": {"log_uniform": [1e-4, 1e-2]}, "rank": {"choice": [4, 8, 16]}}
OPTIONS = {"trials": 6, "seed": 7}
PARTS = {"gain": 0.5, "degradation": 0.1, "hallucination": 0.2, "name_margin": 1.5}


def make_run(path: Path, **options: Any) -> RunFolder:
    """A run in which each kind of end happened once; t0002 is its best trial."""
    path.mkdir()
    folder = RunFolder(path)
    folder.space_file.write_text(json.dumps({"name": "test", "knobs": KNOBS}))
    (path / "study").mkdir()
    with closing(Ledger.create(folder.ledger_file)) as ledger:
        manifest = {"created": "2026-11-23T12:00:00Z", "options": {**OPTIONS, **options}}
        manifest |= {"study": {"name": "tales"}, "base_model": {"id": "hub/model"}}
        ledger.set_meta("manifest", manifest)
        ledger.set_meta("frozen", folder.hashes())
        add(ledger, 0, "baseline", {5: 0.1}, name="hand")
        add(ledger, 1, "baseline", {5: 0.2}, name="far", rank=7)
        add(ledger, 2, "search", {5: 0.3, 10: 0.4})
        add(ledger, 3, "search", {})
        ledger.finish("t0003", "failed", "NotFinite: loss is nan")
        add(ledger, 4, "search", {5: 0.25})
        ledger.interrupt("killed")
        twin = {"of": "t0002", "config": config(2), "values": [0.4], "constraints": {}}
        ledger.set_meta(f"{DUPLICATE}5", twin)
        add(ledger, 6, "finalist", {10: 0.9}, of="t0002")
    return folder


def config(number: int, rank: int = 8) -> dict[str, Any]:
    """The configuration of a trial."""
    return TrialConfig(learning_rate=1e-3 + number * 1e-4, rank=rank).model_dump(mode="json")


def add(
    ledger: Ledger, number: int, kind: Kind, scores: dict[int, float], name: str = "", rank: int = 8, of: str = ""
) -> None:
    """A trial with its score by epoch; with two it was stopped, with one it ran to its end, t0004 still runs."""
    trial = f"t{number:04d}"
    ledger.add(TrialRow(trial, number, kind, name or trial, config(number, rank), 7, rank == 8, repeat_of=of or None))
    ledger.start(trial)
    ledger.record_epoch(trial, 1, {"train_loss": 1.0})
    for epoch, score in scores.items():
        ledger.record_epoch(trial, epoch, {"score": score, **PARTS})
    if scores and number != 4:
        ledger.finish(trial, "stopped" if len(scores) > 1 else "completed")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run to read."""
    return make_run(tmp_path_factory.mktemp("runs") / "first")


@pytest.fixture(scope="module")
def storage(run: RunFolder) -> str:
    """The run as an Optuna study."""
    return write_study(run, f"sqlite:///{run.path.parent}/new/study.db").storage


@pytest.fixture
def study(storage: str) -> optuna.Study:
    """The study as a user loads it."""
    return optuna.load_study(study_name="first", storage=storage)


def test_states_and_values_are_those_that_the_search_knew(study: optuna.Study) -> None:
    complete, fail = TrialState.COMPLETE, TrialState.FAIL
    assert [(trial.state, trial.value) for trial in study.trials] == [
        (complete, 0.1),
        (fail, None),
        (complete, 0.4),
        (fail, None),
        (fail, None),
        (complete, 0.4),
    ]
    assert study.best_trial.number == 2
    assert study.best_trial.params == {"learning_rate": 1e-3 + 2e-4, "rank": 8}
    assert study.best_trial.intermediate_values == {5: 0.3, 10: 0.4}


def test_what_people_look_for_stands_beside_each_trial(study: optuna.Study) -> None:
    shown = {"id": "t0002", "name": "t0002", "kind": "search", "seed": 7, "state": "stopped", "best_epoch": 10}
    shown |= {"score": 0.4, "feasible": True, "in_space": True, "config": config(2), **PARTS}
    assert study.trials[2].user_attrs == shown
    assert study.trials[3].user_attrs["error"] == "NotFinite: loss is nan"
    assert study.trials[5].user_attrs == {"state": "duplicate", "duplicate_of": "t0002"}
    assert study.user_attrs == {
        "run": "first",
        "created": "2026-11-23T12:00:00Z",
        "study": "tales",
        "base_model": "hub/model",
        "finalist_repeats_left_out": 1,
    }


def test_a_baseline_outside_the_space_keeps_its_score_in_its_attributes(study: optuna.Study) -> None:
    far = study.trials[1]
    assert far.params == {}
    assert far.user_attrs["config"]["rank"] == 7
    assert (far.user_attrs["score"], far.user_attrs["state"]) == (0.2, "completed")
    assert far.user_attrs["in_space"] is False
    assert far.intermediate_values == {5: 0.2}


def test_a_trial_that_waits_for_resume_is_neither_running_nor_handed_out(study: optuna.Study) -> None:
    cut_off = study.trials[4]
    assert cut_off.state == TrialState.FAIL
    assert cut_off.user_attrs["state"] == "interrupted"
    assert cut_off.params == {"learning_rate": 1e-3 + 4e-4, "rank": 8}


def test_times_are_the_ledgers(run: RunFolder, study: optuna.Study) -> None:
    row = run.ledger().trial("t0002")
    assert row.started is not None
    assert row.finished is not None
    best = study.best_trial
    assert best.datetime_start == datetime.fromtimestamp(row.started)
    assert best.datetime_complete == datetime.fromtimestamp(row.finished)


def test_the_users_own_sampler_goes_on_from_it(run: RunFolder, tmp_path: Path) -> None:
    written = write_study(run, str(tmp_path / "own.sqlite"))
    sampler = optuna.samplers.TPESampler(seed=0, n_startup_trials=2)
    study = optuna.load_study(study_name=written.study_name, storage=written.storage, sampler=sampler)
    space: Space = space_of("test", KNOBS)
    trial = study.ask()
    assert trial.number == written.trials == 6
    assert space.contains(space.suggest(trial))
    study.tell(trial, 0.5)
    assert study.best_trial.number == 6
    assert set(optuna.importance.get_param_importances(study)) == set(KNOBS)


def test_a_sweep_for_several_metrics_within_a_limit(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "front", objective="pareto", max_degradation=0.05)
    with closing(folder.ledger()) as ledger:
        twin = {"of": "t0002", "config": config(2), "values": [0.5, 0.1, 0.2], "constraints": {"degradation": 0.05}}
        ledger.set_meta(f"{DUPLICATE}5", twin)
    study = optuna.load_study(study_name="front", storage=write_study(folder, str(tmp_path / "front.db")).storage)
    assert study.metric_names == ["gain", "degradation", "hallucination"]
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MINIMIZE", "MINIMIZE"]
    assert study.trials[2].values == [0.5, 0.1, 0.2]
    assert [trial.constraints for trial in study.trials if trial.values] == [{"degradation": 0.05}] * 3
    assert study.best_trials == []


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("postgresql://db/optuna", "names no SQLite file — give sqlite:///NAME.db, or a path that ends in .db"),
        ("sqlite://", "names no SQLite file"),
        ("sqlite:///:memory:", "names no SQLite file"),
        ("study.txt", "names no SQLite file"),
        ("sqlite:///a.db?timeout=1", "holds one of"),
        ("sqlite:///a{SCHEMA_VERSION}.db", "holds one of"),
        ("a\0b.db", "embedded null"),
        (f"{'n' * 300}.db", "name too long"),
        ("/dev/null/study.db", "choose another file"),
    ],
)
def test_a_storage_that_cannot_be_written_is_refused_in_one_line(run: RunFolder, to: str, said: str) -> None:
    with pytest.raises(InputError) as refusal:
        write_study(run, to)
    assert said.lower() in str(refusal.value).lower()
    assert "\n" not in str(refusal.value)


def test_a_file_that_is_there_is_left_as_it_is(run: RunFolder, tmp_path: Path) -> None:
    file = tmp_path / "study.db"
    file.write_bytes(b"somebody's")
    with pytest.raises(InputError, match=r"is there already — remove it, or choose another file"):
        write_study(run, f"sqlite:///{file}")
    assert file.read_bytes() == b"somebody's"


def test_nothing_is_left_of_a_file_that_was_not_finished(
    run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(study: optuna.Study, trials: object) -> None:
        assert list(tmp_path.rglob("*.db"))
        raise KeyboardInterrupt

    monkeypatch.setattr(optuna.Study, "add_trials", fail)
    with pytest.raises(KeyboardInterrupt):
        write_study(run, str(tmp_path / "study.db"))
    assert list(tmp_path.iterdir()) == []


@contextmanager
def dashboard(storage: str) -> Iterator[str]:
    """The address of optuna-dashboard over a storage."""
    program = shutil.which("optuna-dashboard", path=str(Path(sys.executable).parent))
    assert program is not None
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [program, storage, "--host", "127.0.0.1", "--port", str(port), "--server", "wsgiref"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            assert process.poll() is None
            try:
                fetch(f"{address}/api/meta")
                break
            except OSError:
                time.sleep(0.1)
        yield address
    finally:
        process.kill()
        process.wait()


def fetch(url: str) -> str:
    """A page, asked for without any proxy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=30) as answer:
        text: str = answer.read().decode()
    return text


def test_optuna_dashboard_opens_it(storage: str) -> None:
    with dashboard(storage) as address:
        assert "<title>Optuna Dashboard</title>" in fetch(f"{address}/dashboard/")
        (listed,) = json.loads(fetch(f"{address}/api/studies"))["study_summaries"]
        detail = json.loads(fetch(f"{address}/api/studies/{listed['study_id']}"))
        importances = json.loads(fetch(f"{address}/api/studies/{listed['study_id']}/param_importances"))
    assert (listed["study_name"], listed["directions"]) == ("first", ["maximize"])
    assert detail["objective_names"] == ["score"]
    assert [trial["state"] for trial in detail["trials"]] == [
        "Complete",
        "Fail",
        "Complete",
        "Fail",
        "Fail",
        "Complete",
    ]
    assert [trial["number"] for trial in detail["best_trials"]] == [2]
    assert {"key": "id", "value": "t0002"} in detail["trials"][2]["user_attrs"]
    assert detail["trials"][2]["intermediate_values"] == [{"step": 5, "value": 0.3}, {"step": 10, "value": 0.4}]
    assert {knob["name"] for knob in detail["intersection_search_space"]} == set(KNOBS)
    assert {each["name"] for each in importances["param_importances"][0]} == set(KNOBS)
