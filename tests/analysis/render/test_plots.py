"""Charts: their data by hand, as plotly's JSON, and that they are drawn at 900 pixels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from PIL import Image

from analysis.messages.catalogue import Messages
from analysis.render.plots import Panel, Plot, Series, plotly_figure
from analysis.render.png import draw
from analysis.sections.charts import (
    Curve,
    ScorePoint,
    curves,
    curves_plot,
    parallel_plot,
    pareto_plot,
    score_chart,
    scores_plot,
)
from search.run.trial_row import TrialRow


def _row(number: int, config: dict[str, Any] | None = None, **values: Any) -> TrialRow:
    kind, name = ("baseline", f"lora$v{number}$") if number < 2 else ("search", f"t{number}")
    return TrialRow(f"t{number}", number, kind, name, config or {}, 0, True, **values)  # type: ignore[arg-type]


ROWS = [
    _row(0, state="completed", score=0.1),
    _row(1, state="stopped", score=0.3),
    _row(2, state="failed", score=0.9),
    _row(3, state="completed", score=0.2),
    _row(4, state="running", score=0.8),
    _row(5, state="completed", score=0.4),
    _row(1_000_000, state="completed", score=0.9, repeat_of="t5"),
]


def test_a_missing_value_is_left_out_of_a_curve() -> None:
    found = curves([{"epoch": 1, "train_loss": 2.0, "eval_loss": None}, {"epoch": 2, "train_loss": 1.0, "score": 0.5}])
    assert found["train_loss"] == Curve((1, 2), (2.0, 1.0))
    assert found["score"] == Curve((2,), (0.5,))
    assert found["eval_loss"] == found["grad_norm"] == Curve((), ())


def test_the_score_chart_runs_over_finished_trials_without_repeats() -> None:
    chart = score_chart(ROWS)
    assert [point.number for point in chart.points] == [0, 1, 2, 3, 5]
    assert chart.points[2] == ScorePoint(2, "t2", False, None)
    assert chart.best_so_far == ((0, 0.1), (1, 0.3), (3, 0.3), (5, 0.4))
    assert chart.best_baseline == 0.3
    assert score_chart([]).best_baseline is None


def test_plots_are_drawn_900_pixels_wide_whatever_the_names(tmp_path: Path) -> None:
    plots = [
        curves_plot([{"epoch": 1, "train_loss": 2.0}], 1, Messages("ru")),
        scores_plot(ROWS, Messages("en")),
        Plot([Panel([], title="$x^")]),
    ]
    for number, plot in enumerate(plots):
        draw(tmp_path / f"{number}.png", plot, "nothing")
        with Image.open(tmp_path / f"{number}.png") as image:
            assert image.size == (900, plot.height)


def test_plotly_takes_a_plot_as_text_and_without_webgl() -> None:
    series = Series("<b>", [1, 2], [0.5, None], "points", "red", labels=["<a href=x>", "b & c"], written=["<u>", ""])
    figure = plotly_figure(Plot([Panel([series], title="<i>t</i>"), Panel([series])], columns=2))
    text = json.dumps(figure)
    assert not [tag for tag in ("<b>", "<a href", "<i>", "<u>") if tag in text]
    first, second = figure["data"]
    assert first["type"] == "scatter"
    assert first["name"] == "&lt;b&gt;"
    assert first["y"] == [0.5, None]
    assert (first["xaxis"], second["xaxis"]) == ("x", "x2")
    # Two panels side by side, with room between them.
    domains = [figure["layout"][axis]["domain"] for axis in ("xaxis", "xaxis2")]
    assert domains[0][0] == 0
    assert domains[0][1] < domains[1][0]
    assert round(domains[1][1], 9) == 1


def test_the_front_is_told_apart_from_the_dominated_and_the_forbidden() -> None:
    best = _row(2, state="completed", gain=0.5, degradation=0.0)
    worse = _row(3, state="completed", gain=0.4, degradation=0.1)
    beyond = _row(4, state="completed", gain=0.9, degradation=0.9, feasible=False)
    plot = pareto_plot([best, worse, beyond], [best], Messages("en"))
    found = {series.name: (list(series.x), list(series.y)) for series in plot.panels[0].series}
    assert found == {
        "unsurpassed": ([0.0], [0.5]),
        "the others": ([0.1], [0.4]),
        "beyond the limit of degradation": ([0.9], [0.9]),
    }


def test_parallel_lines_run_from_the_least_to_the_greatest_value() -> None:
    rows = [
        _row(2, {"learning_rate": 0.0625, "rank": 4, "scheduler": "linear"}, state="completed", score=0.9),
        _row(3, {"learning_rate": 0.25, "rank": 4, "scheduler": "cosine"}, state="completed", score=0.5),
        _row(4, {"learning_rate": 1.0, "rank": 4, "replay_ratio": 0.5}, state="completed", score=0.1),
    ]
    plot = parallel_plot(rows, Messages("en"))
    assert plot is not None
    (panel,) = plot.panels
    # The rank never varies; the learning rate is logarithmic; what a configuration lacks is passed by.
    assert [text.split(":")[0] for _, text in panel.ticks] == ["learning_rate", "scheduler", "replay_ratio", "score"]
    lines = {series.name: list(zip(series.x, series.y, strict=True)) for series in panel.series}
    assert lines["best third"] == [(0.0, 0.0), (1.0, 1.0), (3.0, 1.0), (3.0, None)]
    assert lines["middle third"] == [(0.0, 0.5), (1.0, 0.0), (3.0, 0.5), (3.0, None)]
    assert lines["worst third"] == [(0.0, 1.0), (2.0, 0.0), (3.0, 0.0), (3.0, None)]
    assert parallel_plot(rows[:2], Messages("en")) is None
