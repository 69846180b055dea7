"""A chart as data: panels of series. Drawn by `analysis.render.png`, shown by plotly through `plotly_figure`."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from analysis.render.document import Chart

Style = Literal["line", "points", "steps", "dashes"]
Color = Literal["blue", "orange", "green", "grey", "red", "purple"]
# Readable on white and on near-black.
COLORS: dict[Color, str] = {
    "blue": "#2f7fc1",
    "orange": "#d0700a",
    "green": "#2e9e5b",
    "grey": "#8a8a8a",
    "red": "#d0453a",
    "purple": "#8a63c9",
}
# Room between panels and for axis titles, as shares of the whole plot.
_GAP_X, _GAP_Y = 0.10, 0.16


@dataclass(frozen=True)
class Series:
    """Points of one kind. x, y: of equal length; a None in y breaks a line.

    labels: a text for each point, shown on hovering; written: another that stands beside it. Either may be empty.
    symbol: of points. legend: whether the name stands in the legend.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float | None]
    style: Style
    color: Color
    labels: Sequence[str] = ()
    written: Sequence[str] = ()
    symbol: Literal["circle", "square", "x"] = "circle"
    legend: bool = True


@dataclass(frozen=True)
class Panel:
    """One pair of axes. ticks: (place, text) of the x axis instead of numbers. whole_x: x holds whole numbers.

    mark: x of a dotted line down the panel.
    """

    series: Sequence[Series]
    title: str = ""
    x_title: str = ""
    y_title: str = ""
    ticks: Sequence[tuple[float, str]] = ()
    whole_x: bool = False
    mark: float | None = None


@dataclass(frozen=True)
class Plot:
    """Panels in rows of `columns`; height: pixels."""

    panels: Sequence[Panel]
    columns: int = 1
    height: int = 480

    @property
    def rows(self) -> int:
        """How many rows of panels there are."""
        return -(-len(self.panels) // self.columns)


@dataclass(frozen=True)
class PlotChart(Chart):
    """A chart of a document that remembers its plot, so that its picture can be drawn."""

    plot: Plot | None = None


def plot_chart(key: str, caption: str, plot: Plot, picture: str | None) -> PlotChart:
    """A plot as a block of a document. picture: where its PNG will lie, relative to the report; None for none."""
    return PlotChart(key, caption, picture, plotly_figure(plot), plot)


def plotly_figure(plot: Plot) -> dict[str, Any]:
    """The plot as plotly's JSON: scatter traces and layout, without WebGL.

    Plotly reads its texts as HTML: all of them are escaped here.
    """
    layout: dict[str, Any] = {
        "height": plot.height,
        "margin": {"l": 55, "r": 20, "t": 40 if any(panel.title for panel in plot.panels) else 20, "b": 60},
        "showlegend": any(series.legend for panel in plot.panels for series in panel.series),
        "legend": {"orientation": "h", "y": -0.15},
        "hovermode": "closest",
        "annotations": [],
        "shapes": [],
    }
    data: list[dict[str, Any]] = []
    for place, panel in enumerate(plot.panels):
        number = "" if place == 0 else str(place + 1)
        layout |= _axes(plot, place, panel, number)
        if panel.title:
            layout["annotations"].append(_title(panel.title, number))
        if panel.mark is not None:
            layout["shapes"].append(_mark(panel.mark, number))
        data += [_trace(series, number) for series in panel.series]
    return {"data": data, "layout": layout}


def _axes(plot: Plot, place: int, panel: Panel, number: str) -> dict[str, Any]:
    row, column = divmod(place, plot.columns)
    width = (1 + _GAP_X) / plot.columns - _GAP_X
    height = (1 + _GAP_Y) / plot.rows - _GAP_Y
    left, top = column * (width + _GAP_X), 1 - row * (height + _GAP_Y)
    x: dict[str, Any] = {
        "domain": [left, left + width],
        "anchor": f"y{number}",
        "title": {"text": _plain(panel.x_title)},
    }
    if panel.ticks:
        x |= {"tickvals": [where for where, _ in panel.ticks], "ticktext": [_plain(text) for _, text in panel.ticks]}
    if panel.whole_x:
        x["tickformat"] = "d"
    y = {"domain": [max(0.0, top - height), top], "anchor": f"x{number}", "title": {"text": _plain(panel.y_title)}}
    return {f"xaxis{number}": x, f"yaxis{number}": y}


def _title(text: str, number: str) -> dict[str, Any]:
    where = {"xref": f"x{number} domain", "yref": f"y{number} domain", "x": 0.5, "y": 1.0}
    return {**where, "text": _plain(text), "showarrow": False, "yanchor": "bottom", "font": {"size": 13}}


def _mark(x: float, number: str) -> dict[str, Any]:
    line = {"color": COLORS["grey"], "dash": "dot", "width": 1.5}
    where = {"xref": f"x{number}", "yref": f"y{number} domain", "x0": x, "x1": x, "y0": 0, "y1": 1}
    return {"type": "line", "line": line, **where}


def _trace(series: Series, number: str) -> dict[str, Any]:
    color = COLORS[series.color]
    trace: dict[str, Any] = {
        "type": "scatter",
        "name": _plain(series.name),
        "x": list(series.x),
        "y": list(series.y),
        "xaxis": f"x{number}",
        "yaxis": f"y{number}",
        "mode": {"line": "lines+markers", "points": "markers"}.get(series.style, "lines"),
        "line": {"color": color, "width": 1.5},
        "marker": {"color": color, "symbol": series.symbol, "size": 9 if series.style == "points" else 5},
        "showlegend": series.legend,
    }
    if series.style == "steps":
        trace["line"]["shape"] = "hv"
    if series.style == "dashes":
        trace["line"]["dash"] = "dash"
    if series.labels:
        labels = [_plain(label) for label in series.labels]
        trace |= {"hovertext": labels, "hovertemplate": "%{hovertext}<extra></extra>"}
    if series.written:
        written = [_plain(text) for text in series.written]
        trace |= {"text": written, "mode": f"{trace['mode']}+text", "textposition": "top center"}
    return trace


def _plain(text: str) -> str:
    return html.escape(text, quote=False).replace("\n", "<br>")
