"""What is computed once before the first trial: encodings, vision features, the base's own answers."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from search.options import Options
from search.run.known_controls import known_share
from search.run.prompting import prompting_of
from search.run.run_folder import RunFolder
from skazka_text.problems import Advice, InputError, Problem, Refusal, refuse
from skazka_text.secrets import redact
from spaces.space import Space
from spaces.trial_config import TrialConfig, value_of
from studies.files import DiskFull, is_disk_full, set_aside
from studies.study import Study
from trainables.facts import Facts
from trainables.prompting import CHECKPOINTS_OWN
from trainables.task import NO_GPU

if TYPE_CHECKING:
    from trainables.base_model import BaseModel

UNLOADABLE, UNENCODABLE, DISK_FULL = 2, 3, 4


class PreparationError(Refusal, RuntimeError):
    """The preparation failed for a reason that is not the user's input."""


def start_here(folder: RunFolder, *, gpus: float | None) -> subprocess.Popen[str]:
    """Begin to prepare on this machine, beside Ray's own start; `gpus` 0 keeps it off the GPU."""
    return subprocess.Popen(
        [sys.executable, "-m", "search.tuning.preparation", str(folder.path)],
        # The run folder holds no package that could hide ours.
        cwd=folder.path,
        env={**os.environ, **(NO_GPU if gpus == 0 else {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish_here(folder: RunFolder, process: subprocess.Popen[str]) -> Facts:
    """Wait for `start_here`. Raises InputError when the base model cannot be loaded."""
    _, errors = process.communicate()
    return _facts(folder, process.pid, process.returncode, errors)


def prepare_on_cluster(folder: RunFolder, *, cpus: float, gpus: float) -> Facts:
    """Prepare on a worker with a trial's resources: the driver's machine may have no GPU."""
    import ray

    task = ray.remote(num_cpus=cpus, num_gpus=gpus)(_run_on_worker)
    return _facts(folder, *ray.get(task.remote(str(folder.path), gpus)))


def _run_on_worker(run: str, gpus: float) -> tuple[int, int, str]:
    process = start_here(RunFolder(Path(run)), gpus=gpus)
    _, errors = process.communicate()
    return process.pid, process.returncode, errors


def _draft(folder: RunFolder, pid: int) -> Path:
    """Where one process prepares: a killed driver's may still be at work beside the next one's."""
    return folder.path / f".preparing-{pid}"


def _facts(folder: RunFolder, pid: int, code: int, errors: str) -> Facts:
    draft = _draft(folder, pid)
    try:
        _explain(folder, code, errors)
        longest = Facts.read(draft).longest_prompt
        # Before it counts as prepared: a run that can train nothing is not worth keeping.
        refuse(length_problems(folder.study(), folder.space(), longest))
        if folder.prepared.exists():
            set_aside(folder.prepared)
        draft.rename(folder.prepared)
    finally:
        for leftover in folder.path.glob(".preparing-*"):
            shutil.rmtree(leftover, ignore_errors=True)
    return Facts.read(folder.prepared)


def _explain(folder: RunFolder, code: int, errors: str) -> None:
    last = redact((errors.strip().splitlines() or ["no message"])[-1])
    if code == UNLOADABLE:
        said = json.loads(last)
        remedy = said["remedy"] or "choose another base model"
        raise InputError(Problem("study.yaml", "base_model", said["message"], remedy))
    if code == UNENCODABLE:
        raise InputError(Problem(**problem) for problem in json.loads(last))
    if code == DISK_FULL:
        raise DiskFull(f"{folder.path}: no space left on the disk")
    if code == -signal.SIGKILL:
        remedy = "prepare where there is more, or choose a smaller base_model"
        raise PreparationError("the preparation was killed, most likely for lack of memory", remedy)
    if code != 0:
        raise PreparationError(f"the preparation failed: {last}")


def prepare_run(folder: RunFolder) -> None:
    """Prepare a run in this process, into a folder of its own.

    Exits with UNLOADABLE when the base model cannot be loaded, with UNENCODABLE when a row cannot be
    encoded and with DISK_FULL; the last line on stderr says why, but for the disk as JSON.
    """
    import torch

    from trainables.base_model import BaseModel
    from trainables.examination import RowError
    from trainables.families import FamilyRefused
    from trainables.loading import ModelRefused
    from trainables.memory import is_out_of_memory, limit_memory, one_row_too_many
    from trainables.prepared import prepare
    from trainables.tryout import try_out

    torch.set_num_threads(1)
    study, manifest = folder.study(), folder.manifest()
    options = Options.recorded(manifest)
    # The rest of a GPU may be another's, whose trials run beside.
    limit_memory(options.gpus_per_trial)
    spec, trust = study.file.base_model, options.trust_remote_code
    model = manifest["base_model"]["id"]
    with closing(folder.ledger()) as ledger:
        prompting = prompting_of(folder, ledger)
    try:
        base = BaseModel.load(model, spec, prompting=prompting, trust_remote_code=trust)
        try_out(base, pictures=study.has_pictures and base.encoder.sees)
    except (ModelRefused, FamilyRefused) as error:
        _give_up(UNLOADABLE, _as_json(error))
    if problems := module_problems(study, folder.space(), base):
        _give_up(UNENCODABLE, json.dumps([vars(problem) for problem in problems]))
    # A run asks to its end as it began, also when it is prepared again.
    base.prompting = replace(base.prompting, generation=manifest.get("generation", CHECKPOINTS_OWN))
    draft = _draft(folder, os.getpid())
    shutil.rmtree(draft, ignore_errors=True)
    try:
        prepare(study, base, _variants(folder, study), known_share(manifest)).save(draft)
    except RowError as error:
        _give_up(UNENCODABLE, json.dumps([vars(problem) for problem in error.problems]))
    except Exception as error:
        if is_disk_full(error):
            _give_up(DISK_FULL, error)
        if is_out_of_memory(error):
            _give_up(UNLOADABLE, _as_json(one_row_too_many(base.device)))
        raise


def _variants(folder: RunFolder, study: Study) -> int:
    """The most variants of a training picture that a trial of the run may train on."""
    with closing(folder.ledger()) as ledger:
        asked = [value_of(row.config, "augmentation") for row in ledger.trials()]
    asked += [config.augmentation for config in study.file.baselines.values()]
    domain = folder.space().knobs.get("augmentation")
    asked += domain.ends() if domain is not None else ()
    return int(max([0, *asked]))


def length_problems(study: Study, space: Space, longest_prompt: int) -> list[Problem]:
    """Lengths that would leave no answer token, in the baselines and in the space."""
    asked: list[tuple[str, Any]] = [
        (f"baselines.{name}.max_length", config.max_length) for name, config in study.file.baselines.items()
    ]
    if "max_length" in space.knobs:
        asked += [(f"space {space.name}: max_length", value) for value in space.knobs["max_length"].ends()]
    else:
        asked.append((f"space {space.name}: max_length (not searched)", TrialConfig().max_length))
    return [
        Problem(
            "study.yaml" if field.startswith("baselines") else "",
            field,
            f"{value} tokens leave no room for an answer: the longest prompt has {longest_prompt}",
            f"use at least {longest_prompt + 1}",
        )
        for field, value in asked
        if value <= longest_prompt
    ]


def module_problems(study: Study, space: Space, base: BaseModel) -> list[Problem]:
    """Where the baselines and the space ask for modules that the base has not, or not all of."""
    from trainables.text_layers import LayersUnknown

    try:
        base.adapted("attention+mlp")
    except LayersUnknown as error:
        message, remedy = error.message, error.remedy
    else:
        return []
    asked = [
        ("study.yaml", f"baselines.{name}.target_modules")
        for name, config in study.file.baselines.items()
        if config.target_modules == "attention+mlp"
    ]
    if space.reaches("target_modules", "attention+mlp"):
        asked.append(("", f"space {space.name}: target_modules"))
        remedy += ", in a space {choice: [attention]}"
    what = f"models of the family {base.model.config.model_type} cannot be trained with {message}"
    return [Problem(file, field, what, remedy) for file, field in asked]


def _as_json(said: Refusal | Advice) -> str:
    return json.dumps({"message": said.message, "remedy": said.remedy})


def _give_up(code: int, error: Exception | str) -> NoReturn:
    print(f"{error}".strip().splitlines()[0], file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    prepare_run(RunFolder(Path(sys.argv[1])))
