"""What this machine has to say before a long search: one finding a line, each with its remedy."""

from __future__ import annotations

import netrc
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal
from urllib.parse import urlparse

from search.run.manifest import memory_bytes, versions
from skazka_text.problems import InputError, Problem
from studies.study import Study

Level = Literal["ok", "note", "stop"]
# Below it a search of a real model may fill the disk: checkpoints, and the model itself.
LITTLE_DISK = 20 * 10**9
HUB_SECONDS = 3.0


@dataclass(frozen=True)
class Finding:
    """One line. level: ok, note (worth a look) or stop (a search cannot begin)."""

    level: Level
    what: str
    remedy: str = ""


def machine(folder: Path) -> Iterator[Finding]:
    """Versions, processors, memory and disk; `folder` is where runs will lie."""
    known = versions()
    yield Finding("ok", ", ".join(f"{name} {version}" for name, version in known.items() if version))
    memory = memory_bytes()
    yield Finding("ok", f"{os.cpu_count()} CPU cores" + (f", {gigabytes(memory)} of memory" if memory else ""))
    yield from _gpus()
    free = shutil.disk_usage(folder).free
    if free < LITTLE_DISK:
        yield Finding("note", f"{gigabytes(free)} free in {folder}", "put --run and HF_HOME where there is more")
    else:
        yield Finding("ok", f"{gigabytes(free)} free in {folder}")


def _gpus() -> Iterator[Finding]:
    import torch

    if not torch.cuda.is_available():
        yield Finding("note", "no GPU is seen: trials run on the CPU", "enough for the demo; real models need a GPU")
    for place in range(torch.cuda.device_count()):
        one = torch.cuda.get_device_properties(place)
        yield Finding("ok", f"GPU {place}: {one.name}, {gigabytes(one.total_memory)}")


def _spread(study: Study) -> Iterator[Finding]:
    """Whether a trial could use several GPUs, where there are any."""
    import torch

    if torch.cuda.device_count() > 1 and study.file.base_model.device_map is None:
        remedy = "base_model.device_map: auto spreads the model over the GPUs of a trial"
        yield Finding("note", "a trial uses one GPU: with --gpus-per-trial 2 the second would idle", remedy)


def services(study: Study | None) -> Iterator[Finding]:
    """The hub, W&B and Ray, as far as they can be seen from here."""
    if study is None or not Path(study.base_model).is_dir():
        yield _hub()
    yield _wandb()
    address = os.environ.get("RAY_ADDRESS")
    if address:
        yield Finding("note", f"RAY_ADDRESS is {address}", "launch uses it only with --address auto")
    else:
        yield Finding("ok", "Ray: started on this machine by each search; --address names a running cluster")
    yield from _ray_folder()
    if study is not None:
        yield from _spread(study)


def _ray_folder() -> Iterator[Finding]:
    """Ray's own folder, where it will not do."""
    from search.cluster.temporary_folder import default_folder, ray_folder, why_not

    own = default_folder()
    if (reason := why_not(own)) is None:
        return
    try:
        yield Finding("note", f"{own} {reason}: Ray keeps its files in {ray_folder()}", "RAY_TMPDIR names another")
    except InputError as error:
        yield from study_findings(error)


def _hub() -> Finding:
    from huggingface_hub import constants, get_token

    token = "with a token" if get_token() else "without a token (HF_TOKEN), which gated models need"
    if constants.HF_HUB_OFFLINE:
        return Finding("note", "HF_HUB_OFFLINE is set: models come from the cache alone", "unset it to download")
    host = urlparse(constants.ENDPOINT).hostname or "huggingface.co"
    try:
        with socket.create_connection((host, 443), HUB_SECONDS):
            return Finding("ok", f"the hub answers, {token}")
    except OSError:
        remedy = "copy the model's folder here and name it in base_model.id, or fill the cache elsewhere"
        return Finding("note", "the hub cannot be reached: models come from the cache alone", remedy)


def _wandb() -> Finding:
    if os.environ.get("WANDB_MODE") in ("offline", "disabled"):
        return Finding("ok", f"W&B: WANDB_MODE is {os.environ['WANDB_MODE']}")
    logged_in = bool(os.environ.get("WANDB_API_KEY"))
    with suppress(OSError, netrc.NetrcParseError):
        logged_in = logged_in or netrc.netrc().authenticators("api.wandb.ai") is not None
    if logged_in:
        return Finding("ok", "W&B: a key is there; launch --wandb tries it")
    return Finding("ok", "W&B: not logged in; only launch --wandb needs it (wandb login, or WANDB_MODE=offline)")


def study_findings(error: InputError) -> list[Finding]:
    """A study's refusals as findings."""

    def said(problem: Problem) -> Finding:
        return Finding("stop", str(replace(problem, remedy="")), problem.remedy)

    return [said(problem) for problem in error.problems]


def gigabytes(count: int) -> str:
    """Bytes in GB (10**9), or in MB below one."""
    return f"{count / 1e9:.1f} GB" if count >= 10**9 else f"{count / 1e6:.0f} MB"
