"""What is computed once before the first trial, on a worker: encodings, vision features, the base's answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray

from search.run_folder import RunFolder
from spaces.problems import Problem
from spaces.space import Space
from studies.study import Study
from trainables.answers import GradedAnswer


@dataclass(frozen=True)
class Readiness:
    """What the driver needs to know of the preparation.

    longest_prompt: tokens that max_length must exceed; before: the base's answers to the search probes.
    """

    longest_prompt: int
    before: list[GradedAnswer]


def prepare_on_worker(folder: RunFolder, base_model: str, *, cpus: float, gpus: float) -> Readiness:
    """Prepare a run on a worker with a trial's resources."""
    remote = ray.remote(num_cpus=cpus, num_gpus=gpus)(_prepare)
    ready: Readiness = ray.get(remote.remote(str(folder.path), base_model))
    return ready


def _prepare(run: str, base_model: str) -> Readiness:
    import torch

    from trainables.base_model import BaseModel
    from trainables.prepared import prepare

    torch.set_num_threads(1)
    folder = RunFolder(Path(run))
    study = folder.study()
    spec = study.file.base_model
    base = BaseModel.load(base_model, revision=spec.revision, dtype=spec.dtype)
    prepared = prepare(study, base)
    prepared.save(folder.prepared)
    return Readiness(prepared.longest_prompt(), prepared.before)


def length_problems(study: Study, space: Space, longest_prompt: int) -> list[Problem]:
    """Lengths that would leave no answer token, in the baselines and in the space."""
    asked: list[tuple[str, Any]] = [
        (f"baselines.{name}.max_length", config.max_length) for name, config in study.file.baselines.items()
    ]
    if "max_length" in space.knobs:
        asked += [(f"space {space.name}: max_length", value) for value in space.knobs["max_length"].ends()]
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
