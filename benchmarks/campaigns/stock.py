"""What stock Ray Tune loses when its driver is killed: Optuna's TPE, `Tuner.restore`, nothing of ours.

One sweep: 8 trials of 4 epochs, one at a time on a reused actor of 1 CPU, a checkpoint after every epoch.
An epoch is `EPOCH_SECONDS` of numpy work and no sleep; its checkpoint, an adapter of 100 kB and a state of
200 kB, goes through Tune's own `save_checkpoint`. The driver gets SIGKILL at a moment drawn evenly over the
length of an uninterrupted sweep, its start-up included, and is then started again with the same command.

Configured: seeded `OptunaSearch` with its study in memory, `stop={"training_iteration": 4}`,
`CheckpointConfig(checkpoint_frequency=1)`, `reuse_actors=True`, `max_concurrent_trials=1`, `ray.init` on
2 CPUs without dashboard, and Ray's output turned off (`QUIET`: progress tables and the CSV, JSON and
TensorBoard loggers, which restore does not read). All else is as a user gets it, above all the snapshot of
the experiment's state every 10 s. The start is the one in the documentation of `Tuner.can_restore`: restore
with `resume_unfinished=True, restart_errored=False` where it says yes, else a new Tuner in the same folder.

What counts is what the trials themselves wrote down, in a log that Tune does not know of. A trial is
finished when Tune has put its last checkpoint in storage, even if the driver was killed before it heard so.

Read the counts with the period in mind: a kill costs stock Tune what was done since its last snapshot,
some 10 s. With epochs of 0.1 s the sweep trains for 4 s, so every kill falls into its first period and takes
all that was trained, and most kills fall into the start-up; with epochs of 1 s it trains for 33 s, and a kill
takes up to three trials. Trials of hours would lose an epoch at most.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Literal, NamedTuple

import numpy as np
import ray
from ray import tune
from ray.tune import CheckpointConfig, ResultGrid, RunConfig, TuneConfig, Tuner
from ray.tune.search.optuna import OptunaSearch

from benchmarks.campaigns.outcome import Outcome
from search.cluster.joining import QUIET

CAMPAIGN = "stock Ray Tune: SIGKILL of the driver, then restore"
TRIALS = 8
EPOCHS = 4
EPOCH_SECONDS = 0.1
RESUME_LIMIT = 300.0
GRACE = 5.0
SAMPLED = ("rank", "learning_rate", "dropout")

Resume = Literal["new", "restored", "refused", "restarted", "hung"]


class Line(NamedTuple):
    """One line of the witnesses' log. event: `trained` to its end, or `saved` to Tune's storage."""

    event: str
    trial: str
    epoch: int
    pid: int
    time: float


@dataclass(frozen=True)
class Sweep:
    """Where one sweep lives and what it is given."""

    folder: Path
    seed: int
    epoch_seconds: float

    @property
    def experiment(self) -> Path:
        """The folder that Tune owns."""
        return self.folder / "experiment"

    @property
    def witness(self) -> Path:
        """The log that the trials append to."""
        return self.folder / "witness.log"

    @property
    def ended(self) -> Path:
        """What the driver leaves once `fit` has returned."""
        return self.folder / "ended.json"

    def lines(self) -> list[Line]:
        """All that was witnessed so far."""
        if not self.witness.exists():
            return []
        fields = [line.split() for line in self.witness.read_text(encoding="utf-8").splitlines()]
        return [Line(event, trial, int(epoch), int(pid), float(at)) for event, trial, epoch, pid, at in fields]


def trial_id(config: dict[str, Any]) -> str:
    """A trial by what was sampled for it, so that the same configuration run again is the same trial."""
    return hashlib.sha256(json.dumps([config[name] for name in SAMPLED]).encode()).hexdigest()[:12]


class StockTrial(tune.Trainable):  # type: ignore[misc]
    """Works and writes like a LoRA trial, and notes down what it did."""

    def setup(self, config: dict[str, Any]) -> None:
        self.epoch = 0
        self.adapter = np.full((160, 160), 0.01, dtype=np.float32)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.setup(new_config)
        return True

    def step(self) -> dict[str, Any]:
        until = time.perf_counter() + self.config["epoch_seconds"]
        while time.perf_counter() < until:
            self.adapter = np.tanh(self.adapter @ self.adapter + self.config["dropout"])
        self.epoch += 1
        self._note("trained")
        return {"loss": abs(np.log10(self.config["learning_rate"]) + 3) + 1 / self.epoch, "epoch": self.epoch}

    def save(self, checkpoint_dir: str | None = None) -> Any:
        saved = super().save(checkpoint_dir)
        self._note("saved")
        return saved

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        np.save(Path(checkpoint_dir, "adapter.npy"), self.adapter)
        np.savez(Path(checkpoint_dir, "state.npz"), moments=np.stack([self.adapter] * 2), epoch=self.epoch)

    def load_checkpoint(self, checkpoint_dir: str) -> None:
        self.adapter = np.load(Path(checkpoint_dir, "adapter.npy"))
        with np.load(Path(checkpoint_dir, "state.npz")) as state:
            self.epoch = int(state["epoch"])

    def _note(self, event: str) -> None:
        line = f"{event} {trial_id(self.config)} {self.epoch} {os.getpid()} {time.time():.3f}\n"
        log = os.open(self.config["witness"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        os.write(log, line.encode())
        os.fsync(log)
        os.close(log)


def run(size: int, seed: int, work: Path, epoch_seconds: float = EPOCH_SECONDS) -> Outcome:
    """Kill `size` sweeps once each, resume each to its end, and count what that cost.

    epoch_seconds: work of one epoch; longer ones show how the cost depends on the snapshot's period.
    Raises RuntimeError when a sweep that nobody disturbed does not end with its 8 trials.
    """
    start = time.monotonic()
    draw = random.Random(seed)
    length = _uninterrupted(Sweep(_empty(work / "uninterrupted"), seed, epoch_seconds))
    noted: Counter[str] = Counter()
    ages: list[float] = []
    kills = misses = 0
    while kills < size:
        sweep = Sweep(_empty(work / f"sweep-{kills:03d}"), draw.randrange(2**31), epoch_seconds)
        killed = _kill(sweep, after=draw.uniform(0, length))
        if killed is None:
            misses += 1
            continue
        kills += 1
        before = sweep.lines()
        ages += [killed - path.stat().st_mtime for path in _snapshots(sweep)[-1:]]
        resume, complete = _resume(sweep)
        after = sweep.lines()[len(before) :]
        noted.update(losses([line for line in before if line.time <= killed], after, complete, resume))
        shutil.rmtree(sweep.experiment, ignore_errors=True)
    figures: dict[str, float | int | str] = {
        **noted,
        "kills that came after the end": misses,
        "seconds of an uninterrupted sweep": round(length, 1),
        "median age of the last snapshot, seconds": round(median(ages), 1) if ages else "no snapshot",
    }
    return Outcome(CAMPAIGN, seed, kills, {}, time.monotonic() - start, figures)


def losses(before: Sequence[Line], after: Sequence[Line], complete: set[str], resume: Resume) -> Counter[str]:
    """What one kill cost. before, after: witnessed up to the kill and since; complete: what the end reports."""
    finished = {line.trial for line in before if line.event == "saved" and line.epoch == EPOCHS}
    saved = {(line.trial, line.epoch) for line in before if line.event == "saved"}
    trained = {(line.trial, line.epoch) for line in after if line.event == "trained"}
    failed = resume != "restored"
    return Counter(
        {
            "kills after training had begun": int(bool(before)),
            "completed trials before the kill": len(finished),
            "completed trials lost": len(finished - complete),
            "completed trials run again": len(finished & {trial for trial, _ in trained}),
            "checkpointed epochs before the kill": len(saved),
            "checkpointed epochs trained twice": len(saved & trained),
            "sweeps that ended without the 8 trials asked for": int(len(complete) < TRIALS),
            "failed resumes": int(failed),
            "failed resumes with nothing trained yet": int(failed and not before),
        }
    )


def _uninterrupted(sweep: Sweep) -> float:
    started = time.time()
    process = _start(sweep)
    process.wait(RESUME_LIMIT)
    complete = _ended(sweep)[1]
    if process.returncode or len(complete) != TRIALS:
        message = f"an undisturbed sweep must end with {TRIALS} trials, got {len(complete)}"
        raise RuntimeError(f"{message} and exit status {process.returncode} — read {sweep.folder}/driver.log")
    return sweep.ended.stat().st_mtime - started


def _kill(sweep: Sweep, after: float) -> float | None:
    """Start a sweep and kill its driver `after` seconds later: when that was, or None if it had ended before."""
    process = _start(sweep)
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        killed = _end_driver(process)
        return None if sweep.ended.exists() else killed
    if not sweep.ended.exists():
        raise RuntimeError(f"a driver ended by itself with exit status {process.returncode} — read {sweep.folder}")
    return None


def _resume(sweep: Sweep) -> tuple[Resume, set[str]]:
    process = _start(sweep)
    try:
        process.wait(RESUME_LIMIT)
    except subprocess.TimeoutExpired:
        _end_driver(process)
        return "hung", set()
    return _ended(sweep)


def _end_driver(process: subprocess.Popen[bytes]) -> float:
    """SIGKILL to the driver alone; returns when it was sent, once all the driver's processes are gone too."""
    at = _processes().get(process.pid)
    family = _descendants({process.pid: at.started} if at else {})
    killed = time.time()
    process.kill()
    process.wait()
    _await_death(family)
    return killed


def _start(sweep: Sweep) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", __name__ if __name__ != "__main__" else __spec__.name]
    command += [str(sweep.folder), str(sweep.seed), str(sweep.epoch_seconds)]
    with (sweep.folder / "driver.log").open("ab") as log:
        return subprocess.Popen(
            command,
            cwd=Path(__file__).resolve().parents[2],
            env={**os.environ, **QUIET},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _ended(sweep: Sweep) -> tuple[Resume, set[str]]:
    """How the last driver came to its sweep, and the trials it ended with at their last epoch."""
    if not sweep.ended.exists():
        return "refused", set()
    ended = json.loads(sweep.ended.read_text(encoding="utf-8"))
    return ended["resume"], {trial for trial, epoch in ended["terminated"] if epoch == EPOCHS}


def _snapshots(sweep: Sweep) -> list[Path]:
    return sorted(sweep.experiment.glob("experiment_state-*.json"))


def _empty(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder.resolve()


class _Process(NamedTuple):
    parent: int
    started: int


def _processes() -> dict[int, _Process]:
    """Every process that lives, by its id; `started` in clock ticks tells an id that was given out again."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent, *others = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if state != "Z":
            found[int(path.parent.name)] = _Process(int(parent), int(others[17]))
    return found


def _descendants(known: dict[int, int]) -> dict[int, int]:
    """Of the processes known, id -> start, those that still live, and all that descends from them."""
    alive = _processes()
    family = {pid: started for pid, started in known.items() if pid in alive and alive[pid].started == started}
    while new := {pid: at.started for pid, at in alive.items() if at.parent in family and pid not in family}:
        family |= new
    return family


def _await_death(family: dict[int, int]) -> None:
    """Return when none of a killed driver's processes is left.

    The trial's actor dies by itself; Ray's agents and idle workers may stay for more than 25 s, so after
    `GRACE` they are killed one by one.
    """
    deadline = time.monotonic() + GRACE
    while family := _descendants(family):
        if time.monotonic() > deadline:
            for pid in family:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)


def _drive(sweep: Sweep) -> None:
    """The driver: restore the sweep if Tune says that it can, else start it, and see it to its end."""
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    resume: Resume = "new"
    grid: ResultGrid | None = None
    if Tuner.can_restore(str(sweep.experiment)):
        try:
            logged = _listen("ray.tune.execution.tune_controller")
            tuner = Tuner.restore(str(sweep.experiment), StockTrial, resume_unfinished=True, restart_errored=False)
            grid = tuner.fit()
            # Tune logs a restore that failed, and starts over without telling its caller.
            resume = "restarted" if any("Failed to restore" in line for line in logged) else "restored"
        except Exception:
            logging.exception("Tuner.restore failed")
            resume = "refused"
    if grid is None:
        grid = _tuner(sweep).fit()
    terminated = [(trial_id(one.config), one.metrics.get("epoch")) for one in grid if not one.error]
    partial = sweep.ended.with_suffix(".partial")
    partial.write_text(json.dumps({"resume": resume, "terminated": terminated}), encoding="utf-8")
    partial.rename(sweep.ended)


def _listen(logger: str) -> list[str]:
    """What is logged from now on, as it comes."""
    lines: list[str] = []

    def listen(record: logging.LogRecord) -> bool:
        lines.append(record.getMessage())
        return True

    logging.getLogger(logger).addFilter(listen)
    return lines


def _tuner(sweep: Sweep) -> Tuner:
    return Tuner(
        tune.with_resources(StockTrial, {"cpu": 1}),
        param_space={
            "rank": tune.choice([4, 8, 16, 32]),
            "learning_rate": tune.loguniform(1e-5, 1e-2),
            "dropout": tune.uniform(0.0, 0.2),
            "witness": str(sweep.witness),
            "epoch_seconds": sweep.epoch_seconds,
        },
        tune_config=TuneConfig(
            metric="loss",
            mode="min",
            search_alg=OptunaSearch(seed=sweep.seed),
            num_samples=TRIALS,
            max_concurrent_trials=1,
            reuse_actors=True,
        ),
        run_config=RunConfig(
            name=sweep.experiment.name,
            storage_path=str(sweep.folder),
            stop={"training_iteration": EPOCHS},
            checkpoint_config=CheckpointConfig(checkpoint_frequency=1),
            verbose=0,
        ),
    )


if __name__ == "__main__":
    _drive(Sweep(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
