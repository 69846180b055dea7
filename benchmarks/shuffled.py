"""A sweep that cannot learn: `python -m benchmarks.shuffled --run RUN --out FILE.json`.

The demo with its training answers shuffled among the targets, question by question of a kind: no picture tells what its
answer is. Whatever a report then calls improved is false. Counts such claims over every trial, on search and on test.
"""

from __future__ import annotations

import json
import random
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from analysis.apart import said_elsewhere
from analysis.evidence import evidence
from search import launch as sweep
from search.finalists import standings
from search.ledger import BASE
from search.run_folder import RunFolder
from studies.study import BUNDLED, Study


@click.command()
@click.option("--run", type=click.Path(path_type=Path), required=True, help="New run folder, or a finished one.")
@click.option("--trials", default=12, show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), required=True)
def main(run: Path, trials: int, seed: int, out: Path) -> None:
    """Sweep over the shuffled demo and count what its report would claim."""
    if not run.exists():
        with tempfile.TemporaryDirectory() as folder:
            study = shuffled_demo(Path(folder) / "shuffled", seed)
            options = sweep.Options(trials=trials, seed=seed, finalists=3)
            sweep.launch(study, run=run, space_name=None, options=options)
    found = claims(RunFolder.open(run))
    out.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    for name, figure in found.items():
        click.echo(f"{name}: {figure}")


def shuffled_demo(folder: Path, seed: int) -> Path:
    """A copy of the demo whose training answers are shuffled among the rows that ask the same kind of question."""
    shutil.copytree(BUNDLED["demo"], folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    file = folder / "training.jsonl"
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    places: dict[str, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        places[_kind(row["question"])].append(place)
    source = random.Random(seed)
    for same_kind in places.values():
        answers = [rows[place]["answer"] for place in same_kind]
        source.shuffle(answers)
        for place, answer in zip(same_kind, answers, strict=True):
            rows[place]["answer"] = answer
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return folder


def _kind(question: str) -> str:
    from studies.demo.content import QUESTIONS

    return next(kind for kind, wordings in QUESTIONS.items() if question in wordings)


def claims(folder: RunFolder) -> dict[str, Any]:
    """How many reports on a trial, or on the repeats of a finalist, call a target improved, and which."""
    ledger, study = folder.ledger(), folder.study()
    trials = [[row.id] for row in ledger.trials() if row.score is not None]
    groups = {"one training, search": ("search", trials)}
    repeats = [[row.id for row in standing.scored] for standing in standings(ledger.trials())]
    groups["repeats, test"] = ("test", repeats)
    found: dict[str, Any] = {"best score": max((row.score or -1.0) for row in ledger.trials())}
    for title, (split, each) in groups.items():
        before = ledger.answers(BASE, split)
        improved = [_improved(study, before, [ledger.answers(trial, split) for trial in group]) for group in each]
        found[title] = {"reports": len(each), "with a false claim": sum(map(bool, improved)), "claims": improved}
    return found


def _improved(study: Study, before: Any, runs: Any) -> dict[str, float]:
    images: Mapping[str, str] = {probe.id: probe.image for probe in study.probes}
    return {
        name: round(one.difference, 3)
        for name, one in evidence(before, runs, images, study.roles, said_elsewhere(study, runs)).items()
        if one.role == "target" and one.supported and one.difference > 0
    }


if __name__ == "__main__":
    main()
