"""Before a run goes on: a damaged ledger comes back from its backup, and whatever changed is told."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from analysis.facts.trials import summary
from benchmarks.campaigns import finished_run
from search.launch import resume
from search.run.ledger import Ledger
from search.run.ledger_file import LedgerError
from search.run.recovery import restore, settle_changes
from search.run.run_folder import RunFolder
from search.run.trial_row import TrialRow
from skazka.cli import main
from skazka_text.problems import InputError


@dataclass(frozen=True)
class Runs:
    """The study that a run was launched from, the finished run, and the same killed with its ledger in the WAL."""

    study: Path
    closed: RunFolder
    killed: RunFolder

    @property
    def trials(self) -> list[TrialRow]:
        """What the ledger held when the run ended."""
        return rows(self.closed.ledger().backed_up())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of three trials, to be copied to the place that it names."""
    folder = tmp_path_factory.mktemp("runs", numbered=False)
    finished_run.build(folder / "study", folder / "closed", folder / "killed")
    folder.rename(folder.with_name("made"))
    return folder.with_name("made")


@pytest.fixture
def runs(made: Path) -> Iterator[Runs]:
    """A fresh copy of the finished run, always in the same place: a manifest names its study."""
    folder = Path(shutil.copytree(made, made.with_name("runs")))
    yield Runs(folder / "study", RunFolder(folder / "closed"), RunFolder(folder / "killed"))
    shutil.rmtree(folder)


def rows(ledger: Ledger) -> list[TrialRow]:
    """The trials of a ledger that is closed again."""
    with closing(ledger):
        return ledger.trials()


def aside(folder: RunFolder) -> list[Path]:
    """The damaged ledgers that were kept."""
    return list(folder.path.glob("damaged-*/ledger.sqlite"))


def spoil(path: Path, offset: int, bit: int = 0) -> bytes:
    """Flip one bit of a file; returns what it holds then."""
    data = bytearray(path.read_bytes())
    data[offset] ^= 1 << bit
    path.write_bytes(data)
    return bytes(data)


def in_a_row(path: Path) -> int:
    """Where the first trial's row stands in a ledger: in the name of its kind."""
    return path.read_bytes().index(b'"kind":"baseline"') + 10


def test_a_whole_ledger_stays(runs: Runs) -> None:
    for folder in (runs.closed, runs.killed):
        restore(folder)
        assert rows(folder.ledger()) == runs.trials
        assert not aside(folder)


def test_a_damaged_ledger_is_restored_and_the_damaged_one_kept(runs: Runs, caplog: pytest.LogCaptureFixture) -> None:
    folder = runs.closed
    damaged = spoil(folder.ledger_file, in_a_row(folder.ledger_file))
    with pytest.raises(LedgerError, match="is damaged — skazka resume restores it"):
        RunFolder.open(folder.path)
    restore(folder)
    assert rows(folder.ledger()) == runs.trials
    assert [path.read_bytes() for path in aside(folder)] == [damaged]
    assert "restored from its backup" in caplog.text
    RunFolder.open(folder.path)


def test_a_ledger_that_lost_its_wal_is_behind_its_backup_and_restored(runs: Runs) -> None:
    folder = runs.killed
    wal = folder.path / "ledger.sqlite-wal"
    wal.write_bytes(wal.read_bytes()[: wal.stat().st_size // 2])
    with pytest.raises(LedgerError, match="has lost what its backup knows — skazka resume restores it"):
        RunFolder.open(folder.path)
    restore(folder)
    assert rows(folder.ledger()) == runs.trials


def test_a_damaged_backup_does_not_make_a_whole_ledger_look_behind(runs: Runs) -> None:
    folder, expected = runs.closed, runs.trials
    with closing(folder.ledger()) as ledger:
        backup = ledger.backup_path
        ledger.warn("t0000", "known to the backup alone")
        ledger.backup()
    shutil.copyfile(runs.killed.ledger().backup_path, folder.ledger_file)
    with pytest.raises(LedgerError, match="has lost what its backup knows"):
        RunFolder.open(folder.path)
    spoil(backup, in_a_row(backup))
    restore(folder)
    assert rows(RunFolder.open(folder.path).ledger()) == expected
    assert not aside(folder)


@pytest.mark.parametrize(
    "where",
    [
        pytest.param(lambda data: 18, id="SQLite would read it, and not write to it"),
        pytest.param(lambda data: data.index(b"TABLE meta"), id="SQLite quotes it in an error that is no text"),
        pytest.param(lambda data: 0, id="no database"),
    ],
)
def test_damage_of_sqlite_s_own_parts_is_restored(runs: Runs, where: Callable[[bytes], int]) -> None:
    folder = runs.closed
    spoil(folder.ledger_file, where(folder.ledger_file.read_bytes()), bit=7)
    restore(folder)
    assert len(aside(folder)) == 1
    assert rows(folder.ledger()) == runs.trials


def test_a_ledger_and_its_backup_both_damaged_is_one_line(runs: Runs) -> None:
    folder = runs.closed
    for path in (folder.ledger_file, folder.ledger().backup_path):
        spoil(path, in_a_row(path))
    before = folder.ledger_file.read_bytes()
    with pytest.raises(LedgerError, match="and so is its backup — start the sweep anew in another folder") as refused:
        restore(folder)
    assert "\n" not in str(refused.value)
    assert folder.ledger_file.read_bytes() == before
    assert not aside(folder)


def test_a_run_whose_ledger_is_gone_resumes_from_the_backup(runs: Runs) -> None:
    expected = runs.trials
    runs.closed.ledger_file.unlink()
    with pytest.raises(LedgerError, match="skazka resume restores it"):
        RunFolder.open(runs.closed.path)
    assert rows(resume(runs.closed.path).ledger()) == expected


def change(runs: Runs, what: str) -> str:
    """Change one thing that the run was started with; returns the name that a refusal must give it."""
    model = runs.study / "model" / "model.safetensors"
    files = {
        "text": runs.closed.study_folder / "training.jsonl",
        "picture": runs.closed.study_folder / "images" / "train-1.png",
        "space": runs.closed.space_file,
        "model": model,
        "source": runs.study / "study.yaml",
    }
    path = files.get(what, runs.closed.study_folder / "images" / "new.png")
    if what == "gone":
        path = runs.closed.study_folder / "images" / "test-1.png"
        path.unlink()
    else:
        with path.open("ab") as file:
            file.write(b"\n")
    if what == "model":
        return str(model.parent)
    return str(path) if what == "source" else path.relative_to(runs.closed.path).as_posix()


OWN = ("text", "picture", "space", "new", "gone")
CHANGES = (*OWN, "model", "source")
ACCEPTABLE = tuple(what for what in CHANGES if what != "gone")


def settle(folder: RunFolder, *, accept: bool = False) -> None:
    """Settle the changes of a run."""
    with closing(folder.ledger()) as ledger:
        settle_changes(folder, ledger, accept=accept)


def test_a_run_that_is_as_it_was_goes_on(runs: Runs) -> None:
    settle(runs.closed)


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_is_refused_by_name(runs: Runs, what: str) -> None:
    name = change(runs, what)
    with pytest.raises(InputError, match="since the run began") as refused:
        settle(runs.closed)
    assert [problem.file for problem in refused.value.problems] == [name]
    assert "--accept-change" in refused.value.problems[0].remedy
    assert runs.closed.prepared.is_dir()


def test_all_changes_are_told_at_once(runs: Runs) -> None:
    names = {change(runs, what) for what in CHANGES}
    with pytest.raises(InputError) as refused:
        settle(runs.closed)
    assert {problem.file for problem in refused.value.problems} == names


@pytest.mark.parametrize("what", ACCEPTABLE)
def test_an_accepted_change_is_recorded_and_not_told_again(runs: Runs, what: str) -> None:
    name = change(runs, what)
    settle(runs.closed, accept=True)
    with closing(runs.closed.ledger()) as ledger:
        [accepted] = ledger.meta("accepted_changes")
    assert [said.partition(": ")[0] for said in accepted["changes"]] == [name]
    settle(runs.closed)


@pytest.mark.parametrize("what", ["source", "text"])
def test_the_manifest_names_the_study_that_trials_are_trained_on(runs: Runs, what: str) -> None:
    """Not the source's new hash: the run goes on with its own copy."""
    before = runs.closed.manifest()["study"]["sha256"]
    change(runs, what)
    settle(runs.closed, accept=True)
    found = runs.closed.manifest()["study"]["sha256"]
    assert found == runs.closed.found_study().content_hash
    assert (found == before) == (what == "source")
    settle(runs.closed)


@pytest.mark.parametrize("what", ACCEPTABLE)
def test_what_was_prepared_of_other_inputs_is_set_aside(runs: Runs, what: str) -> None:
    before = sorted(path.read_bytes() for path in runs.closed.prepared.iterdir())
    change(runs, what)
    settle(runs.closed, accept=True)
    assert runs.closed.prepared.exists() == (what == "source")
    for aside in runs.closed.path.glob("aside-*-prepared"):
        assert sorted(path.read_bytes() for path in aside.iterdir()) == before
    assert len(list(runs.closed.path.glob("aside-*"))) == (what != "source")


@pytest.mark.parametrize("accept_change", [False, True])
def test_a_base_model_that_is_gone_is_no_change(runs: Runs, accept_change: bool) -> None:
    """It may have moved: neither its hash nor what was prepared with it is given up."""
    before = runs.closed.manifest()
    (runs.study / "model").rename(runs.study / "moved")
    with pytest.raises(InputError, match=r"is not at .*/model any more — .*--base-model PATH"):
        resume(runs.closed.path, accept_change=accept_change)
    assert runs.closed.manifest() == before
    assert runs.closed.prepared.is_dir()
    with closing(runs.closed.ledger()) as ledger:
        assert ledger.meta("accepted_changes") is None


def test_a_base_model_that_moved_is_given_once(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    before = runs.closed.manifest()["base_model"]
    (runs.study / "model").rename(runs.study / "moved")
    monkeypatch.chdir(runs.study)
    resume(runs.closed.path, base_model="./moved/")
    found = runs.closed.manifest()["base_model"]
    assert found == {**before, "id": str(runs.study / "moved")}
    assert json.loads(runs.closed.manifest_file.read_text(encoding="utf-8"))["base_model"] == found
    assert runs.closed.prepared.is_dir()
    assert rows(resume(runs.closed.path).ledger()) == runs.trials


def test_another_model_is_not_taken_for_the_one_that_moved(runs: Runs) -> None:
    before = runs.closed.manifest()
    (runs.study / "model").rename(runs.study / "moved")
    with (runs.study / "moved" / "config.json").open("a") as file:
        file.write(" ")
    with pytest.raises(InputError, match=r"holds another base model .*sha256 [0-9a-f]{12}…, .* with [0-9a-f]{12}…"):
        resume(runs.closed.path, base_model=runs.study / "moved", accept_change=True)
    assert runs.closed.manifest() == before


def replace_in(path: Path, old: str, new: str) -> None:
    """Change a text file."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("space.json", "{", "", "is no space"),
        ("study/study.yaml", "name: Gena", "name: Gina", "not those that the trials were scored on"),
        ("study/probes.jsonl", '"id": "p1"', '"id": "p9"', "not those that the trials were scored on"),
        ("study/study.yaml", "role: target", "role: hero", r"study/study\.yaml.*role"),
        ("study/study.yaml", "role: control", "role: negative", "not those that the trials were scored on"),
        ("study/probes.jsonl", '"id": "p4"', '"id": "p9"', "not those that the trials were scored on"),
        ("study/training.jsonl", '{"', '{bad"', r"study/training\.jsonl:1 not valid JSON"),
    ],
)
def test_what_no_trial_could_go_on_with_is_never_accepted(runs: Runs, file: str, old: str, new: str, said: str) -> None:
    replace_in(runs.closed.path / file, old, new)
    with pytest.raises(InputError, match=said):
        settle(runs.closed, accept=True)
    with closing(runs.closed.ledger()) as ledger:
        assert ledger.meta("accepted_changes") is None
    assert runs.closed.prepared.is_dir()


def test_what_the_study_needs_is_restored_before_anything_is_set_aside(runs: Runs) -> None:
    name = change(runs, "gone")
    with pytest.raises(InputError, match=f"{name} is gone, and the study needs it — restore it"):
        settle(runs.closed, accept=True)
    assert runs.closed.prepared.is_dir()


@pytest.mark.parametrize("name", ["study/training.jsonl", "study/study.yaml"])
def test_a_damaged_copy_is_said_to_have_changed_and_not_to_be_bad_input(runs: Runs, name: str) -> None:
    (runs.closed.path / name).write_text("{bad", encoding="utf-8")
    with pytest.raises(InputError, match=f"{name} has changed since the run began"):
        runs.closed.study()


def test_a_copy_that_is_gone_is_refused_by_name(runs: Runs) -> None:
    runs.closed.space_file.unlink()
    with pytest.raises(InputError, match=r"space\.json is gone since the run began — restore it"):
        runs.closed.space()


def test_the_trials_of_a_run_whose_copy_changed_are_still_shown(runs: Runs) -> None:
    change(runs, "text")
    found = summary(runs.closed)
    assert sum(found["trials"].values()) == len(runs.trials)
    assert found["changed"].startswith("study/training.jsonl has changed since the run began")
    told = CliRunner().invoke(main, ["status", str(runs.closed.path)])
    assert told.exit_code == 0
    assert "study/training.jsonl" in told.output


def test_a_manifest_that_is_gone_is_written_again(runs: Runs) -> None:
    before = runs.closed.manifest_file.read_text(encoding="utf-8")
    runs.closed.manifest_file.unlink()
    settle(runs.closed)
    assert json.loads(runs.closed.manifest_file.read_text(encoding="utf-8")) == json.loads(before)
