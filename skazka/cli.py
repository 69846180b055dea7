"""The command line."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from search.options import Options
from skazka.asking import ask
from skazka.command import NONE_SUCCEEDED, OK, SOME_FAILED, base_model_option, guarded, json_option, print_json, shown
from skazka.doctor import doctor
from skazka.environment import locale_note, tidy_environment
from skazka.exporting import export
from skazka.init import init
from skazka.streams import robust_streams
from skazka.sweep_options import Duration, sweep_options
from skazka_text.printable import printable

if TYPE_CHECKING:
    from rich.console import Console

    from search.run.trial_row import TrialRow
    from skazka.api import Run


class Formats(click.ParamType[tuple[str, ...]]):
    """`md`, `html`, or both."""

    name = "formats"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """The formats, each once."""
        formats = tuple(dict.fromkeys(part.strip() for part in str(value).split(",")))
        if not set(formats) <= {"md", "html"}:
            self.fail(f"{value!r} — write md, html or md,html", param, ctx)
        return formats


class Program(click.Group):
    """The commands, whatever shell or notebook they are called from."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run one of them and exit with its code."""
        tidy_environment()
        with robust_streams():
            if note := locale_note():
                click.echo(note, err=True)
            return super().main(*args, **kwargs)


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="skazka-tune")
def main() -> None:
    """Find the LoRA configuration that teaches a vision-language model without making it forget.

    \b
    skazka init my_study --from pictures/        a study from what you have
    skazka doctor my_study                       what stands in a search's way
    skazka launch --trials 12 --run runs/first   search on the embedded demo
    skazka report runs/first                     write the report
    skazka ask runs/first photo.jpg              ask about a new picture
    skazka export runs/first --to adapters/best  the best adapter, for peft
    """


main.add_command(ask)
main.add_command(init)
main.add_command(doctor)
main.add_command(export)


@main.command()
@click.argument("study", required=False)
@sweep_options("trials")
@click.option("--run", type=click.Path(path_type=Path), help="New run folder.  [default: runs/STUDY-N]")
@click.option("--space", help="Named space, YAML or Python file.  [default: the study's]")
@sweep_options(*(name for name in Options.model_fields if name != "trials"))
@json_option
@guarded
def launch(study: str | None, as_json: bool, **options: Any) -> None:
    """Search LoRA configurations for STUDY, report and name the best.

    STUDY is a folder with study.yaml, or the file itself; without it the embedded demo runs.

    \b
    Example: skazka launch studies/demo --trials 12 --run runs/first
    """
    _sweep(lambda api, callbacks: api.launch(study, callbacks=callbacks, **options), as_json)


@main.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--trials", type=int, help="Raise the total number of trials.")
@click.option("--time-budget", type=Duration(), help="Stop again after this time.")
@click.option("--address", help="Another Ray cluster: auto or HOST:PORT.  [default: the run's own]")
@click.option("--retry-failed", is_flag=True, help="Give failed trials another chance.")
@click.option("--accept-change", is_flag=True, help="Go on although study, space or base model changed; recorded.")
@click.option("--allow-unknown-controls", is_flag=True, help="Go on although the base knows none of the controls.")
@base_model_option
@json_option
@guarded
def resume(run: Path, as_json: bool, **options: Any) -> None:
    """Finish an interrupted RUN.

    \b
    Example: skazka resume runs/first
    """
    _sweep(lambda api, callbacks: api.resume(run, callbacks=callbacks, **options), as_json)


def _sweep(start: Callable[[Any, list[Any]], Run], as_json: bool) -> None:
    # Ray prints a word about a dead worker on stdout, where JSON must stand alone.
    from skazka.terminal import terminal

    console = terminal(stderr=as_json)
    with redirect_stdout(sys.stderr if as_json else sys.stdout):
        from skazka import api
        from skazka.screen import Screen

        with Screen(console) as screen:
            run = start(api, [screen])
        summary = run.summary()
        _say_what_next(console, run, summary)
    if as_json:
        print_json(summary)
    sys.exit(exit_code(summary))


def _say_what_next(console: Console, run: Run, summary: dict[str, Any]) -> None:
    from rich.text import Text

    best, states, won, lines = run.best, summary["trials"], summary["winner"], []
    _say_who_leads(console, summary, best)
    lines.append(f"report  {summary['report']}")
    left = states["interrupted"] + states["pending"]
    if left:
        lines.append(f"left    {left} of the trials asked for; go on with: skazka resume {shown(run.path)}")
    fitness = summary["fitness"]
    if best is not None and not summary["changed"] and (fitness is None or fitness["worth_keeping"]):
        name = won["export"] if won else best.name
        lines.append(f"next    skazka export {shown(run.path)} --to {shlex.quote(f'adapters/{name}')}")
    lines.append(f"        skazka status {shown(run.path)}")
    for line in lines:
        # A command is copied as a whole: the terminal breaks it, nobody else.
        console.print(Text(printable(line)), soft_wrap=True)


def _say_who_leads(console: Console, summary: dict[str, Any], best: TrialRow | None) -> None:
    from skazka.table import finished_line, winner_line
    from skazka.terminal import beside

    fitness = summary["fitness"]
    if summary["winner"] is not None:
        # Nobody wins against the model as it was with a score of 0 or less.
        beats = not summary["changed"] if fitness is None else fitness["score"] > 0
        label = "winner" if beats else "best"
        console.print(beside(label, winner_line(summary["winner"]), 6))
    elif best is not None:
        console.print(beside("best", finished_line(best), 6))
    if fitness is not None and not fitness["worth_keeping"]:
        console.print(beside("note", f"{_against_export(fitness)}; the report says what could help", 6))


def _against_export(fitness: dict[str, Any]) -> str:
    """Why no export is advised."""
    split, score = fitness["split"], fitness["score"]
    if score <= 0:
        return f"nothing beats the untouched model: the best has {score:+.4f} on {split}, the model itself 0"
    return f"not worth exporting: it names wrongly in {fitness['wrong_names']:.0%} of its answers on {split}"


def exit_code(summary: dict[str, Any]) -> int:
    """0, or 3 when some trials failed, or 4 when none of those that ran succeeded."""
    states = summary["trials"]
    if not states["failed"]:
        return OK
    return SOME_FAILED if states["completed"] + states["stopped"] else NONE_SUCCEEDED


@main.command(short_help="Check STUDY and say what is in it.")
@click.argument("study", required=False)
@json_option
@guarded
def check(study: str | None, as_json: bool) -> None:
    """Check STUDY and say what is in it; refuses with every problem at once.

    \b
    Example: skazka check studies/demo
    """
    from studies.checks import load_study
    from studies.picture_sizes import large_pictures

    found = load_study(study)
    large = large_pictures(found)
    marked = sum(rows.marked for rows in (found.training, found.replay, found.probes))
    facts = {
        "ok": True,
        "study": str(found.folder),
        "base_model": found.base_model,
        "characters": found.roles,
        "training_rows": len(found.training),
        "replay_rows": len(found.replay),
        "probes": {split: len(found.probes_of(split)) for split in ("search", "test")},
        **({"picture_marks": f"left out of {marked} rows"} if marked else {}),
        **({"note": str(large)} if large else {}),
        "baselines": list(found.file.baselines),
        "space": found.file.space,
    }
    if as_json:
        print_json(facts)
        return
    from skazka.terminal import beside, terminal

    console = terminal()
    for name, value in facts.items():
        if name != "ok":
            console.print(beside(name.replace("_", " "), _plain(value), 13))
    console.print("ok")


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {item}" for key, item in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


@main.command()
@click.argument("run", type=click.Path(path_type=Path))
@json_option
@guarded
def status(run: Path, as_json: bool) -> None:
    """Show the trials of RUN, finished or running.

    \b
    Example: skazka status runs/first
    """
    from skazka.api import open_run

    opened = open_run(run)
    summary = opened.summary()
    if as_json:
        print_json(summary)
        return
    from skazka.table import failures
    from skazka.terminal import beside, terminal
    from skazka.trial_table import trials_table

    console, won = terminal(), summary["winner"]
    console.print(", ".join(f"{count} {state}" for state, count in summary["trials"].items() if count) or "no trials")
    if (left := summary["trials"]["interrupted"] + summary["trials"]["pending"]) and not summary["driven"]:
        line = f"not driven, {left} of the trials asked for left: skazka resume {shown(opened.path)}{_options(opened)}"
        console.print(beside("left", line, 6))
    ledger = opened.folder.ledger()
    rows = opened.folder.trials(ledger)
    if summary["changed"]:
        console.print(beside("note", summary["changed"], 6))
    _say_who_leads(console, summary, opened.best)
    epochs = {row.id: len(ledger.epochs(row.id)) for row in rows if row.state != "completed"}
    console.print()
    console.print(trials_table(rows, epochs, console.width, len(rows), won and won["id"]), crop=False)
    for line in failures(rows):
        console.print(beside("failed", line, 6))


def _options(opened: Run) -> str:
    """What `skazka resume` needs for this run."""
    from search.run.known_controls import resume_options
    from skazka_text.problems import InputError

    try:
        return resume_options(opened.folder.found_study(), opened.folder.ledger())
    except (InputError, OSError):
        # A study that was damaged since: resume itself says so.
        return ""


@main.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--lang", type=click.Choice(["ru", "en"]), help="Language.  [default: the study's]")
@click.option("--format", "formats", type=Formats(), default="md,html", show_default=True, help="Files to write.")
@click.option("--trials", help="Shown one by one: best:5, baselines, finalists, all, ids.  [default: best:3,baselines]")
@json_option
@guarded
def report(run: Path, lang: str | None, formats: tuple[str, ...], trials: str | None, as_json: bool) -> None:
    """Write the report of RUN, finished or running.

    \b
    Example: skazka report runs/first --lang en --trials best:5,baselines
    """
    from skazka import api

    path = api.report(run, lang, formats=formats, trials=trials)
    if as_json:
        print_json({"report": str(path)})
    else:
        click.echo(f"report  {printable(str(path))}")


@main.command("study-db", short_help="Write RUN as an Optuna study.")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--to", required=True, help="New SQLite file: sqlite:///FILE, or a path that ends in .db.")
@json_option
@guarded
def study_db(run: Path, to: str, as_json: bool) -> None:
    """Write RUN as an Optuna study, for optuna-dashboard or your own Optuna.

    \b
    Example: skazka study-db runs/first --to sqlite:///study.db
    """
    from skazka import api

    written = api.study_db(run, to)
    if as_json:
        print_json({"storage": written.storage, "study": written.study_name, "trials": written.trials})
    else:
        click.echo(printable(f"wrote {written.trials} trials of study {written.study_name} to {written.storage}"))


@main.group()
def space() -> None:
    """Look at search spaces."""


@space.command("show")
@click.argument("name", default="lora")
@json_option
@guarded
def space_show(name: str, as_json: bool) -> None:
    """Print the knobs of a space with their values, units and conditions.

    NAME is one of the spaces that come with skazka (default: lora), a YAML file, or a Python file with a
    dictionary SPACE.

    \b
    Example: skazka space show forgetting
    """
    from spaces.space import load_space

    found = load_space(name)
    if as_json:
        print_json({"space": found.name, "knobs": found.as_data()})
        return
    from skazka.table import space_table
    from skazka.terminal import terminal

    console = terminal()
    console.print(space_table(found, console.width))
