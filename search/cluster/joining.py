"""Joining Ray: a local one or a running cluster, from a folder that cannot shadow our packages."""

from __future__ import annotations

import importlib
import os
import socket
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from search.cluster.access import keep_token_private, loopback_only, warn_without_token
from search.cluster.temporary_folder import ray_folder
from search.options import UNITS
from skazka_text.problems import InputError, Problem
from studies.files import is_disk_full

PACKAGES = ("skazka_text", "spaces", "studies", "trainables", "search", "analysis", "skazka")
QUIET = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    # Its handler would take the place of ours (search/tuning/stop_request.py): an exit code would say that all is well.
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1",
    "TOKENIZERS_PARALLELISM": "false",
}


@contextmanager
def connected(address: str | None, home: Path) -> Iterator[None]:
    """A connection to Ray, made from `home` and given up afterwards; one that stands already is used as it is.

    Ray's workers put the driver's current folder first on their path: a user's own `analysis/`
    would hide ours there. `home` is the run folder, which holds no package.
    """
    verify_packages()
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    before = Path.cwd()
    os.chdir(home)
    ours = not ray.is_initialized()
    try:
        if ours:
            _init(address)
        yield
    finally:
        if ours:
            ray.shutdown()
        os.chdir(before)


def check_address(address: str | None) -> None:
    """Refuse an address at which nothing listens: Ray itself would go on trying for minutes."""
    if address in (None, "auto", "local"):
        return
    host, _, port = str(address).rpartition(":")
    remedy = "give auto, or HOST:PORT of a running cluster, for example 10.0.0.1:6379"
    if not host or not port.isdecimal() or "/" in host:
        raise InputError(Problem("", "--address", f"{address!r} is no HOST:PORT", remedy))
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, OverflowError, UnicodeError) as error:
        raise InputError(Problem("", "--address", f"nothing answers at {address} ({error})", remedy)) from error


def _init(address: str | None) -> None:
    """Start Ray here (None, `local`) or join a cluster. No runtime_env: a worker's environment is its node's own."""
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    here = address in (None, "local")
    keep_token_private(create=here)
    try:
        if here:
            with loopback_only():
                ray.init(address="local", include_dashboard=False, _temp_dir=str(ray_folder()), **options)
        else:
            ray.init(address=address, **options)
    except InputError:
        raise
    except (OSError, ValueError, RuntimeError, RayError) as error:
        if is_disk_full(error):
            raise
        reason = (str(error).splitlines() or ["no message"])[0]
        if here:
            remedy = "see skazka doctor; RAY_TMPDIR names another folder for its files"
            raise InputError(Problem("", "Ray", f"cannot start here ({reason})", remedy)) from error
        message = f"no Ray cluster at {address!r} ({reason})"
        remedy = "start one with ray start, set RAY_AUTH_MODE=token if it wants a token, or leave --address out"
        raise InputError(Problem("", "--address", message, remedy)) from error
    if not here:
        warn_without_token(str(address))


def slots(cpus: float, gpus: float) -> int:
    """How many trials fit on the cluster as it stands, at least 1."""
    return max(1, sum(trials_on(node, cpus, gpus) for node in _alive()))


def trials_on(node: Mapping[str, float], cpus: float, gpus: float) -> int:
    """How many trials fit on one node at once: trials may share a GPU, but none has parts of two.

    node: its resources. cpus, gpus: of one trial, one of them above 0; gpus above 1 are whole.
    """
    fits = []
    if cpus:
        fits.append(_units(node.get("CPU", 0)) // _units(cpus))
    if gpus:
        have = int(node.get("GPU", 0))
        fits.append(have * (UNITS // _units(gpus)) if gpus <= 1 else have // int(gpus))
    return min(fits)


def _units(amount: float) -> int:
    return round(amount * UNITS)


def _alive() -> list[dict[str, float]]:
    """The resources of each node."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def check_resources(cpus: float, gpus: float, *, scales: bool) -> None:
    """Refuse a trial that no node could ever run. `scales`: the cluster may grow, so nothing is certain."""
    nodes = _alive()
    if scales or any(trials_on(node, cpus, gpus) for node in nodes):
        return
    have = f"{max(n.get('CPU', 0) for n in nodes):g} CPUs and {max(n.get('GPU', 0) for n in nodes):g} GPUs"
    message = f"a trial asks for {cpus:g} CPUs and {gpus:g} GPUs, the largest node has {have}"
    raise InputError(Problem("", "--cpus-per-trial, --gpus-per-trial", message, "ask for less"))


def default_gpus() -> float:
    """One GPU a trial where the cluster has any, else none."""
    return 1.0 if ray.cluster_resources().get("GPU", 0) >= 1 else 0.0


def check_shared(folder: Path) -> None:
    """Refuse a run folder that some node does not share: each node writes a file that the driver must see."""
    nodes = [node for node in ray.nodes() if node["Alive"]]
    token = uuid.uuid4().hex
    meeting = folder / f".shared-{token}"
    meeting.mkdir()
    try:
        wrote = {node["NodeID"]: _write_on(node["NodeID"], meeting) for node in nodes}
        unseen = [
            f"{node['NodeManagerHostname']} ({wrote[node['NodeID']] or 'its file did not arrive'})"
            for node in nodes
            if wrote[node["NodeID"]] or not (meeting / node["NodeID"]).exists()
        ]
    finally:
        for path in (*meeting.iterdir(), meeting):
            path.unlink() if path.is_file() else path.rmdir()
    if unseen:
        message = f"{folder} is not shared with {', '.join(unseen)}"
        raise InputError(Problem("", "--run", message, "choose a folder on a disk that every node mounts"))


def _write_on(node: str, meeting: Path) -> str | None:
    strategy = NodeAffinitySchedulingStrategy(node_id=node, soft=False)
    task = ray.remote(num_cpus=0, scheduling_strategy=strategy)(_write)
    try:
        ray.get(task.remote(str(meeting), node), timeout=60)
    except Exception as error:
        return str(error).strip().splitlines()[-1]
    return None


def _write(meeting: str, node: str) -> None:
    # Not mkdir: a folder made here would only prove that this node has a disk.
    (Path(meeting) / node).write_text("here")


def verify_packages(modules: dict[str, ModuleType] | None = None) -> None:
    """Check that our six packages stand side by side. Raises InputError naming the one that hides ours."""
    modules = modules or {name: importlib.import_module(name) for name in PACKAGES}
    home = Path(__file__).resolve().parents[2]
    for name, module in modules.items():
        found = Path(str(module.__file__ or next(iter(module.__path__)))).resolve()
        if not found.is_relative_to(home):
            message = f"another package {name!r} at {found} hides skazka's"
            raise InputError(Problem("", "", message, "start from another folder, or rename that package"))
