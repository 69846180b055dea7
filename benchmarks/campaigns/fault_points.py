"""Named moments of a sweep at which a campaign lets a process die: the driver, or the worker itself.

A plan is a JSON file, a list of faults that fire one after the other, each once over all processes.
"""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

PLAN, DRIVER = "SKAZKA_FAULT_PLAN", "SKAZKA_FAULT_DRIVER"
Point = Literal["ask", "train", "evaluate", "checkpoint", "commit", "report", "time"]
# Where a worker stands; the driver stands at the others.
IN_WORKER: tuple[Point, ...] = ("train", "evaluate", "checkpoint")


@dataclass(frozen=True)
class Fault:
    """A signal at the nth time that a process reaches a point.

    point: `time` is for the campaign's own clock and fires at none. whom: who gets the signal.
    """

    point: Point
    nth: int
    signal: int = signal.SIGKILL
    whom: Literal["driver", "worker"] = "driver"


_reached: Counter[tuple[int, str]] = Counter()


def reach(point: Point) -> None:
    """Say that this process is at a point; it may not return."""
    name = os.environ.get(PLAN)
    if name is None:
        return
    plan = Path(name)
    faults = [Fault(**fault) for fault in json.loads(plan.read_text())]
    place = fired(plan)
    if place >= len(faults) or faults[place].point != point:
        return
    _reached[place, point] += 1
    if _reached[place, point] == faults[place].nth:
        _fire(plan, place, faults[place])


def _fire(plan: Path, place: int, fault: Fault) -> None:
    try:
        _mark(plan, place).touch(exist_ok=False)
    except FileExistsError:
        return
    os.kill(int(os.environ[DRIVER]) if fault.whom == "driver" else os.getpid(), fault.signal)


def write_plan(plan: Path, faults: list[Fault]) -> None:
    """Write a new plan."""
    plan.write_text(json.dumps([asdict(fault) for fault in faults]))


def fired(plan: Path) -> int:
    """How many faults of a plan have fired."""
    place = 0
    while _mark(plan, place).exists():
        place += 1
    return place


def _mark(plan: Path, place: int) -> Path:
    return plan.with_name(f"{plan.name}.fired-{place}")
