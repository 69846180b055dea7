"""A sweep from its first to its last trial."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune import Callback, CheckpointConfig, FailureConfig, RunConfig, TuneConfig, Tuner

from search import cluster
from search.ledger import BASE, Ledger
from search.manifest import build_manifest, write_manifest
from search.preparation import Readiness, finish_here, length_problems, prepare_on_cluster, start_here
from search.run_folder import RunFolder, default_run
from search.scheduling import MAX_STARTS, LedgerScheduler, Scheduling, make_scheduler
from search.searcher import LedgerSearcher, Sampler
from spaces.problems import InputError, Problem, refuse
from spaces.space import Space
from spaces.trial_config import TrialConfig
from studies.checks import load_study
from studies.study import Study
from trainables.lora_trial import LoraTrial


@dataclass(frozen=True)
class Options:
    """How a sweep runs.

    trials: baselines and searched trials together. gpus_per_trial: None takes one where there are any.
    max_concurrent: None fills the cluster. time_budget: seconds, None is unbounded.
    address: None starts Ray on this machine, else `auto` or HOST:PORT.
    """

    trials: int = 12
    seed: int = 0
    gpus_per_trial: float | None = None
    cpus_per_trial: float = 1.0
    max_concurrent: int | None = None
    time_budget: float | None = None
    address: str | None = None
    sampler: Sampler = "tpe"
    scheduler: Scheduling = "fifo"

    def problems(self) -> list[Problem]:
        """What is out of range, by the option's name on the command line."""
        limits: list[tuple[str, Any, float]] = [
            ("--trials", self.trials, 1),
            ("--max-concurrent", self.max_concurrent, 1),
            ("--seed", self.seed, 0),
        ]
        found = [
            Problem("", name, f"must be at least {low:g}, got {value}", "give a larger number")
            for name, value, low in limits
            if value is not None and value < low
        ]
        if self.cpus_per_trial <= 0:
            found.append(Problem("", "--cpus-per-trial", f"must be above 0, got {self.cpus_per_trial}", "give 1"))
        if self.gpus_per_trial is not None and self.gpus_per_trial < 0:
            found.append(Problem("", "--gpus-per-trial", f"must not be negative, got {self.gpus_per_trial}", "give 0"))
        if self.time_budget is not None and self.time_budget <= 0:
            found.append(Problem("", "--time-budget", f"must be above 0, got {self.time_budget}", "give e.g. 30m"))
        return found


def launch(
    study_name: str | Path | None,
    *,
    run: str | Path | None,
    space_name: str | None,
    options: Options,
    callbacks: Sequence[Callback] = (),
) -> RunFolder:
    """Start a new run and see it through.

    Raises InputError before any worker starts, and leaves nothing behind then.
    """
    refuse(options.problems())
    cluster.check_address(options.address)
    study = load_study(study_name)
    space = study.space(space_name)
    refuse(_replay_problems(study, space))
    folder = RunFolder.create(Path(run) if run else default_run(study.file.name))
    with folder.driving():
        try:
            folder.freeze(study, space)
            write_manifest(folder.manifest_file, build_manifest(study, asdict(options)))
            ledger = Ledger.create(folder.ledger_file, shared=options.address is not None)
            ledger.set_meta("trials_asked", options.trials)
            _sweep(folder, ledger, options, callbacks)
        except InputError:
            folder.remove()
            raise
    return folder


def resume(
    run: str | Path,
    *,
    trials: int | None = None,
    time_budget: float | None = None,
    address: str | None = None,
    callbacks: Sequence[Callback] = (),
) -> RunFolder:
    """Go on with a run that was interrupted.

    trials: raises the total that was asked for; time_budget: seconds for this attempt, for the first
    attempt's is not taken over; address: of another cluster than the run was started on.
    Raises InputError when the run is being driven by another process.
    """
    folder = RunFolder.open(run)
    given: dict[str, Any] = {"trials": trials, "address": address}
    options = Options(**{**folder.manifest()["options"], "time_budget": time_budget})
    options = replace(options, **{name: value for name, value in given.items() if value is not None})
    refuse(options.problems())
    cluster.check_address(options.address)
    with folder.driving():
        ledger = folder.ledger()
        ledger.interrupt("the driver ended")
        # Never less than before: trials that are under way would be stranded.
        ledger.set_meta("trials_asked", max(trials or 0, ledger.meta("trials_asked", options.trials)))
        _sweep(folder, ledger, options, callbacks)
    return folder


def _replay_problems(study: Study, space: Space) -> list[Problem]:
    replay = space.knobs.get("replay")
    if replay is None or study.replay or not replay.contains(True):
        return []
    message = f"space {space.name} searches replay, but the study has no replay rows"
    return [Problem("study.yaml", "replay", message, "add a replay file or choose another --space")]


def _sweep(folder: RunFolder, ledger: Ledger, options: Options, callbacks: Sequence[Callback]) -> None:
    """Connect to Ray, prepare the run where that is still to be done, and run what is left of it."""
    needed = not ledger.meta("prepared", False)
    # On one machine the preparation and Ray start side by side; each takes seconds.
    process = start_here(folder, gpus=options.gpus_per_trial) if needed and options.address is None else None
    try:
        with cluster.connected(options.address, folder.path):
            gpus = cluster.default_gpus() if options.gpus_per_trial is None else options.gpus_per_trial
            cluster.check_resources(options.cpus_per_trial, gpus, scales=options.address is not None)
            if options.address is not None:
                cluster.check_shared(folder.path)
            if process is not None:
                _keep(folder, ledger, finish_here(folder, process))
            elif needed:
                _keep(folder, ledger, prepare_on_cluster(folder, cpus=options.cpus_per_trial, gpus=gpus))
            run_attempt(folder, ledger, replace(options, gpus_per_trial=gpus), callbacks)
    finally:
        if process is not None:
            process.kill()


def _keep(folder: RunFolder, ledger: Ledger, ready: Readiness) -> None:
    refuse(length_problems(folder.study(), folder.space(), ready.longest_prompt))
    ledger.put_answers(BASE, "search", ready.before)
    ledger.set_meta("prepared", True)


def run_attempt(folder: RunFolder, ledger: Ledger, options: Options, callbacks: Sequence[Callback] = ()) -> None:
    """Run what is left of a sweep as one new Tuner; trials that it leaves unfinished become interrupted."""
    rows, asked = ledger.trials(), ledger.meta("trials_asked")
    left = asked - len(rows) + sum(row.state in ("interrupted", "pending") for row in rows)
    if left <= 0:
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
            _tuner(folder, ledger, options, asked, left, callbacks).fit()
    finally:
        ledger.interrupt("the sweep ended first")
        ledger.backup()


def _tuner(
    folder: RunFolder, ledger: Ledger, options: Options, asked: int, left: int, callbacks: Sequence[Callback]
) -> Tuner:
    study, space = folder.study(), folder.space()
    cpus, gpus = options.cpus_per_trial, options.gpus_per_trial or 0.0
    searcher = LedgerSearcher(
        ledger,
        space,
        study.file.baselines,
        trials=asked,
        seed=options.seed,
        sampler=options.sampler,
        task=folder.task,
    )
    scheduler = LedgerScheduler(ledger, make_scheduler(options.scheduler, max_epochs(study, space)))
    scheduler.replay()
    tune_config = TuneConfig(
        # The searcher says when it is done; a trial whose process died takes another sample.
        num_samples=left * MAX_STARTS,
        search_alg=searcher,
        scheduler=scheduler,
        reuse_actors=True,
        max_concurrent_trials=options.max_concurrent or cluster.slots(cpus, gpus),
        time_budget_s=options.time_budget,
    )
    run_config = RunConfig(
        name=f"attempt-{len(list(folder.tune.glob('attempt-*'))) + 1}",
        storage_path=str(folder.tune),
        callbacks=list(callbacks),
        failure_config=FailureConfig(max_failures=0),
        checkpoint_config=CheckpointConfig(checkpoint_at_end=False),
        verbose=0,
    )
    trainable = tune.with_resources(LoraTrial, {"cpu": cpus, "gpu": gpus})
    return Tuner(trainable, tune_config=tune_config, run_config=run_config)


def max_epochs(study: Study, space: Space) -> int:
    """The most epochs that any trial of the sweep may have."""
    baselines = [config.epochs for config in study.file.baselines.values()]
    searched = [int(end) for end in space.knobs["epochs"].ends() if end is not None] if "epochs" in space.knobs else []
    return max([*baselines, *searched, TrialConfig().epochs])
