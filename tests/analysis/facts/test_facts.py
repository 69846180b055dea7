"""What sections rest on: fronts, confusions, effects, what the best share, costs. Every number by hand."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from fake_runs import add_trial, make_run, make_study
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.facts.alike import alike
from analysis.facts.confusion import NOBODY, UNKNOWN, confusion, names_given
from analysis.facts.cost import cost_of
from analysis.facts.cut import cut_shares, rows_trained
from analysis.facts.knobs import effects, importance
from analysis.facts.pareto import front
from search.run.trial_row import TrialRow
from spaces.trial_config import TrialConfig
from trainables.answers import Answer, GradedAnswer
from trainables.grading import Grade
from trainables.training_set import select


def _row(number: int, gain: float, degradation: float, hallucination: float, **values: Any) -> TrialRow:
    parts: dict[str, Any] = {"gain": gain, "degradation": degradation, "hallucination": hallucination}
    return TrialRow(f"t{number}", number, "search", f"t{number}", {}, 0, True, state="completed", **parts, **values)


def test_the_front_keeps_what_nothing_dominates() -> None:
    rows = [
        _row(0, 0.5, 0.1, 0.1),
        _row(1, 0.6, 0.1, 0.1),  # dominates t0
        _row(2, 0.3, 0.0, 0.1),  # less gain, less degradation
        _row(3, 0.9, 0.0, 0.0, feasible=False),
        _row(4, 0.6, 0.1, 0.1),  # as good as t1: neither dominates
        TrialRow("t5", 5, "search", "t5", {}, 0, True),
    ]
    assert [row.id for row in front(rows)] == ["t1", "t4", "t2"]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(*[st.sampled_from([0.0, 0.1, 0.2])] * 3), min_size=1, max_size=12))
def test_every_trial_off_the_front_is_dominated_by_one_on_it(parts: list[tuple[float, float, float]]) -> None:
    rows = [_row(number, *each) for number, each in enumerate(parts)]
    kept = front(rows)
    assert kept
    for row in rows:
        better = [
            other
            for other in kept
            if (other.gain or 0) >= (row.gain or 0)
            and (other.degradation or 0) <= (row.degradation or 0)
            and (other.hallucination or 0) <= (row.hallucination or 0)
        ]
        assert better


def _answer(character: str, grade: Grade, *names: str, probe: str = "p") -> GradedAnswer:
    return GradedAnswer(Answer(probe, "..."), character, grade, names, grade == Grade.correct)


def test_each_answer_stands_once_under_the_name_that_it_gives() -> None:
    answers = [
        _answer("Гена", Grade.correct, "Гена"),
        _answer("Гена", Grade.mixed, "Гена", "Чебурашка", "Колобок"),
        _answer("Гена", Grade.wrong_unknown, "Карлсон"),
        _answer("Гена", Grade.abstain),
        _answer("Гена", Grade.wrong_fact),
        _answer("Гена", Grade.wrong_known, "Чебурашка", "Колобок", probe="film"),
    ]
    found = confusion(answers, {"film": {"Чебурашка"}})
    expected = {"Гена": 1, "Чебурашка": 1, "Карлсон": 1, UNKNOWN: 1, NOBODY: 1, "Колобок": 1}
    assert found == {"Гена": Counter(expected)}
    assert sum(found["Гена"].values()) == len(answers)
    assert names_given([found], ["Колобок", "Чебурашка", "Гена", "Матрёшка"]) == [
        "Колобок",
        "Чебурашка",
        "Гена",
        "Карлсон",
    ]


def test_an_effect_is_a_difference_of_means_with_welchs_interval() -> None:
    low, high = [0.1, 0.2, 0.3, 0.4, 0.5], [0.5, 0.6, 0.7, 0.8, 0.9]
    tried = [({"rank": 4, "seed": 1}, score) for score in low] + [({"rank": 8, "seed": 1}, score) for score in high]
    (effect,) = effects(tried)
    assert (effect.knob, effect.low, effect.high, effect.n_low, effect.n_high) == ("rank", "4", "8", 5, 5)
    assert effect.difference == pytest.approx(0.4)
    # Both variances are 0.025: standard error 0.1, 8 degrees of freedom, t = 2.306.
    assert effect.interval is not None
    assert list(effect.interval) == pytest.approx([0.4 - 0.2306, 0.4 + 0.2306], abs=1e-4)
    assert effect.told


def test_intervals_of_several_knobs_are_wider_than_of_one() -> None:
    scores = [0.1, 0.5, 0.2, 0.6, 0.3, 0.7, 0.4, 0.8, 0.5, 0.9]
    alone = effects([({"rank": 4 + place % 2}, score) for place, score in enumerate(scores)])[0]
    both = effects([({"rank": 4 + place % 2, "epochs": place}, score) for place, score in enumerate(scores)])[0]
    assert alone.interval is not None
    assert both.interval is not None
    assert both.interval[0] < alone.interval[0]
    assert both.interval[1] > alone.interval[1]


def test_few_trials_on_a_side_give_no_interval() -> None:
    (effect,) = effects([({"rank": 4 * (1 + place % 2)}, place / 10) for place in range(8)])
    assert (effect.n_low, effect.n_high) == (4, 4)
    assert effect.interval is None
    assert not effect.told


def test_words_are_set_against_the_others_and_missing_knobs_are_left_out() -> None:
    tried = [
        ({"scheduler": "cosine", "replay": True, "ratio": 0.5}, 0.5),
        ({"scheduler": "linear", "replay": False}, 0.1),
    ]
    found = {(effect.knob, effect.high): effect for effect in effects(tried)}
    assert set(found) == {("scheduler", "cosine"), ("replay", "true")}
    assert found["replay", "true"].difference == pytest.approx(0.4)
    assert found["scheduler", "cosine"].low == "linear"


def test_all_images_are_more_than_any_number() -> None:
    (effect,) = effects([({"images_per_character": None}, 0.5), ({"images_per_character": 10}, 0.1)])
    assert (effect.high, effect.low) == ("all", "10")


def test_importance_goes_to_the_knob_that_decides(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run")
    right = {"Чебурашка": ["Чебурашка"] * 3, "Супермен": ["Супермен"] * 3}
    for number in range(9):
        add_trial(folder, ledger, number, right, config={"rank": 32, "warmup_ratio": 0.03})
    assert importance(ledger, folder.space()) is None
    for number in range(9, 20):
        add_trial(folder, ledger, number, {}, config={"rank": 4, "warmup_ratio": 0.03})
    found = importance(ledger, folder.space())
    assert found is not None
    assert (found.best, found.of) == (5, 20)
    assert max(found.shares, key=found.shares.__getitem__) == "rank"
    assert math.fsum(found.shares.values()) == pytest.approx(1)


def test_what_the_best_share_is_told_only_where_not_all_do() -> None:
    best = [
        {"rank": 16, "scheduler": "cosine", "learning_rate": 1e-3, "epochs": 10},
        {"rank": 16, "scheduler": "linear", "learning_rate": 2e-3, "epochs": 20},
    ]
    others = [
        {"rank": 8, "scheduler": "cosine", "learning_rate": 1e-5, "epochs": 30, "replay_ratio": 0.5},
        {"rank": 16, "scheduler": "linear", "learning_rate": 1e-2, "epochs": 11},
    ]
    # Epochs 10 – 20 of 10 – 30 are half; one power of ten of three is narrow.
    assert alike(best, [*best, *others]) == ["rank=16", "learning_rate=0.001 – 0.002", "epochs=10 – 20"]
    assert alike(best[:1], [*best, *others]) == []


def test_costs_are_those_of_the_epochs() -> None:
    rows = [
        TrialRow("a", 0, "search", "a", {}, 0, True, started=100.0, finished=160.0),
        TrialRow("b", 1, "search", "b", {}, 0, True, started=100.0),
        TrialRow("c", 2, "search", "c", {}, 0, True),
    ]
    epochs = {"a": [{"seconds": 10.0}, {"seconds": 20.0}], "b": [{"seconds": 3570.0}, {}]}
    found = cost_of(rows, epochs, 0.5)
    assert [(each.row.id, each.epochs, each.seconds, each.elapsed) for each in found.trials] == [
        ("b", 2, 3570.0, None),
        ("a", 2, 30.0, 60.0),
    ]
    assert (found.seconds, found.an_epoch, found.gpu_hours) == (3600.0, 15.0, 0.5)
    assert cost_of(rows, {}, None).an_epoch is None


def test_the_share_of_cut_answers_is_of_the_rows_that_are_trained_on(tmp_path: Path) -> None:
    folder, ledger = make_run(tmp_path / "run")
    rows = [
        add_trial(folder, ledger, 0, {}, config={"max_length": 64}, cut_answers=1),
        add_trial(folder, ledger, 1, {}, config={"max_length": 64}),
        add_trial(folder, ledger, 2, None, config={"max_length": 32}),
    ]
    epochs = {row.id: ledger.epochs(row.id) for row in rows}
    # One training row each of two targets.
    assert cut_shares(folder.study(), rows, epochs) == {64: 0.25}


@settings(deadline=None, max_examples=40)
@given(
    images=st.integers(1, 12), held_out=st.sampled_from([0.0, 0.15, 0.5]), kept=st.one_of(st.none(), st.integers(1, 9))
)
def test_rows_trained_are_those_that_training_selects(images: int, held_out: float, kept: int | None) -> None:
    """`trainables.training_set.select` decides; this package may not import it."""
    study = _Study(images, held_out)
    config = TrialConfig(images_per_character=kept)
    rows = [(example.character, _Encoded(example.unit)) for example in study.training]
    assert rows_trained(study, config) == len(select(config, rows, [], held_out).rows)  # type: ignore[arg-type]


class _Encoded:
    def __init__(self, unit: str) -> None:
        self.unit, self.answer = unit, (1, 2)

    def cut(self, max_length: int) -> _Encoded:
        return self


class _Study:
    """Two characters with two rows for every second image, one image shown for both."""

    def __init__(self, images: int, held_out: float) -> None:
        names = [(who, f"{who}-{place}") for who in "аб" for place in range(images)] + [("а", "both"), ("б", "both")]
        doubled = [pair for place, pair in enumerate(names) for _ in range(1 + place % 2)]
        self.training = [_Example(who, image) for who, image in doubled]
        self.file = type("File", (), {"evaluation": type("Evaluation", (), {"held_out": held_out})})


class _Example:
    def __init__(self, character: str, unit: str) -> None:
        self.character, self.unit = character, unit


def test_a_real_study_counts_its_rows(tmp_path: Path) -> None:
    assert rows_trained(make_study(tmp_path / "study"), TrialConfig()) == 2
