"""Damaged state files: each cut off, or with one bit flipped; the run falls back or refuses in one line."""

from __future__ import annotations

import json
import logging
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any, NoReturn
from unittest.mock import Mock, patch

from click.testing import CliRunner, Result

import analysis.render.html_report
import analysis.report
import skazka.screen
from analysis.facts.trials import REPORT_FILE
from benchmarks.campaigns import finished_run
from benchmarks.campaigns.bad_inputs import crashed
from benchmarks.campaigns.outcome import Outcome
from benchmarks.campaigns.spoilt_files import Damage, copied, damages
from search import launch
from search.cluster import joining
from search.outputs import export
from search.run.ledger import BASE
from search.run.run_folder import RunFolder
from search.run.trial_row import TrialRow
from skazka.cli import main
from skazka.command import BAD_INPUT, INTERNAL, OK
from skazka_text.problems import InputError
from trainables import checkpoint
from trainables.checkpoint_files import MANIFEST, read_manifest
from trainables.facts import Facts

NEVER = ("tracebacks", "wrong numbers", "no remedy")
ENDS = ("fell back", "refused", "unharmed")
# What is damaged: of a run that ended in peace, and of one that was killed with its ledger in the WAL.
CLOSED = (
    "ledger.sqlite",
    "ledger.backup.sqlite",
    "manifest.json",
    "space.json",
    "study/*.yaml",
    "study/*.jsonl",
    "study/images/train-1.png",
    "prepared/*",
    "trials/t000[02]/epoch-*/*",
)
# What a user may change, and go on.
INPUTS = ("space.json", "study/")
KILLED = ("ledger.sqlite", "ledger.sqlite-wal")
SHOWN = 5


def run(size: int, seed: int, work: Path) -> Outcome:
    """Damage each state file at `size` offsets a kind; call status, report, resume and whoever reads the file."""
    start = time.monotonic()
    closed, killed = work / "closed", work / "killed"
    finished_run.build(work / "study", closed, killed)
    never, ends, failing = Counter[str](), Counter[str](), list[str]()
    with traps(closed) as fallbacks:
        campaign = Campaign(work / "run", closed, fallbacks)
        for damage in (*damages(closed, CLOSED, size, seed), *damages(killed, KILLED, size, seed)):
            end, wrong = campaign.meet(damage)
            ends[end] += 1
            never.update(fault for fault, _ in wrong)
            failing += [f"{damage}: {fault} ({told})" for fault, told in wrong]
    for part in (work / "study", closed, killed):
        shutil.rmtree(part)
    noted: dict[str, float | int | str] = {**{end: ends[end] for end in ENDS}, "failing": "; ".join(failing[:SHOWN])}
    counts = {fault: never[fault] for fault in NEVER}
    return Outcome("damaged state files", seed, ends.total(), counts, round(time.monotonic() - start, 1), noted)


class TrialStarted(Exception):
    """A finished run came as far as training again."""


class Fallbacks(logging.Handler):
    """What was said of falling back while one damage was met."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Take a warning."""
        self.said.append(record.getMessage())


@contextmanager
def traps(good: Path) -> Iterator[Fallbacks]:
    """Preparing anew puts the good files back, training raises, what takes time to draw is not drawn."""
    fallbacks = Fallbacks()

    def prepare(folder: RunFolder, process: Any) -> Facts:
        fallbacks.said.append("prepared anew")
        shutil.rmtree(folder.prepared, ignore_errors=True)
        shutil.copytree(good / "prepared", folder.prepared)
        return Facts.read(folder.prepared)

    def train(*arguments: Any) -> NoReturn:
        raise TrialStarted

    stand_ins = {
        (joining, "connected"): lambda address, home: nullcontext(),
        (joining, "check_resources"): lambda *arguments, **options: None,
        (launch, "start_here"): lambda folder, gpus: Mock(),
        (launch, "finish_here"): prepare,
        (launch, "_tuner"): train,
        (skazka.screen, "Screen"): lambda console: nullcontext(),
        (analysis.report, "draw"): lambda *arguments: None,
        (analysis.render.html_report, "render"): lambda *arguments: "",
    }
    logging.getLogger().addHandler(fallbacks)
    try:
        with ExitStack() as stack:
            for (module, name), stand_in in stand_ins.items():
                stack.enter_context(patch.object(module, name, stand_in))
            yield fallbacks
    finally:
        logging.getLogger().removeHandler(fallbacks)


class Campaign:
    """Meets one damage after another in the same folder, and knows what the whole run says there."""

    def __init__(self, run: Path, good: Path, fallbacks: Fallbacks) -> None:
        self.run, self.folder, self.fallbacks = run, RunFolder(run), fallbacks
        self.refused, self.wrong = False, list[tuple[str, str]]()
        with copied(good, run):
            self.ledger = contents(self.folder)
            self.summary = summary_of(self.call("status", "--json"))
            self.call("report")
            self.report = (self.folder.report / REPORT_FILE).read_text(encoding="utf-8")
        self.rows: dict[str, TrialRow] = {row.id: row for row in self.ledger["trials"]}

    def meet(self, damage: Damage) -> tuple[str, list[tuple[str, str]]]:
        """How the run came out of a damage, and each thing that must not happen and did, with what was told."""
        self.fallbacks.said.clear()
        self.refused, self.wrong = False, []
        with copied(damage.good, self.run):
            damage.apply(self.run)
            try:
                self.use(damage)
            except Exception as error:
                self.wrong.append(("tracebacks", repr(error)))
        return "fell back" if self.fallbacks.said else "refused" if self.refused else "unharmed", self.wrong

    def use(self, damage: Damage) -> None:
        """Do with the damaged run what a user would."""
        if self.is_ok(result := self.call("status", "--json")):
            self.expect(self.agrees(summary_of(result)), "status")
            self.expect(contents(self.folder) == self.ledger, "ledger")
        if self.is_ok(self.call("report")):
            self.expect(self.same_report(), "report")
        if self.is_ok(result := self.call("resume", "--json")):
            self.expect(summary_of(result) == self.summary, "resume")
            self.expect(contents(self.folder) == self.ledger, "resumed ledger")
            self.expect(self.same_report(), "resumed report")
        elif damage.file.startswith(INPUTS) and self.is_ok(self.call("resume", "--accept-change", "--json")):
            rows = contents(self.folder)["trials"]
            self.expect(rows == self.ledger["trials"], "trials after an accepted change")
        if damage.file.startswith("trials/"):
            self.read_checkpoints(damage)

    def agrees(self, found: dict[str, Any]) -> bool:
        """Whether a summary says what the whole run said; where its study changed, what needs none, and no more."""
        if found["changed"] is None:
            return found == self.summary
        apart = ("changed", "fitness", "winner")
        rest = {name: value for name, value in found.items() if name not in apart}
        return found["fitness"] is None and rest.items() <= self.summary.items()

    def call(self, command: str, *options: str) -> Result:
        """One command on the run."""
        return CliRunner().invoke(main, [command, str(self.run), *options])

    def is_ok(self, result: Result) -> bool:
        """Whether a command did its work; when it refused, whether it did so properly is noted."""
        if isinstance(result.exception, TrialStarted) or result.exit_code not in (OK, INTERNAL, BAD_INPUT):
            self.wrong.append(("wrong numbers", f"exit code {result.exit_code}, {result.exception!r}"))
        elif crashed(result):
            told = result.stderr.strip().split("\n")[-1]
            self.wrong.append(("tracebacks", f"{told}, {result.exception!r}"))
        elif result.exit_code != OK:
            self.refuse(result.stderr, prefix="error: ")
        return result.exit_code == OK

    def refuse(self, told: str, prefix: str = "") -> None:
        """Note a refusal, and whether each of its lines says what to do."""
        self.refused = True
        lines = [line for line in told.split("\n") if line.strip()]
        if not lines or not all(line.startswith(prefix) and " — " in line for line in lines):
            self.wrong.append(("no remedy", told))

    def expect(self, right: bool, what: str) -> None:
        """Note a number that is wrong."""
        if not right:
            self.wrong.append(("wrong numbers", what))

    def same_report(self) -> bool:
        """Whether the report is the whole run's."""
        return (self.folder.report / REPORT_FILE).read_text(encoding="utf-8") == self.report

    def read_checkpoints(self, damage: Damage) -> None:
        """Read the damaged trial's checkpoints as the next attempt and the export do."""
        row = self.rows[Path(damage.file).parts[1]]
        identity = {"trial": row.id, "config": row.config, "seed": row.seed}
        found, skipped = checkpoint.newest(self.folder.trial(row.id), identity)
        self.fallbacks.said += skipped
        self.expect(found is None or self.same_checkpoint(found.folder, damage.good), "newest")
        try:
            source = export.checkpoint_of(self.folder, row)
        except InputError as error:
            self.refuse(str(error))
        else:
            self.expect(self.same_checkpoint(source, damage.good), "export")

    def same_checkpoint(self, folder: Path, good: Path) -> bool:
        """Whether a checkpoint that was taken for whole is what was written."""
        whole = good / folder.relative_to(self.run)
        files = [path.name for path in whole.iterdir() if path.name != MANIFEST]
        same = all((folder / name).read_bytes() == (whole / name).read_bytes() for name in files)
        return same and read_manifest(folder) == read_manifest(whole)


def summary_of(result: Result) -> dict[str, Any]:
    """What a command prints as JSON, without the report, which only some of them write."""
    summary: dict[str, Any] = json.loads(result.stdout)
    return {name: value for name, value in summary.items() if name != "report"}


def contents(folder: RunFolder) -> dict[str, Any]:
    """Every row of a run's ledger."""
    with closing(folder.ledger()) as ledger:
        rows = ledger.trials()
        names = [BASE, *(row.id for row in rows)]
        found: dict[str, Any] = {"trials": rows, "metas": ledger.metas("")}
        for part in (ledger.epochs, ledger.attempts, ledger.answers):
            found[part.__name__] = {name: part(name) for name in names}
    return found
