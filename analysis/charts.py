"""Charts of a run: what they show is computed here apart from how it is drawn; matplotlib loads on drawing only."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.conclusions import label
from analysis.files import replace_file
from analysis.messages import Messages
from search.trial_row import SCORED, TrialRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The four panels of the team's own charts: metric in the ledger -> title.
PANELS = {
    "eval_loss": "eval/loss",
    "train_loss": "train/loss",
    "learning_rate": "train/learning_rate",
    "grad_norm": "train/grad_norm",
}
WIDTH_INCHES, DPI = 9.0, 100
_BLUE, _ORANGE, _GREY, _RED = "#1f5f99", "#c05a00", "#777777", "#b3261e"


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
    """What the chart over all trials shows: the completed, stopped and failed ones, by number."""
    points = [
        ScorePoint(row.number, row.name, row.kind == "baseline", row.score if row.state in SCORED else None)
        for row in sorted(rows, key=lambda row: row.number)
        if row.state == "failed" or (row.state in SCORED and row.score is not None)
    ]
    running: list[tuple[int, float]] = []
    for point in points:
        if point.score is not None:
            running.append((point.number, max(point.score, running[-1][1]) if running else point.score))
    baselines = [point.score for point in points if point.baseline and point.score is not None]
    return ScoreChart(tuple(points), tuple(running), max(baselines, default=None))


def draw_curves(path: Path, row: TrialRow, epochs: Sequence[Mapping[str, Any]], messages: Messages) -> None:
    """Write a trial's four panels as a PNG of 900 x 640 pixels."""
    figure, panels = _figure(6.4, 2, 2)
    for axes, (metric, curve) in zip(panels, curves(epochs).items(), strict=True):
        axes.set_title(PANELS[metric], fontsize=11)
        axes.set_xlabel(messages.text("axis_epoch"))
        _draw_curve(axes, curve, row.best_epoch, messages)
    figure.suptitle(label(row), fontsize=13, parse_math=False)
    marks = [line for axes in panels for line in axes.get_lines() if line.get_linestyle() == ":"]
    if marks:
        figure.legend(handles=marks[:1], loc="outside lower center", fontsize=9, frameon=False)
    _save(figure, path)


def _draw_curve(axes: Axes, curve: Curve, best_epoch: int | None, messages: Messages) -> None:
    if not curve.epochs:
        axes.text(0.5, 0.5, messages.text("chart_nothing"), ha="center", va="center", transform=axes.transAxes)
        axes.set_xticks([])
        axes.set_yticks([])
        return
    axes.plot(curve.epochs, curve.values, color=_BLUE, marker="o", markersize=3, linewidth=1.5)
    axes.grid(alpha=0.3)
    axes.locator_params(axis="x", integer=True)
    axes.ticklabel_format(axis="y", scilimits=(-2, 4), useOffset=False)
    if best_epoch is not None:
        axes.axvline(best_epoch, color=_GREY, linestyle=":", linewidth=1.5, label=messages.text("chart_best_epoch"))


def draw_scores(path: Path, chart: ScoreChart, messages: Messages) -> None:
    """Write the scores of all trials as a PNG of 900 x 480 pixels; baselines are named in it."""
    figure, (axes,) = _figure(4.8, 1, 1)
    axes.set_xlabel(messages.text("axis_trial"))
    axes.set_ylabel("score")
    axes.grid(alpha=0.3)
    axes.locator_params(axis="x", integer=True)
    _draw_trials(axes, chart, messages)
    if chart.best_so_far:
        axes.step(*zip(*chart.best_so_far, strict=True), where="post", color=_BLUE, label=messages.text("best_so_far"))
    if chart.best_baseline is not None:
        name = messages.text("best_baseline")
        axes.axhline(chart.best_baseline, color=_ORANGE, linestyle="--", linewidth=1.2, label=name)
    if chart.points:
        figure.legend(loc="outside lower center", ncols=5, fontsize=9, frameon=False)
    _save(figure, path)


def _draw_trials(axes: Axes, chart: ScoreChart, messages: Messages) -> None:
    known = [(point, point.score) for point in chart.points if point.score is not None]
    styles = (("chart_searched", False, "o", _BLUE), ("chart_baseline", True, "s", _ORANGE))
    for key, baseline, marker, color in styles:
        mine = [(point.number, score) for point, score in known if point.baseline == baseline]
        if mine:
            x, y = zip(*mine, strict=True)
            axes.scatter(x, y, marker=marker, color=color, s=42, label=messages.text(key), zorder=3)
    _name_baselines(axes, [(point, score) for point, score in known if point.baseline])
    failed = [point.number for point in chart.points if point.score is None]
    if failed:
        at_bottom = axes.get_xaxis_transform()
        name = messages.text("chart_failed")
        axes.scatter(failed, [0.03] * len(failed), marker="x", color=_RED, transform=at_bottom, label=name, zorder=3)


def _name_baselines(axes: Axes, baselines: Sequence[tuple[ScorePoint, float]]) -> None:
    """Write their names, above and below by turns: baselines come first, side by side."""
    for place, (point, score) in enumerate(baselines):
        style: dict[str, Any] = {"fontsize": 9, "color": _ORANGE, "parse_math": False, "zorder": 4}
        style["bbox"] = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.5}
        offset = (6, -14 if place % 2 else 6)
        axes.annotate(_short(point.label), (point.number, score), xytext=offset, textcoords="offset points", **style)


def _short(name: str, length: int = 24) -> str:
    return name if len(name) <= length else name[: length - 1] + "…"


def _figure(height: float, rows: int, columns: int) -> tuple[Figure, list[Axes]]:
    # A Figure of its own, not pyplot's: nothing global to close, no display needed.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_INCHES, height), dpi=DPI, layout="constrained")
    return figure, list(figure.subplots(rows, columns, squeeze=False).flat)


def _save(figure: Figure, path: Path) -> None:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    replace_file(path, buffer.getvalue())
