"""The trials of a run as a table, the best of them, and a summary of the run as plain JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from statistics import fmean
from typing import TYPE_CHECKING, Any

from search.outputs.fitness import fitness_of
from search.run.ledger import Ledger
from search.run.run_folder import RunFolder
from search.run.trial_row import STATES, TrialRow, ranked
from search.tuning.finalists import Standing, score_on_test, winner
from skazka_text.problems import InputError
from spaces.trial_config import KNOBS, TrialConfig
from studies.study import Study
from trainables.metrics import SCORES, rank
from trainables.scoring import SCORE_AND_PARTS, Score

if TYPE_CHECKING:
    import pandas as pd

REPORT_FILE, HTML_FILE = "report.md", "report.html"
_IDENTITY = ("id", "number", "kind", "name", "repeat_of", "state", "seed", "in_space", "feasible")
_NUMBERS = ("best_epoch", *SCORES)
_TESTS = tuple(f"test_{name}" for name in SCORE_AND_PARTS)
_TIMES = ("started", "finished", "seconds")
# Documented in docs/report.md.
COLUMNS: tuple[str, ...] = (*_IDENTITY, *KNOBS, *_NUMBERS, *_TESTS, "error", "log", *_TIMES)


def trials_table(rows: Sequence[TrialRow], tests: Mapping[str, Score | None] | None = None) -> pd.DataFrame:
    """One row a trial in the order of its number, failed and unfinished ones too; the columns are `COLUMNS`.

    started, finished: seconds since 1970; seconds: between the two, pauses of an interrupted trial included.
    tests: trial -> its score on the test probes; those of the others are missing.
    A missing number is NaN, a missing text None or NaN.
    """
    import pandas as pd  # 0.6 s: `skazka status` imports this module and needs no table

    known = tests or {}
    table = pd.DataFrame([_record(row, known.get(row.id)) for row in rows], columns=list(COLUMNS))
    optional = ("images_per_character", "replay_ratio", "kl_weight")
    return table.astype(dict.fromkeys((*optional, *_NUMBERS, *_TESTS, *_TIMES), "float64"))


def _record(row: TrialRow, test: Score | None) -> dict[str, Any]:
    config = TrialConfig.model_validate(row.config).model_dump()
    seconds = None if row.started is None or row.finished is None else row.finished - row.started
    tested = {name: getattr(test, part, None) for name, part in zip(_TESTS, SCORE_AND_PARTS, strict=True)}
    return {**vars(row), **config, **tested, "seconds": seconds}


def best_trial(rows: Sequence[TrialRow]) -> TrialRow | None:
    """The best feasible trial that was not trained for a comparison: highest score, then highest name margin.

    None when none has a score.
    """
    return next((row for row in ranked(rows) if row.feasible and row.repeat_of is None), None)


def count_states(rows: Sequence[TrialRow], asked: int | None) -> dict[str, int]:
    """How many trials are in each state, finalists' repeats among them.

    asked: trials the sweep was asked for, None when unknown; those that have no row yet count as pending.
    """
    found = Counter(row.state for row in rows)
    counts: dict[str, int] = {state: found[state] for state in STATES}
    counts["pending"] += max(0, (asked or 0) - sum(row.repeat_of is None for row in rows))
    return counts


def summary(folder: RunFolder) -> dict[str, Any]:
    """Where a run stands, as plain JSON.

    run, report: paths; driven: whether a process is at work on it; trials: by state; best: by search score;
    winner; fitness: of the adapter that is exported. report: None until written; best, winner, fitness: None while
    there is none. changed: why fitness and test scores cannot be told, where the run's study is not what it was.
    """
    driven = folder.is_driven()
    with closing(folder.ledger()) as ledger:
        rows, asked = folder.trials(ledger), ledger.meta("trials_asked")
        won = winner(rows, folder.options().max_degradation)
        study, changed = _study(folder)
        tested = _tested(study, ledger, won)
        best = best_trial(rows)
        fitness = _fitness(study, ledger, won, best, tested)
    report = next((path for path in (folder.report / HTML_FILE, folder.report / REPORT_FILE) if path.is_file()), None)
    return {
        "run": str(folder.path),
        "driven": driven,
        "report": None if report is None else str(report),
        "trials": count_states(rows, asked),
        "best": _best(best),
        "winner": _winner(won, tested),
        "fitness": fitness,
        "changed": changed,
    }


def _study(folder: RunFolder) -> tuple[Study | None, str | None]:
    """The run's study; where it is not what it was, None and the refusal: the trials are there all the same."""
    try:
        return folder.study(), None
    except InputError as error:
        return None, str(error)


def _fitness(
    study: Study | None, ledger: Ledger, won: Standing | None, best: TrialRow | None, tested: float | None
) -> dict[str, Any] | None:
    """What was measured of the adapter that is exported, and whether that can be advised."""
    median = won.median if won is not None else None
    if study is None:
        return None
    if won is not None and median is not None:
        row, score = median, won.mean
    elif best is not None:
        row, score = best, best.score
    else:
        return None
    found = fitness_of(study, ledger, row.id, score, tested)
    if found is None:
        return None
    return {
        "split": found.split,
        "score": found.score,
        "wrong_names": found.wrong_after,
        "worth_keeping": found.worth_keeping,
    }


def _tested(study: Study | None, ledger: Ledger, won: Standing | None) -> float | None:
    """Mean test score of the winner's repeats; None while test is unopened."""
    if study is None:
        return None
    scores = [score_on_test(study, ledger, row.id) for row in (won.scored if won else ())]
    known = [score.score for score in scores if score is not None]
    return fmean(known) if known else None


def _winner(won: Standing | None, tested: float | None) -> dict[str, Any] | None:
    if won is None or won.median is None:
        return None
    return {
        "id": won.trial.id,
        "name": won.trial.name,
        "config": won.trial.config,
        "search": won.trial.score,
        "repeats": len(won.scored),
        "retrained": won.mean,
        "test": tested,
        "export": won.median.id,
    }


def _best(row: TrialRow | None) -> dict[str, Any] | None:
    if row is None:
        return None
    return {name: getattr(row, name) for name in ("id", "name", "config", *SCORE_AND_PARTS)}


def by_score(rows: Sequence[TrialRow]) -> list[TrialRow]:
    """All trials, best score first, those without a score after, the failed ones last; ties by number."""
    numbered = sorted(rows, key=lambda row: row.number)
    best_first = sorted(numbered, key=lambda row: rank(vars(row)), reverse=True)
    return sorted(best_first, key=lambda row: row.state == "failed")
