"""A trial's adapter as `skazka export` writes it, asked again in a fresh process, alone and merged into its base."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu_bench import Meter, Wrong
from benchmarks.gpu_parts import ATTENTION, Bench, config_of
from search import export_check
from search.adapter_files import write_adapter
from search.check_place import CheckPlace
from search.check_request import EncodedStudy, check_request
from search.fresh_process import ask_afresh
from trainables import checkpoint
from trainables.answers import Answer, graded_from_data
from trainables.facts import Facts
from trainables.fidelity import fidelity


@dataclass
class Stages:
    """Told how far a process is, it keeps the seconds at which each stage began."""

    began: dict[str, float] = field(default_factory=dict)
    start: float = field(default_factory=time.monotonic)

    def __call__(self, line: str) -> None:
        """line: the stage, and mostly how many are done of it after a colon."""
        self.began.setdefault(line.partition(":")[0], time.monotonic() - self.start)


def check(bench: Bench) -> dict[str, Any]:
    """The adapter in a fresh process, as it is exported. Raises Wrong where it is not the trial's."""
    bench.leave()
    adapter = _adapter(bench)
    stages = Stages()
    with tempfile.TemporaryDirectory(dir=bench.folder) as scratch:
        request = _request(bench, adapter, Path(scratch), merge=False)
        place = CheckPlace(gpus=float(torch.cuda.is_available()))
        measured = ask_afresh(request, Path(scratch), place, bench.folder, stages)
    return _judged(bench, measured, {"began": stages.began, "bytes": _bytes(adapter)})


def merge(bench: Bench) -> dict[str, Any]:
    """The base with the adapter in it: written, loaded, asked. Raises Wrong where it is not the trial's.

    It is done in this process, for its memory is of interest.
    """
    bench.leave()
    adapter = _adapter(bench)
    stages, meter = Stages(), Meter()
    with tempfile.TemporaryDirectory(dir=bench.folder) as scratch, meter.step("merge"):
        measured = export_check.measure(_request(bench, adapter, Path(scratch), merge=True), stages)
    size = _bytes(adapter / export_check.MERGED)
    return _judged(bench, measured, {**meter.as_data(), "began": stages.began, "bytes": size})


def _request(bench: Bench, adapter: Path, scratch: Path, *, merge: bool) -> dict[str, Any]:
    names = EncodedStudy.read(bench.prepared).names
    facts = Facts.read(bench.prepared)
    request = check_request(bench.study(), _base(bench), facts, names, _recorded(bench), scratch)
    return {**request, "adapter": str(adapter), "merge": merge, "threads": None, "trust_remote_code": False}


def _base(bench: Bench) -> dict[str, Any]:
    """The base as a run's manifest names it."""
    study = bench.study()
    return {"id": study.base_model, "revision": None, "dtype": study.file.base_model.dtype}


def _judged(bench: Bench, measured: list[dict[str, Any]], further: dict[str, Any]) -> dict[str, Any]:
    """How it differs from what the trial said, beside what else is known."""
    found = fidelity(
        _recorded(bench),
        measured,
        dtype=_base(bench)["dtype"],
        before=[graded.answer for graded in Facts.read(bench.prepared).before],
        prompts=EncodedStudy.read(bench.prepared).prompts,
    )
    told = {**found.as_data(), "blind": found.is_blind, **further}
    if found.problems:
        raise Wrong("; ".join(found.problems), told)
    return told


def _checkpoint(bench: Bench) -> checkpoint.Checkpoint:
    task = bench.task(ATTENTION, config_of(ATTENTION, bench.size), bench.study())
    found, skipped = checkpoint.newest(task.folder, task.identity)
    if found is None:
        raise RuntimeError(f"the trial left no checkpoint: {skipped}")
    return found


def _recorded(bench: Bench) -> list[Answer]:
    """What the trial said."""
    return [graded_from_data(data).answer for data in _checkpoint(bench).report["answers"]]


def _adapter(bench: Bench) -> Path:
    """The adapter's folder, as an export writes it."""
    adapter = bench.folder / "adapter"
    if not adapter.exists():
        adapter.mkdir()
        manifest = {"base_model": _base(bench), "options": {}}
        write_adapter(_checkpoint(bench).folder, adapter, manifest, Facts.read(bench.prepared).prompting)
    return adapter


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*.safetensors"))
