"""Rates, tests and intervals that do not promise more than the answers can tell. The unit is the image."""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import NormalDist
from typing import TYPE_CHECKING

from studies.study import ScoreWeights
from trainables.answers import GradedAnswer
from trainables.scoring import (
    PARTS,
    SCORE_AND_PARTS,
    OfScore,
    ScorePart,
    change_of,
    composite,
    contributions,
    score_answers,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LARGEST_DENOMINATOR = 1000
# Steps of the exact test beyond which it is replaced by random flips: about 0.1 s.
EXACT_STEPS = 50_000_000
RANDOM_FLIPS = 100_000
# More would not fit a float: the ways to choose half of them.
MOST_VALUES = 1000


@dataclass(frozen=True)
class Interval:
    """Where a number lies; both bounds NaN where nothing is known."""

    low: float
    high: float


UNKNOWN = Interval(math.nan, math.nan)


def wilson(right: int, asked: int, level: float = 0.95) -> Interval:
    """The score interval of a rate, within [0, 1]; NaN bounds when `asked` is 0.

    Source: Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927).
    """
    if not asked:
        return UNKNOWN
    from scipy.stats import binomtest

    interval = binomtest(right, asked).proportion_ci(level, method="wilson")
    return Interval(float(interval.low), float(interval.high))


def paired_interval(differences: Sequence[float], level: float = 0.95) -> Interval:
    """Where the mean of paired differences lies, within [-1, 1]; each difference is in [-1, 1]; NaN bounds of none.

    Two made-up images, half of one rising, half of one falling and one that stays, keep the interval from having no
    width where all images agree.
    Source: Agresti and Min, Simple improved confidence intervals for comparing matched proportions, Statistics in
    Medicine 24 (2005), with an image's mean difference in the place of a single answer's.
    """
    if not differences:
        return UNKNOWN
    count = len(differences) + 2
    mean = math.fsum(differences) / count
    variance = (math.fsum(value * value for value in differences) + 1) / count - mean * mean
    half = _quantile(level) * math.sqrt(variance / count)
    return Interval(max(-1.0, mean - half), min(1.0, mean + half))


def _quantile(level: float) -> float:
    return NormalDist().inv_cdf(0.5 + level / 2)


def sign_flip(differences: Sequence[float]) -> float:
    """Two-sided p-value, (0, 1], of the mean of paired differences when each sign is as likely as the other.

    Exact for rational differences such as shares of a few answers; of others, and where the sums would be too many,
    100,000 seeded random flips, counting the observed one. 1.0 of none and of zeros.
    Source: Fisher, The Design of Experiments (1935), §21; Pitman, Significance tests, JRSS Supplement 4 (1937).
    """
    changed = [value for value in differences if value]
    if not changed:
        return 1.0
    whole = _whole(changed)
    if whole is None or len(whole) * sum(map(abs, whole)) > EXACT_STEPS:
        return _random_flips(changed)
    return _exact_flips(whole)


def _whole(values: Sequence[float]) -> list[int] | None:
    """The values times one number that makes them whole, as small as it can be; None where they are not rational."""
    fractions = [Fraction(value).limit_denominator(LARGEST_DENOMINATOR) for value in values]
    if any(abs(float(found) - value) > 1e-9 for found, value in zip(fractions, values, strict=True)):
        return None
    scale = math.lcm(*(found.denominator for found in fractions))
    scaled = [int(found * scale) for found in fractions]
    divisor = math.gcd(*scaled)
    return [value // divisor for value in scaled]


def _exact_flips(whole: Sequence[int]) -> float:
    import numpy as np

    # The sum of flipped values is `total` less twice the part that is negative: count the sums of those parts.
    total = sum(map(abs, whole))
    chance = np.zeros(total + 1)
    chance[0] = 1.0
    for value in map(abs, whole):
        shifted = np.zeros_like(chance)
        shifted[value:] = chance[:-value]
        chance = 0.5 * (chance + shifted)
    tail = float(chance[: (total - abs(sum(whole))) // 2 + 1].sum())
    return max(min(1.0, 2 * tail), sys.float_info.min)


def _random_flips(values: Sequence[float]) -> float:
    import numpy as np

    random, given = np.random.default_rng(0), np.asarray(values)
    reached, seen = 0, abs(given.sum()) * (1 - 1e-12)
    for _ in range(100):
        signs = random.choice((-1.0, 1.0), size=(RANDOM_FLIPS // 100, len(given)))
        reached += int((np.abs(signs @ given) >= seen).sum())
    return (reached + 1) / (RANDOM_FLIPS + 1)


def told_apart(own: Sequence[float], others: Sequence[float]) -> float:
    """One-sided p-value, (0, 1], that the mean of `own` is above that of `others` when labels are shuffled.

    Exact for rational values such as shares of a few answers: counts the ways to choose as many of all values as
    `own` has by their sum. Of others, and where these are too many, 100,000 seeded random choices. 1.0 where either
    side is empty. Source: Fisher, The Design of Experiments (1935); Pitman, JRSS Supplement 4 (1937).
    """
    import numpy as np

    values = [*own, *others]
    if not own or not others:
        return 1.0
    whole = _whole(values) if any(values) else [0] * len(values)
    if whole is None or len(values) > MOST_VALUES or len(values) * len(own) * sum(whole) > EXACT_STEPS:
        random, seen = np.random.default_rng(0), sum(own) * (1 - 1e-12)
        drawn = (random.permutation(values)[: len(own)].sum() for _ in range(RANDOM_FLIPS))
        return (sum(bool(total >= seen) for total in drawn) + 1) / (RANDOM_FLIPS + 1)
    ways = np.zeros((len(own) + 1, sum(whole) + 1))
    ways[0, 0] = 1.0
    for value in whole:
        ways[1:, value:] += ways[:-1, : ways.shape[1] - value].copy()
    return float(ways[-1, sum(whole[: len(own)]) :].sum() / ways[-1].sum())


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values adjusted for their number, in the given order; any at most alpha is supported at level alpha.

    Source: Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6 (1979).
    """
    adjusted, highest = [1.0] * len(p_values), 0.0
    for place, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, (len(p_values) - place) * p_values[index])
        adjusted[index] = min(1.0, highest)
    return adjusted


def images_needed(differences: Sequence[float], alpha: float) -> int | None:
    """About how many images bring `sign_flip` to alpha if more of them differ as these do; None for a mean of 0.

    The flipped sum of n images has mean 0 and variance n s², with s² the mean of the squared differences (not around
    their mean: that is what flips vary by), so their mean d reaches alpha at n = z² s² / d² (Pitman 1937, normal
    approximation). It cannot with fewer than 1 + log2(1 / alpha) images that changed: all signs agree in 2 of 2^n
    flips. With as many the test is passed if the mean is as seen, which half of all repetitions fall short of.
    """
    mean = math.fsum(differences) / len(differences) if differences else 0.0
    if abs(mean) < 1e-12:
        return None
    squares = math.fsum(value * value for value in differences) / len(differences)
    normal = _quantile(1 - alpha) ** 2 * squares / mean**2
    least = math.ceil(1 + math.log2(1 / alpha))
    changed = sum(value != 0 for value in differences)
    return math.ceil(max(normal, least * len(differences) / changed))


class ScoreInterval(OfScore[Interval]):
    """Where a score and its parts lie."""


@dataclass(frozen=True)
class SeedSpread:
    """What scores of one configuration vary by from seed to seed, learnt from the repeats of several.

    deviations: of the score and its P parts, (1 + P,). degrees: of freedom, repeats less configurations.
    """

    deviations: tuple[float, ...]
    degrees: int


def seed_spread(scores: Sequence[Sequence[Sequence[float]]]) -> SeedSpread | None:
    """The pooled deviation of repeats from the mean of their configuration; None where nobody was repeated.

    scores: of each configuration the score and its parts of each repeat, (configurations, repeats, 1 + P).
    Taken for the same in all of them, which 2 or 3 repeats of one could not tell from anything else.
    """
    import numpy as np

    groups = [np.array(repeats) for repeats in scores if len(repeats) > 1]
    degrees = sum(len(repeats) - 1 for repeats in groups)
    if not degrees:
        return None
    squares = sum(((repeats - repeats.mean(axis=0)) ** 2).sum(axis=0) for repeats in groups)
    return SeedSpread(tuple(np.sqrt(squares / degrees).tolist()), degrees)


def score_interval(
    before: Sequence[GradedAnswer],
    runs: Sequence[Sequence[GradedAnswer]],
    images: Mapping[str, str],
    roles: Mapping[str, str],
    weights: ScoreWeights,
    spread: SeedSpread | None = None,
    *,
    level: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
) -> ScoreInterval:
    """Where a configuration's score lies: its mean over new images and, from two repeats on, over new seeds.

    runs: each repeat's answers to the probes of `before`, else ValueError. images: probe -> its image.
    An image is drawn with all its questions and repeats, within its character; characters with a single image are
    drawn together within their role, which makes the interval wider, and NaN where such a character is alone.
    One run cannot tell what another seed would give: its interval is that of this training only. spread: what seeds
    change, where it is known from more than these runs.
    A loss or wrong names that were never seen have the upper bound of Wilson, with an image as one answer.

    Deviations are enlarged by sqrt(n / (n - 1)), without which few images give too narrow an interval (Efron,
    The Jackknife, the Bootstrap and Other Resampling Plans, 1982). To the deviations of images that of seeds is added
    as Behrens and Fisher add two means: a Student t of (repeats - 1) degrees, or of those of `spread`. The
    spread of repeats already holds what an image varies by from seed to seed, so it is taken out of the images'
    deviations.
    """
    sample = _Sample.of(before, runs, images, roles, weights)
    if sample.alone:
        return ScoreInterval(*[UNKNOWN] * len(SCORE_AND_PARTS))
    drawn = _Draws(sample, draws, seed).of(sample, weights, spread)
    limits = _limits(weights)
    found = {name: _bounds(values.clip(*limits[name]), level) for name, values in drawn.items()}
    for place, part in enumerate(PARTS):
        if part.direction == "min" and not sample.contributions[:, place].any():
            found[part.name] = Interval(0.0, wilson(0, sample.concerned[place], level).high)
    return ScoreInterval(**found)


def _limits(weights: ScoreWeights) -> dict[str, tuple[float, float]]:
    """The least and the greatest value of the score and of each part."""
    parts = {part.name: part.limits for part in PARTS}
    worst = contributions({part.name: max(map(abs, part.limits)) for part in PARTS}, weights)
    return {"score": (-sum(map(abs, worst.values())), 1.0), **parts}


def difference_interval(
    before: Sequence[GradedAnswer],
    first: Sequence[Sequence[GradedAnswer]],
    second: Sequence[Sequence[GradedAnswer]],
    images: Mapping[str, str],
    roles: Mapping[str, str],
    weights: ScoreWeights,
    spread: SeedSpread | None = None,
    *,
    level: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
) -> ScoreInterval:
    """Where the score of `first` less that of `second` lies, both of them repeats of one configuration.

    Both are asked the same probes, so an image is drawn for both at once; seeds are drawn apart. Else as
    `score_interval`.
    """
    ours = _Sample.of(before, first, images, roles, weights)
    theirs = _Sample.of(before, second, images, roles, weights)
    if ours.alone:
        return ScoreInterval(*[UNKNOWN] * len(SCORE_AND_PARTS))
    draw = _Draws(ours, draws, seed)
    mine, other = draw.of(ours, weights, spread), draw.of(theirs, weights, spread)
    return ScoreInterval(**{name: _bounds(mine[name] - other[name], level) for name in mine})


def _bounds(values: Floats, level: float) -> Interval:
    import numpy as np

    low, high = np.quantile(values, [0.5 - level / 2, 0.5 + level / 2])
    return Interval(float(low), float(high))


@dataclass(frozen=True)
class _Sample:
    """One configuration's answers by image; R repeats, P parts of the score, I images of one character each.

    scores: (R, 1 + P), score and parts. contributions: (R, P, I), what each image adds to a part; they sum to it,
    those of `only_rise` not yet kept from below 0. asked: (I,), questions. strata: the images that are drawn together.
    concerned: (P,), images that a part speaks of.
    """

    scores: Floats
    contributions: Floats
    asked: Floats
    strata: tuple[tuple[int, ...], ...]
    concerned: tuple[int, ...]

    @classmethod
    def of(
        cls,
        before: Sequence[GradedAnswer],
        runs: Sequence[Sequence[GradedAnswer]],
        images: Mapping[str, str],
        roles: Mapping[str, str],
        weights: ScoreWeights,
    ) -> _Sample:
        import numpy as np

        if not runs:
            raise ValueError("runs must hold the answers of at least one run, got none")
        # The score is asked first: it refuses runs that answer other probes.
        scores = [list(vars(score_answers(before, run, roles, weights)).values()) for run in runs]
        shown = [(graded.character, images[graded.answer.probe]) for graded in before]
        places = {unit: place for place, unit in enumerate(dict.fromkeys(shown))}
        image_of = np.array([places[unit] for unit in shown])
        asked = np.bincount(image_of).astype(float)
        character_roles = [roles[character] for character, _ in places]
        values = np.array([[np.bincount(image_of, part) for part in _changes(before, run)] for run in runs])
        return cls(
            np.array(scores),
            values * _shares([character for character, _ in places], character_roles, asked),
            asked,
            _strata(list(places), roles),
            tuple(_concerned(part, character_roles).count(True) for part in PARTS),
        )

    @property
    def alone(self) -> bool:
        """Whether some image has none that it could be exchanged for."""
        return any(len(stratum) < 2 for stratum in self.strata)

    def deviations(self) -> Floats:
        """By how much each image is off its stratum, (R, P, I): zero in sum, and of the variance of new images."""
        import numpy as np

        found = np.empty_like(self.contributions)
        for stratum in map(list, self.strata):
            mine, asked, count = self.contributions[:, :, stratum], self.asked[stratum], len(stratum)
            expected = mine.sum(axis=-1, keepdims=True) * asked / asked.sum()
            found[:, :, stratum] = (mine - expected) * math.sqrt(count / (count - 1))
        return found


def _changes(before: Sequence[GradedAnswer], after: Sequence[GradedAnswer]) -> list[list[float]]:
    """What each part sees in each probe, (P, probes): what it takes the mean of."""
    changes = [change_of(first.character, "", [(first, second)]) for first, second in zip(before, after, strict=True)]
    return [[part.change(change) for change in changes] for part in PARTS]


def _concerned(part: ScorePart, roles: Sequence[str]) -> list[bool]:
    """Of which characters' roles a part speaks."""
    return [part.role in (None, role) for role in roles]


def _shares(characters: Sequence[str], roles: Sequence[str], asked: Floats) -> Floats:
    """What one answer of each image weighs in each part, (P, I): in a mean of characters, or as a share of all."""
    import numpy as np

    totals: dict[str, float] = {}
    for character, count in zip(characters, asked, strict=True):
        totals[character] = totals.get(character, 0.0) + float(count)
    of_character = np.array([totals[character] for character in characters])
    return np.array([_share(part, characters, roles, asked, of_character) for part in PARTS])


def _share(
    part: ScorePart, characters: Sequence[str], roles: Sequence[str], asked: Floats, of_character: Floats
) -> Floats:
    import numpy as np

    if part.role is None:
        return np.full(len(asked), 1 / asked.sum())
    mine = np.array(_concerned(part, roles))
    members = len({character for character, concerned in zip(characters, mine, strict=True) if concerned})
    share: Floats = mine / (of_character * max(1, members))
    return share


def _strata(units: Sequence[tuple[str, str]], roles: Mapping[str, str]) -> tuple[tuple[int, ...], ...]:
    """Images by character; the single images of characters that have no other together by role.

    Source of the collapsed strata: Cochran, Sampling Techniques (1977), §5A.12.
    """
    count = Counter(character for character, _ in units)
    strata: dict[tuple[str, str], list[int]] = {}
    for place, (character, _) in enumerate(units):
        strata.setdefault((roles[character], character if count[character] > 1 else ""), []).append(place)
    return tuple(tuple(stratum) for stratum in strata.values())


class _Draws:
    """Draws of images, the same for every configuration, and of seeds, apart for each.

    counts: (draws, I), how often each image is drawn.
    """

    def __init__(self, sample: _Sample, draws: int, seed: int) -> None:
        import numpy as np

        self.random = np.random.default_rng(seed)
        self.counts = np.empty((draws, len(sample.asked)))
        for stratum in map(list, sample.strata):
            even = [1 / len(stratum)] * len(stratum)
            self.counts[:, stratum] = self.random.multinomial(len(stratum), even, size=draws)

    def of(self, sample: _Sample, weights: ScoreWeights, spread: SeedSpread | None) -> dict[str, Floats]:
        """Drawn scores and parts by name, (draws,) each."""
        import numpy as np

        moved = np.tensordot(self.counts, sample.deviations(), axes=(1, 2))  # (draws, R, P)
        moved = moved + sample.contributions.sum(axis=-1)
        parts: dict[str, Floats] = {
            part.name: np.maximum(0.0, moved[..., place]) if part.only_rise else moved[..., place]
            for place, part in enumerate(PARTS)
        }
        values = np.stack([composite(parts, weights), *parts.values()], axis=-1)
        drawn = self._with_seeds(values, sample.scores, spread)
        return dict(zip(SCORE_AND_PARTS, drawn.T, strict=True))

    def _with_seeds(self, drawn: Floats, scores: Floats, spread: SeedSpread | None) -> Floats:
        """Means over repeats, (draws, 1 + P), with what other seeds would change.

        drawn: (draws, R, 1 + P). scores: (R, 1 + P).
        """
        import numpy as np

        means: Floats = drawn.mean(axis=1)
        repeats = len(scores)
        if repeats == 1:
            return means
        spread = spread or seed_spread([scores.tolist()])
        assert spread is not None
        by_image = means.var(axis=0)
        by_both = (drawn - means[:, None]).var(axis=0).sum(axis=0) / (repeats * (repeats - 1))
        apart = 1 - np.divide(by_both, by_image, out=np.zeros_like(by_both), where=by_image > 0)
        by_seed = np.array(spread.deviations) / math.sqrt(repeats)
        student = self.random.standard_t(spread.degrees, size=(len(means), 1))
        centre, kept = scores.mean(axis=0), np.sqrt(apart.clip(0, 1))
        moved: Floats = centre + (means - centre) * kept + by_seed * student
        return moved
