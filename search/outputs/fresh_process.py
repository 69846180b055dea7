"""Runs `search/outputs/export_check.py` in a process that finds none of our packages, here or on a cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from search.outputs import export_check
from search.outputs.check_place import CheckPlace
from skazka_text.printable import printable
from skazka_text.problems import Refusal
from skazka_text.secrets import redact

ASKED, ANSWERED, PROGRESS, ERRORS = "asked.json", "answered.json", "progress.txt", "errors.txt"
# Seconds between two looks at how far it is.
PAUSE = 0.2
MAX_REASON = 300
Progress = Callable[[str], None]


class ExportError(Refusal, RuntimeError):
    """The exported adapter does not load, or does not answer as the trial did."""


def ask_afresh(
    request: Mapping[str, Any], scratch: Path, place: CheckPlace, home: Path, progress: Progress
) -> tuple[str, list[dict[str, Any]]]:
    """(kind of device, what `export_check.measure` finds there for a request).

    scratch: a folder for this alone, which every node of a cluster sees; home: the run folder. progress is told in one
    line how far it is. Raises ExportError where the process fails.
    """
    (scratch / ASKED).write_text(json.dumps(dict(request)), encoding="utf-8")
    code = _run_here(scratch, place, progress) if place.address is None else _run_there(scratch, place, home, progress)
    _tell(scratch, progress)
    if code != 0:
        what = "merge" if request["merge"] else "load"
        reason, remedy = _reason(scratch, code)
        raise ExportError(f"the adapter does not {what} in a fresh process {place}: {reason}", remedy)
    found = json.loads((scratch / ANSWERED).read_text(encoding="utf-8"))
    return found["device"], found["measured"]


def _run_here(scratch: Path, place: CheckPlace, progress: Progress) -> int:
    progress("loading the base model")
    process = start(scratch, {} if place.gpus else {"CUDA_VISIBLE_DEVICES": ""})
    try:
        while process.poll() is None:
            _tell(scratch, progress)
            time.sleep(PAUSE)
    finally:
        process.kill()
    return process.wait()


def _run_there(scratch: Path, place: CheckPlace, home: Path, progress: Progress) -> int:
    import ray

    from search.cluster import joining

    with joining.connected(place.address, home):
        joining.check_shared(home)
        gpus = joining.default_gpus() if place.gpus is None else place.gpus
        progress(f"waiting for a machine of the cluster with {place.cpus:g} CPUs and {gpus:g} GPUs")
        task = ray.remote(num_cpus=place.cpus, num_gpus=gpus, max_retries=0)(_run_on_worker)
        done = task.remote(str(scratch))
        while not ray.wait([done], timeout=PAUSE)[0]:
            _tell(scratch, progress)
        try:
            return int(ray.get(done))
        except ray.exceptions.RayError as error:
            raise ExportError(f"the check {place} was lost: {_short(str(error))}") from error


def _run_on_worker(scratch: str) -> int:
    process = start(Path(scratch), {})
    try:
        return process.wait()
    finally:
        process.kill()


def start(scratch: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Begin what lies in `scratch` as asked; what it says goes to files there."""
    # -P and a scratch folder: the process must not find our packages, only the script itself.
    script = [sys.executable, "-P", export_check.__file__, str(scratch / ASKED), str(scratch / ANSWERED)]
    with (scratch / PROGRESS).open("wb") as said, (scratch / ERRORS).open("wb") as errors:
        return subprocess.Popen(
            script, cwd=scratch, env={**os.environ, **environment}, stdout=said, stderr=errors, stdin=subprocess.DEVNULL
        )


def _tell(scratch: Path, progress: Progress) -> None:
    if said := _lines(scratch / PROGRESS):
        progress(said[-1])


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").split("\n")[:-1]
    except OSError:
        # A worker has not begun.
        return []


def _reason(scratch: Path, code: int) -> tuple[str, str]:
    """Why the process failed, and what to do where that is known."""
    if code < 0:
        return f"it was killed by signal {-code}; mostly the memory does not suffice", ""
    said = [line for line in _lines(scratch / ERRORS) if line.strip()]
    last = _short(said[-1]) if said else "no message"
    if "OutOfMemory" not in last:
        return last, ""
    return last, "free the GPU's memory, or choose another place with --check-on"


def _short(text: str) -> str:
    return printable(redact(" ".join(text.split())))[:MAX_REASON]
