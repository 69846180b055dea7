"""A sweep on a disk that fills up: a tmpfs of every size at which a short sweep finds no room. Needs root to mount."""

from __future__ import annotations

import os
import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from benchmarks.campaigns.kills import Sweep, contents, make_study
from benchmarks.campaigns.outcome import Outcome
from benchmarks.campaigns.stand_in import SIZE
from search.run.run_folder import RunFolder

PAGE = 4096
AMPLE = 1 << 28
NEVER = (
    "cannot be opened again",
    "no line about the disk",
    "tracebacks",
    "failed resumes",
    "checkpointed epochs trained twice",
    "ledgers that differ",
)


def can_mount(work: Path) -> bool:
    """Whether this process may mount a tmpfs."""
    if os.geteuid() != 0:
        return False
    probe = work / "probe"
    probe.mkdir(parents=True, exist_ok=True)
    try:
        with disk(probe, AMPLE):
            return True
    except subprocess.CalledProcessError:
        return False


@contextmanager
def disk(place: Path, size: int) -> Iterator[None]:
    """A tmpfs of `size` bytes at `place`."""
    place.mkdir(parents=True, exist_ok=True)
    _mount("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place))
    try:
        yield
    finally:
        _mount("umount", "--lazy", str(place))


def _mount(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def run(size: int, seed: int, work: Path) -> Outcome:
    """Run out of room at `size` places of a sweep of one trial, spread over all that it writes; 0: at every page."""
    start, source = time.monotonic(), random.Random(seed)
    study, never, hit = make_study(work / "study-stand-in", "stand-in"), Counter[str](), 0
    whole, needed = _measure(study, work, seed)
    places = list(range(PAGE, needed, PAGE))
    if size:
        places = sorted(source.sample(places, min(size, len(places))))
    for place in places:
        hit += _fill(study, work, seed, place, whole, never)
    counts = {name: never[name] for name in NEVER}
    noted: dict[str, float | int | str] = {"bytes of the sweep": needed, "disk sizes": len(places)}
    return Outcome("a full disk", seed, hit, counts, round(time.monotonic() - start, 1), noted)


def _sweep(study: Path, home: Path, seed: int) -> Sweep:
    # Small tensors, so that most pages are not of one file.
    return Sweep("stand-in", study, home, seed, trials=1, place=home / "disk", environment={SIZE: "1000"})


def _measure(study: Path, work: Path, seed: int) -> tuple[dict[str, object], int]:
    """What the sweep comes to with ample room, and the smallest disk, in bytes, that holds all of it."""
    sweep = _sweep(study, work / "ample", seed)
    with disk(sweep.home / "disk", AMPLE):
        sweep.finish()
        whole = contents(sweep.run)
        status = os.statvfs(sweep.home / "disk")
    return whole, (status.f_blocks - status.f_bfree) * status.f_frsize


def _fill(study: Path, work: Path, seed: int, size: int, whole: Mapping[str, object], never: Counter[str]) -> bool:
    """One sweep on a disk of `size` bytes, then with room; whether the disk was full."""
    sweep = _sweep(study, work / f"full-{size}", seed)
    place = sweep.home / "disk"
    with disk(place, size):
        process, _ = sweep.start([])
        code = sweep.wait(process)
        if code != 0 and "no space left on the disk" not in sweep.log(1).read_text():
            never["no line about the disk"] += 1
        _open_again(sweep, never)
        _mount("mount", "-o", f"remount,size={AMPLE}", str(place))
        sweep.finish()
        never["ledgers that differ"] += contents(sweep.run) != whole
    for name in ("tracebacks", "failed resumes", "checkpointed epochs trained twice"):
        never[name] += sweep.never[name]
    return code != 0


def _open_again(sweep: Sweep, never: Counter[str]) -> None:
    """Whatever was committed can be read while the disk is still full."""
    if not sweep.run.exists():
        return
    try:
        with closing(RunFolder.open(sweep.run).ledger()) as ledger:
            for row in ledger.trials():
                ledger.epochs(row.id)
    except Exception:
        never["cannot be opened again"] += 1
