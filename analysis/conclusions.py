"""The best trial and why: its parts against others', and what became of the characters. Numbers first, then words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.messages import Messages
from analysis.tables import CharacterResult
from search.trial_row import TrialRow
from spaces.trial_config import KNOBS, TrialConfig
from studies.study import ScoreWeights

# The team's own names and order, so that a line of this report reads like a line of theirs.
_HAND_NAMES = {
    "rank": "lora_r",
    "alpha_ratio": "lora_alpha",
    "dropout": "lora_dropout",
    "max_length": "max_length",
    "epochs": "num_epochs",
}


def configuration(config: TrialConfig) -> str:
    """A configuration as the team writes it: `lora_r=16, lora_alpha=32, …`, then the other knobs that are set."""
    values = config.model_dump(mode="json")
    values["alpha_ratio"] = config.alpha
    if values["images_per_character"] is None:
        values["images_per_character"] = "all"
    ordered = [*_HAND_NAMES, *(knob for knob in KNOBS if knob not in _HAND_NAMES)]
    knobs = [knob for knob in ordered if values[knob] is not None]
    return ", ".join(f"{_HAND_NAMES.get(knob, knob)}={_plain(values[knob])}" for knob in knobs)


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class Difference:
    """By how much one trial's score is above another's, and what each part adds to that; the three sum to `score`."""

    score: float
    gain: float
    degradation: float
    hallucination: float


def difference(row: TrialRow, other: TrialRow, weights: ScoreWeights) -> Difference | None:
    """How two scores differ, weighted part by weighted part; None when a part is missing."""
    mine, theirs = _parts(row), _parts(other)
    if mine is None or theirs is None:
        return None
    gain, degradation, hallucination = (a - b for a, b in zip(mine, theirs, strict=True))
    parts = (gain, -weights.degradation * degradation, -weights.hallucination * hallucination)
    return Difference(sum(parts), *parts)


def _parts(row: TrialRow) -> tuple[float, float, float] | None:
    if row.gain is None or row.degradation is None or row.hallucination is None:
        return None
    return row.gain, row.degradation, row.hallucination


def number(value: float | None) -> str:
    """A part of the score to four decimals; a dash when missing."""
    return "—" if value is None else f"{value + 0.0:.4f}"


def signed(value: float) -> str:
    """A difference to four decimals with its sign."""
    return f"{round(value, 4) + 0.0:+.4f}"


def why_best(
    best: TrialRow,
    ranked: Sequence[TrialRow],
    results: Sequence[CharacterResult],
    weights: ScoreWeights,
    messages: Messages,
) -> list[str]:
    """Sentences that explain the best trial from numbers.

    ranked: all scored trials, best first. results: the best trial's characters; empty leaves them out.
    """
    lines = []
    others = [row for row in ranked if row.id != best.id]
    baseline = next((row for row in others if row.kind == "baseline"), None)
    if best.kind == "baseline":
        lines.append(messages.text("best_is_baseline"))
    elif baseline is not None:
        lines += _against("against_baseline", best, baseline, weights, messages)
    if others and not (best.kind != "baseline" and others[0] is baseline):
        lines += _against("against_next", best, others[0], weights, messages)
    return [*lines, *(_characters(results, messages) if results else [])]


def _against(key: str, best: TrialRow, other: TrialRow, weights: ScoreWeights, messages: Messages) -> list[str]:
    by = difference(best, other, weights)
    if by is None:
        return []
    parts = {part: signed(getattr(by, part)) for part in ("gain", "degradation", "hallucination")}
    lines = [messages.text(key, other=label(other), score=number(other.score), difference=number(by.score), **parts)]
    if best.score == other.score:
        margins = {"margin": number(best.name_margin), "other_margin": number(other.name_margin)}
        lines.append(messages.text("decided_by_margin", **margins))
    return lines


def label(row: TrialRow) -> str:
    """A trial's name with its id, or the id alone where they are the same."""
    return row.name if row.name == row.id else f"{row.name} ({row.id})"


def _characters(results: Sequence[CharacterResult], messages: Messages) -> list[str]:
    targets = [result for result in results if result.role == "target"]
    unlearnt = [result for result in targets if 2 * result.right_after < result.asked]
    degraded = [result for result in results if result.role == "control" and result.flips]
    improved = most_improved(targets)
    return [
        _sentence("most_improved", "none_improved", [_rise(result, messages) for result in improved], messages),
        _sentence("unlearnt", "all_learnt", [_share(r, r.right_after, messages) for r in unlearnt], messages),
        _sentence("degraded", "none_degraded", [_share(r, r.flips, messages) for r in degraded], messages),
    ]


def most_improved(targets: Sequence[CharacterResult]) -> list[CharacterResult]:
    """The targets whose share of right answers rose most, all of them when equal; none when none rose."""
    rises = [(result.right_after - result.right_before) / result.asked for result in targets]
    highest = max(rises, default=0.0)
    return [result for result, rise in zip(targets, rises, strict=True) if rise == highest > 0]


def _rise(result: CharacterResult, messages: Messages) -> str:
    return messages.text(
        "rise", name=result.character, before=result.right_before, after=result.right_after, asked=result.asked
    )


def _share(result: CharacterResult, count: int, messages: Messages) -> str:
    return messages.text("share", name=result.character, count=count, asked=result.asked)


def _sentence(some: str, none: str, names: Sequence[str], messages: Messages) -> str:
    return messages.text(some, names=", ".join(names)) if names else messages.text(none)
