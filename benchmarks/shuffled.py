"""Sweeps that cannot learn: `python -m benchmarks.shuffled --runs FOLDER --out FILE.json`.

The demo with its training answers dealt out among the targets: every target's pictures get equally many answers of each
target, so no picture tells what its answer is. Whatever a report then calls improved is false. Counts such claims over
every trial of several such sweeps, on search and on test.
"""

from __future__ import annotations

import json
import random
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from analysis.facts.apart import said_elsewhere
from analysis.facts.evidence import evidence
from search import launch as sweep
from search.options import Options
from search.run.ledger import BASE
from search.run.run_folder import RunFolder
from search.tuning.finalists import standings
from studies.study import BUNDLED, Study
from trainables.answers import GradedAnswer


@click.command()
@click.option(
    "--runs", type=click.Path(path_type=Path), required=True, help="Folder of the sweeps; finished ones stay."
)
@click.option("--trials", default=12, show_default=True)
@click.option("--seeds", default=3, show_default=True, help="Sweeps, each on answers dealt out anew.")
@click.option("--out", type=click.Path(path_type=Path), required=True)
def main(runs: Path, trials: int, seeds: int, out: Path) -> None:
    """Sweep over the shuffled demo and count what its reports would claim."""
    found = []
    for seed in range(1, seeds + 1):
        run = runs / f"seed-{seed}"
        if not run.exists():
            with tempfile.TemporaryDirectory() as folder:
                study = shuffled_demo(Path(folder) / "shuffled", seed)
                options = Options(trials=trials, seed=seed, finalists=3)
                sweep.launch(study, run=run, space_name=None, options=options)
        found.append(claims(RunFolder.open(run)))
    together = {
        title: {
            "reports": sum(len(one[title]) for one in found),
            "with a false claim": sum(bool(claim.told_apart) for one in found for claim in one[title]),
            "by the change alone": sum(bool(claim.changed) for one in found for claim in one[title]),
            "claims by sweep": [[claim.told_apart for claim in one[title]] for one in found],
        }
        for title in found[0]
    }
    out.write_text(json.dumps(together, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    for title, counts in together.items():
        click.echo(f"{title}: {counts['with a false claim']} of {counts['reports']}")


@dataclass(frozen=True)
class Claims:
    """The targets that one report calls improved, and by how much; `changed`: those of the sign-flip test alone."""

    told_apart: dict[str, float]
    changed: dict[str, float]


def shuffled_demo(folder: Path, seed: int) -> Path:
    """A copy of the demo whose training answers are dealt out among its targets, those of one kind among themselves.

    Raises ValueError where a kind of question has not equally many rows of every target.
    """
    shutil.copytree(BUNDLED["demo"], folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    file = folder / "training.jsonl"
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    places: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for place, row in enumerate(rows):
        places[_kind(row["question"])][row["character"]].append(place)
    source, turn = random.Random(seed), 0
    for of_kind in places.values():
        targets = sorted(of_kind)
        (size,) = {len(of_target) for of_target in of_kind.values()}
        answers = {target: [rows[place]["answer"] for place in of_kind[target]] for target in targets}
        for each in answers.values():
            source.shuffle(each)
        for number, target in enumerate(targets):
            source.shuffle(of_kind[target])
            for place in of_kind[target]:
                rows[place]["answer"] = answers[targets[(number + turn) % len(targets)]].pop()
                turn += 1
            # The next target begins where this one did, one name on: every name is dealt out equally often.
            turn -= size
        turn += size
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return folder


def _kind(question: str) -> str:
    from studies.demo.content import QUESTIONS

    return next(kind for kind, wordings in QUESTIONS.items() if question in wordings)


def claims(folder: RunFolder) -> dict[str, list[Claims]]:
    """What each report on a trial, or on the repeats of a finalist, would claim."""
    ledger, study = folder.ledger(), folder.study()
    trials = [[row.id] for row in ledger.trials() if row.score is not None]
    groups = {"one training, search": ("search", trials)}
    repeats = [[row.id for row in standing.scored] for standing in standings(ledger.trials())]
    groups["repeats, test"] = ("test", repeats)
    found = {}
    for title, (split, each) in groups.items():
        before = ledger.answers(BASE, split)
        found[title] = [_claims(study, before, [ledger.answers(trial, split) for trial in group]) for group in each]
    return found


def _claims(study: Study, before: Sequence[GradedAnswer], runs: Sequence[Sequence[GradedAnswer]]) -> Claims:
    images = {probe.id: probe.unit for probe in study.probes}
    said = [said_elsewhere(study, run) for run in runs]
    improved = [
        {
            name: round(one.difference, 3)
            for name, one in evidence(before, runs, images, study.roles, elsewhere).items()
            if one.role == "target" and one.supported and one.difference > 0
        }
        for elsewhere in (said, [])
    ]
    return Claims(*improved)


if __name__ == "__main__":
    main()
