"""What the charts of a run show, as plots; how they are drawn is no concern of this module."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.facts.naming import label, plain
from analysis.messages.catalogue import Messages
from analysis.messages.words import short
from analysis.render.plots import Color, Panel, Plot, Series
from search.run.trial_row import SCORED, TrialRow
from spaces.trial_config import KNOBS, value_of
from trainables.metrics import METRICS, OBJECTIVE

# The team's own panels, and the score: metric in the ledger -> title.
PANELS = {OBJECTIVE: OBJECTIVE, **METRICS}
# Lines of parallel coordinates are coloured by the third of the scores that they belong to.
_THIRDS: tuple[tuple[str, Color], ...] = (("worst_third", "grey"), ("middle_third", "blue"), ("best_third", "orange"))
# More names than this beside their points would cover each other.
MOST_WRITTEN = 12
_LOGARITHMIC = ("learning_rate",)


@dataclass(frozen=True)
class Curve:
    """One metric by epoch; epochs without a value are left out."""

    epochs: tuple[int, ...]
    values: tuple[float, ...]


def curves(epochs: Sequence[Mapping[str, Any]]) -> dict[str, Curve]:
    """The panels' curves from a trial's epochs as the ledger keeps them."""
    found = {}
    for metric in PANELS:
        points = [(int(epoch["epoch"]), float(epoch[metric])) for epoch in epochs if epoch.get(metric) is not None]
        found[metric] = Curve(tuple(x for x, _ in points), tuple(y for _, y in points))
    return found


def curves_plot(epochs: Sequence[Mapping[str, Any]], best_epoch: int | None, messages: Messages) -> Plot:
    """A trial's score, losses, learning rate and gradient norm by epoch; a dotted line stands at the best epoch."""
    panels = [
        Panel(
            [Series(PANELS[metric], curve.epochs, curve.values, "line", "blue", legend=False)],
            title=PANELS[metric],
            x_title=messages.text("axis_epoch"),
            whole_x=True,
            mark=best_epoch if curve.epochs else None,
        )
        for metric, curve in curves(epochs).items()
    ]
    return Plot(panels, columns=2, height=780)


@dataclass(frozen=True)
class ScorePoint:
    """One finished trial in the chart of scores; score None for a failed one."""

    number: int
    label: str
    baseline: bool
    score: float | None


@dataclass(frozen=True)
class ScoreChart:
    """Scores by trial number, the best score so far after each of them, and the best baseline's (None without)."""

    points: tuple[ScorePoint, ...]
    best_so_far: tuple[tuple[int, float], ...]
    best_baseline: float | None


def score_chart(rows: Sequence[TrialRow]) -> ScoreChart:
    """What the chart over all trials shows: the completed, stopped and failed ones by number, without repeats."""
    points = [
        ScorePoint(row.number, row.name, row.kind == "baseline", row.score if row.state in SCORED else None)
        for row in sorted(rows, key=lambda row: row.number)
        if row.repeat_of is None and (row.state == "failed" or (row.state in SCORED and row.score is not None))
    ]
    running: list[tuple[int, float]] = []
    for point in points:
        if point.score is not None:
            running.append((point.number, max(point.score, running[-1][1]) if running else point.score))
    baselines = [point.score for point in points if point.baseline and point.score is not None]
    return ScoreChart(tuple(points), tuple(running), max(baselines, default=None))


def scores_plot(rows: Sequence[TrialRow], messages: Messages) -> Plot:
    """Scores by trial number; the baselines are named, failed trials stand at the bottom."""
    chart = score_chart(rows)
    known = [point for point in chart.points if point.score is not None]
    failed = [point for point in chart.points if point.score is None]
    floor = min((point.score or 0.0 for point in known), default=0.0)
    x, y = [number for number, _ in chart.best_so_far], [score for _, score in chart.best_so_far]
    series = [
        Series(messages.text("best_so_far"), x, y, "steps", "blue"),
        _score_points("chart_searched", [point for point in known if not point.baseline], "blue", messages),
        _score_points("chart_baseline", [point for point in known if point.baseline], "orange", messages),
        Series(
            messages.text("chart_failed"),
            [point.number for point in failed],
            [floor] * len(failed),
            "points",
            "red",
            labels=[point.label for point in failed],
            symbol="x",
        ),
    ]
    if chart.best_baseline is not None:
        ends = [chart.points[0].number, chart.points[-1].number]
        series.append(Series(messages.text("best_baseline"), ends, [chart.best_baseline] * 2, "dashes", "orange"))
    drawn = [one for one in series if one.x]
    return Plot([Panel(drawn, x_title=messages.text("axis_trial"), y_title="score", whole_x=True)])


def _score_points(key: str, points: Sequence[ScorePoint], color: Color, messages: Messages) -> Series:
    return Series(
        messages.text(key),
        [point.number for point in points],
        [point.score for point in points],
        "points",
        color,
        labels=[f"{point.label}: {short(point.score or 0.0)}" for point in points],
        written=[point.label for point in points] if color == "orange" and len(points) <= MOST_WRITTEN else (),
        symbol="square" if color == "orange" else "circle",
    )


def pareto_plot(scored: Sequence[TrialRow], front: Sequence[TrialRow], messages: Messages) -> Plot:
    """Gain against degradation: the best is at the top left. front: the trials that none dominates."""
    chosen = {row.id for row in front}
    groups: tuple[tuple[str, Callable[[TrialRow], bool], Color], ...] = (
        ("chart_dominated", lambda row: row.id not in chosen and row.feasible, "grey"),
        ("chart_beyond", lambda row: row.id not in chosen and not row.feasible, "red"),
        ("chart_front", lambda row: row.id in chosen, "orange"),
    )
    series = []
    for key, belongs, color in groups:
        rows = [row for row in scored if belongs(row) and row.degradation is not None and row.gain is not None]
        x, y = [row.degradation or 0.0 for row in rows], [row.gain for row in rows]
        named = color == "orange" and len(rows) <= MOST_WRITTEN
        labels = [f"{label(row)}: {short(row.gain or 0.0)}, {short(row.degradation or 0.0)}" for row in rows]
        written = [row.name for row in rows] if named else ()
        series.append(Series(messages.text(key), x, y, "points", color, labels=labels, written=written))
    drawn = [one for one in series if one.x]
    return Plot([Panel(drawn, x_title=messages.text("axis_degradation"), y_title=messages.text("axis_gain"))])


def parallel_plot(scored: Sequence[TrialRow], messages: Messages) -> Plot | None:
    """Each configuration as a line over its varied knobs and its score, best first; None for fewer than three.

    Every axis runs from the least value (0) to the greatest (1); a knob that a configuration lacks is passed by.
    """
    knobs = [knob for knob in KNOBS if len({plain(value_of(row.config, knob)) for row in scored}) > 1]
    if len(scored) < len(_THIRDS) or not knobs:
        return None
    places = [_places(knob, [value_of(row.config, knob) for row in scored]) for knob in knobs]
    scores = [row.score or 0.0 for row in scored]
    axes = [*places, _places("score", scores)]
    ticks = [
        *((float(place), _axis_words(knob, scored)) for place, knob in enumerate(knobs)),
        (float(len(knobs)), f"score: {short(min(scores))} … {short(max(scores))}"),
    ]
    series = []
    for third, (key, color) in enumerate(_THIRDS):
        members = [place for place in range(len(scored)) if (len(scored) - 1 - place) * 3 // len(scored) == third]
        series.append(_lines(messages.text(key), [scored[place] for place in members], members, axes, color))
    return Plot([Panel(series, ticks=ticks, y_title=messages.text("axis_parallel"))], height=620)


def _lines(
    name: str, rows: Sequence[TrialRow], members: Sequence[int], axes: Sequence[Sequence[float | None]], color: Color
) -> Series:
    """The lines of one third as one series, with a break after each."""
    x: list[float] = []
    y: list[float | None] = []
    labels: list[str] = []
    for row, member in zip(rows, members, strict=True):
        points = [(float(place), axis[member]) for place, axis in enumerate(axes) if axis[member] is not None]
        x += [*(place for place, _ in points), points[-1][0]]
        y += [*(height for _, height in points), None]
        labels += [f"{label(row)}: {short(row.score or 0.0)}"] * (len(points) + 1)
    return Series(name, x, y, "line", color, labels=labels)


def _places(knob: str, values: Sequence[Any]) -> list[float | None]:
    """Each value between 0 and 1 on its knob's axis: numbers by size, words by their order."""
    known = [value for value in values if value is not None]
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in known):
        scale = math.log if knob in _LOGARITHMIC else float
        sizes = {value: scale(value) for value in known}
    else:
        sizes = {value: float(place) for place, value in enumerate(sorted(set(known), key=str))}
    low, high = min(sizes.values(), default=0.0), max(sizes.values(), default=0.0)
    width = (high - low) or 1.0
    return [None if value is None else (sizes[value] - low) / width for value in values]


def _axis_words(knob: str, scored: Sequence[TrialRow]) -> str:
    """A knob's name with what stands at the foot and at the head of its axis."""
    known = [value for value in {value_of(row.config, knob) for row in scored} if value is not None]
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in known)
    ordered = sorted(known, key=float if numbers else str)
    return f"{knob}: {plain(ordered[0])} … {plain(ordered[-1])}" if ordered else knob
