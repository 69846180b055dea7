"""Do the knobs against forgetting earn their place? `python -m benchmarks.forgetting --runs FOLDER --out FILE.json`.

A study without its hand-made configurations, searched twice from each seed with the same number of trials: in its own
space, and in that space without any knob against forgetting. The winners' repeats speak on test.
"""

from __future__ import annotations

import json
import shutil
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import yaml

from benchmarks.strangers import means, measures
from search import launch as sweep
from search.options import Options
from search.run.ledger import BASE
from search.run.run_folder import RunFolder
from search.run.trial_row import ranked
from search.tuning.finalists import winner
from studies.study import BUNDLED

AGAINST_FORGETTING = ("replay", "replay_ratio", "kl", "kl_on", "kl_weight", "scale_search")
SPACES = ("lora", "forgetting")
PARTS = ("score", "gain", "degradation", "hallucination")


@click.command()
@click.option("--runs", type=click.Path(path_type=Path), required=True, help="Folder of the sweeps.")
@click.option("--trials", default=24, show_default=True, help="Of each sweep.")
@click.option("--seeds", default=3, show_default=True, help="Sweeps in each space.")
@click.option("--first-seed", default=1, show_default=True)
@click.option(
    "--space", "spaces", multiple=True, type=click.Choice(SPACES), default=SPACES, help="One of the two alone."
)
@click.option("--study", "source", type=click.Path(path_type=Path), default=BUNDLED["demo"], help="[default: the demo]")
@click.option("--out", type=click.Path(path_type=Path), required=True)
def main(runs: Path, trials: int, seeds: int, first_seed: int, spaces: Sequence[str], source: Path, out: Path) -> None:
    """Search in both spaces from each seed, and set the winners side by side; finished sweeps are kept."""
    study = make_study(source, runs / "study")
    found = []
    for seed in range(first_seed, first_seed + seeds):
        for space in spaces:
            run = runs / f"{space}-{seed}"
            if not run.exists():
                options = Options(trials=trials, seed=seed, finalists=3)
                sweep.launch(study, run=run, space_name=str(study / f"{space}.yaml"), options=options)
            one = result(RunFolder.open(run), space, seed)
            found.append(one)
            click.echo(json.dumps(vars(one), ensure_ascii=False))
    out.write_text(json.dumps([vars(one) for one in found], ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def make_study(source: Path, folder: Path) -> Path:
    """A study without baselines, with both spaces beside it."""
    if not folder.exists():
        shutil.copytree(source, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
        data = yaml.safe_load((folder / "study.yaml").read_text(encoding="utf-8"))
        data.pop("baselines", None)
        (folder / "study.yaml").write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
        own = yaml.safe_load((folder / "space.yaml").read_text(encoding="utf-8"))
        plain = {knob: domain for knob, domain in own.items() if knob not in AGAINST_FORGETTING}
        for name, knobs in zip(SPACES, (plain, own), strict=True):
            (folder / f"{name}.yaml").write_text(yaml.safe_dump(knobs, sort_keys=False), encoding="utf-8")
    return folder


@dataclass(frozen=True)
class Result:
    """One sweep. winner: its knobs; test, search: measure -> mean over the winner's repeats (test: `strangers`).

    searched: part -> mean over all searched trials. seconds: of training, all trials together.
    """

    space: str
    seed: int
    winner: dict[str, Any]
    test: dict[str, float]
    search: dict[str, float]
    searched: dict[str, float]
    seconds: float


def result(folder: RunFolder, space: str, seed: int) -> Result:
    """What a finished sweep found."""
    ledger, study = folder.ledger(), folder.study()
    rows = ledger.trials()
    won = winner(rows, None)
    if won is None:
        raise click.ClickException(f"{folder.path} has no winner; skazka resume {folder.path}")
    before = ledger.answers(BASE, "test")
    tests = [measures(study, before, after) for row in won.scored if (after := ledger.answers(row.id, "test"))]
    searched = [row for row in ranked(rows) if row.repeat_of is None]
    return Result(
        space=space,
        seed=seed,
        winner=won.trial.config,
        test=means(tests),
        search=_means(won.scored),
        searched=_means(searched),
        seconds=sum((row.finished or 0) - (row.started or 0) for row in rows if row.finished and row.started),
    )


def _means(rows: list[Any]) -> dict[str, float]:
    return {part: round(statistics.fmean(getattr(row, part) for row in rows), 4) for part in PARTS}


if __name__ == "__main__":
    main()
