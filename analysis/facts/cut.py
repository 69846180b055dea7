"""How many training answers max_length cuts."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from search.run.trial_row import TrialRow
from spaces.trial_config import TrialConfig
from studies.study import Study, units_by_character


def cut_shares(
    study: Study, rows: Sequence[TrialRow], epochs: Mapping[str, Sequence[Mapping[str, Any]]]
) -> dict[int, float]:
    """max_length -> share of the training answers that it cut, [0, 1], in the mean of the trials that had it."""
    found: dict[int, list[float]] = {}
    for row in rows:
        config = TrialConfig.model_validate(row.config)
        trained = rows_trained(study, config)
        if epochs.get(row.id) and trained:
            cut = max(int(epoch.get("cut_answers") or 0) for epoch in epochs[row.id])
            found.setdefault(config.max_length, []).append(cut / trained)
    return {length: statistics.fmean(shares) for length, shares in found.items()}


def rows_trained(study: Study, config: TrialConfig) -> int:
    """How many training rows a configuration trains on: those that `trainables.training_set.select` keeps."""
    kept, held = set(), set()
    for units in units_by_character(study.training).values():
        n_held = math.floor(len(units) * study.file.evaluation.held_out)
        held.update(units[len(units) - n_held :])
        kept.update(units[: len(units) - n_held][: config.images_per_character])
    return sum(example.unit in kept - held for example in study.training)
