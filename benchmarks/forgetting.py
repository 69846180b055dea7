"""Do the knobs against forgetting earn their place? `python -m benchmarks.forgetting --runs FOLDER --out FILE.json`.

The demo without its hand-made configurations, searched twice from each seed with the same number of trials: in its own
space without replay, and in that space with every knob against forgetting. The winners' repeats speak on test.
"""

from __future__ import annotations

import json
import shutil
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import yaml

from search import launch as sweep
from search.finalists import score_on_test, winner
from search.run_folder import RunFolder
from search.trial_row import ranked
from studies.study import BUNDLED

REPLAY = ("replay", "replay_ratio")
AGAINST_FORGETTING = {
    "replay": {"choice": [False, True]},
    "replay_ratio": {"uniform": [0.2, 1.0], "when": {"replay": True}},
    "kl": {"choice": [False, True]},
    "kl_on": {"choice": ["replay", "target"], "when": {"kl": True}},
    "kl_weight": {"log_uniform": [0.03, 3.0], "when": {"kl": True}},
    "scale_search": {"choice": [False, True]},
}
PARTS = ("score", "gain", "degradation", "hallucination")


@click.command()
@click.option("--runs", type=click.Path(path_type=Path), required=True, help="Folder of the sweeps.")
@click.option("--trials", default=24, show_default=True, help="Of each sweep.")
@click.option("--seeds", default=3, show_default=True, help="Pairs of sweeps.")
@click.option("--out", type=click.Path(path_type=Path), required=True)
def main(runs: Path, trials: int, seeds: int, out: Path) -> None:
    """Search in both spaces from each seed, and set the winners side by side; finished sweeps are kept."""
    study = make_study(runs / "study")
    found = []
    for seed in range(1, seeds + 1):
        for space in ("lora", "forgetting"):
            run = runs / f"{space}-{seed}"
            if not run.exists():
                options = sweep.Options(trials=trials, seed=seed, finalists=3)
                sweep.launch(study, run=run, space_name=str(study / f"{space}.yaml"), options=options)
            one = result(RunFolder.open(run), space, seed)
            found.append(one)
            click.echo(json.dumps(vars(one), ensure_ascii=False))
    out.write_text(json.dumps([vars(one) for one in found], ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def make_study(folder: Path) -> Path:
    """The demo without baselines, with both spaces beside it."""
    if not folder.exists():
        shutil.copytree(BUNDLED["demo"], folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
        data = yaml.safe_load((folder / "study.yaml").read_text(encoding="utf-8"))
        del data["baselines"]
        (folder / "study.yaml").write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
        own = yaml.safe_load((folder / "space.yaml").read_text(encoding="utf-8"))
        plain = {knob: domain for knob, domain in own.items() if knob not in REPLAY}
        for name, knobs in (("lora", plain), ("forgetting", {**plain, **AGAINST_FORGETTING})):
            (folder / f"{name}.yaml").write_text(yaml.safe_dump(knobs, sort_keys=False), encoding="utf-8")
    return folder


@dataclass(frozen=True)
class Result:
    """One sweep. winner: its knobs; test, search: part of the score -> mean over the winner's repeats.

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
    tests = [tested for row in won.scored if (tested := score_on_test(study, ledger, row.id)) is not None]
    searched = [row for row in ranked(rows) if row.repeat_of is None]
    return Result(
        space=space,
        seed=seed,
        winner=won.trial.config,
        test=_means(tests),
        search=_means(won.scored),
        searched=_means(searched),
        seconds=sum((row.finished or 0) - (row.started or 0) for row in rows if row.finished and row.started),
    )


def _means(rows: list[Any]) -> dict[str, float]:
    return {part: round(statistics.fmean(getattr(row, part) for row in rows), 4) for part in PARTS}


if __name__ == "__main__":
    main()
