"""Which encoded rows one trial trains on, holds out and replays."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from spaces.trial_config import TrialConfig
from trainables.encoding import Encoded


@dataclass(frozen=True)
class TrainingSet:
    """The rows of one trial, cut to its max_length.

    cut_answers: rows whose answer lost its tail to max_length.
    """

    rows: tuple[Encoded, ...]
    held_out: tuple[Encoded, ...]
    replay: tuple[Encoded, ...]
    replayed: int
    cut_answers: int

    def epoch(self, seed: int, epoch: int) -> list[Encoded]:
        """The rows of an epoch in their order, drawn from (seed, epoch) alone so that a resume agrees."""
        generator = torch.Generator().manual_seed(seed * 100_003 + epoch)
        drawn: list[Encoded] = []
        while len(drawn) < self.replayed:
            order = torch.randperm(len(self.replay), generator=generator).tolist()
            drawn += [self.replay[index] for index in order]
        rows = [*self.rows, *drawn[: self.replayed]]
        return [rows[index] for index in torch.randperm(len(rows), generator=generator).tolist()]

    def steps(self, batch_size: int) -> int:
        """Optimizer steps an epoch."""
        return math.ceil((len(self.rows) + self.replayed) / batch_size)


def select(
    config: TrialConfig,
    rows: Sequence[tuple[str, Encoded]],
    replay: Sequence[Encoded],
    held_out_share: float,
) -> TrainingSet:
    """Choose a configuration's rows from (character, row) pairs.

    The last images of each character are held out, the same for every trial; of the others the
    first `images_per_character` are trained on.
    """
    images: dict[str, dict[str, None]] = defaultdict(dict)
    for character, row in rows:
        images[character][row.image] = None
    kept, held = set(), set()
    for names in images.values():
        ordered = list(names)
        n_held = math.floor(len(ordered) * held_out_share)
        held.update(ordered[len(ordered) - n_held :])
        kept.update(ordered[: len(ordered) - n_held][: config.images_per_character])
    # A picture may show two characters: held out for one, it must not be trained on for the other.
    kept -= held
    train = [row for _, row in rows if row.image in kept]
    cut = [row.cut(config.max_length) for row in train]
    return TrainingSet(
        rows=tuple(cut),
        held_out=tuple(row.cut(config.max_length) for _, row in rows if row.image in held),
        replay=tuple(row.cut(config.max_length) for row in replay),
        replayed=math.ceil(len(train) * (config.replay_ratio or 0)) if replay else 0,
        cut_answers=sum(len(short.answer) < len(full.answer) for short, full in zip(cut, train, strict=True)),
    )
