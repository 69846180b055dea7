"""The best adapter as a folder that plain peft and transformers load, verified in a fresh process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search.outputs.adapter_check import AdapterCheck
from search.outputs.adapter_files import write_adapter
from search.outputs.adapter_record import ADAPTER_FILES, RECORD, exported_record
from search.outputs.check_place import check_place
from search.outputs.fitness import fitness_of
from search.outputs.fresh_process import Progress
from search.outputs.model_card import model_card
from search.run.base_model_place import base_model_place
from search.run.run_folder import RunFolder
from search.run.trial_row import TrialRow, ranked
from search.tuning.finalists import score_on_test, winner
from skazka_text.problems import InputError, Problem
from studies.new_folder import drafted
from studies.study import Study
from trainables.checkpoint_files import checkpoint_folder, read_manifest
from trainables.facts import Facts
from trainables.prompting import Prompting


@dataclass(frozen=True)
class Exported:
    """What was written, and how it was checked.

    verified: answers that were asked again; differing: of these, whose text is another, within rounding. checked_on:
    the kind of device, cpu or cuda. blind: whether the adapter moves the odds of names too little for them to tell it
    from the bare base. merged: how many of the answers are the merged model's too, to the letter; None where no merged
    model was asked for.
    """

    folder: Path
    trial: TrialRow
    verified: int
    differing: int
    checked_on: str
    blind: bool
    merged: int | None = None


def export(
    folder: RunFolder,
    to: str | Path,
    trial: str | None = None,
    *,
    merge: bool = False,
    base_model: str | Path | None = None,
    check_on: str | None = None,
    progress: Progress = lambda line: None,
) -> Exported:
    """Write a trial's adapter and check it in a fresh process; with `merge` also the base with the adapter in it.

    The default is the winner's repeat with the median search score; without finalists, the best trial.
    base_model: the folder that the run's base model moved to. check_on: see `check_place`. progress is told in one
    line how far the check is.

    Raises InputError when there is no such trial, the folder is not empty, the base model is gone or there is no place
    for the check, and ExportError when the reloaded adapter is not the trial's; nothing is left behind then.
    """
    row = choose(folder, trial)
    source = checkpoint_of(folder, row)
    manifest = _manifest(folder, base_model)
    study = folder.study()
    spec = study.file.base_model
    if merge and spec.quantization != "none":
        message = f"a base in {spec.quantization} cannot take the adapter in"
        raise InputError(Problem("", "--merge", message, "export the adapter alone"))
    facts = _facts(folder)
    place = check_place(manifest, facts, spec.quantization, check_on)
    with drafted("--to", to, last=ADAPTER_FILES[1], occupied=_occupied) as work:
        write_adapter(source, work, manifest, facts.prompting)
        check = AdapterCheck(folder, study, row.id, work, manifest, facts, place, progress)
        alone = check.run(merge=False)
        merged = check.run(merge=True) if merge else None
        found = {**alone.as_data(), **({"merged": merged.as_data()} if merged else {})}
        _describe(folder, study, row, work, manifest, facts.prompting, found)
    return Exported(
        Path(to).expanduser().absolute(),
        row,
        verified=alone.asked,
        differing=alone.differing,
        checked_on=alone.device,
        blind=alone.is_blind,
        merged=None if merged is None else merged.asked - merged.differing,
    )


def choose(folder: RunFolder, trial: str | None) -> TrialRow:
    """The trial of that id or name; by default the winner's repeat with the median search score, else the best trial.

    Raises InputError when there is none.
    """
    rows = folder.ledger().trials()
    scored = ranked(rows)
    if trial is None:
        won = winner(rows, folder.options().max_degradation)
        if won is not None and won.median is not None:
            return won.median
        for row in scored:
            if row.repeat_of is None and row.feasible:
                return row
        message = "no trial of this run has a score" + (" within --max-degradation" if scored else " yet")
        raise InputError(Problem("", "RUN", message, "wait, see skazka status, or name one with --trial"))
    for row in scored:
        if trial in (row.id, row.name):
            return row
    known = ", ".join(row.id for row in scored) or "none"
    raise InputError(Problem("", "--trial", f"no finished trial {trial!r}", f"use one of: {known}"))


def _manifest(folder: RunFolder, base_model: str | Path | None) -> dict[str, Any]:
    """The run's manifest, with the place where the base model lies now."""
    manifest = folder.manifest()
    place = base_model_place(manifest, base_model)
    return {**manifest, "base_model": {**manifest["base_model"], "id": place}}


def checkpoint_of(folder: RunFolder, row: TrialRow) -> Path:
    """The checkpoint of a trial's best epoch, verified."""
    assert row.best_epoch is not None
    source = checkpoint_folder(folder.trial(row.id), row.best_epoch)
    try:
        read_manifest(source)
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = f"the checkpoint of {row.id} cannot be used ({source}: {error})"
        raise InputError(Problem("", "--trial", message, "choose another trial")) from error
    return source


def _describe(
    folder: RunFolder,
    study: Study,
    row: TrialRow,
    target: Path,
    manifest: dict[str, Any],
    prompting: Prompting,
    check: Mapping[str, Any],
) -> None:
    """Write what is to be known of the adapter, for programs and for people."""
    with closing(folder.ledger()) as ledger:
        tested = score_on_test(study, ledger, row.id)
        fitness = fitness_of(study, ledger, row.id, row.score, None if tested is None else tested.score)
    record = {
        **vars(row),
        "test": tested and vars(tested),
        "study": manifest["study"],
        "base_model": manifest["base_model"],
        "versions": manifest["versions"],
        "check": dict(check),
        "ask": exported_record(study, target, prompting),
    }
    (target / RECORD).write_text(json.dumps(record, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    card = model_card(study, row, manifest, tested, fitness, prompting, check)
    (target / "README.md").write_text(card, encoding="utf-8")


def _facts(folder: RunFolder) -> Facts:
    try:
        return Facts.read(folder.prepared)
    except (OSError, ValueError, KeyError, TypeError) as error:
        remedy = f"skazka resume {folder.path} prepares it again"
        raise InputError(Problem(folder.prepared.name, "", f"cannot be used ({error})", remedy)) from error


def _occupied(option: str, target: Path) -> Problem:
    what = "is not empty" if target.is_dir() else "is no folder"
    return Problem("", option, f"{target} {what}", "choose another folder")
