"""What users import: launch a sweep, go on with one, open, report and export it, and ask its models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.facts.trials import best_trial, summary, trials_table
from analysis.report import write_report
from search.options import Options
from search.run.run_folder import RunFolder
from search.run.trial_row import TrialRow
from search.tuning.finalists import Standing, score_on_test
from search.tuning.finalists import winner as winner_of
from skazka.sweep_options import takes_options

if TYPE_CHECKING:
    import pandas

    from search.outputs.asking import Asked
    from search.outputs.export import Exported
    from search.outputs.study_db import Written


@dataclass(frozen=True)
class Run:
    """A finished or running sweep."""

    folder: RunFolder

    @property
    def path(self) -> Path:
        """The run folder."""
        return self.folder.path

    @property
    def best(self) -> TrialRow | None:
        """The trial whose configuration won, or while there is no winner the best by search score; None without one."""
        winner = self.winner
        return winner.trial if winner is not None else best_trial(self.folder.ledger().trials())

    @property
    def winner(self) -> Standing | None:
        """The finalist with the best mean search score of its repeats; None before all of them have ended."""
        return winner_of(self.folder.ledger().trials(), self.folder.options().max_degradation)

    def trials(self) -> pandas.DataFrame:
        """One row a trial: its configuration, state, score and parts, on test where it was opened, times and error."""
        ledger, study = self.folder.ledger(), self.folder.study()
        rows = self.folder.trials(ledger)
        tests = {row.id: score_on_test(study, ledger, row.id) for row in rows if row.repeat_of is not None}
        return trials_table(rows, tests)

    def summary(self) -> dict[str, Any]:
        """What `skazka status --json` prints."""
        return summary(self.folder)


@takes_options
def launch(
    study: str | Path | None = None,
    *,
    run: str | Path | None = None,
    space: str | None = None,
    callbacks: Sequence[Any] = (),
    **options: Any,
) -> Run:
    """Search LoRA configurations for a study (default: the embedded demo) and write the report.

    run: a new folder, default runs/STUDY-N. space: a named space or a YAML file. options: as of `skazka launch`, see
    search.options.Options: trials are baselines and searched trials together; time_budget and trial_timeout are
    seconds; address is `auto` or HOST:PORT of a running Ray cluster, None for this machine.
    Raises skazka_text.problems.InputError when the study, the space or an option is refused.
    """
    from search import launch as sweep

    asked = Options.asked(**options)
    folder = sweep.launch(study, run=run, space_name=space, options=asked, callbacks=callbacks)
    return _reported(folder)


def resume(
    run: str | Path,
    *,
    trials: int | None = None,
    time_budget: float | None = None,
    address: str | None = None,
    retry_failed: bool = False,
    accept_change: bool = False,
    allow_unknown_controls: bool = False,
    base_model: str | Path | None = None,
    callbacks: Sequence[Any] = (),
) -> Run:
    """Finish an interrupted run.

    trials: raises the total that was asked for. time_budget: seconds. retry_failed: give failed trials
    another chance. accept_change: go on although study, space or base model changed since. base_model: the folder
    that the base model moved to; it must be the same. allow_unknown_controls: go on although the base knows none of
    the controls.
    Raises skazka_text.problems.InputError when something changed, the base model is gone or another process drives
    the run.
    """
    from search import launch as sweep

    folder = sweep.resume(
        run,
        trials=trials,
        time_budget=time_budget,
        address=address,
        retry_failed=retry_failed,
        accept_change=accept_change,
        allow_unknown_controls=allow_unknown_controls,
        base_model=base_model,
        callbacks=callbacks,
    )
    return _reported(folder)


def _reported(folder: RunFolder) -> Run:
    from search.outputs.wandb.log import publish_report

    write_report(folder)
    publish_report(folder)
    return Run(folder)


def open_run(path: str | Path) -> Run:
    """Open a run folder. Raises skazka_text.problems.InputError when it is none."""
    return Run(RunFolder.open(path))


def report(
    run: str | Path, language: str | None = None, *, formats: Sequence[str] = ("md", "html"), trials: str | None = None
) -> Path:
    """Write the report anew and return its path: report.md, or report.html where Markdown is not asked for.

    language: `ru` or `en`, default the study's. trials: shown one by one, for example `best:5,baselines,t0007`.
    """
    return write_report(RunFolder.open(run), language, formats, trials)


def export(
    run: str | Path,
    to: str | Path,
    trial: str | None = None,
    *,
    merge: bool = False,
    base_model: str | Path | None = None,
    check_on: str | None = None,
    progress: Callable[[str], None] = lambda line: None,
) -> Exported:
    """Write a trial's adapter (default: the best) as plain peft loads it, checked in a fresh process.

    merge: write the base with the adapter in it as well, as plain transformers loads it. base_model: the folder that
    the run's base model moved to; it must be the same. check_on: where it is checked: `here`, or `auto` or HOST:PORT
    of a Ray cluster; None is here, where there is the trial's kind of device. progress is told how far the check is.
    """
    from search.outputs.export import export as export_run

    opened = RunFolder.open(run)
    return export_run(opened, to, trial, merge=merge, base_model=base_model, check_on=check_on, progress=progress)


def ask(
    run: str | Path,
    pictures: Sequence[str | Path] = (),
    *,
    question: str | None = None,
    trial: str | None = None,
    base_model: str | Path | None = None,
    trust_remote_code: bool = False,
) -> Asked:
    """Ask the bare base and a trial's model about new pictures; without pictures the question alone.

    run: a run, or the folder of an exported adapter. question: default the study's own name question. trial: default
    the one that `export` takes. base_model: where a base model that moved lies now.
    Raises skazka_text.problems.InputError for all that is wrong with these.
    """
    from search.outputs.asking import ask as answers_of

    return answers_of(
        run,
        pictures,
        question=question,
        trial=trial,
        base_model=base_model,
        trust_remote_code=trust_remote_code,
    )


def study_db(run: str | Path, to: str) -> Written:
    """Write a run as an Optuna study into a new SQLite file: `sqlite:///FILE`, or a path that ends in .db."""
    from search.outputs.study_db import write_study

    return write_study(RunFolder.open(run), to)
