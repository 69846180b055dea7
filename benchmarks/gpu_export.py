"""A trial's adapter as `skazka export` writes it, asked again in a fresh process, alone and merged into its base."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu_bench import Meter
from benchmarks.gpu_parts import ATTENTION, Bench, config_of
from search import export_check
from search.adapter_record import ADAPTER_FILES
from search.check_place import CheckPlace
from search.check_request import EncodedStudy, check_request
from search.fresh_process import ask_afresh
from search.served_adapter import served
from trainables import checkpoint
from trainables.answers import Answer, graded_from_data
from trainables.facts import Facts
from trainables.fidelity import fidelity, tolerance_of


@dataclass
class Stages:
    """Told how far a process is, it keeps the seconds at which each stage began."""

    began: dict[str, float] = field(default_factory=dict)
    start: float = field(default_factory=time.monotonic)

    def __call__(self, line: str) -> None:
        """line: the stage, and mostly how many are done of it after a colon."""
        self.began.setdefault(line.partition(":")[0], time.monotonic() - self.start)


def check(bench: Bench) -> dict[str, Any]:
    """The adapter in a fresh process, as it is exported. Raises RuntimeError where it is not the trial's."""
    bench.leave()
    adapter = _adapter(bench)
    stages = Stages()
    with tempfile.TemporaryDirectory(dir=bench.folder) as scratch:
        request = _request(bench, adapter, Path(scratch), merge=False)
        place = CheckPlace(gpus=float(torch.cuda.is_available()))
        found = _compared(bench, ask_afresh(request, Path(scratch), place, bench.folder, stages))
    if found["problems"]:
        raise RuntimeError("; ".join(found["problems"]))
    return {**found, "began": stages.began, "bytes": _bytes(adapter)}


def merge(bench: Bench) -> dict[str, Any]:
    """The base with the adapter in it: written, loaded, asked. How far it is from the trial is told, not judged.

    It is done in this process, for its memory is of interest.
    """
    bench.leave()
    adapter = _adapter(bench)
    stages, meter = Stages(), Meter()
    with tempfile.TemporaryDirectory(dir=bench.folder) as scratch, meter.step("merge"):
        measured = export_check.measure(_request(bench, adapter, Path(scratch), merge=True), stages)
    found = _compared(bench, measured)
    return {**found, **meter.as_data(), "began": stages.began, "bytes": _bytes(adapter / export_check.MERGED)}


def _request(bench: Bench, adapter: Path, scratch: Path, *, merge: bool) -> dict[str, Any]:
    study = bench.study()
    base = {"id": study.base_model, "revision": None, "dtype": study.file.base_model.dtype}
    names = EncodedStudy.read(bench.prepared).names
    request = check_request(study, base, Facts.read(bench.prepared), names, _recorded(bench), scratch)
    return {**request, "adapter": str(adapter), "merge": merge, "threads": None, "trust_remote_code": False}


def _compared(bench: Bench, measured: list[dict[str, Any]]) -> dict[str, Any]:
    """Beside what the trial said, and the bare base before it."""
    before = [graded.answer for graded in Facts.read(bench.prepared).before]
    found = fidelity(_recorded(bench), measured, before, EncodedStudy.read(bench.prepared).prompts)
    tolerance = tolerance_of(bench.study().file.base_model.dtype, rounding=found.rounding)
    judged = {"blind": found.is_blind(tolerance), "tolerance": asdict(tolerance), "problems": found.problems(tolerance)}
    return {**found.as_data(), **judged}


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
    if adapter.exists():
        return adapter
    source = _checkpoint(bench).folder
    adapter.mkdir()
    weights, settings = ADAPTER_FILES
    shutil.copyfile(source / weights, adapter / weights)
    told = served(json.loads((source / settings).read_text(encoding="utf-8")), source / weights)
    (adapter / settings).write_text(json.dumps(told), encoding="utf-8")
    prompting = Facts.read(bench.prepared).prompting
    export_check.save_processor(str(bench.model), None, adapter, False, prompting.chat_template, prompting.text_only)
    return adapter


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*.safetensors"))
