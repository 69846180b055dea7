"""What the Trainable makes of an error that ends its process."""

from __future__ import annotations

import traceback
import weakref
from pathlib import Path

import pytest
import torch

from spaces.trial_config import TrialConfig
from trainables import memory, session
from trainables.lora_trial import LoraTrial
from trainables.task import TrialTask


def test_a_lost_accelerator_ends_the_process_without_telling_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_TOKEN", "hf_canary_0123456789")
    task = TrialTask(
        trial="t0000", config=TrialConfig(), seed=0, folder=tmp_path, study=tmp_path, prepared=tmp_path, base_model="x"
    )
    trial = LoraTrial(task.model_dump(mode="json"))
    try:
        raise torch.AcceleratorError("CUDA error at hf_canary_0123456789")
    except torch.AcceleratorError as lost:
        with pytest.raises(RuntimeError, match="AcceleratorError: CUDA error") as caught:
            trial._failed(lost)
    assert "canary" not in "".join(traceback.format_exception(caught.value))


def test_an_accelerator_that_lacks_memory_is_not_lost(tmp_path: Path) -> None:
    paths = {"folder": tmp_path, "study": tmp_path, "prepared": tmp_path}
    task = TrialTask(trial="t0000", config=TrialConfig(), seed=0, base_model="x", **paths)
    failed = LoraTrial(task.model_dump(mode="json"))._failed(torch.AcceleratorError("CUDA error: out of memory"))
    assert failed["done"]
    assert failed["failure"].startswith("one row at a time does not fit memory beside the base model — have pictures")


def test_a_trial_takes_its_share_of_a_gpu_before_the_base_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NoFurther(Exception):
        pass

    def build(task: TrialTask) -> None:
        raise NoFurther

    shares: list[float | None] = []
    monkeypatch.setattr(memory, "limit_memory", shares.append)
    monkeypatch.setattr(session.Workshop, "build", build)
    paths = {"folder": tmp_path, "study": tmp_path, "prepared": tmp_path}
    task = TrialTask(trial="t0000", config=TrialConfig(), seed=0, base_model="x", gpus=0.25, **paths)
    with pytest.raises(NoFurther):
        LoraTrial(task.model_dump(mode="json")).open_session()
    assert shares == [0.25]


def task_in(folder: Path) -> TrialTask:
    """A task whose files are all in one folder."""
    paths = {"folder": folder, "study": folder, "prepared": folder}
    return TrialTask(trial="t0000", config=TrialConfig(), seed=0, base_model="x", **paths)


def test_a_trial_of_which_no_row_fits_says_what_to_do(tmp_path: Path) -> None:
    trial = LoraTrial(task_in(tmp_path).model_dump(mode="json"))
    said = trial._failed(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."))
    assert said["failure"].startswith("one row at a time does not fit memory beside the base model — have pictures")


class Base:
    """Stands for a workshop with its base, whose modules refer to each other."""

    key = ("another",)

    def __init__(self) -> None:
        self.part = self


def test_a_base_is_let_go_before_the_next_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trial = LoraTrial(task_in(tmp_path).model_dump(mode="json"))
    trial._workshop = Base()  # type: ignore[assignment]
    before = weakref.ref(trial._workshop)
    monkeypatch.setattr(session, "TrialSession", lambda task, workshop: workshop)
    monkeypatch.setattr(session.Workshop, "build", lambda task: before())
    assert trial.open_session() is None
