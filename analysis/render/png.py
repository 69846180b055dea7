"""Plots as PNG files; matplotlib loads on drawing only."""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.render.plots import COLORS, Panel, Plot, Series
from studies.files import replace_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, DPI = 900, 100
_MARKERS = {"circle": "o", "square": "s", "x": "x"}
# A longer text beside a point would cover its neighbours.
_WRITTEN = 24


def draw(path: Path, plot: Plot, nothing: str) -> None:
    """Write a plot as a PNG, WIDTH pixels wide. nothing: what an empty panel says."""
    with _plain_matplotlib():
        _draw(path, plot, nothing)


@contextmanager
def _plain_matplotlib() -> Iterator[None]:
    """Matplotlib with the settings it comes with: a notebook's backend, a user's style or a glyph that no font has
    must not decide whether a report is written."""
    # A notebook passes on a backend of its own, which the environment that we run in may not have.
    backend = None if "matplotlib" in sys.modules else os.environ.pop("MPLBACKEND", None)
    import matplotlib

    if backend is not None:
        os.environ["MPLBACKEND"] = backend
        # It goes on to hold for the caller's own pictures, where it can.
        with suppress(ValueError):
            matplotlib.rcParams["backend"] = backend
    with warnings.catch_warnings(), matplotlib.rc_context():
        warnings.simplefilter("ignore")
        matplotlib.rcdefaults()
        yield


def _draw(path: Path, plot: Plot, nothing: str) -> None:
    # A Figure of its own, not pyplot's: nothing global to close, no display needed.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH / DPI, plot.height / DPI), dpi=DPI)
    # Fixed margins: matplotlib's layout engines draw everything twice to find them.
    figure.subplots_adjust(
        left=0.11, right=0.98, top=1 - 40 / plot.height, bottom=_foot(plot) / plot.height, hspace=0.4
    )
    for place, panel in enumerate(plot.panels):
        _draw_panel(figure.add_subplot(plot.rows, plot.columns, place + 1), panel, nothing)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    replace_file(path, buffer.getvalue())


def _foot(plot: Plot) -> int:
    """Pixels below the lowest panels: tilted texts need more than numbers."""
    return 230 if any(panel.ticks for panel in plot.panels) else 60


def _draw_panel(axes: Axes, panel: Panel, nothing: str) -> None:
    axes.set_title(panel.title, fontsize=11, parse_math=False)
    axes.set_xlabel(panel.x_title, fontsize=9, parse_math=False)
    axes.set_ylabel(panel.y_title, fontsize=9, parse_math=False)
    if not any(series.x for series in panel.series):
        axes.text(0.5, 0.5, nothing, ha="center", va="center", transform=axes.transAxes)
        axes.set_xticks([])
        axes.set_yticks([])
        return
    for series in panel.series:
        _draw_series(axes, series)
    axes.grid(alpha=0.3)
    axes.ticklabel_format(axis="y", scilimits=(-2, 4), useOffset=False)
    if panel.ticks:
        axes.set_xticks(
            [where for where, _ in panel.ticks],
            [text for _, text in panel.ticks],
            rotation=60,
            ha="right",
            rotation_mode="anchor",
            fontsize=8,
        )
    elif panel.whole_x:
        axes.locator_params(axis="x", integer=True)
    if panel.mark is not None:
        axes.axvline(panel.mark, color=COLORS["grey"], linestyle=":", linewidth=1.5)
    if any(series.legend for series in panel.series):
        axes.legend(fontsize=8, loc="best", framealpha=0.7)


def _draw_series(axes: Axes, series: Series) -> None:
    style: dict[str, Any] = {"color": COLORS[series.color], "label": series.name if series.legend else None}
    y = [float("nan") if value is None else value for value in series.y]
    if series.style == "points":
        axes.scatter(series.x, y, marker=_MARKERS[series.symbol], s=42, zorder=3, **style)
    elif series.style == "steps":
        axes.step(series.x, y, where="post", **style)
    else:
        marker = {"linestyle": "--"} if series.style == "dashes" else {"marker": "o", "markersize": 3}
        axes.plot(series.x, y, linewidth=1.5, **marker, **style)
    if series.written:
        _write_labels(axes, series)


def _write_labels(axes: Axes, series: Series) -> None:
    """Write the points' labels, above and below by turns: neighbours would cover each other."""
    for place, (label, x, y) in enumerate(zip(series.written, series.x, series.y, strict=True)):
        style: dict[str, Any] = {"fontsize": 8, "color": COLORS[series.color], "parse_math": False, "zorder": 4}
        style["bbox"] = {"facecolor": "white", "edgecolor": "none", "alpha": 0.6, "pad": 0.2}
        text = label if len(label) <= _WRITTEN else label[: _WRITTEN - 1] + "…"
        if y is not None:
            axes.annotate(text, (x, y), xytext=(6, -14 if place % 2 else 6), textcoords="offset points", **style)
