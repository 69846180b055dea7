"""What the Trainable makes of an error that ends its process."""

from __future__ import annotations

import traceback
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
