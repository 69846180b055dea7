"""Is the demo worth searching? `python -m benchmarks.demo seeds|samplers --out FILE.json`.

seeds: sweeps of 12 trials with seeds not used while the study was made; the configuration with the best
search score against the best baseline, both on the test probes.
samplers: TPE against random search at 40 trials.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path
from statistics import median_high
from typing import Any

import click

import skazka
from benchmarks.opened_test import test_scores
from search.run.trial_row import TrialRow, ranked
from skazka import Run


@click.group()
def main() -> None:
    """Benchmarks of the embedded study."""


@main.command()
@click.option("--seeds", default="111,112,113")
@click.option("--trials", default=12)
@click.option("--out", type=click.Path(path_type=Path), required=True)
def seeds(seeds: str, trials: int, out: Path) -> None:
    """Sweeps with fresh seeds: best by search score against every baseline, on test."""
    for seed in map(int, seeds.split(",")):
        _keep(out, _sweep(seed, trials, "tpe", opened="baselines"))


@main.command()
@click.option("--seeds", default="201,202,203,204,205")
@click.option("--trials", default=40)
@click.option("--out", type=click.Path(path_type=Path), required=True)
def samplers(seeds: str, trials: int, out: Path) -> None:
    """TPE and random search, the same seeds and baselines."""
    for seed in map(int, seeds.split(",")):
        for sampler in ("tpe", "random"):
            _keep(out, _sweep(seed, trials, sampler, opened="best"))


def _sweep(seed: int, trials: int, sampler: str, opened: str) -> dict[str, Any]:
    folder = Path(tempfile.mkdtemp(prefix="skazka-benchmark-"))
    start = time.monotonic()
    run = skazka.launch("demo", trials=trials, run=folder / "run", seed=seed, sampler=sampler, finalists=0)
    seconds = time.monotonic() - start
    rows = run.folder.ledger().trials()
    best = ranked(rows)[0]
    baselines = [row for row in rows if row.kind == "baseline"]
    test = test_scores(run.folder, [best, *(baselines if opened == "baselines" else [])])
    record = {
        "seed": seed,
        "sampler": sampler,
        "trials": trials,
        "seconds": round(seconds, 1),
        "median_trial_seconds": round(median_high((row.finished or 0) - (row.started or 0) for row in rows), 1),
        "best": best.name,
        "best_config": best.config,
        "running_best": _running_best(rows),
        "scores": {row.name: row.score for row in rows},
        "parts": {row.name: [row.gain, row.degradation, row.hallucination] for row in rows},
        "grades": _grades(run, rows),
        "test": {row.name: test[row.id] for row in rows if row.id in test},
    }
    shutil.rmtree(folder, ignore_errors=True)
    return record


def _running_best(rows: list[TrialRow]) -> list[float | None]:
    best: list[float | None] = []
    for row in rows:
        known = [value for value in (best[-1] if best else None, row.score) if value is not None]
        best.append(max(known) if known else None)
    return best


def _grades(run: Run, rows: list[TrialRow]) -> dict[str, Counter[str]]:
    ledger = run.folder.ledger()
    return {row.name: Counter(graded.grade.value for graded in ledger.answers(row.id)) for row in rows}


def _keep(out: Path, record: dict[str, Any]) -> None:
    records = json.loads(out.read_text(encoding="utf-8")) if out.exists() else []
    records.append(record)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(records, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    winner = record["test"][record["best"]]
    others = {name: round(scores["score"], 3) for name, scores in record["test"].items() if name != record["best"]}
    click.echo(
        f"seed {record['seed']} {record['sampler']} {record['trials']} trials in {record['seconds']} s: "
        f"best {record['best']} search {record['running_best'][-1]:.3f} test {winner['score']:.3f}; test of {others}"
    )


if __name__ == "__main__":
    main()
