"""W&B is a picture of the ledger: whole, without doubles, without secrets, and no trouble of the sweep's."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from wandb.proto.wandb_internal_pb2 import Record  # type: ignore[attr-defined]

from search.outputs.wandb import log
from search.outputs.wandb.log import IDENTITY, SWEEP, addresses, check_login, following, publish_report, wandb_folder
from search.outputs.wandb.metrics import logged, sweep_summary
from search.run.ledger import Ledger
from search.run.run_folder import RunFolder
from search.run.trial_row import TrialRow
from skazka_text.problems import InputError
from spaces.trial_config import TrialConfig

KEY, TOKEN = "canary" * 8, "hf_canary_token"
SCORES = {"score": 0.25, "gain": 0.5, "degradation": 0.125, "hallucination": 0.25, "name_margin": -0.5}
ACCURACY = {"Алёша Попович": 0.75, "Супермен": 1.0}

# Both halves of a sweep, as drivers of their own: the first is killed, the second is told to end by Ctrl-C.
PRELUDE = """
import os, signal, sys, time
from pathlib import Path
from search.run.run_folder import RunFolder
from search.outputs.wandb.log import following, publish_report
# A shell ignores Ctrl-C for what it runs in the background, and its children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
folder = RunFolder(Path(sys.argv[1]))
ledger = folder.ledger()
def wait_for(trial, epoch):
    deadline = time.monotonic() + 60
    while (ledger.meta(f"wandb:{trial}") or {}).get("epoch") != epoch:
        assert time.monotonic() < deadline
        time.sleep(0.05)
"""
KILLED = """
with following(folder):
    wait_for("t0001", 2)
    wait_for("t0002", 2)
    ledger.record_epoch("t0001", 3, {"train_loss": 1 / 3})
    os.kill(os.getpid(), signal.SIGKILL)
"""
INTERRUPTED = """
def state():
    return signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM), sys.exit, sys.excepthook, dict(os.environ)
before = state()
try:
    with following(folder):
        wait_for("t0001", 4)
        ledger.record_epoch("t0001", 5, {"train_loss": 1 / 5})
        ledger.finish("t0001", "completed")
        # What Ctrl-C in a terminal is: to every process of the session.
        os.killpg(0, signal.SIGINT)
        time.sleep(60)
except KeyboardInterrupt:
    assert state() == before
    publish_report(folder)
    print("ended by Ctrl-C")
"""


def records(path: Path) -> Iterator[Record]:
    """The records of a .wandb file: LevelDB's log format, blocks of 32 KiB with chunks of crc, length and kind."""
    data, at, record = path.read_bytes(), 7, b""
    assert data[:4] == b":W&B"
    while at + 7 <= len(data):
        left = 32768 - at % 32768
        if left < 7:
            at += left
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + 7])
        record += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):
            yield Record.FromString(record)
            record = b""


def values(items: Any) -> dict[str, Any]:
    """What a record of history, summary or config holds."""
    return {item.key or item.nested_key[0]: json.loads(item.value_json) for item in items}


def epochs_in(path: Path) -> list[int]:
    """The epochs that one .wandb file holds."""
    return [values(record.history.item)["epoch"] for record in records(path) if record.HasField("history")]


class Journal:
    """What all .wandb files of a run hold, by trial (or SWEEP), in the order of the files."""

    def __init__(self, folder: RunFolder) -> None:
        self.files: dict[str, list[Path]] = {}
        self.runs: dict[str, Any] = {}
        self.history: dict[str, list[dict[str, Any]]] = {}
        self.summary: dict[str, dict[str, Any]] = {}
        self.step_of: dict[str, str] = {}
        self.artifacts: list[tuple[str, Any]] = []
        self.exits: dict[str, list[int]] = {}
        for path in sorted(wandb_folder(folder).glob("*run-*/*.wandb")):
            found = list(records(path))
            run = next(record.run for record in found if record.HasField("run"))
            trial = run.run_id.split("-", 1)[1]
            self.files.setdefault(trial, []).append(path)
            self.runs[trial] = run
            self._read(trial, found)

    def _read(self, trial: str, found: list[Record]) -> None:
        for record in found:
            if record.HasField("history"):
                self.history.setdefault(trial, []).append(values(record.history.item))
            if record.HasField("summary"):
                self.summary.setdefault(trial, {}).update(values(record.summary.update))
            if record.HasField("metric"):
                self.step_of[record.metric.name or record.metric.glob_name] = record.metric.step_metric
            if record.HasField("artifact"):
                self.artifacts.append((trial, record.artifact))
            if record.HasField("exit"):
                self.exits.setdefault(trial, []).append(record.exit.exit_code)

    def epochs(self, trial: str) -> list[int]:
        """The epochs that were logged of a trial, each as often as it was."""
        return [line["epoch"] for line in self.history[trial]]

    def config(self, trial: str) -> dict[str, Any]:
        """A trial's config as W&B shows it."""
        return values(self.runs[trial].config.update)


def make_sweep(path: Path) -> tuple[RunFolder, Ledger]:
    """A sweep with a baseline that ended and two trials that are under way."""
    path.mkdir(parents=True)
    folder = RunFolder(path)
    ledger = Ledger.create(folder.ledger_file)
    options = {"trials": 3, "seed": 7, "sampler": "tpe", "scheduler": "fifo"}
    ledger.set_meta("manifest", {"study": {"name": "fake"}, "options": options})
    config = TrialConfig().model_dump(mode="json")
    for number, name in enumerate(["lora_init", "t0001", "t0002"]):
        trial = f"t000{number}"
        ledger.add(TrialRow(trial, number, "search" if number else "baseline", name, config, 7, True))
        ledger.start(trial)
        for epoch in (1, 2):
            losses = {"train_loss": 1 / epoch, "eval_loss": 2.0, "learning_rate": 1e-4, "grad_norm": 0.5, "seconds": 1}
            ledger.record_epoch(trial, epoch, {**losses, **({**SCORES, "accuracy": ACCURACY} if epoch == 2 else {})})
    ledger.finish("t0000", "completed")
    return folder, ledger


def drive(folder: RunFolder, script: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run one half of a sweep in a session of its own, in an empty current folder."""
    secret = {"WANDB_API_KEY": KEY, "HF_TOKEN": TOKEN}
    # As inside a user's own W&B run that a W&B agent started.
    theirs = {"WANDB_SERVICE": "3-1-unix-/nowhere", "WANDB_SWEEP_ID": "theirs", "WANDB_RUN_ID": "theirs"}
    environment = {**os.environ, "WANDB_MODE": "offline", **secret, **theirs, "HOME": str(home)}
    return subprocess.run(
        [sys.executable, "-c", PRELUDE + script, str(folder.path)],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        start_new_session=True,
    )


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFolder, Path]:
    """A sweep whose first driver was killed and whose second one was interrupted; and the user's home."""
    home = tmp_path_factory.mktemp("home")
    folder, ledger = make_sweep(tmp_path_factory.mktemp("runs") / "first")
    with closing(ledger):
        assert drive(folder, KILLED, home).returncode == -signal.SIGKILL
        with (wandb_folder(folder) / "lock").open() as lock:
            # The killed driver's follower is at its end.
            fcntl.flock(lock, fcntl.LOCK_EX)
        (synced,) = wandb_folder(folder).glob("*-t0002/*.wandb")
        # What `wandb sync` leaves beside a file that it sent.
        synced.with_suffix(".wandb.synced").touch()
        ledger.interrupt("the driver ended")
        for trial, epoch in (("t0001", 4), ("t0002", 3)):
            ledger.start(trial)
            ledger.record_epoch(trial, epoch, {"train_loss": 1 / epoch})
        folder.report.mkdir()
        (folder.report / "report.md").write_text("# Отчёт\n", encoding="utf-8")
        done = drive(folder, INTERRUPTED, home)
        assert (done.returncode, done.stdout, done.stderr) == (0, "ended by Ctrl-C\n", "")
    return folder, home


@pytest.fixture(scope="module")
def journal(sweep: tuple[RunFolder, Path]) -> Journal:
    return Journal(sweep[0])


def test_one_run_a_trial_with_every_epoch_once(journal: Journal) -> None:
    """Two drivers, the first killed after an epoch that it had not logged."""
    assert journal.epochs("t0000") == [1, 2]
    assert journal.epochs("t0001") == [1, 2, 3, 4, 5]
    assert journal.epochs("t0002") == [1, 2, 3]
    assert [len(journal.files[trial]) for trial in ("t0000", "t0001", SWEEP)] == [1, 1, 1]
    assert all(line["_step"] == line["epoch"] for lines in journal.history.values() for line in lines)


def test_ends(journal: Journal) -> None:
    assert journal.exits == {"t0000": [0], "t0001": [0], "t0002": [1, 1], SWEEP: [0]}
    assert journal.summary["t0001"]["state"] == "completed"
    assert journal.summary["t0002"]["state"] == "interrupted"


def test_names(journal: Journal, sweep: tuple[RunFolder, Path]) -> None:
    with closing(sweep[0].ledger()) as ledger:
        identity = ledger.meta(IDENTITY)["id"]
    runs = journal.runs
    assert {run.run_id for run in runs.values()} == {f"{identity}-{trial}" for trial in runs}
    assert {run.run_group for run in runs.values()} == {f"first-{identity}"}
    assert {run.project for run in runs.values()} == {log.DEFAULT_PROJECT}
    assert [(run.display_name, run.job_type) for _, run in sorted(runs.items())] == [
        ("first", "sweep"),
        ("lora_init", "baseline"),
        ("t0001", "search"),
        ("t0002", "search"),
    ]
    assert list(runs["t0000"].tags) == ["baseline", "fake"]
    config = journal.config("t0000")
    assert [config[name] for name in ("rank", "seed", "study")] == [TrialConfig().rank, 7, "fake"]


def test_metrics(journal: Journal) -> None:
    """By epoch; the summary has the best epoch and not the last one."""
    line = {key: value for key, value in journal.history["t0001"][1].items() if not key.startswith("_")}
    assert line == {
        "epoch": 2,
        "train/loss": 0.5,
        "train/learning_rate": 1e-4,
        "train/grad_norm": 0.5,
        "eval/loss": 2.0,
        **{f"eval/{name}": value for name, value in SCORES.items()},
        "eval/accuracy/Алёша Попович": 0.75,
        "eval/accuracy/Супермен": 1.0,
    }
    assert journal.step_of["train/*"] == journal.step_of["eval/*"] == "epoch"
    best = {key: value for key, value in journal.summary["t0001"].items() if key.startswith("best/")}
    assert best == {"best/epoch": 2, **{f"best/{name}": value for name, value in SCORES.items()}}


def test_the_report_is_an_artifact_of_the_sweep(journal: Journal) -> None:
    ((trial, artifact),) = journal.artifacts
    assert (trial, artifact.type) == (SWEEP, "report")
    (entry,) = artifact.manifest.contents
    assert entry.path == "report.md"
    # W&B's own copy: the report may be written anew before it is sent.
    assert "/wandb/data/" in entry.local_path
    assert journal.summary[SWEEP]["best/trial"] == "t0000"
    assert journal.summary[SWEEP]["trials/completed"] == 2


def test_the_ledger_knows_what_w_and_b_has(sweep: tuple[RunFolder, Path]) -> None:
    with closing(sweep[0].ledger()) as ledger:
        assert ledger.metas("wandb:t")["wandb:t0001"] == {"url": None, "epoch": 5, "state": "completed"}
        assert addresses(ledger) == dict.fromkeys(["t0000", "t0001", "t0002", SWEEP])


def test_no_secret_and_no_command_line_is_written(sweep: tuple[RunFolder, Path], journal: Journal) -> None:
    folder, home = sweep
    files = [path for path in folder.path.rglob("*") if path.is_file()]
    assert len(files) > 8
    for path in files:
        content = path.read_bytes()
        assert KEY.encode() not in content
        assert TOKEN.encode() not in content
    for trial, run in journal.runs.items():
        assert not run.host
        assert not run.HasField("git")
        if trial != SWEEP:
            # What W&B notes of a process unless it is told not to: its arguments, its Python, its folder.
            content = journal.files[trial][0].read_bytes()
            assert str(folder.path).encode() not in content
            assert sys.executable.encode() not in content
    assert not list(wandb_folder(folder).glob("*run-*/files/*"))
    # Nothing beside the run folder: neither the current folder nor the home.
    assert not list(home.iterdir())


def test_what_was_synced_is_not_sent_again(journal: Journal) -> None:
    first, second = journal.files["t0002"]
    assert [epochs_in(first), epochs_in(second)] == [[1, 2], [3]]


def test_a_server_that_does_not_answer_is_one_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name, value in {"MODE": "online", "BASE_URL": "http://127.0.0.1:9", "API_KEY": KEY}.items():
        monkeypatch.setenv(f"WANDB_{name}", value)
    monkeypatch.setattr(log, "END_SECONDS", 0.2)
    monkeypatch.setattr(log, "PUBLISH_SECONDS", 0.2)
    folder, ledger = make_sweep(tmp_path / "first")
    with closing(ledger):
        with following(folder):
            ledger.finish("t0001", "completed")
        publish_report(folder)
        assert ledger.trial("t0001").state == "completed"
    following_one, publishing_one = (record.getMessage() for record in caplog.records)
    assert "it did not take everything within" in following_one
    assert "sent by the next skazka resume" in following_one
    assert "the report was not logged" in publishing_one
    assert KEY not in caplog.text


@pytest.mark.parametrize(
    ("mode", "key", "said"), [("online", "", "nobody is logged in"), ("disabled", KEY, "disabled")]
)
def test_no_login(mode: str, key: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("NETRC", raising=False)
    monkeypatch.setenv("WANDB_MODE", mode)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("WANDB_API_KEY", key)
    with pytest.raises(InputError, match=rf"^--wandb: .*{said}.* — wandb login, or set WANDB_MODE=offline"):
        check_login()


def test_offline_needs_no_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    check_login()


def test_what_is_missing_is_not_logged() -> None:
    metrics = {"epoch": 1, "train_loss": 2.0, "eval_loss": None, "accuracy": {"Колобок": None, "a\x1bb": 1.0}}
    assert logged(metrics) == {"epoch": 1, "train/loss": 2.0, "eval/accuracy/a\\x1bb": 1.0}


def test_the_sweep_names_the_best_feasible_trial_and_the_winner() -> None:
    def row(number: int, score: float, **fields: Any) -> TrialRow:
        trial = f"t000{number}"
        return TrialRow(trial, number, "search", trial, {}, 7, True, state="completed", score=score, **fields)

    rows = [row(0, 0.9, feasible=False), row(1, 0.5), row(2, 0.4), row(3, 0.8, repeat_of="t0002")]
    assert sweep_summary(rows, None) == {
        "trials/completed": 4,
        "best/trial": "t0001",
        "best/name": "t0001",
        "best/score": 0.5,
        "winner/trial": "t0002",
        "winner/mean_score": 0.8,
    }
