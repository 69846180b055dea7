"""`skazka export`: the adapter of a trial as plain peft loads it, checked in a fresh process."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from skazka.command import base_model_option, guarded, json_option, print_json
from skazka_text.printable import printable

if TYPE_CHECKING:
    from search.outputs.export import Exported

DEVICES = {"cpu": "a CPU", "cuda": "a GPU"}


@click.command(short_help="Write the adapter of the best trial of RUN.")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--to", required=True, type=click.Path(path_type=Path), help="New folder for the adapter.")
@click.option("--trial", help="Trial id or baseline name.  [default: the best]")
@click.option("--merge", is_flag=True, help="Also write the base with the adapter in it, in the folder merged.")
@click.option(
    "--check-on",
    metavar="WHERE",
    help="here, or a Ray cluster: auto or HOST:PORT.  [default: here, where there is the trial's kind of device]",
)
@base_model_option
@json_option
@guarded
def export(run: Path, as_json: bool, **options: Any) -> None:
    """Write the adapter of the best trial of RUN, as plain peft loads it.

    The adapter is loaded again in a fresh process and asked every search probe; it counts as
    exported only when the answers are the trial's, but for rounding (docs/export.md).

    \b
    Example: skazka export runs/first --to adapters/best
    """
    from rich.console import Console
    from rich.text import Text

    from skazka import api

    err = Console(stderr=True, highlight=False)
    with err.status("exporting") as status, redirect_stdout(sys.stderr if as_json else sys.stdout):
        done = api.export(
            run, progress=lambda line: status.update(Text(f"checking the adapter: {printable(line)}")), **options
        )
    if as_json:
        print_json(_facts(done))
    else:
        for line in _lines(done):
            click.echo(line)


def _facts(done: Exported) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "exported": str(done.folder),
        "trial": done.trial.id,
        "verified_answers": done.verified,
        "differing_answers": done.differing,
        "checked_on": done.checked_on,
    }
    return facts if done.merged is None else {**facts, "merged_answers": done.merged}


def _lines(done: Exported) -> list[str]:
    from skazka.table import label

    where = printable(str(done.folder))
    lines = [f"exported {label(done.trial)} to {where}; {done.verified} answers verified on {DEVICES[done.checked_on]}"]
    if done.differing:
        lines.append(f"texts that differ: {done.differing} of {done.verified}, by no more than rounding decides")
    if done.blind:
        lines.append("note: the odds of the names cannot tell the adapter from the bare base: it changes too little")
    if done.merged is not None:
        merged = printable(str(done.folder / "merged"))
        lines.append(f"merged model in {merged}; {done.merged} of {done.verified} answers are the same to the letter")
    return lines
