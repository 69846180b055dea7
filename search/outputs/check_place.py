"""Where an exported adapter is asked again: here, where there is the trial's kind of device, else on a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from search.options import Options
from skazka_text.problems import InputError, Problem
from trainables.facts import Facts

HERE = "here"
OPTION = "--check-on"


@dataclass(frozen=True)
class CheckPlace:
    """Where, and with what. address: of a Ray cluster, None for this machine; cpus, gpus: of the task there.

    gpus: None is one where the cluster has any.
    """

    address: str | None = None
    cpus: float = 1.0
    gpus: float | None = 0.0

    @property
    def threads(self) -> int | None:
        """Of the process that asks; None takes all there are."""
        return None if self.address is None else max(1, int(self.cpus))

    def __str__(self) -> str:
        if self.address is not None:
            return f"on the cluster at {self.address}"
        return f"on this machine's {'GPU' if self.gpus else 'CPU'}"


def check_place(manifest: Mapping[str, Any], facts: Facts, quantization: str, check_on: str | None) -> CheckPlace:
    """Where to ask; check_on: `here`, or `auto` or HOST:PORT of a Ray cluster; None decides by the trial's device.

    Raises InputError where that cannot be, or where nothing says where else.
    """
    options = Options.recorded(manifest)
    asked = options.gpus_per_trial
    # Runs that do not say on which device: by what was asked for, and else by what is here.
    on_gpu = facts.device == "cuda" if facts.device else None if asked is None else asked > 0
    needs_gpu = bool(on_gpu) or quantization != "none"
    address = check_on
    if check_on in (None, HERE):
        here = _sees_gpu()
        if here or not needs_gpu or (check_on == HERE and quantization == "none"):
            return CheckPlace(gpus=float(here and on_gpu is not False))
        address = None if check_on == HERE else options.address
    if address is None:
        raise InputError(_without_gpu(quantization))
    _check_address(address)
    gpus = (asked or 1.0) if needs_gpu else 0.0 if on_gpu is False else None
    return CheckPlace(str(address), options.cpus_per_trial, gpus)


def _without_gpu(quantization: str) -> Problem:
    cluster = "give a Ray cluster that has one: auto or HOST:PORT"
    if quantization != "none":
        return Problem("", OPTION, f"quantization {quantization} needs a GPU, and none is seen here", cluster)
    message = "the trial ran on a GPU, and none is seen here"
    return Problem("", OPTION, message, f"{cluster}; or give here: this machine's CPU, slow with a large model")


def _check_address(address: str) -> None:
    from search.cluster.joining import check_address

    try:
        check_address(address)
    except InputError as error:
        raise InputError(replace(problem, field=OPTION) for problem in error.problems) from error


def _sees_gpu() -> bool:
    import torch

    return torch.cuda.is_available()
