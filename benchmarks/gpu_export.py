"""A trial's adapter as `skazka export` writes it, asked again: in a fresh process, merged, and another one for it."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu_bench import Meter, Wrong
from benchmarks.gpu_parts import ALL_LAYERS, ATTENTION, Bench, config_of
from search.outputs import export_check
from search.outputs.adapter_files import write_adapter
from search.outputs.check_place import CheckPlace
from search.outputs.check_request import EncodedStudy, check_request
from search.outputs.fresh_process import ask_afresh
from trainables import checkpoint
from trainables.answers import Answer, graded_from_data
from trainables.facts import Facts
from trainables.fidelity import Fidelity, fidelity
from trainables.loading import device


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
    adapter = _adapter(bench, ATTENTION)
    stages = Stages()
    with tempfile.TemporaryDirectory(dir=bench.folder) as scratch:
        request = _request(bench, adapter, Path(scratch), merge=False)
        place = CheckPlace(gpus=float(torch.cuda.is_available()))
        answered = ask_afresh(request, Path(scratch), place, bench.folder, stages)
    found = _compared(bench, *answered)
    told = {**_told(found), "began": stages.began, "bytes": _bytes(adapter)}
    if found.problems:
        raise Wrong("; ".join(found.problems), told)
    return told


def merge(bench: Bench) -> dict[str, Any]:
    """The base with the adapter in it: written, loaded, asked. Raises Wrong where it is not the trial's."""
    adapter = _adapter(bench, ATTENTION)
    found, further = _asked_here(bench, adapter, merge=True)
    told = {**_told(found), **further, "bytes": _bytes(adapter / export_check.MERGED)}
    if found.problems:
        raise Wrong("; ".join(found.problems), told)
    return told


def another(bench: Bench) -> dict[str, Any]:
    """The other trial's adapter in place of this one's. Raises Wrong where it passes for it."""
    found, further = _asked_here(bench, _adapter(bench, ALL_LAYERS), merge=False)
    told = {**_told(found), **further, "refused": found.problems}
    if not found.problems:
        raise Wrong("the adapter of another trial passes for this trial's", told)
    return told


def _asked_here(bench: Bench, adapter: Path, *, merge: bool) -> tuple[Fidelity, dict[str, Any]]:
    """How far an adapter is from the trial, and its seconds and memory, for which it is asked in this process."""
    bench.leave()
    stages, meter = Stages(), Meter()
    with tempfile.TemporaryDirectory(dir=bench.folder) as scratch, meter.step("ask"):
        measured = export_check.measure(_request(bench, adapter, Path(scratch), merge=merge), stages)
    return _compared(bench, device(), measured), {**meter.as_data(), "began": stages.began}


def _request(bench: Bench, adapter: Path, scratch: Path, *, merge: bool) -> dict[str, Any]:
    names = EncodedStudy.read(bench.prepared).names
    facts = Facts.read(bench.prepared)
    request = check_request(bench.study(), _base(bench), facts, names, _recorded(bench), scratch)
    return {**request, "adapter": str(adapter), "merge": merge, "threads": None, "trust_remote_code": False}


def _base(bench: Bench) -> dict[str, Any]:
    """The base as a run's manifest names it."""
    study = bench.study()
    return {"id": study.base_model, "revision": None, "dtype": study.file.base_model.dtype}


def _compared(bench: Bench, asked_on: str, measured: list[dict[str, Any]]) -> Fidelity:
    return fidelity(
        _recorded(bench),
        measured,
        dtype=_base(bench)["dtype"],
        device=asked_on,
        before=[graded.answer for graded in Facts.read(bench.prepared).before],
        prompts=EncodedStudy.read(bench.prepared).prompts,
    )


def _told(found: Fidelity) -> dict[str, Any]:
    return {**found.as_data(), "blind": found.is_blind}


def _checkpoint(bench: Bench, trial: str) -> checkpoint.Checkpoint:
    task = bench.task(trial, config_of(trial, bench.size), bench.study())
    found, skipped = checkpoint.newest(task.folder, task.identity)
    if found is None:
        raise RuntimeError(f"the trial left no checkpoint: {skipped}")
    return found


def _recorded(bench: Bench) -> list[Answer]:
    """What the trial on attention said."""
    return [graded_from_data(data).answer for data in _checkpoint(bench, ATTENTION).report["answers"]]


def _adapter(bench: Bench, trial: str) -> Path:
    """The folder of a trial's adapter, as an export writes it."""
    adapter = bench.folder / "adapters" / trial
    if not adapter.exists():
        adapter.mkdir(parents=True)
        manifest = {"base_model": _base(bench), "options": {}}
        write_adapter(_checkpoint(bench, trial).folder, adapter, manifest, Facts.read(bench.prepared).prompting)
    return adapter


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*.safetensors"))
