"""What the tests share: a model and a study small enough to train in a second, and one local Ray."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from benchmarks.campaigns.tiny import make_tiny_model, make_tiny_study


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Two threads on shared cores are slower, and sums in another order."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LLaVA of the demo's shape with random weights, saved as any hub model is."""
    return make_tiny_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="session")
def tiny_study(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    """The folder of a study with two training images a target and one probe a character and split."""
    return make_tiny_study(tmp_path_factory.mktemp("study"), tiny_model)


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[None]:
    """One local Ray for all tests of this session that need one."""
    import ray

    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield
    ray.shutdown()
