"""The ledger: what goes in comes out, damage is noticed, states derive from attempts."""

from __future__ import annotations

import json
import math
import os
import pickle
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search.run.ledger import BASE, Ledger
from search.run.ledger_file import LedgerError
from search.run.trial_row import TrialRow, ranked
from spaces.trial_config import TrialConfig
from trainables.answers import Answer, GradedAnswer
from trainables.grading import Grade


def a_row(number: int, **changes: object) -> TrialRow:
    """A trial as the searcher enters it."""
    config = TrialConfig().model_dump(mode="json")
    fields = {"kind": "search", "name": f"t{number:04d}", "config": config, "seed": 0, "in_space": True, **changes}
    return TrialRow(id=f"t{number:04d}", number=number, **fields)  # type: ignore[arg-type]


def graded(probe: str, text: str = "Гена") -> GradedAnswer:
    """A right answer."""
    return GradedAnswer(Answer(probe, text, {"Гена": -0.5}), "Гена", Grade.correct, ("Гена",), True)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """An empty ledger."""
    return Ledger.create(tmp_path / "ledger.sqlite")


def test_a_trial_s_life(ledger: Ledger) -> None:
    ledger.add(a_row(0))
    ledger.start("t0000")
    ledger.record_epoch("t0000", 1, {"train_loss": 2.0})
    ledger.record_epoch("t0000", 2, {"train_loss": 1.0, "score": 0.25, "gain": 0.5}, [graded("p1")])
    ledger.finish("t0000", "completed")
    row = ledger.trial("t0000")
    assert (row.state, row.best_epoch, row.score, row.gain) == ("completed", 2, 0.25, 0.5)
    assert [event["event"] for event in ledger.attempts("t0000")] == ["started", "completed"]
    assert [epoch["epoch"] for epoch in ledger.epochs("t0000")] == [1, 2]
    assert ledger.answers("t0000") == [graded("p1")]


def test_an_epoch_reported_twice_counts_once(ledger: Ledger) -> None:
    ledger.add(a_row(0))
    assert ledger.record_epoch("t0000", 1, {"score": 0.1})
    assert not ledger.record_epoch("t0000", 1, {"score": 0.9})
    assert ledger.trial("t0000").score == 0.1


def test_best_epoch_and_its_answers_stay(ledger: Ledger) -> None:
    ledger.add(a_row(0))
    for epoch, score in enumerate((0.1, 0.3, 0.2), start=1):
        ledger.record_epoch("t0000", epoch, {"score": score}, [graded("p", f"answer {epoch}")])
    assert ledger.trial("t0000").best_epoch == 2
    assert [answer.answer.text for answer in ledger.answers("t0000")] == ["answer 2"]


def test_equal_scores_are_ordered_by_the_name_margin(ledger: Ledger) -> None:
    for number, (score, margin) in enumerate([(0.5, -1.0), (0.5, 2.0), (0.4, 9.0)]):
        ledger.add(a_row(number, score=score, name_margin=margin, state="completed"))
    ledger.add(a_row(3, score=0.9, state="failed"))
    assert [row.id for row in ranked(ledger.trials())] == ["t0001", "t0000", "t0002"]


def test_what_was_cut_off_is_interrupted(ledger: Ledger) -> None:
    for number in range(2):
        ledger.add(a_row(number))
        ledger.start(f"t{number:04d}")
    ledger.finish("t0000", "completed")
    ledger.interrupt("killed")
    assert [row.state for row in ledger.trials()] == ["completed", "interrupted"]
    assert ledger.attempts("t0001")[-1]["cause"] == "killed"


def test_a_missing_number_is_none_and_never_a_placeholder(ledger: Ledger) -> None:
    ledger.add(a_row(0))
    ledger.record_epoch("t0000", 1, {"eval_loss": math.nan, "train_loss": math.inf})
    assert ledger.epochs("t0000") == [{"epoch": 1, "eval_loss": None, "train_loss": None}]


def test_it_pickles_as_its_path(ledger: Ledger) -> None:
    ledger.add(a_row(0))
    assert pickle.loads(pickle.dumps(ledger)).trial("t0000").id == "t0000"


def test_the_backup_is_a_ledger(ledger: Ledger) -> None:
    ledger.add(a_row(0))
    ledger.finish("t0000", "failed", "out of memory")
    copy = Ledger(ledger.path.with_suffix(".backup.sqlite"))
    assert copy.trial("t0000").error == "out of memory"


def test_an_end_that_was_committed_stands(ledger: Ledger) -> None:
    ledger.add(a_row(0))
    ledger.finish("t0000", "completed")
    ledger.finish("t0000", "failed", "the screen could not be drawn")
    assert (ledger.trial("t0000").state, ledger.trial("t0000").error) == ("completed", None)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_ledger_on_a_read_only_disk_can_be_read(ledger: Ledger) -> None:
    ledger.add(a_row(0))
    ledger.close()
    ledger.path.parent.chmod(0o555)
    try:
        assert ledger.trial("t0000").number == 0
    finally:
        ledger.path.parent.chmod(0o755)


@pytest.mark.parametrize("table", ["trials", "attempts", "epochs", "answers", "meta"])
def test_a_changed_row_is_noticed(ledger: Ledger, table: str) -> None:
    ledger.add(a_row(0))
    ledger.start("t0000")
    ledger.record_epoch("t0000", 1, {"score": 0.5}, [graded("p")])
    ledger.set_meta("note", {"score": 0.5})
    ledger.close()
    with sqlite3.connect(ledger.path) as db:
        db.execute(f"UPDATE {table} SET data = data || ' '")
    with pytest.raises(LedgerError, match="damaged"):
        [ledger.trials(), ledger.attempts("t0000"), ledger.epochs("t0000"), ledger.answers("t0000"), ledger.metas("")]


def test_a_row_moved_to_another_key_is_noticed(ledger: Ledger) -> None:
    ledger.add(a_row(0))
    ledger.record_epoch("t0000", 1, {"score": 0.5})
    ledger.close()
    with sqlite3.connect(ledger.path) as db:
        db.execute("UPDATE epochs SET epoch = 7")
    with pytest.raises(LedgerError, match="damaged"):
        ledger.epochs("t0000")


METRICS = st.dictionaries(st.text(max_size=8), st.floats() | st.integers(-9, 9) | st.text(max_size=8), max_size=4)


@given(history=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 5), METRICS), max_size=12))
@settings(derandomize=True, deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_first_report_of_each_epoch_wins_whatever_comes(
    history: list[tuple[int, int, dict[str, object]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    ledger = Ledger.create(tmp_path_factory.mktemp("ledger") / "ledger.sqlite")
    for number in range(4):
        ledger.add(a_row(number))
    expected: dict[tuple[int, int], dict[str, object]] = {}
    for number, epoch, metrics in history:
        known = {name: value for name, value in metrics.items() if name not in ("score", "epoch")}
        ledger.record_epoch(f"t{number:04d}", epoch, known)
        expected.setdefault((number, epoch), known)
    for number in range(4):
        found = {entry.pop("epoch"): entry for entry in ledger.epochs(f"t{number:04d}")}
        wanted = {epoch: metrics for (owner, epoch), metrics in expected.items() if owner == number}
        assert json.dumps(found, sort_keys=True) == json.dumps(
            {epoch: {k: _finite(v) for k, v in metrics.items()} for epoch, metrics in wanted.items()}, sort_keys=True
        )


def _finite(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def test_base_answers_are_kept_apart(ledger: Ledger) -> None:
    ledger.put_answers(BASE, "search", [graded("b"), graded("a")])
    assert [answer.answer.probe for answer in ledger.answers(BASE)] == ["b", "a"]
    assert ledger.answers(BASE, "test") == []


def test_what_is_committed_can_be_read_where_there_is_no_room_for_anything_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = f"""
from pathlib import Path
from search.run.ledger import Ledger
ledger = Ledger.create(Path({str(tmp_path)!r}) / "ledger.sqlite")
ledger.set_meta("trials_asked", 7)
import os
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", killed], check=True)
    shared = tmp_path / "ledger.sqlite-shm"
    shared.unlink()
    for module in ("search.run.ledger", "search.run.ledger_file"):
        monkeypatch.setattr(f"{module}.no_room", lambda path: True)
    with closing(Ledger(tmp_path / "ledger.sqlite")) as ledger:
        ledger.verify()
        assert ledger.meta("trials_asked") == 7
        assert not shared.exists()
