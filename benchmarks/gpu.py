"""What a run meets on a GPU, without Ray and Optuna: `python -m benchmarks.gpu --out FILE`, under nine minutes.

Qwen2.5-VL-3B's shapes with random weights, in bfloat16, through preparation, two trials, the check of an export, a
merge, 4 bit, and an out-of-memory on purpose. FILE gets the seconds of each part, the memory beside what `skazka doctor`
says, and what failed; a part that fails does not keep the others from running. `--wheels` names what a machine without
a package index needs beside torch.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import torch

from benchmarks.gpu_model import make_model, make_study
from spaces.trial_config import TrialConfig
from studies.checks import load_study
from studies.study import Study
from trainables.base_model import BaseModel
from trainables.loading import device
from trainables.prepared import Prepared, prepare
from trainables.session import TrialSession, Workshop
from trainables.sizing import cost
from trainables.task import TrialTask

CONSTRAINTS = Path(__file__).parent.parent / "constraints.txt"
WHEELS = ("transformers", "tokenizers", "huggingface-hub", "peft", "accelerate", "safetensors", "pydantic")
WHEELS += ("pydantic-core", "typing-inspection", "pymorphy3", "pymorphy3-dicts-ru", "dawg2-python", "bitsandbytes")
SHARED = {"learning_rate": 1e-3, "rank": 16, "epochs": 2, "max_length": 1024}
TRIALS = {
    "attention": {"batch_size": 2},
    "attention+mlp": {
        "batch_size": 8,
        "target_modules": "attention+mlp",
        "replay": True,
        "replay_ratio": 0.5,
        "kl": True,
        "kl_on": "replay",
        "kl_weight": 0.3,
    },
}


@dataclass
class Bench:
    """Where everything lies, and what was found so far; `found` is written after each part."""

    folder: Path
    out: Path
    model: Path
    side: int
    found: dict[str, Any] = field(default_factory=dict)

    def part(self, name: str, run: Callable[[Bench], dict[str, Any]]) -> None:
        """Run one part and write down what it found, or why it failed."""
        start = time.perf_counter()
        try:
            found = run(self)
        except Exception as error:
            found = {"failed": f"{type(error).__name__}: {error}", "traceback": traceback.format_exc()}
        finally:
            free()
        self.found[name] = {**found, "seconds": time.perf_counter() - start}
        self.out.write_text(json.dumps(self.found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        click.echo(f"{name}: {found.get('failed', 'done')} ({self.found[name]['seconds']:.1f} s)")

    def study(self, name: str, **base: Any) -> Study:
        """The study with further keys of base_model."""
        folder = self.folder / name
        return load_study(folder if folder.exists() else make_study(folder, self.model, self.side, base))


def free() -> None:
    """Give cached memory back, and begin to count its peak anew."""
    import gc

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def peak() -> int | None:
    """Bytes that tensors took on the GPU at most since `free`; None without a GPU."""
    return torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None


@contextmanager
def timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    """Add the seconds of a block, with the GPU's work in them."""
    start = time.perf_counter()
    try:
        yield
    finally:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - start


def measured(seconds: dict[str, float], owner: Any, *methods: str) -> None:
    """Have methods of an object add up their seconds."""
    for name in methods:
        setattr(owner, name, _measured(seconds, getattr(owner, name), name))


def _measured(seconds: dict[str, float], method: Callable[..., Any], name: str) -> Callable[..., Any]:
    def called(*arguments: Any, **options: Any) -> Any:
        with timed(seconds, name):
            return method(*arguments, **options)

    return called


def environment(bench: Bench) -> dict[str, Any]:
    """Versions and the card."""
    versions = {name: _version(name) for name in ("torch", *WHEELS)}
    if not torch.cuda.is_available():
        return {"versions": versions, "device": "cpu"}
    card = torch.cuda.get_device_properties(0)
    return {"versions": versions, "device": card.name, "memory": card.total_memory}


def base_model(bench: Bench) -> dict[str, Any]:
    """A model to work on, where none was given."""
    if not bench.model.exists():
        make_model(bench.model, device())
    return {"bytes": sum(path.stat().st_size for path in bench.model.glob("*.safetensors"))}


def preparation(bench: Bench) -> dict[str, Any]:
    """Load, look at every picture, ask the bare base."""
    study = bench.study("study")
    parts: dict[str, float] = {}
    with timed(parts, "load"):
        base = BaseModel.load(study.base_model, study.file.base_model)
    measured(parts, base, "see")
    with timed(parts, "prepare"):
        prepared = prepare(study, base)
    with timed(parts, "save"):
        prepared.save(bench.folder / "prepared")
    tokens = [len(row.prompt) for _, row in prepared.training]
    return {"parts": parts, "peak": peak(), "pictures": len(prepared.features), "longest_prompt": max(tokens)}


def trial(bench: Bench, name: str) -> dict[str, Any]:
    """A trial from its first epoch to its last checkpoint, beside the memory that doctor names for it."""
    study = bench.study("study")
    config = TrialConfig.model_validate({**SHARED, **TRIALS[name]})
    task = TrialTask(
        trial=name,
        config=config,
        seed=0,
        folder=bench.folder / "trials" / name,
        study=study.folder,
        prepared=bench.folder / "prepared",
        base_model=study.base_model,
    )
    parts: dict[str, float] = {}
    with timed(parts, "load"):
        workshop = Workshop.build(task)
    doctor = cost(study, workshop.engine.base, config, measure=False)
    free()
    with timed(parts, "open"):
        session = TrialSession(task, workshop)
    measured(parts, session.engine, "train_epoch", "held_out_loss", "ask", "save_adapter", "state")
    try:
        reports = [session.epoch() for _ in range(config.epochs)]
        taken = peak()
    finally:
        session.close()
    rows = [row for _, row in workshop.prepared.training]
    tokens = config.epochs * sum(len(row.prompt) + len(row.answer) for row in rows)
    return {
        "parts": parts,
        "peak": taken,
        "doctor": {"weights": doctor.weights, "trained": doctor.trained, "activations": doctor.activations},
        "doctor_over_peak": doctor.memory / taken if taken else None,
        "tokens_a_second": tokens / parts["train_epoch"],
        "losses": [report["train_loss"] for report in reports],
        "score": reports[-1]["score"],
    }
