"""What doctor says of trials that were tried out on a GPU."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from search import checkup
from spaces.space import load_space
from spaces.trial_config import TrialConfig
from trainables.sizing import Cost

GB = 10**9


class Tried:
    """Stands for a GPU that has memory for so many rows."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.base = SimpleNamespace(device=SimpleNamespace(type="cuda"))
        self.engine = SimpleNamespace(micro_batch=None)
        self.study = SimpleNamespace(training=range(100))

    def cost(self, config: TrialConfig, *, measure: bool, timed: bool) -> Cost:
        """As it is measured: memory that ran out was never allocated."""
        assert measure
        assert not timed
        at_once = min(config.batch_size, self.rows)
        return Cost(8 * GB, GB, at_once * GB, None, None, at_once)


@pytest.mark.parametrize(("rows", "notes"), [(8, 0), (4, 2)])
def test_a_batch_that_ran_out_of_memory_is_named(monkeypatch: pytest.MonkeyPatch, rows: int, notes: int) -> None:
    monkeypatch.setattr(checkup, "_memory_of", lambda _: 24 * GB)
    tried: Any = Tried(rows)
    first = Cost(8 * GB, GB, 4 * GB, 1.0, 1.0, 4)
    found = list(checkup._memory(tried, load_space("lora"), TrialConfig(), first))
    assert [finding.level for finding in found] == ["note"] * notes
    if notes:
        assert found[0].what == (
            "batch_size 8 with attention and rank 32 does not fit 24.0 GB at once, but 4 of its rows do"
        )
        assert found[0].remedy.startswith("such trials halve their micro-batch themselves")
