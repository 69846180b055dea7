"""Preparing a run in the test's own process, which has loaded what a fresh one takes seconds to load."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from search import launch
from search.run.run_folder import RunFolder
from search.tuning import preparation
from trainables.facts import Facts


@contextmanager
def prepared_here() -> Iterator[None]:
    """Launches within it prepare here, not on a worker; for tests of what comes after, of runs that can be prepared."""

    def prepare(folder: RunFolder, *, cpus: float, gpus: float) -> Facts:
        preparation.prepare_run(folder)
        return preparation._facts(folder, os.getpid(), 0, "")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launch, "prepare_on_cluster", prepare)
        yield
