"""A sweep from its first to its last trial."""

from __future__ import annotations

import logging
import shlex
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.tune import Callback, CheckpointConfig, FailureConfig, RunConfig, TuneConfig, Tuner

from search.cluster import joining
from search.cluster.hub_paths import keep_hub_paths
from search.options import Options
from search.outputs.wandb.log import check_login, following
from search.run.known_controls import ALLOWED, known_share, refuse_without_known, said_of, unknown_controls
from search.run.ledger import BASE, Ledger
from search.run.ledger_file import LedgerError
from search.run.manifest import build_manifest, write_manifest
from search.run.prompting import keep_prompting, read_prepared
from search.run.recovery import restore, settle_base_model, settle_changes
from search.run.run_folder import SCORED_BY, RunFolder, default_run
from search.run.trial_row import ENDED
from search.tuning import finalists
from search.tuning.optuna_study import Goal
from search.tuning.preparation import finish_here, prepare_on_cluster, start_here
from search.tuning.scheduler import LedgerScheduler, Patience, make_scheduler
from search.tuning.searcher import LedgerSearcher
from search.tuning.stop_request import Halt
from search.tuning.test_split import open_test, unasked
from skazka_text.problems import InputError, Problem, refuse
from spaces.space import Space
from spaces.trial_config import TrialConfig
from studies.checks import load_study, untrainable
from studies.files import DiskFull, is_disk_full
from studies.study import Study
from trainables.facts import Facts
from trainables.lora_trial import LoraTrial

log = logging.getLogger(__name__)
IDLE = (
    "{:g} GPUs a trial, but the base model goes on one of them and the rest idle: give each trial 1, or let"
    " base_model.device_map: auto spread the model over them"
)


def launch(
    study_name: str | Path | None,
    *,
    run: str | Path | None,
    space_name: str | None,
    options: Options,
    callbacks: Sequence[Callback] = (),
) -> RunFolder:
    """Start a new run and see it through.

    Raises InputError; nothing is left behind where that is before anything was prepared or tried, and everything stays
    from then on.
    """
    joining.check_address(options.address)
    if options.wandb:
        check_login()
    study = load_study(study_name)
    space = study.space(space_name)
    refuse(_data_problems(study, space))
    folder = RunFolder.claim(Path(run) if run else default_run(study.file.name))
    there = folder.path.exists()
    halt = Halt(folder.path)
    with halt.listening(), folder.creating() as draft:
        _fill(draft, study, space, options)
        folder.put_in_place(draft)
        try:
            with following(folder) if options.wandb else nullcontext():
                _sweep(folder, options, halt, callbacks)
        except InputError:
            if folder.is_unused():
                folder.remove(keep_folder=there)
            raise
    return folder


def _fill(draft: RunFolder, study: Study, space: Space, options: Options) -> None:
    draft.freeze(study, space)
    manifest = build_manifest(study, options)
    write_manifest(draft.manifest_file, manifest)
    with closing(Ledger.create(draft.ledger_file, shared=options.address is not None)) as ledger:
        ledger.set_meta("manifest", manifest)
        ledger.set_meta("frozen", draft.hashes())
        ledger.set_meta(SCORED_BY, study.scored_by)
        ledger.set_meta("trials_asked", options.trials)
        ledger.set_meta(ALLOWED, options.allow_unknown_controls)


def resume(
    run: str | Path,
    *,
    trials: int | None = None,
    time_budget: float | None = None,
    address: str | None = None,
    retry_failed: bool = False,
    accept_change: bool = False,
    allow_unknown_controls: bool = False,
    base_model: str | Path | None = None,
    callbacks: Sequence[Callback] = (),
) -> RunFolder:
    """Go on with a run that was interrupted.

    trials: raises the total that was asked for; time_budget: seconds for this attempt, for the first
    attempt's is not taken over; address: of another cluster than the run was started on.
    retry_failed: give failed trials another chance. accept_change: go on although the study, the space
    or the base model changed, and record it. base_model: the folder that the same base model moved to; recorded.
    allow_unknown_controls: go on although the base knows no control.
    Raises InputError when the run is being driven by another process, something changed or the base model is gone, and
    LedgerError when neither the ledger nor its backup can be read.
    """
    folder = RunFolder.find(run)
    halt = Halt(folder.path)
    with halt.listening(), folder.driving():
        restore(folder)
        given: dict[str, Any] = {"trials": trials, "address": address}
        given = {name: value for name, value in given.items() if value is not None}
        options = Options.asked(**{**folder.options().model_dump(), "time_budget": time_budget, **given})
        joining.check_address(options.address)
        if options.wandb:
            check_login()
        with closing(folder.ledger()) as ledger:
            settle_base_model(folder, ledger, base_model)
            settle_changes(folder, ledger, accept=accept_change)
            ledger.interrupt("the driver ended")
            for row in ledger.trials():
                if retry_failed and row.state == "failed":
                    ledger.retry(row.id)
            if allow_unknown_controls:
                ledger.set_meta(ALLOWED, True)
            # Never less than before: trials that are under way would be stranded.
            ledger.set_meta("trials_asked", max(trials or 0, ledger.meta("trials_asked", options.trials)))
        with following(folder) if options.wandb else nullcontext():
            _sweep(folder, options, halt, callbacks)
    return folder


def _data_problems(study: Study, space: Space) -> list[Problem]:
    """What a space asks of replay rows or pictures that the study does not have."""
    problems = []
    asked = [knob for knob, value in (("replay", True), ("kl_on", "replay")) if space.reaches(knob, value)]
    if asked and not study.replay:
        message = f"space {space.name} searches {' and '.join(asked)}, but the study has no replay rows"
        problems.append(Problem("study.yaml", "replay", message, "add a replay file or choose another --space"))
    if "augmentation" in space.knobs and not study.has_pictures:
        message = f"space {space.name} searches augmentation, but the study has no pictures"
        problems.append(Problem("study.yaml", "space", message, "choose another --space"))
    return problems


def _sweep(folder: RunFolder, options: Options, halt: Halt, callbacks: Sequence[Callback]) -> None:
    """Connect to Ray, prepare the run where that is still to be done, and run what is left of it."""
    keep_hub_paths()
    facts = read_prepared(folder)
    with closing(folder.ledger()) as ledger:
        if facts is not None and not _is_unfinished(folder, ledger, options):
            return
    # Of this machine and its nodes nothing is known yet where Ray was joined, by us or before.
    joined = options.address is not None or ray.is_initialized()
    # Of a run of an earlier version, which let it begin.
    refuse(untrainable(folder.study()))
    # On one machine the preparation and Ray start side by side; each takes seconds.
    process = start_here(folder, gpus=options.gpus_per_trial) if facts is None and not joined else None
    try:
        with joining.connected(options.address, folder.path):
            gpus = joining.default_gpus() if options.gpus_per_trial is None else options.gpus_per_trial
            joining.check_resources(options.cpus_per_trial, gpus, scales=options.address is not None)
            if joined:
                joining.check_shared(folder.path)
            if process is not None:
                facts = finish_here(folder, process)
            if facts is None or (process is not None and facts.device == "cuda" and not gpus):
                # The base is asked where trials run; Ray does not count every GPU that torch sees.
                facts = prepare_on_cluster(folder, cpus=options.cpus_per_trial, gpus=gpus)
            if gpus > 1 and folder.study().file.base_model.device_map is None:
                _tell(callbacks, [IDLE.format(gpus)])
            keep_prompting(folder, facts)
            _settle_controls(folder, facts, callbacks)
            _run_stages(folder, facts, options.model_copy(update={"gpus_per_trial": gpus}), halt, callbacks)
    finally:
        if process is not None:
            process.kill()


def _tell(callbacks: Sequence[Callback], lines: Iterable[str]) -> None:
    tellers = [callback.say for callback in callbacks if hasattr(callback, "say")] or [log.warning]
    for line in lines:
        for tell in tellers:
            tell(line)


def _settle_controls(folder: RunFolder, facts: Facts, callbacks: Sequence[Callback]) -> None:
    """Say what the preparation noted, and which controls the base does not know.

    Raises InputError where it knows none, unless that is allowed.
    """
    study = folder.study()
    unknown = unknown_controls(facts.before, study, known_share(folder.manifest()))
    _tell(callbacks, [*facts.notes, *(str(said_of(control)) for control in unknown)])
    with closing(folder.ledger()) as ledger:
        # Also for a run that is refused here: its report says why.
        ledger.put_answers(BASE, "search", facts.before)
        refuse_without_known(unknown, study, ledger, shlex.quote(str(folder.path)))


def _run_stages(folder: RunFolder, facts: Facts, options: Options, halt: Halt, callbacks: Sequence[Callback]) -> None:
    """Search; train the finalists again; with the winner known, open the test probes."""
    start = time.monotonic()

    def attempt() -> bool:
        """Run what the ledger has to be run; whether all of it ended within the time budget."""
        left = None if options.time_budget is None else options.time_budget - (time.monotonic() - start)
        if left is None or left > 0:
            run_attempt(folder, facts, options.model_copy(update={"time_budget": left}), halt, callbacks)
        return not _left(ledger)

    with closing(folder.ledger()) as ledger:
        if not attempt():
            return
        count = finalists.wanted(ledger.trials(), options.finalists)
        if not count:
            return
        finalists.enter(ledger, count, options.repeats, options.seed)
        winner = finalists.winner(ledger.trials(), options.max_degradation) if attempt() else None
        if winner is not None and folder.study().probes_of("test"):
            with halt.listening():
                cpus, gpus = options.cpus_per_trial, options.gpus_per_trial or 0.0
                slots = options.max_concurrent or joining.slots(cpus, gpus)
                progress = _progress(callbacks)
                open_test(folder, ledger, winner, cpus=cpus, gpus=gpus, slots=slots, progress=progress)


def _progress(callbacks: Sequence[Callback]) -> Callable[[int, int], None]:
    """Tells those callbacks that want to know how many adapters were asked the test probes, of how many."""

    def progress(done: int, total: int) -> None:
        for callback in callbacks:
            getattr(callback, "on_test_asked", lambda *_: None)(done, total)

    return progress


def _is_unfinished(folder: RunFolder, ledger: Ledger, options: Options) -> bool:
    """Whether there is anything to train or to ask."""
    rows = ledger.trials()
    if _left(ledger):
        return True
    count = finalists.wanted(rows, options.finalists)
    if not count:
        return False
    entered = {row.repeat_of for row in rows}
    if any(row.id not in entered for row in finalists.chosen(rows, count)):
        return True
    won = finalists.winner(rows, options.max_degradation)
    tested = not unasked(ledger) and bool(ledger.answers(BASE, "test"))
    return won is not None and bool(folder.study().probes_of("test")) and not tested


def _left(ledger: Ledger) -> int:
    """How many trials are still to be run."""
    rows = ledger.trials()
    entered = sum(row.repeat_of is None for row in rows)
    return max(0, int(ledger.meta("trials_asked")) - entered) + sum(row.state not in ENDED for row in rows)


def run_attempt(
    folder: RunFolder, facts: Facts, options: Options, halt: Halt, callbacks: Sequence[Callback] = ()
) -> None:
    """Run what is left of a sweep as one new Tuner; trials that it leaves unfinished become interrupted.

    Raises Interrupted when a signal ended it, DiskFull when no more could be written and LedgerError when the ledger
    was damaged under it.
    """
    with closing(folder.ledger()) as ledger:
        left = _left(ledger)
        if not left:
            return
        try:
            with warnings.catch_warnings(), halt.tuning():
                warnings.simplefilter("ignore")
                logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
                _tuner(folder, ledger, options, left, halt, callbacks).fit()
        except Exception as error:
            if not (trouble := _trouble(folder, error)):
                raise
            halt.trouble = halt.trouble or trouble
        finally:
            with halt.on_trouble():
                ledger.interrupt("the sweep ended first")
                ledger.backup()
    halt.check()


def _trouble(folder: RunFolder, error: Exception) -> DiskFull | LedgerError | None:
    """What Tune met that is no defect: a full disk, or a run folder that is not there any more."""
    if is_disk_full(error):
        return DiskFull(f"{folder.path}: no space left on the disk")
    if not folder.ledger_file.exists():
        remedy = "bring it back to its place, then skazka resume"
        return LedgerError(f"{folder.path} is gone: renamed or unmounted while it was driven", remedy)
    return None


def _tuner(
    folder: RunFolder, ledger: Ledger, options: Options, left: int, halt: Halt, callbacks: Sequence[Callback]
) -> Tuner:
    study, space = folder.study(), folder.space()
    cpus, gpus = options.cpus_per_trial, options.gpus_per_trial or 0.0
    searcher = LedgerSearcher(
        ledger,
        space,
        study.file.baselines,
        trials=ledger.meta("trials_asked"),
        seed=options.seed,
        sampler=options.sampler,
        task=partial(folder.task, gpus=gpus),
        halt=halt,
        goal=Goal.of(options),
    )
    inner = make_scheduler(options.scheduler, max_epochs(study, space))
    patience = Patience(options.max_failures, options.max_lost)
    scheduler = LedgerScheduler(ledger, inner, patience, halt)
    scheduler.replay()
    tune_config = TuneConfig(
        # The searcher says when it is done; a trial that is tried again takes another sample.
        num_samples=left * patience.starts,
        search_alg=searcher,
        scheduler=scheduler,
        reuse_actors=True,
        max_concurrent_trials=options.max_concurrent or joining.slots(cpus, gpus),
        time_budget_s=options.time_budget,
    )
    run_config = RunConfig(
        name=f"attempt-{len(list(folder.tune.glob('attempt-*'))) + 1}",
        storage_path=str(folder.tune),
        callbacks=list(callbacks),
        stop=halt,
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
