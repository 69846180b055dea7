"""Answers to draw simulated sweeps from: every trial of a finished demo run, asked about pictures that no one saw.

`python -m benchmarks.verdict_pool RUN --out POOL.json` draws the pictures, asks the bare base and each trial, and keeps
which answers were right and which named someone wrongly.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import torch

from search.run.run_folder import RunFolder
from search.run.trial_row import ranked
from studies.demo.content import EVERYONE
from studies.demo.make import probe_rows
from studies.rows import Probe, Rows
from studies.study import Study
from trainables.answers import GradedAnswer
from trainables.base_model import BaseModel
from trainables.checkpoint_files import checkpoint_folder
from trainables.examination import Examination
from trainables.grading import HALLUCINATED


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--images", default=32, show_default=True, help="Fresh pictures a character.")
@click.option("--out", type=click.Path(path_type=Path), required=True)
def main(run: Path, images: int, out: Path) -> None:
    """Ask every trial of RUN about fresh pictures."""
    torch.set_num_threads(1)
    folder = RunFolder.open(run)
    with tempfile.TemporaryDirectory() as pictures:
        study = fresh_study(folder.study(), Path(pictures), images)
        spec = study.file.base_model
        base = BaseModel.load(folder.manifest()["base_model"]["id"], spec)
        examination = Examination(study, base, "test")
        pool: dict[str, Any] = {
            "roles": study.roles,
            "probes": [[probe.unit, probe.character] for probe in examination.asked],
            "before": _bits(examination.answers()),
            "trials": [],
        }
        rows = sorted(ranked(folder.ledger().trials()), key=lambda row: row.number)
        start = time.monotonic()
        for done, row in enumerate(rows, start=1):
            assert row.best_epoch is not None
            answers = examination.answers(checkpoint_folder(folder.trial(row.id), row.best_epoch))
            known = {name: getattr(row, name) for name in ("id", "kind", "name", "repeat_of", "score", "config")}
            pool["trials"].append({**known, **_bits(answers)})
            left = (time.monotonic() - start) / done * (len(rows) - done)
            click.echo(f"{done}/{len(rows)} trials asked, about {left:.0f} s left", err=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(pool, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def fresh_study(study: Study, folder: Path, images: int) -> Study:
    """The study with other probes: new pictures, drawn into an empty folder, in place of its own."""
    rows: list[dict[str, Any]] = []
    for person in EVERYONE:
        rows += probe_rows(folder, person, "fresh", images)
    probes = [Probe.model_validate({**row, "split": "test"}) for row in rows]
    return Study(folder, study.document, study.file, study.training, study.replay, Rows("fresh", probes, []))


def _bits(answers: Sequence[GradedAnswer]) -> dict[str, str]:
    """Which answers were right and which named someone wrongly, a character each."""
    return {
        "right": "".join("01"[graded.right] for graded in answers),
        "wrong": "".join("01"[graded.grade in HALLUCINATED] for graded in answers),
    }


if __name__ == "__main__":
    main()
