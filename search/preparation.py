"""What is computed once before the first trial: encodings, vision features, the base's own answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from search.run_folder import RunFolder
from spaces.problems import InputError, Problem
from spaces.space import Space
from spaces.trial_config import TrialConfig
from studies.study import Study
from trainables.answers import GradedAnswer, graded_from_data, graded_to_data

READY = "ready.json"
UNLOADABLE, UNENCODABLE = 2, 3


class PreparationError(RuntimeError):
    """The preparation failed for a reason that is not the user's input."""


@dataclass(frozen=True)
class Readiness:
    """What the driver needs to know of the preparation.

    longest_prompt: tokens that max_length must exceed; before: the base's answers to the search probes.
    """

    longest_prompt: int
    before: list[GradedAnswer]


def start_here(folder: RunFolder, *, gpus: float | None) -> subprocess.Popen[str]:
    """Begin to prepare on this machine, beside Ray's own start; `gpus` 0 keeps it off the GPU."""
    hidden = {"CUDA_VISIBLE_DEVICES": ""} if gpus == 0 else {}
    return subprocess.Popen(
        _command(folder),
        # The run folder holds no package that could hide ours.
        cwd=folder.path,
        env={**os.environ, **hidden},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish_here(folder: RunFolder, process: subprocess.Popen[str]) -> Readiness:
    """Wait for `start_here`. Raises InputError when the base model cannot be loaded."""
    _, errors = process.communicate()
    return _readiness(folder, process.returncode, errors)


def prepare_on_cluster(folder: RunFolder, *, cpus: float, gpus: float) -> Readiness:
    """Prepare on a worker with a trial's resources: the driver's machine may have no GPU."""
    import ray

    task = ray.remote(num_cpus=cpus, num_gpus=gpus)(_run_on_worker)
    return _readiness(folder, *ray.get(task.remote(str(folder.path))))


def _run_on_worker(run: str) -> tuple[int, str]:
    done = subprocess.run(
        _command(RunFolder(Path(run))), cwd=run, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    return done.returncode, done.stderr


def _command(folder: RunFolder) -> list[str]:
    return [sys.executable, "-m", "search.preparation", str(folder.path)]


def _readiness(folder: RunFolder, code: int, errors: str) -> Readiness:
    last = (errors.strip().splitlines() or ["no message"])[-1]
    if code == UNLOADABLE:
        model = folder.manifest()["base_model"]["id"]
        message, remedy = f"{model!r} cannot be loaded ({last})", "check the id, the network and HF_TOKEN"
        raise InputError(Problem("study.yaml", "base_model.id", message, remedy))
    if code == UNENCODABLE:
        raise InputError(Problem("", "rows", last, "shorten or rewrite the row, or choose another base model"))
    if code != 0:
        raise PreparationError(f"the preparation failed: {last}")
    data = json.loads((folder.prepared / READY).read_text(encoding="utf-8"))
    return Readiness(data["longest_prompt"], [graded_from_data(graded) for graded in data["before"]])


def prepare_run(folder: RunFolder) -> None:
    """Prepare a run in this process.

    Exits with UNLOADABLE when the base model cannot be loaded and with UNENCODABLE when a row cannot
    be encoded; the last line on stderr says why.
    """
    import torch

    from trainables.base_model import BaseModel
    from trainables.prepared import RowError, prepare

    torch.set_num_threads(1)
    study = folder.study()
    spec = study.file.base_model
    try:
        base = BaseModel.load(folder.manifest()["base_model"]["id"], revision=spec.revision, dtype=spec.dtype)
    except (OSError, ValueError) as error:
        _give_up(UNLOADABLE, error)
    try:
        prepared = prepare(study, base)
    except RowError as error:
        _give_up(UNENCODABLE, error)
    prepared.save(folder.prepared)
    ready: dict[str, Any] = {
        "longest_prompt": prepared.longest_prompt(),
        "before": [graded_to_data(graded) for graded in prepared.before],
    }
    (folder.prepared / READY).write_text(json.dumps(ready, ensure_ascii=False), encoding="utf-8")


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


def _give_up(code: int, error: Exception) -> NoReturn:
    print(f"{error}".strip().splitlines()[0], file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    prepare_run(RunFolder(Path(sys.argv[1])))
