"""Charts: their data by hand, and that they are drawn at 900 pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from analysis.charts import Curve, ScorePoint, curves, draw_curves, draw_scores, score_chart
from analysis.messages import Messages
from search.trial_row import TrialRow


def _row(number: int, **values: Any) -> TrialRow:
    kind, name = ("baseline", f"lora$v{number}$") if number < 2 else ("search", f"t{number}")
    return TrialRow(f"t{number}", number, kind, name, {}, 0, True, **values)  # type: ignore[arg-type]


ROWS = [
    _row(0, state="completed", score=0.1),
    _row(1, state="stopped", score=0.3),
    _row(2, state="failed", score=0.9),
    _row(3, state="completed", score=0.2),
    _row(4, state="running", score=0.8),
    _row(5, state="completed", score=0.4),
]


def test_a_missing_value_is_left_out_of_a_curve() -> None:
    found = curves([{"epoch": 1, "train_loss": 2.0, "eval_loss": None}, {"epoch": 2, "train_loss": 1.0}])
    assert found["train_loss"] == Curve((1, 2), (2.0, 1.0))
    assert found["eval_loss"] == found["grad_norm"] == Curve((), ())


def test_the_score_chart_runs_over_finished_trials_only() -> None:
    chart = score_chart(ROWS)
    assert [point.number for point in chart.points] == [0, 1, 2, 3, 5]
    assert chart.points[2] == ScorePoint(2, "t2", False, None)
    assert chart.best_so_far == ((0, 0.1), (1, 0.3), (3, 0.3), (5, 0.4))
    assert chart.best_baseline == 0.3
    assert score_chart([]).best_baseline is None


def test_charts_are_drawn_900_pixels_wide_whatever_the_name(tmp_path: Path) -> None:
    curve, scores = tmp_path / "t0.png", tmp_path / "trials.png"
    draw_curves(curve, ROWS[0], [{"epoch": 1, "train_loss": 2.0}], Messages("ru"))
    draw_scores(scores, score_chart(ROWS), Messages("en"))
    for path in (curve, scores):
        with Image.open(path) as image:
            assert image.size[0] == 900
