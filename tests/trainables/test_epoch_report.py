"""An epoch's report: the same after its way through JSON, and read as earlier versions wrote it."""

from __future__ import annotations

import json
from dataclasses import replace

from trainables.answers import Answer, GradedAnswer
from trainables.epoch_report import EpochReport, Evaluation, metrics_of
from trainables.grading import Grade
from trainables.scoring import Score

ANSWERED = GradedAnswer(Answer("p1", "Гена", {"Гена": -0.5}), "Гена", Grade.correct, ("Гена",), True)
ASKED = Evaluation(Score(0.5, 0.5, 0.0, 0.0), False, 0.25, {"Гена": 1.0}, [ANSWERED], 0.85)
REPORT = EpochReport(3, 1.5, 1e-4, 0.5, 1.25, 2, True, ASKED, {"epoch": 3, **ASKED.ranked_by}, 9.0)


def test_a_report_is_the_same_after_its_way_through_json() -> None:
    assert EpochReport.from_data(json.loads(json.dumps(REPORT.data))) == REPORT
    unasked = replace(REPORT, evaluation=None)
    assert EpochReport.from_data(unasked.data) == unasked
    assert "score" not in unasked.data


def test_the_ledger_takes_its_numbers() -> None:
    assert metrics_of(REPORT.data) == {
        **{"train_loss": 1.5, "learning_rate": 1e-4, "grad_norm": 0.5, "eval_loss": 1.25, "cut_answers": 2},
        **{"score": 0.5, "gain": 0.5, "degradation": 0.0, "hallucination": 0.0, "name_margin": 0.25},
        **{"feasible": False, "accuracy": {"Гена": 1.0}, "scale": 0.85, "seconds": 9.0},
    }


def test_a_report_of_an_earlier_version_is_read() -> None:
    later = ("feasible", "accuracy", "scale", "cut_answers", "seconds")
    earlier = EpochReport.from_data({name: value for name, value in REPORT.data.items() if name not in later})
    assert earlier.evaluation == replace(ASKED, feasible=True, accuracy={}, scale=None)
    assert (earlier.epoch, earlier.cut_answers, earlier.done) == (3, 0, True)
