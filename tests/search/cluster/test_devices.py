"""The base is asked, and the test probes are opened, on the kind of device that trials run on."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import ray
import torch
from ray.tune import Callback

from search import checkup, launch
from search.cluster import joining
from search.options import Options
from search.run.run_folder import RunFolder
from search.tuning import preparation
from spaces.trial_config import TrialConfig
from studies.checks import load_study
from trainables import memory
from trainables.base_model import BaseModel
from trainables.facts import Facts
from trainables.lora_trial import LoraTrial
from trainables.prepared import prepare
from trainables.session import TrialSession, Workshop
from trainables.task import TrialTask

VISIBLE = "CUDA_VISIBLE_DEVICES"


class Listener(Callback):  # type: ignore[misc]
    """Keeps what a screen would be told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        """One line."""
        self.lines.append(line)


class Preparations:
    """Stands in for Ray and the preparation; notes where the base was asked and with how many GPUs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, joined: bool, counted: float, here: str) -> None:
        """joined: Ray runs already. counted: GPUs a trial by default. here: the device that torch finds here."""
        self.made: list[tuple[str, float | None]] = []
        self.ran_with: float | None = None
        self.asked_on: str | None = None
        for module, name, stand_in in (
            (ray, "is_initialized", lambda: joined),
            (joining, "connected", lambda address, home: nullcontext()),
            (joining, "check_address", lambda address: None),
            (joining, "check_shared", lambda path: None),
            (joining, "check_resources", lambda *asked, **options: None),
            (joining, "default_gpus", lambda: counted),
            (launch, "start_here", self.start_here),
            (launch, "finish_here", lambda folder, process: self.facts(here)),
            (launch, "prepare_on_cluster", self.on_cluster),
            (launch, "_settle_controls", lambda *arguments: None),
            (launch, "_run_stages", self.run),
        ):
            monkeypatch.setattr(module, name, stand_in)

    def start_here(self, folder: RunFolder, *, gpus: float | None) -> Any:
        """Beside Ray's start."""
        self.made.append(("here", gpus))
        return SimpleNamespace(kill=lambda: None)

    def on_cluster(self, folder: RunFolder, *, cpus: float, gpus: float) -> Facts:
        """On a worker."""
        self.made.append(("worker", gpus))
        return self.facts("cuda" if gpus else "cpu")

    def run(self, folder: RunFolder, facts: Facts, options: Options, *rest: Any) -> None:
        """The trials."""
        self.ran_with, self.asked_on = options.gpus_per_trial, facts.device

    def facts(self, device: str) -> Facts:
        """What a preparation finds."""
        return Facts(longest_prompt=1, prompt_lengths={}, before=[], device=device)


@pytest.mark.parametrize(
    ("joined", "address", "asked", "counted", "here", "made"),
    [
        # One machine, by itself: beside Ray's start, on the GPU where trials have one.
        (False, None, None, 0.0, "cpu", [("here", None)]),
        (False, None, None, 1.0, "cuda", [("here", None)]),
        (False, None, 0.0, 0.0, "cpu", [("here", 0.0)]),
        # A machine with a GPU that Ray does not count: trials run on the CPU.
        (False, None, None, 0.0, "cuda", [("here", None), ("worker", 0.0)]),
        # A cluster that the driver joins, or joined before: its machine may have no GPU, or the only one.
        (False, "10.0.0.1:6379", None, 1.0, "cpu", [("worker", 1.0)]),
        (False, "10.0.0.1:6379", 0.0, 1.0, "cuda", [("worker", 0.0)]),
        (True, None, None, 1.0, "cpu", [("worker", 1.0)]),
        (True, None, 0.5, 1.0, "cpu", [("worker", 0.5)]),
        (True, None, 0.0, 1.0, "cuda", [("worker", 0.0)]),
    ],
)
def test_the_base_is_asked_where_trials_run(
    joined: bool,
    address: str | None,
    asked: float | None,
    counted: float,
    here: str,
    made: list[tuple[str, float | None]],
    tiny_study: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stood_in = Preparations(monkeypatch, joined=joined, counted=counted, here=here)
    options = Options(address=address, gpus_per_trial=asked)
    launch.launch(tiny_study, run=tmp_path / "run", space_name=None, options=options)
    assert stood_in.made == made
    assert stood_in.asked_on == ("cuda" if stood_in.ran_with else "cpu")


@pytest.mark.parametrize(
    ("gpus", "base_model", "said"),
    [(2.0, {}, ["2 GPUs a trial"]), (1.0, {}, []), (2.0, {"device_map": "auto"}, [])],
)
def test_gpus_that_would_idle_are_told(
    gpus: float,
    base_model: dict[str, str],
    said: list[str],
    tiny_study: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    study = load_study(tiny_study)
    spec = study.file.base_model.model_copy(update=base_model)
    changed = replace(study, file=study.file.model_copy(update={"base_model": spec}))
    Preparations(monkeypatch, joined=False, counted=1.0, here="cuda")
    monkeypatch.setattr(RunFolder, "study", lambda self: changed)
    listener = Listener()
    options = Options(gpus_per_trial=gpus)
    launch.launch(tiny_study, run=tmp_path / "run", space_name=None, options=options, callbacks=[listener])
    assert [line[: len("2 GPUs a trial")] for line in listener.lines] == said
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    notes = [finding for finding in checkup.services(changed) if "idle" in finding.what]
    assert len(notes) == (not base_model)


@pytest.mark.parametrize(("gpus", "seen"), [(0.0, ""), (0.5, "3"), (None, "3")])
def test_without_gpus_none_is_seen(
    gpus: float | None, seen: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray leaves them to see: a trial without would be on the GPU of its node, and its base on another's CPU."""
    monkeypatch.setenv(VISIBLE, "3")
    started: list[dict[str, str]] = []

    def start(command: list[str], *, env: dict[str, str], **options: Any) -> Ended:
        started.append(env)
        return Ended()

    monkeypatch.setattr(subprocess, "Popen", start)
    preparation.start_here(RunFolder(tmp_path), gpus=gpus)
    preparation._run_on_worker(str(tmp_path), gpus)  # type: ignore[arg-type]
    assert [env[VISIBLE] for env in started] == [seen, seen]
    LoraTrial(task(tmp_path, tmp_path, tmp_path, "model").model_copy(update={"gpus": gpus}).model_dump(mode="json"))
    assert os.environ[VISIBLE] == seen


def test_a_preparation_takes_a_trial_s_share_of_its_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a cluster the rest of it may be another run's."""

    class NoFurther(Exception):
        pass

    def limit(share: float | None) -> None:
        assert share == 0.25
        raise NoFurther

    monkeypatch.setattr(memory, "limit_memory", limit)
    monkeypatch.setattr(RunFolder, "study", lambda self: None)
    monkeypatch.setattr(RunFolder, "manifest", lambda self: {"options": {"gpus_per_trial": 0.25}})
    with pytest.raises(NoFurther):
        preparation.prepare_run(RunFolder(tmp_path))


def test_a_preparation_that_the_system_killed_says_what_to_do(tmp_path: Path) -> None:
    killed = Ended()
    killed.returncode = -signal.SIGKILL
    with pytest.raises(preparation.PreparationError, match="was killed, most likely for lack of memory — prepare"):
        preparation.finish_here(RunFolder(tmp_path), killed)  # type: ignore[arg-type]


class Ended:
    """A process that has ended."""

    pid, returncode = 1, 0

    def communicate(self) -> tuple[None, str]:
        """Nothing was said."""
        return None, ""


def task(folder: Path, study: Path, prepared: Path, model: str) -> TrialTask:
    """A trial of two epochs."""
    return TrialTask(
        trial="t0000",
        config=TrialConfig(epochs=2),
        seed=0,
        folder=folder,
        study=study,
        prepared=prepared,
        base_model=model,
    )


def test_a_trial_on_another_device_than_the_base_says_so_once(tiny_study: Path, tmp_path: Path) -> None:
    study = load_study(tiny_study)
    base = BaseModel.load(study.base_model, study.file.base_model)
    prepared = prepare(study, base)
    assert prepared.device == "cpu"
    replace(prepared, device="cuda").save(tmp_path / "prepared")
    asked = task(tmp_path / "trial", tiny_study, tmp_path / "prepared", study.base_model)
    session = TrialSession(asked, Workshop.build(asked))
    assert session.resume() is None
    told = []
    for _ in range(2):
        session.epoch()
        told.append(session.told())
    session.close()
    assert [len(lines) for lines in told] == [1, 0]
    assert told[0][0].startswith("the base was asked on cuda, this is on cpu")


def test_what_earlier_versions_did_not_write_down_is_no_other_device(tiny_study: Path, tmp_path: Path) -> None:
    study = load_study(tiny_study)
    base = BaseModel.load(study.base_model, study.file.base_model)
    replace(prepare(study, base), device=None).save(tmp_path / "prepared")
    asked = task(tmp_path / "trial", tiny_study, tmp_path / "prepared", study.base_model)
    session = TrialSession(asked, Workshop.build(asked))
    session.epoch()
    assert session.told() == []
    session.close()
