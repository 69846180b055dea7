"""What the Trainable makes of an error that ends its process."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest
import torch

from spaces.trial_config import TrialConfig
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
