"""`skazka doctor`: what stands in the way of a search, before it starts."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from skazka.command import BAD_INPUT, OK, guarded, json_option, print_json
from skazka_text.printable import printable
from skazka_text.problems import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from search.checkup import Finding
    from search.study_checkup import Sized

MARKS = {"ok": ("ok", "green"), "note": ("note", "yellow"), "stop": ("STOP", "bold red")}


@click.command(short_help="Say what stands in the way of a search.")
@click.argument("study", required=False)
@click.option("--space", help="Named space, YAML or Python file.  [default: the study's]")
@click.option("--trust-remote-code", is_flag=True, help="Run the Python code that comes with the base model.")
@json_option
@guarded
def doctor(study: str | None, space: str | None, trust_remote_code: bool, as_json: bool) -> None:
    """Look at this machine and at STUDY, and say what stands in the way of a search.

    Loads the base model; on a GPU, or with a small model, it also trains a few steps to see what a trial takes.
    Exits with 2 where a search cannot begin.

    \b
    Example: skazka doctor studies/demo
    """
    from search.checkup import machine, services, study_findings
    from search.study_checkup import size_up
    from skazka.terminal import terminal
    from studies.checks import load_study

    console = terminal(stderr=as_json)
    found: list[Finding] = []

    def say(findings: Sequence[Finding]) -> None:
        for finding in findings:
            found.append(finding)
            _print(console, finding)

    say(list(machine(Path.cwd())))
    sized = None
    try:
        checked = load_study(study)
        searched = checked.space(space)
    except InputError as error:
        say([*services(None), *study_findings(error)])
    else:
        say(list(services(checked)))
        with console.status(f"loading {printable(checked.base_model)} and looking at every row", spinner="line"):
            about, sized = size_up(checked, searched, trust_remote_code=trust_remote_code)
        say(about)
    if sized is not None:
        _print_sized(console, sized)
    stopped = any(finding.level == "stop" for finding in found)
    if as_json:
        facts = {"ok": not stopped, "findings": [vars(finding) for finding in found]}
        print_json({**facts, "sized": sized and asdict(sized)})
    else:
        console.print("a search cannot begin" if stopped else "a search can begin")
    sys.exit(BAD_INPUT if stopped else OK)


def _print(console: Console, finding: Finding) -> None:
    from rich.text import Text

    from skazka.terminal import beside

    mark, style = MARKS[finding.level]
    remedy = f" — {finding.remedy}" if finding.remedy else ""
    console.print(beside(Text(mark, style=style), finding.what + remedy, 4))


def _print_sized(console: Console, sized: Sized) -> None:
    from rich.table import Table

    table = Table("tokens", box=None, pad_edge=False)
    for title in ("least", "median", "most"):
        table.add_column(title, justify="right")
    for part, values in sized.lengths.items():
        table.add_row(part + (" (in the prompt)" if part == "image" else ""), *map(str, values))
    console.print(table)
    cut = ", ".join(f"{length}: {share:.0%}" for length, share in sized.cut.items())
    console.print(f"answers cut at max_length {cut}")
    console.print(_cost(sized))


def _cost(sized: Sized) -> str:
    from skazka.table import duration

    parts: dict[str, Any] = {
        name: f"{count / 1e6:,.{0 if count >= 1e7 else 1}f} MB" for name, count in sized.memory.items()
    }
    memory = (
        f"base {parts['weights']}, adapter in training {parts['trained']}, activations about {parts['activations']}"
    )
    time = "not measured: no GPU" if sized.seconds is None else f"about {duration(sized.seconds)}"
    disk = f"each of its checkpoints {parts['checkpoint']}"
    return f"a trial such as {printable(sized.trial)}: {time}; {memory}; {disk}"
