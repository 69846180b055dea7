"""Campaigns of death: the driver, a worker or a node dies at a random moment, and the sweep must not lose anything."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from analysis.messages.catalogue import Messages
from analysis.messages.table import LANGUAGES
from benchmarks.campaigns import good_inputs
from benchmarks.campaigns.fault_points import IN_WORKER, PLAN, Fault, fired, write_plan
from benchmarks.campaigns.outcome import Outcome
from benchmarks.campaigns.stand_in import WITNESS
from search.run.ledger import Ledger
from search.run.run_folder import RunFolder
from search.run.trial_row import SCORED, TrialRow

Kind = Literal["stand-in", "real"]
HOME = Path(__file__).resolve().parents[2]
TRIALS, KILLS_A_SWEEP = 6, 10
# Seconds within which any step of these sweeps ends on a busy machine.
PATIENCE = 300
SPACE = """\
learning_rate: {log_uniform: [1.0e-4, 1.0e-2]}
rank: {choice: [2, 4, 8]}
epochs: {integer: [3, 5]}
"""
NEVER = (
    "completed trials lost",
    "completed trials run again",
    "trials doubled",
    "checkpointed epochs trained twice",
    "epochs missing",
    "trials not finished",
    "failed resumes",
    "signals without effect",
    "tracebacks",
    "ledgers that differ",
    "reports that differ",
)


def make_study(folder: Path, kind: Kind) -> Path:
    """A study of short trials: for stand-ins one whose model is never loaded, else a tiny model that trains."""
    if folder.exists():
        return folder
    if kind == "real":
        from benchmarks.campaigns.tiny import make_tiny_model, make_tiny_study

        make_tiny_study(folder, make_tiny_model(folder.with_name("model-real")))
        (folder / "space.yaml").write_text(SPACE)
    else:
        good_inputs.make_study(folder)
        text = good_inputs.STUDY.replace("{every: 5}", "{every: 2}").replace("rank: 8", "rank: 8\n    epochs: 4")
        (folder / "study.yaml").write_text(text)
        (folder / "own.yaml").write_text(SPACE)
    return folder


@dataclass
class Sweep:
    """One sweep that is killed and gone on with, and what was seen of it on the way."""

    kind: Kind
    study: Path
    home: Path
    seed: int
    concurrent: int = 1
    options: tuple[str, ...] = ()
    trials: int = TRIALS
    program: str = "benchmarks.campaigns.sweep"
    place: Path | None = None
    environment: dict[str, str] = field(default_factory=dict)
    seen: dict[str, TrialRow] = field(default_factory=dict)
    never: Counter[str] = field(default_factory=Counter)
    attempts: int = 0

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)

    @property
    def run(self) -> Path:
        """The run folder: in `place`, or among the logs of this sweep."""
        return (self.place or self.home) / "run"

    def start(self, plan: list[Fault]) -> tuple[subprocess.Popen[bytes], Path]:
        """Launch, or resume once the run exists; returns the process and the plan of its faults."""
        self.attempts += 1
        plan_file = self.home / f"plan-{self.attempts}.json"
        write_plan(plan_file, plan)
        if self.run.exists():
            arguments = ["resume", str(self.run)]
        else:
            arguments = ["launch", str(self.study), "--run", str(self.run), "--trials", str(self.trials)]
            arguments += ["--seed", str(self.seed), "--max-concurrent", str(self.concurrent)]
        own = {**self.environment, "PYTHONPATH": str(HOME), PLAN: str(plan_file), WITNESS: str(self.witness)}
        command = [sys.executable, "-m", self.program, self.kind, *arguments, *self.options]
        with self.log(self.attempts).open("wb") as log:
            process = subprocess.Popen(command, cwd=self.home, env={**os.environ, **own}, stdout=log, stderr=log)
        return process, plan_file

    def log(self, attempt: int) -> Path:
        """What an attempt said."""
        return self.home / f"attempt-{attempt}.log"

    @property
    def witness(self) -> Path:
        """The epochs that were trained and put on disk."""
        return self.home / "witness.log"

    def wait(self, process: subprocess.Popen[bytes]) -> int:
        """The exit code of an attempt; notes a traceback."""
        try:
            code = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
            self.never["failed resumes"] += 1
        if "Traceback" in self.log(self.attempts).read_text(errors="replace"):
            self.never["tracebacks"] += 1
        return code

    def finish(self) -> None:
        """Let it run to its end without a fault, as its user would, and judge it."""
        process, _ = self.start([])
        if self.wait(process) != 0:
            self.never["failed resumes"] += 1
        self.judge()

    def look(self) -> None:
        """Remember what counts as completed now, from a copy: looking must not mend what a kill left."""
        if not self.run.exists():
            return
        copy = self.home / "seen"
        copy.mkdir()
        for path in self.run.glob("ledger.sqlite*"):
            shutil.copyfile(path, copy / path.name)
        with closing(Ledger(copy / "ledger.sqlite")) as ledger:
            now = {row.id: row for row in ledger.trials() if row.state in SCORED}
        shutil.rmtree(copy)
        self.never["completed trials lost"] += sum(now.get(trial) != row for trial, row in self.seen.items())
        self.seen = now

    def judge(self) -> None:
        """Count at the end whatever must never happen."""
        self.look()
        with closing(RunFolder(self.run).ledger()) as ledger:
            rows = ledger.trials()
            for row in rows:
                events = [attempt["event"] for attempt in ledger.attempts(row.id)]
                ended = [place for place, event in enumerate(events) if event in SCORED]
                self.never["completed trials run again"] += bool(ended) and "started" in events[ended[0] :]
                epochs = [entry["epoch"] for entry in ledger.epochs(row.id)]
                self.never["epochs missing"] += epochs != list(range(1, row.config["epochs"] + 1))
        configs = Counter(json.dumps(row.config, sort_keys=True) for row in rows)
        self.never["trials doubled"] += sum(count - 1 for count in configs.values()) + max(0, len(rows) - self.trials)
        self.never["trials not finished"] += self.trials - sum(row.state in SCORED for row in rows)
        trained = Counter(tuple(line.split()[:2]) for line in self.witness.read_text().splitlines())
        self.never["checkpointed epochs trained twice"] += sum(count - 1 for count in trained.values())

    def compare(self, whole: Sweep) -> None:
        """Count where the ledger or the report differs from that of a sweep that nobody disturbed."""
        self.never["ledgers that differ"] += contents(self.run) != contents(whole.run)
        self.never["reports that differ"] += report(self.run) != report(whole.run)


def contents(run: Path) -> dict[str, Any]:
    """What the ledger of a run says, without times and without the number of attempts."""
    with closing(RunFolder(run).ledger()) as ledger:
        rows = [replace(row, started=None, finished=None) for row in ledger.trials()]
        epochs = {row.id: [_timeless(entry) for entry in ledger.epochs(row.id)] for row in rows}
        answers = {row.id: ledger.answers(row.id) for row in rows}
        return {"rows": rows, "epochs": epochs, "answers": answers, "base": ledger.answers("base")}


def _timeless(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name != "seconds"}


def report(run: Path) -> str:
    """The report of a run without its place and times."""
    # A path in Markdown may have its underscores escaped.
    text = (run / "report" / "report.md").read_text(encoding="utf-8").replace("\\_", "_").replace(str(run), "RUN")
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:]+Z", "TIME", text)
    # What it cost, and every length of time elsewhere, in the language of this machine.
    cost = "|".join(re.escape(Messages(language).text("cost")) for language in LANGUAGES)
    text = re.sub(rf"(?ms)^## (?:{cost})$.*?(?=^## )", "", text)
    return re.sub(r"\d+ (?:ч \d+ мин|мин \d+ с|h \d+ min|min \d+ s)\b", "DURATION", text)


def a_fault(source: random.Random, whom: Literal["driver", "worker"], number: int) -> Fault:
    """A random moment, spread over ask, train, evaluate, checkpoint, commit and the clock."""
    point = source.choice([*IN_WORKER, "ask", "commit", "time"] if whom == "driver" else [*IN_WORKER])
    nth = source.randint(1, {"commit": 8, "ask": 2}.get(point, 4))
    return Fault(point, nth, number, whom)


def undisturbed(kind: Kind, study: Path, work: Path, seed: int) -> Sweep:
    """The sweep of a seed that nobody kills."""
    home = work / f"whole-{kind}-{seed}"
    if home.exists():
        return Sweep(kind, study, home, seed)
    whole = Sweep(kind, study, home, seed)
    whole.finish()
    return whole


def kill_drivers(size: int, seed: int, work: Path, kind: Kind = "stand-in") -> Outcome:
    """SIGKILL of the driver, ten in a row in each sweep, then resume.

    Two sweeps of three run one trial at a time and must equal the undisturbed sweep of their seed.
    """
    start, source = time.monotonic(), random.Random(seed)
    study, never, kills, points = make_study(work / f"study-{kind}", kind), Counter[str](), 0, Counter[str]()
    number = 0
    while kills < size:
        concurrent = 2 if number % 3 == 2 else 1
        sweep = Sweep(kind, study, work / f"driver-{kind}-{number}", seed + number, concurrent)
        wanted = min(KILLS_A_SWEEP, size - kills)
        for place in range(wanted):
            fault = a_fault(source, "driver", signal.SIGKILL)
            if place == wanted - 1:
                fault = Fault("report", 1)
            killed = _one_kill(sweep, fault, source)
            kills += killed
            points[fault.point] += killed
            if not killed:
                break
        sweep.finish()
        if concurrent == 1:
            sweep.compare(undisturbed(kind, study, work, seed + number))
        never += sweep.never
        number += 1
    noted = {"sweeps": number, "kills at": ", ".join(f"{point} {count}" for point, count in sorted(points.items()))}
    return _outcome(f"SIGKILL of the driver, then resume ({kind})", seed, kills, never, start, noted)


def _one_kill(sweep: Sweep, fault: Fault, source: random.Random) -> bool:
    """One attempt of a sweep with one fault; whether it hit a living driver."""
    process, _ = sweep.start([fault])
    if fault.point == "time":
        time.sleep(source.uniform(0.2, 12.0))
        process.kill()
    code = sweep.wait(process)
    sweep.look()
    if code not in (0, -signal.SIGKILL):
        sweep.never["failed resumes"] += 1
    return code == -signal.SIGKILL


def kill_workers(size: int, seed: int, work: Path, kind: Kind = "stand-in") -> Outcome:
    """SIGKILL of a trial's process, several in each sweep, while the driver goes on."""
    start, source = time.monotonic(), random.Random(seed)
    study, never, kills, number = make_study(work / f"study-{kind}", kind), Counter[str](), 0, 0
    while kills < size:
        sweep = Sweep(kind, study, work / f"worker-{kind}-{number}", seed + number)
        faults = [a_fault(source, "worker", signal.SIGKILL) for _ in range(min(KILLS_A_SWEEP, size - kills))]
        process, plan = sweep.start(faults)
        if sweep.wait(process) != 0:
            sweep.never["failed resumes"] += 1
        sweep.judge()
        sweep.compare(undisturbed(kind, study, work, seed + number))
        kills += fired(plan)
        never += sweep.never
        number += 1
    return _outcome(f"SIGKILL of a trial's process ({kind})", seed, kills, never, start, {"sweeps": number})


def kill_nodes(size: int, seed: int, work: Path, kind: Kind = "stand-in") -> Outcome:
    """SIGKILL of the raylet of one of two nodes, three times in each sweep; a new node takes its place."""
    start, never, kills, number = time.monotonic(), Counter[str](), 0, 0
    study = make_study(work / f"study-{kind}", kind)
    while kills < size:
        wanted = min(3, size - kills)
        home, options = work / f"node-{kind}-{number}", ("--kills", str(wanted))
        program = "benchmarks.campaigns.nodes"
        sweep = Sweep(kind, study, home, seed + number, 2, options, trials=3 * TRIALS, program=program)
        process, _ = sweep.start([])
        if sweep.wait(process) != 0:
            sweep.never["failed resumes"] += 1
        sweep.judge()
        kills += _count_kills(sweep)
        never += sweep.never
        number += 1
    return _outcome(f"SIGKILL of a raylet of two nodes ({kind})", seed, kills, never, start, {"sweeps": number})


def _count_kills(sweep: Sweep) -> int:
    """The last line of `nodes`."""
    found = re.findall(r"(?m)^raylets killed: (\d+)$", sweep.log(1).read_text(errors="replace"))
    return int(found[-1]) if found else 0


def interrupt(size: int, seed: int, work: Path, kind: Kind = "stand-in", *, how: str = "SIGTERM") -> Outcome:
    """SIGTERM, SIGINT, or SIGINT twice: the exit code says so, and the resumed sweep is the undisturbed one."""
    start, source = time.monotonic(), random.Random(seed)
    study, never = make_study(work / f"study-{kind}", kind), Counter[str]()
    done, number, slowest = 0, 0, 0.0
    whole = undisturbed(kind, study, work, seed)
    while done < size:
        sweep = Sweep(kind, study, work / f"{how.replace(' ', '-')}-{kind}-{number}", seed)
        for _ in range(min(5, size - done)):
            seconds = _one_signal(sweep, source, how)
            if seconds is None:
                break
            done, slowest = done + 1, max(slowest, seconds)
        sweep.finish()
        sweep.compare(whole)
        never += sweep.never
        number += 1
    noted = {"sweeps": number, "slowest end, s": round(slowest, 1)}
    return _outcome(f"{how} of the driver, then resume ({kind})", seed, done, never, start, noted)


def _one_signal(sweep: Sweep, source: random.Random, how: str) -> float | None:
    """Interrupt one attempt; the seconds that it took to end, None when it had ended before."""
    first = signal.SIGTERM if how == "SIGTERM" else signal.SIGINT
    fault = a_fault(source, "driver", first)
    process, plan = sweep.start([fault])
    if fault.point == "time":
        time.sleep(source.uniform(1.5, 12.0))
        process.send_signal(first)
    else:
        while process.poll() is None and not fired(plan):
            time.sleep(0.02)
    sent = time.monotonic()
    if how == "SIGINT twice":
        time.sleep(source.uniform(0.0, 0.5))
        process.send_signal(signal.SIGINT)
    code = sweep.wait(process)
    seconds = time.monotonic() - sent
    sweep.look()
    if code == 0:
        sweep.never["signals without effect"] += fired(plan)
        return None
    # Python itself takes the signal before the program listens.
    if code not in (128 + first, -first):
        sweep.never["failed resumes"] += 1
    return seconds


def _outcome(
    campaign: str, seed: int, faults: int, never: Counter[str], start: float, noted: Mapping[str, Any]
) -> Outcome:
    counts = {name: never[name] for name in NEVER}
    return Outcome(campaign, seed, faults, counts, round(time.monotonic() - start, 1), noted)
