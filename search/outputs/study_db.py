"""A sweep as an Optuna study in a SQLite file, for optuna-dashboard and for the user's own Optuna."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState, create_trial

from search.options import Options
from search.run.ledger import Ledger
from search.run.run_folder import RunFolder
from search.run.trial_row import TrialRow
from search.tuning.optuna_study import DUPLICATE, Goal, rebuild
from skazka_text.printable import printable
from skazka_text.problems import InputError, Problem
from studies.new_folder import usable
from trainables.metrics import OBJECTIVE, SCORES

URL = "sqlite:///"
SUFFIXES = (".db", ".sqlite", ".sqlite3")
# Optuna fills in braces, SQLAlchemy reads on from a question mark and decodes per cent.
NOT_IN_URL = "?%{}"
ANOTHER = "choose another file"
SHOWN = ("id", "name", "kind", "seed", "state", "feasible", *SCORES, "best_epoch", "error", "config")


@dataclass(frozen=True)
class Written:
    """What was written: the storage as Optuna takes it, the study's name, and how many trials it holds."""

    storage: str
    study_name: str
    trials: int


def write_study(folder: RunFolder, to: str) -> Written:
    """Write a run, finished or running, as an Optuna study into a new SQLite file.

    to: `sqlite:///FILE`, or a path that ends in .db, .sqlite or .sqlite3. The study has the name of the run folder.
    Raises InputError when `to` is anything else, names a file that is there already or one that cannot be made;
    the file is there only when all of it was written.
    """
    target = _claim(to)
    space, name = folder.space(), printable(folder.path.name)
    with closing(folder.ledger()) as ledger:
        manifest = folder.manifest()
        goal = Goal.of(Options.recorded(manifest))
        known = rebuild(ledger, space, goal)
        trials = _trials(ledger, known)
        about = _about(name, manifest, ledger.trials())
    with _beside(target) as work:
        draft = Path(work) / "study.db"
        _write(draft, name, goal, trials, about)
        _check_free(target)
        draft.rename(target)
    return Written(f"{URL}{target}", name, len(trials))


def _claim(to: str) -> Path:
    """The place of the new file. Raises InputError where there can be none."""
    name = to.removeprefix(URL)
    remedy = f"give {URL}NAME.db, or a path that ends in .db; optuna.copy_study takes it to any other storage"
    if "://" in name or (name == to and not name.endswith(SUFFIXES)) or name in ("", ":memory:"):
        raise InputError(Problem("", "--to", f"{to!r} names no SQLite file", remedy))
    with usable("--to", to, ANOTHER):
        target = Path(name).expanduser().absolute()
        if any(sign in str(target) for sign in NOT_IN_URL):
            message = f"{str(target)!r} holds one of {' '.join(NOT_IN_URL)}, which a storage URL cannot"
            raise InputError(Problem("", "--to", message, ANOTHER))
        _check_free(target)
        target.parent.mkdir(parents=True, exist_ok=True)
    return target


def _check_free(target: Path) -> None:
    try:
        target.lstat()
    except FileNotFoundError:
        return
    # Not added to: a rename would lose what another process writes there meanwhile, and without one a cut-off
    # export would leave half a study behind.
    remedy = "remove it, or choose another file; optuna.copy_study gathers several studies in one"
    raise InputError(Problem("", "--to", f"{target} is there already", remedy))


def _beside(target: Path) -> tempfile.TemporaryDirectory[str]:
    """A folder on the same disk: what has its own name is a whole study."""
    with usable("--to", target, ANOTHER):
        return tempfile.TemporaryDirectory(prefix=".study-db-", dir=target.parent)


def _about(name: str, manifest: Mapping[str, Any], rows: list[TrialRow]) -> dict[str, Any]:
    """The study's user attributes."""
    return {
        "run": name,
        "created": manifest["created"],
        "study": manifest["study"]["name"],
        "base_model": manifest["base_model"]["id"],
        "finalist_repeats_left_out": sum(row.repeat_of is not None for row in rows),
    }


def _trials(ledger: Ledger, known: optuna.Study) -> list[FrozenTrial]:
    rows = {row.number: row for row in ledger.trials() if row.repeat_of is None}
    twins = {int(key.removeprefix(DUPLICATE)): twin["of"] for key, twin in ledger.metas(DUPLICATE).items()}
    return [
        _searched(trial, rows[trial.number], ledger) if trial.number in rows else _duplicate(trial, twins[trial.number])
        for trial in known.get_trials(deepcopy=False)
    ]


def _searched(trial: FrozenTrial, row: TrialRow, ledger: Ledger) -> FrozenTrial:
    """A trial of the ledger: Optuna's view of it, and all that people want to see beside it."""
    shown = {name: value for name in SHOWN if (value := getattr(row, name)) is not None}
    scores = {epoch["epoch"]: epoch[OBJECTIVE] for epoch in ledger.epochs(row.id) if epoch.get(OBJECTIVE) is not None}
    found = _ended(trial, {**shown, "in_space": bool(trial.params)}, scores)
    if row.started is not None:
        found.datetime_start = datetime.fromtimestamp(row.started)
    if row.finished is not None:
        found.datetime_complete = datetime.fromtimestamp(row.finished)
    return found


def _duplicate(trial: FrozenTrial, of: str) -> FrozenTrial:
    return _ended(trial, {"state": "duplicate", "duplicate_of": of}, {})


def _ended(trial: FrozenTrial, user_attrs: dict[str, Any], scores: Mapping[int, float]) -> FrozenTrial:
    """A copy of a trial; one that has not ended is FAIL.

    Nothing will ever end it in this file: as RUNNING it would run for ever, as WAITING Optuna would hand it out.
    """
    return create_trial(
        state=trial.state if trial.state.is_finished() else TrialState.FAIL,
        values=trial.values,
        params=trial.params,
        distributions=trial.distributions,
        constraints=trial.constraints or None,
        user_attrs=user_attrs,
        intermediate_values=dict(scores),
    )


def _write(path: Path, name: str, goal: Goal, trials: list[FrozenTrial], about: Mapping[str, Any]) -> None:
    storage = optuna.storages.RDBStorage(f"{URL}{path}")
    try:
        study = optuna.create_study(storage=storage, study_name=name, directions=goal.directions)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study.set_metric_names(list(goal.metrics))
        for key, value in about.items():
            study.set_user_attr(key, value)
        study.add_trials(trials)
    finally:
        storage.remove_session()
        storage.engine.dispose()
