"""A whole sweep with finalists: trained again, the winner chosen, then the test probes opened, once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from prepared_here import prepared_here
from ray.tune import Callback

import skazka
from search.run.ledger import BASE

pytestmark = pytest.mark.usefixtures("ray_cluster")


class Failure(Callback):  # type: ignore[misc]
    """Breaks the sweep off when two adapters have been asked the test probes."""

    def on_test_asked(self, done: int, total: int) -> None:
        """An adapter was asked."""
        if done == 2:
            raise RuntimeError("broken off")


@pytest.fixture(scope="module")
def run(tiny_study: Path, tmp_path_factory: pytest.TempPathFactory, ray_cluster: None) -> skazka.Run:
    """Two baselines and one searched trial, each trained again twice; broken off at the test probes and resumed."""
    path = tmp_path_factory.mktemp("runs") / "run"
    with prepared_here(), pytest.raises(RuntimeError, match="broken off"):
        skazka.launch(tiny_study, trials=3, run=path, seed=1, finalists=1, repeats=2, callbacks=[Failure()])
    return skazka.resume(path)


def test_finalists_are_trained_again_with_the_same_configuration_and_other_seeds(run: skazka.Run) -> None:
    rows = {row.id: row for row in run.folder.ledger().trials()}
    repeats = [row for row in rows.values() if row.repeat_of is not None]
    assert len({row.repeat_of for row in repeats}) in (2, 3)
    assert len(repeats) == 2 * len({row.repeat_of for row in repeats})
    for row in repeats:
        assert row.repeat_of is not None
        original = rows[row.repeat_of]
        assert (row.kind, row.state, row.config) == ("finalist", "completed", original.config)
        assert row.seed != original.seed
    assert run.summary()["trials"]["pending"] == 0


def test_the_winner_stands_before_test_is_opened_and_test_is_asked_once(run: skazka.Run) -> None:
    ledger, winner = run.folder.ledger(), run.winner
    assert winner is not None
    (recorded,) = ledger.meta("winners")
    assert (recorded["trial"], recorded["mean"]) == (winner.trial.id, winner.mean)
    probes = [probe.id for probe in run.folder.study().probes_of("test")]
    asked = [row.id for row in ledger.trials() if ledger.answers(row.id, "test")]
    assert asked == [row.id for row in ledger.trials() if row.repeat_of is not None]
    for trial in (BASE, *asked):
        assert [graded.answer.probe for graded in ledger.answers(trial, "test")] == probes
        assert ledger.answers(trial, "search") != ledger.answers(trial, "test")


def test_the_table_has_test_scores_for_the_repeats_alone(run: skazka.Run) -> None:
    table = run.trials()
    tested = table["test_score"].notna()
    assert list(tested) == list(table["kind"] == "finalist")
    assert (run.path / "report" / "trials.parquet").is_file()


def test_a_finished_run_has_nothing_left_to_do(run: skazka.Run) -> None:
    before = run.folder.ledger_file.read_bytes()
    skazka.resume(run.path)
    after = [len(run.folder.ledger().attempts(row.id)) for row in run.folder.ledger().trials()]
    assert set(after) == {2}
    assert len(before) == len(run.folder.ledger_file.read_bytes())


def test_export_takes_the_winners_median_repeat_and_says_its_test_score(run: skazka.Run, tmp_path: Path) -> None:
    assert run.winner is not None
    assert run.winner.median is not None
    done = skazka.export(run.path, tmp_path / "adapter")
    assert done.trial.id == run.winner.median.id
    record = json.loads((tmp_path / "adapter" / "trial.json").read_text())
    card = (tmp_path / "adapter" / "README.md").read_text()
    assert f"| test | {record['test']['score']:.4f} |" in card
    assert f"| search | {done.trial.score:.4f} |" in card
    assert "Not tested" not in card


def test_another_trial_is_exported_as_not_tested(run: skazka.Run, tmp_path: Path) -> None:
    skazka.export(run.path, tmp_path / "adapter", "hand")
    assert "Not tested on the held-back *test* probes" in (tmp_path / "adapter" / "README.md").read_text()
    assert json.loads((tmp_path / "adapter" / "trial.json").read_text())["test"] is None
