"""Runs of earlier releases: each opens, says what it said, and can be gone on with."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from search.options import Options
from search.run.ledger import BASE, Ledger
from search.run.ledger_file import SCHEMA_VERSION, LedgerError
from search.run.migrations import MIGRATIONS
from search.run.recovery import restore, settle_changes
from search.run.run_folder import RunFolder
from search.tuning.optuna_study import DUPLICATE

RELEASED = Path(__file__).parent / "released"
VERSIONS = range(1, SCHEMA_VERSION)


def copied(version: int, tmp_path: Path) -> RunFolder:
    """A copy of the run that a release left."""
    return RunFolder(Path(shutil.copytree(RELEASED / f"v{version}", tmp_path / "run")))


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """The run of schema 1."""
    return copied(1, tmp_path)


def test_every_released_version_has_a_migration_and_a_run() -> None:
    assert sorted(MIGRATIONS) == list(VERSIONS)
    assert sorted(path.name for path in RELEASED.glob("v*")) == sorted(f"v{version}" for version in VERSIONS)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_released_run_has_the_version_of_its_folder_until_it_is_opened(version: int, tmp_path: Path) -> None:
    run = copied(version, tmp_path)
    with closing(run.ledger()) as ledger:
        assert ledger.meta("schema") == version
    for _ in range(2):
        with closing(RunFolder.open(run.path).ledger()) as ledger:
            assert ledger.meta("schema") == SCHEMA_VERSION


@pytest.mark.parametrize("version", VERSIONS)
def test_a_released_run_can_be_gone_on_with(version: int, tmp_path: Path) -> None:
    run = copied(version, tmp_path)
    restore(run)
    with closing(run.ledger()) as ledger:
        settle_changes(run, ledger, accept=False)
        assert ledger.meta("accepted_changes") is None
    assert run.study().file.name == "released"
    assert run.space().name == "lora"
    assert Options.asked(**run.options().model_dump()) == run.options()


def test_version_1_keeps_its_trials(run: RunFolder) -> None:
    with closing(RunFolder.open(run.path).ledger()) as ledger:
        rows = ledger.trials()
        found = {row.id: (row.name, row.state, row.best_epoch, row.score, row.name_margin) for row in rows}
        assert found == {
            "t0000": ("hand", "completed", 2, 1.0, 2.5),
            "t0001": ("t0001", "stopped", 1, 0.0, 2.5),
            "t0002": ("t0002", "failed", None, None, None),
            "t0003": ("t0003", "interrupted", 1, 0.0, 2.5),
        }
        assert [row.config["rank"] for row in rows] == [8, 4, 16, 32]
        assert rows[2].error == "NotFinite: the loss is nan in epoch 1"
        assert ledger.meta("trials_asked") == 4


def test_version_1_keeps_its_epochs_answers_and_attempts(run: RunFolder) -> None:
    with closing(RunFolder.open(run.path).ledger()) as ledger:
        names = [row.id for row in ledger.trials()]
        losses = [[entry["train_loss"] for entry in ledger.epochs(name)] for name in names]
        assert losses == [[2.0, 1.0], [2.0, 1.0], [], [2.0]]
        assert [graded.right for graded in ledger.answers(BASE)] == [False, True, True]
        said = {name: [graded.answer.text for graded in ledger.answers(name)] for name in names}
        assert said["t0000"] == ["Гена", "Матрёшка", "Не знаю"]
        assert said["t0001"] == ["Гена", "Не знаю", "Не знаю"]
        assert said["t0002"] == []
        events = [[attempt["event"] for attempt in ledger.attempts(name)] for name in names]
        assert events == [["started", end] for end in ("completed", "stopped", "failed", "interrupted")]


def test_version_1_takes_its_manifest_and_the_hashes_of_its_files_into_the_ledger(run: RunFolder) -> None:
    manifest = json.loads(run.manifest_file.read_text(encoding="utf-8"))
    RunFolder.open(run.path)
    assert run.manifest() == {**manifest, "options": {**manifest["options"], "finalists": 0}}
    with closing(run.ledger()) as ledger:
        frozen = ledger.meta("frozen")
    names = ("gena.png", "probes.jsonl", "study.yaml", "training.jsonl")
    assert sorted(frozen) == ["space.json", *(f"study/{name}" for name in names)]
    assert frozen == run.hashes()


def test_a_run_from_before_finalists_goes_on_without_them_and_knows_its_duplicates(tmp_path: Path) -> None:
    run = RunFolder.open(copied(2, tmp_path).path)
    assert run.options().finalists == 0
    with closing(run.ledger()) as ledger:
        config = ledger.trial("t0001").config
        assert ledger.metas(DUPLICATE) == {
            "duplicate:4": {"of": "t0001", "config": config, "values": [0.0], "constraints": {}}
        }


def test_a_damaged_ledger_of_an_older_version_is_restored_and_migrated(run: RunFolder) -> None:
    shutil.copyfile(run.ledger_file, run.ledger().backup_path)
    run.ledger_file.write_bytes(b"")
    restore(run)
    with closing(run.ledger()) as ledger:
        assert (ledger.meta("schema"), len(ledger.trials())) == (SCHEMA_VERSION, 4)


@pytest.mark.parametrize("spoilt", [None, b"", b"\xff", b'{"options": '])
def test_a_version_1_without_its_manifest_is_refused_and_left_alone(run: RunFolder, spoilt: bytes | None) -> None:
    run.manifest_file.unlink() if spoilt is None else run.manifest_file.write_bytes(spoilt)
    with pytest.raises(LedgerError, match=f"has schema 1 and cannot be brought to {SCHEMA_VERSION}") as refused:
        RunFolder.open(run.path)
    assert "\n" not in str(refused.value)
    with closing(run.ledger()) as ledger:
        assert (ledger.meta("schema"), ledger.meta("manifest")) == (1, None)


def test_a_newer_version_is_refused_in_one_line(run: RunFolder, tmp_path: Path) -> None:
    with closing(Ledger(run.ledger_file)) as ledger:
        ledger.set_meta("schema", SCHEMA_VERSION + 1)
    expected = f"has schema {SCHEMA_VERSION + 1}, this skazka-tune reads up to {SCHEMA_VERSION} — install a newer one"
    for reader in (restore, lambda folder: RunFolder.open(folder.path)):
        with pytest.raises(LedgerError, match=expected) as refused:
            reader(run)
        assert "\n" not in str(refused.value)
