"""What each knob did to the score: a difference with its interval, and importance."""

from __future__ import annotations

import math
import statistics
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from analysis.facts.naming import plain
from search.run.ledger import Ledger
from spaces.space import Space

LEVEL = 0.95
# With fewer trials on either side one lucky trial makes the difference.
ENOUGH = 5
# PED-ANOVA asks for this many trials in the best share that it looks at.
ENOUGH_BEST = 5
BEST_SHARE, LARGEST_SHARE = 0.1, 0.5


@dataclass(frozen=True)
class Effect:
    """One knob's two groups of trials.

    high, low: their values in words; the difference is the mean score of `high` less that of `low`.
    interval: of the difference, at LEVEL for all effects of a report together; None where a group has fewer than
    ENOUGH trials or no score differs.
    """

    knob: str
    high: str
    low: str
    n_high: int
    n_low: int
    difference: float
    interval: tuple[float, float] | None

    @property
    def told(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.interval is not None and (self.interval[0] > 0 or self.interval[1] < 0)


@dataclass(frozen=True)
class _Split:
    knob: str
    high_words: str
    low_words: str
    high: list[float]
    low: list[float]


def effects(tried: Sequence[tuple[Mapping[str, Any], float]]) -> list[Effect]:
    """Every varied knob's effect on the score, from (knobs, score) pairs; in the order of the knobs.

    Numbers are split where the two groups are nearest in size; a word is set against all others (of two words, one
    against the other). The intervals are Welch's (unequal variances), each at a level that leaves 95 % for all of
    them together (Bonferroni). Source: Welch, The generalization of Student's problem, Biometrika 34, 1947.
    Trials that have no such knob are left out of its groups. What is varied together cannot be told apart.
    """
    knobs = list(dict.fromkeys(knob for values, _ in tried for knob in values))
    splits = [split for knob in knobs for split in _splits(knob, [(v[knob], s) for v, s in tried if knob in v])]
    measured = sum(min(len(split.high), len(split.low)) >= ENOUGH for split in splits)
    return [_effect(split, 1 - (1 - LEVEL) / max(1, measured)) for split in splits]


def _splits(knob: str, pairs: Sequence[tuple[Any, float]]) -> list[_Split]:
    values = list(dict.fromkeys(value for value, _ in pairs))
    if len(values) < 2:
        return []
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values if value is not None):
        return [_by_size(knob, [(math.inf if value is None else value, score) for value, score in pairs])]
    # The commonest first: the rarest of two says least of itself.
    common = [value for value, _ in Counter(value for value, _ in pairs).most_common()]
    chosen = [True] if set(values) == {True, False} else common[:1] if len(common) == 2 else common
    return [_against_others(knob, value, values, pairs) for value in chosen]


def _by_size(knob: str, pairs: Sequence[tuple[float, float]]) -> _Split:
    levels = sorted({value for value, _ in pairs})
    below = {level: sum(value < level for value, _ in pairs) for level in levels[1:]}
    cut = min(below, key=lambda level: abs(2 * below[level] - len(pairs)))
    under = levels[levels.index(cut) - 1]
    high_words, low_words = _span(cut, levels[-1]), _span(levels[0], under)
    return _Split(knob, high_words, low_words, [s for v, s in pairs if v >= cut], [s for v, s in pairs if v < cut])


def _span(low: float, high: float) -> str:
    ends = [plain(None if math.isinf(end) else end) for end in (low, high)]
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} – {ends[1]}"


def _against_others(knob: str, value: Any, values: Sequence[Any], pairs: Sequence[tuple[Any, float]]) -> _Split:
    others = ", ".join(sorted(plain(other) for other in values if other != value))
    return _Split(knob, plain(value), others, [s for v, s in pairs if v == value], [s for v, s in pairs if v != value])


def _effect(split: _Split, level: float) -> Effect:
    difference = statistics.fmean(split.high) - statistics.fmean(split.low)
    bare = Effect(split.knob, split.high_words, split.low_words, len(split.high), len(split.low), difference, None)
    if min(len(split.high), len(split.low)) < ENOUGH:
        return bare
    if len(set(split.high)) == len(set(split.low)) == 1:
        return bare
    from scipy.stats import ttest_ind

    with warnings.catch_warnings():
        # Of a group whose scores are all the same; the other one's variance is enough.
        warnings.filterwarnings("ignore", "Precision loss occurred", RuntimeWarning)
        interval = ttest_ind(split.high, split.low, equal_var=False).confidence_interval(level)
    return replace(bare, interval=(float(interval.low), float(interval.high)))


@dataclass(frozen=True)
class Importance:
    """PED-ANOVA's share of each searched knob, summing to 1. best, of: trials taken as good, and all of them."""

    shares: Mapping[str, float]
    best: int
    of: int


def importance(ledger: Ledger, space: Space) -> Importance | None:
    """How much each knob decides whether a trial is among the best; None for fewer than 2 * ENOUGH_BEST trials.

    The best tenth of the trials, or more where that is fewer than ENOUGH_BEST.
    Source: Watanabe et al., PED-ANOVA, IJCAI 2023, as Optuna computes it.
    """
    import optuna
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    from search.tuning.optuna_study import rebuild

    study = rebuild(ledger, space)
    complete = len(study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.COMPLETE]))
    if complete * LARGEST_SHARE < ENOUGH_BEST:
        return None
    share = max(BEST_SHARE, ENOUGH_BEST / complete)
    shares = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator(target_quantile=share))
    return Importance(shares, math.ceil(share * complete), complete)
