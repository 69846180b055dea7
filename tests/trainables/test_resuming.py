"""What a checkpoint holds beside the adapter, and what writing it takes."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import peft.utils.save_and_load
import pytest
import torch
from peft import PeftModel

from search.options import Options
from skazka_text.problems import InputError
from spaces.trial_config import TrialConfig
from studies.checks import load_study
from trainables.base_model import BaseModel
from trainables.checkpoint import newest
from trainables.checkpoint_files import ADAPTER, STATE, checkpoint_bytes, checkpoint_folder
from trainables.prepared import prepare
from trainables.random_state import random_state, set_random_state
from trainables.session import TrialSession, Workshop
from trainables.task import Moments, TrialTask


@pytest.fixture(scope="module")
def made(tiny_study: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[TrialTask, Workshop]:
    """A trial and a worker that can train it."""
    study = load_study(tiny_study)
    folder = tmp_path_factory.mktemp("shared") / "prepared"
    prepare(study, BaseModel.load(study.base_model, study.file.base_model)).save(folder)
    config = TrialConfig(rank=8, epochs=4, learning_rate=1e-3, batch_size=2, dropout=0.1)
    task = TrialTask(
        trial="t0000",
        config=config,
        seed=3,
        folder=folder.parent / "t0000",
        study=tiny_study,
        prepared=folder,
        base_model=str(tiny_model),
    )
    return task, Workshop.build(task)


def trained(made: tuple[TrialTask, Workshop], folder: Path, **changes: Any) -> list[float]:
    """Train losses of four epochs, broken off after two; the checkpoints stay in `folder`."""
    task = made[0].model_copy(update={"folder": folder, **changes})
    losses = []
    for _ in range(2):
        session = TrialSession(task, made[1])
        session.resume()
        losses += [session.epoch().train_loss for _ in range(2)]
        session.close()
    return losses


def test_moments_in_bfloat16_are_half_as_large_and_train_on_nearly_alike(
    made: tuple[TrialTask, Workshop], tmp_path: Path
) -> None:
    whole = trained(made, tmp_path / "whole")
    halved = trained(made, tmp_path / "halved", moments="bfloat16")
    # Rounded is only what is read again: the third epoch begins from the same weights.
    assert halved[:2] == whole[:2]
    assert halved[2:] == pytest.approx(whole[2:], rel=0.02)
    found, _ = newest(tmp_path / "halved", made[0].identity)
    assert found is not None
    kinds = {name.rpartition(".")[2]: value.dtype for name, value in found.state().items() if "optimizer" in name}
    # The count of steps is exact: bfloat16 holds no odd number above 256.
    assert kinds == {"step": torch.float32, "exp_avg": torch.bfloat16, "exp_avg_sq": torch.bfloat16}


@pytest.mark.parametrize("moments", ["float32", "bfloat16"])
def test_a_checkpoint_takes_the_bytes_that_are_stated(
    moments: Moments, made: tuple[TrialTask, Workshop], tmp_path: Path
) -> None:
    trained(made, tmp_path, moments=moments)
    folder = checkpoint_folder(tmp_path, 4)
    written = sum((folder / name).stat().st_size for name in (ADAPTER, STATE))
    session = TrialSession(made[0].model_copy(update={"folder": tmp_path}), made[1])
    weights = sum(weight.numel() for weight in made[1].engine.seat.parameters)
    session.close()
    # Names and shapes, the state of the random numbers: some KB.
    assert 0 <= written - checkpoint_bytes(weights, moments) < 30_000
    assert checkpoint_bytes(1_000_000, "float32") == 12_000_000
    assert checkpoint_bytes(1_000_000, "bfloat16") == 8_000_000


def test_no_checkpoint_asks_the_hub(
    made: tuple[TrialTask, Workshop], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def ask(*arguments: Any, **options: Any) -> None:
        asked.append(arguments)
        raise OSError("no network here")

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(socket, "getaddrinfo", ask)
    monkeypatch.setattr(socket.socket, "connect", ask)
    monkeypatch.setattr(peft.utils.save_and_load, "check_file_exists_on_hf_hub", ask)
    base = made[1].engine.base.model
    # As a model of the hub is called.
    monkeypatch.setattr(base, "name_or_path", "someone/model")
    monkeypatch.setattr(base.config, "_name_or_path", "someone/model")
    assert os.environ.get("HF_HUB_OFFLINE") is None
    trained(made, tmp_path)
    assert asked == []
    # And plain peft reads it.
    adapted = PeftModel.from_pretrained(base, str(checkpoint_folder(tmp_path, 4)))
    assert adapted.peft_config["default"].base_model_name_or_path == "someone/model"
    made[1].engine.base.model = adapted.unload()


def test_the_random_states_of_all_gpus_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dropout in the layers on the second GPU draws from that one's."""
    put: dict[Any, torch.Tensor] = {}
    states = [torch.tensor([1], dtype=torch.uint8), torch.tensor([2], dtype=torch.uint8)]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_rng_state_all", lambda: states)
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda state, device: put.update({device: state}))
    kept = random_state()
    set_random_state(kept, torch.device("cuda:0"))
    assert put == dict(enumerate(states))
    put.clear()
    # As the first versions kept it; and on a machine with fewer GPUs.
    set_random_state({"cpu": kept["cpu"], "cuda": states[1]}, torch.device("cuda:0"))
    assert put == {torch.device("cuda:0"): states[1]}
    put.clear()
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    set_random_state(kept, torch.device("cuda:0"))
    assert put == {0: states[0]}


def test_a_type_of_moments_that_is_none_is_refused() -> None:
    with pytest.raises(InputError) as refused:
        Options.asked(moments="float16")
    [problem] = refused.value.problems
    assert (problem.field, problem.message) == ("--moments", "must be one of float32, bfloat16, got float16")
