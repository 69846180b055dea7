"""What a run meets on a GPU, without Ray and Optuna: `python -m benchmarks.gpu --out FILE`, within nine minutes.

Qwen2.5-VL-3B's shapes with random weights, in bfloat16, through preparation, two trials, an out-of-memory on purpose,
the check of an export, a merge, another adapter, and a trial in 4 bit. FILE gets, part by part, the seconds, the memory
beside what `skazka doctor` says, and what failed: docs/gpu.md.
"""

from __future__ import annotations

import gc
import platform
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from benchmarks.gpu_wheels import OPTIONAL, PRESENT, WHEELS, pinned, versions

# No part takes longer, whatever it does.
SECONDS_A_PART = 150.0


@click.command()
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="JSON file to write")
@click.option("--work", type=click.Path(file_okay=False, exists=True), help="folder on a disk with 20 GB free")
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), default=8.5, show_default=True)
@click.option("--tiny", is_flag=True, help="a tiny model and study, to try the script itself without a GPU")
@click.option("--wheels", is_flag=True, help="name the wheels that a machine with PyTorch needs, and end")
def main(out: Path | None, work: str | None, minutes: float, tiny: bool, wheels: bool) -> None:
    """Run every part, and end with 1 where one failed."""
    if wheels:
        click.echo("\n".join(pinned(WHEELS)))
        click.echo(f"beside {', '.join(pinned(PRESENT))}; for 4 bit {', '.join(OPTIONAL)}", err=True)
        return
    if out is None:
        raise click.UsageError("--out is missing: give the JSON file to write")
    if not out.absolute().parent.is_dir():
        raise click.UsageError(f"--out {out}: there is no such folder")
    import torch

    if tiny and not torch.cuda.is_available():
        # Several threads wait for each other longer than such a model computes.
        torch.set_num_threads(1)
    if not tiny and not torch.cuda.is_available():
        raise click.UsageError("no GPU is seen here: --tiny tries the script itself without one")
    with tempfile.TemporaryDirectory(dir=work) as scratch:
        failed = run(out, Path(scratch), 60 * minutes, tiny=tiny)
    if failed:
        click.echo(f"failed: {', '.join(failed)}", err=True)
    sys.exit(1 if failed else 0)


def run(out: Path, folder: Path, seconds: float, *, tiny: bool) -> list[str]:
    """Run every part in so much time, and write what was found; returns the parts that failed."""
    from benchmarks import gpu_export as export
    from benchmarks import gpu_parts as parts
    from benchmarks.gpu_bench import Runner
    from benchmarks.gpu_model import REAL, TINY
    from benchmarks.gpu_scarce import out_of_memory

    # What was loaded until now is no garbage: to look through it after each part takes longer than a tiny part does.
    gc.freeze()
    bench = parts.Bench(folder, TINY if tiny else REAL)
    runner = Runner(out, seconds)

    def part(name: str, work: Callable[[], dict[str, Any]], *after: str) -> None:
        runner.run(name, work, SECONDS_A_PART, after)

    part("environment", lambda: environment(tiny=tiny))
    part("base model", lambda: parts.base_model(bench))
    part("preparation", lambda: parts.preparation(bench), "base model")
    trials = {name: f"trial {name}" for name in (parts.ATTENTION, parts.ALL_LAYERS)}
    for name, title in trials.items():
        part(title, partial(parts.trial, bench, name), "preparation")
    part("out of memory", lambda: out_of_memory(bench), "preparation")
    part("export check", lambda: export.check(bench), trials[parts.ATTENTION])
    part("merge", lambda: export.merge(bench), trials[parts.ATTENTION])
    part("another adapter", lambda: export.another(bench), *trials.values())
    part("4 bit", lambda: parts.four_bit(bench), "preparation")
    return runner.failed


def environment(*, tiny: bool) -> dict[str, Any]:
    """The versions and the card."""
    import torch

    found = {"tiny": tiny, "python": platform.python_version(), "versions": versions()}
    if not torch.cuda.is_available():
        return {**found, "device": "cpu"}
    card = torch.cuda.get_device_properties(0)
    return {**found, "device": card.name, "memory": card.total_memory, "cuda": torch.version.cuda}


if __name__ == "__main__":
    main()
