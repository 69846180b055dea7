"""How long a report takes and how large it is: `python -m benchmarks.report --trials 1000`.

The run is made up: the demo's study and space, answers drawn at random from right, wrong and abstaining ones.
"""

from __future__ import annotations

import json
import random
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import optuna

from analysis.report import write_report
from search.options import Options
from search.run.ledger import BASE, Ledger
from search.run.manifest import build_manifest
from search.run.run_folder import RunFolder
from search.run.trial_row import TrialRow
from studies.checks import load_study
from studies.study import Study
from trainables.answers import Answer, GradedAnswer, grade_answers, grader_of
from trainables.scoring import score_answers

Choices = Sequence[Sequence[GradedAnswer]]


@click.command()
@click.option("--trials", default=12, show_default=True, help="Trials of the made-up run.")
@click.option("--epochs", default=10, show_default=True, help="Epochs a trial.")
@click.option("--shown", help="What --trials of the report shows.  [default: the report's own]")
@click.option("--run", type=click.Path(path_type=Path), help="Report on this run folder instead.")
def main(trials: int, epochs: int, shown: str | None, run: Path | None) -> None:
    """Print the seconds that the report takes and the bytes that it has."""
    with tempfile.TemporaryDirectory(prefix="skazka-report-") as scratch:
        folder = make_run(Path(scratch) / "run", trials, epochs) if run is None else RunFolder.open(run)
        for formats in (("md",), ("md", "html")):
            start, own = time.monotonic(), time.process_time()
            write_report(folder, formats=formats, trials=shown)
            spent = {"seconds": round(time.monotonic() - start, 1), "cpu_seconds": round(time.process_time() - own, 1)}
            print(json.dumps({"formats": formats, **spent}))
        files = [path for path in folder.report.rglob("*") if path.is_file()]
        print(json.dumps({path.relative_to(folder.report).as_posix(): path.stat().st_size for path in sorted(files)}))


def make_run(path: Path, trials: int, epochs: int) -> RunFolder:
    """A finished run of the demo's baselines and random configurations."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study, folder, source = load_study("demo"), RunFolder(path), random.Random(0)
    path.mkdir(parents=True)
    space = study.space()
    folder.freeze(study, space)
    ledger = _Unsafe.create(folder.ledger_file)
    ledger._db().execute("PRAGMA synchronous=OFF")
    ledger.set_meta("manifest", build_manifest(study, Options(trials=trials, finalists=0)))
    ledger.set_meta("frozen", folder.hashes())
    ledger.set_meta("trials_asked", trials)
    choices = _choices(study, source)
    before = [each[-1] for each in choices]
    ledger.put_answers(BASE, "search", before)
    drawn = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    baselines = list(study.file.baselines.items())
    for number in range(trials):
        name, config = baselines[number] if number < len(baselines) else (f"t{number:04d}", space.suggest(drawn.ask()))
        kind = "baseline" if number < len(baselines) else "search"
        data = config.model_dump(mode="json")
        row = TrialRow(f"t{number:04d}", number, kind, name, data, 0, space.contains(config))  # type: ignore[arg-type]
        _train(ledger, row, study, before, _answers(choices, source), epochs)
    ledger.close()
    return folder


class _Unsafe(Ledger):
    """A ledger that is quick to fill: nothing of it has to survive a crash."""

    def backup(self) -> None:
        """None."""


def _choices(study: Study, source: random.Random) -> Choices:
    """For each search probe a right answer, a wrong name, one of the lexicon, and «Не знаю»."""
    grader, probes = grader_of(study), study.probes_of("search")
    found = []
    for probe in probes:
        others = [name for name in study.names if name != probe.character]
        texts = [
            (*probe.accepted, probe.character)[0],
            source.choice(others),
            next(iter(study.file.lexicon)),
            "Не знаю",
        ]
        chances = {name: -20 * source.random() for name in study.names} if probe.kind == "name" else {}
        answers = [Answer(probe.id, f"Это {text}.", chances) for text in texts]
        found.append(grade_answers(grader, [probe] * len(answers), answers))
    return found


def _answers(choices: Choices, source: random.Random) -> list[GradedAnswer]:
    skill = source.random()
    weights = [skill, (1 - skill) / 3, (1 - skill) / 6, (1 - skill) / 2]
    return [source.choices(each, weights)[0] for each in choices]


def _train(
    ledger: Ledger,
    row: TrialRow,
    study: Study,
    before: Sequence[GradedAnswer],
    after: Sequence[GradedAnswer],
    epochs: int,
) -> None:
    ledger.add(row)
    ledger.start(row.id)
    score: Mapping[str, Any] = vars(score_answers(before, after, study.roles, study.file.score))
    for epoch in range(1, epochs + 1):
        metrics = {"train_loss": 3 / epoch, "eval_loss": 4 / epoch, "learning_rate": 1e-3, "grad_norm": 1.0}
        asked = epoch == epochs
        metrics |= {"seconds": 1.0, "cut_answers": 0, **(score if asked else {})}
        ledger.record_epoch(row.id, epoch, metrics, after if asked else ())
    ledger.finish(row.id, "completed")


if __name__ == "__main__":
    main()
