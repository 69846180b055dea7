"""Which encoded rows one trial trains on, holds out and replays."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from spaces.trial_config import TrialConfig
from trainables.encoding import Encoded


@dataclass(frozen=True)
class TrainingSet:
    """The rows of one trial, cut to its max_length.

    replayed: replay rows an epoch. cut_answers: rows whose answer lost its tail to max_length. groups: places in
    `rows` by character where each is to have as many rows an epoch; empty takes every row once. variants: of each
    training picture beside itself; an epoch draws one or the other.
    """

    rows: tuple[Encoded, ...]
    held_out: tuple[Encoded, ...] = ()
    replay: tuple[Encoded, ...] = ()
    replayed: int = 0
    cut_answers: int = 0
    groups: tuple[tuple[int, ...], ...] = ()
    variants: int = 0

    def epoch(self, seed: int, epoch: int) -> list[Encoded]:
        """The rows of an epoch in their order, drawn from (seed, epoch) alone so that a resume agrees."""
        generator = torch.Generator().manual_seed(seed * 100_003 + epoch)
        replayed = _cycled(len(self.replay), self.replayed, generator)
        rows = [*self._own(generator), *(self.replay[place] for place in replayed)]
        return [rows[place] for place in torch.randperm(len(rows), generator=generator).tolist()]

    def _own(self, generator: torch.Generator) -> list[Encoded]:
        """The rows that are not replay, as many as there are."""
        rows = [self.rows[place] for place in self._places(generator)]
        if not self.variants:
            return rows
        drawn = torch.randint(self.variants + 1, (len(rows),), generator=generator).tolist()
        return [replace(row, unit=variant_name(row.unit, number)) for row, number in zip(rows, drawn, strict=True)]

    def _places(self, generator: torch.Generator) -> list[int]:
        if not self.groups:
            return list(range(len(self.rows)))
        share, more = divmod(len(self.rows), len(self.groups))
        # Which characters have the rows that are left over changes from epoch to epoch.
        order = torch.randperm(len(self.groups), generator=generator).tolist()
        wanted = {group: share + (place < more) for place, group in enumerate(order)}
        return [
            self.groups[group][place]
            for group, count in wanted.items()
            for place in _cycled(len(self.groups[group]), count, generator)
        ]

    def beside(self, count: int, seed: int, step: int) -> list[Encoded]:
        """Replay rows to hold to the base beside a batch of `count`, drawn from (seed, step) alone."""
        generator = torch.Generator().manual_seed(seed * 100_003 + step)
        chosen = torch.randperm(len(self.replay), generator=generator)[:count].tolist()
        return [self.replay[place] for place in chosen]

    def steps(self, batch_size: int) -> int:
        """Optimizer steps an epoch."""
        return math.ceil((len(self.rows) + self.replayed) / batch_size)


def _cycled(n: int, count: int, generator: torch.Generator) -> list[int]:
    """`count` places of n, each as often as the others or once more, in a random order."""
    drawn: list[int] = []
    while len(drawn) < count:
        drawn += torch.randperm(n, generator=generator).tolist()
    return drawn[:count]


def variant_name(image: str, number: int) -> str:
    """The name under which the features of a picture's variant stand; variant 0 is the picture itself."""
    return f"{image}#{number}" if number else image


def select(
    config: TrialConfig,
    rows: Sequence[tuple[str, Encoded]],
    replay: Sequence[Encoded],
    held_out_share: float,
) -> TrainingSet:
    """Choose a configuration's rows from (character, row) pairs.

    The last images of each character (without images: questions) are held out, the same for every trial; of the
    others the first `images_per_character` are trained on.
    """
    units: dict[str, dict[str, None]] = defaultdict(dict)
    for character, row in rows:
        units[character][row.unit] = None
    kept, held = set(), set()
    for names in units.values():
        ordered = list(names)
        n_held = math.floor(len(ordered) * held_out_share)
        held.update(ordered[len(ordered) - n_held :])
        kept.update(ordered[: len(ordered) - n_held][: config.images_per_character])
    # A picture may show two characters: held out for one, it must not be trained on for the other.
    kept -= held
    train = [(character, row) for character, row in rows if row.unit in kept]
    cut = [row.cut(config.max_length) for _, row in train]
    return TrainingSet(
        rows=tuple(cut),
        held_out=tuple(row.cut(config.max_length) for _, row in rows if row.unit in held),
        replay=tuple(row.cut(config.max_length) for row in replay),
        replayed=math.ceil(len(train) * (config.replay_ratio or 0)) if replay else 0,
        cut_answers=sum(len(short.answer) < len(full.answer) for short, (_, full) in zip(cut, train, strict=True)),
        groups=_groups(train) if config.balance else (),
        variants=config.augmentation,
    )


def _groups(rows: Sequence[tuple[str, Encoded]]) -> tuple[tuple[int, ...], ...]:
    places: Mapping[str, list[int]] = defaultdict(list)
    for place, (character, _) in enumerate(rows):
        places[character].append(place)
    return tuple(map(tuple, places.values()))
