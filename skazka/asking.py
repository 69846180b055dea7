"""`skazka ask`: a new picture or question, answered by the base model and with the adapter, beside each other."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from skazka.command import guarded, json_option
from skazka_text.printable import json_line, printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from search.outputs.asking import Asked, Reply, Said

# Names whose odds are shown to people; JSON has all.
LIKELIEST = 3
# Columns of a terminal.
WIDEST = 100


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("pictures", nargs=-1, metavar="[PICTURE]...")
@click.option("--question", help="What to ask.  [default: the study's most frequent name question]")
@click.option("--trial", help="Trial id or name, of a repeat too.  [default: the one that export takes]")
@click.option("--base-model", help="Where the base model lies now, if it moved.")
@click.option("--trust-remote-code", is_flag=True, help="Run the Python code that comes with the base model.")
@json_option
@guarded
def ask(run: Path, pictures: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Ask base and best adapter of RUN about each PICTURE.

    RUN may still be running, and may be the folder of an exported adapter. In a study without pictures the question
    is asked alone. Beside each answer: whom it names, and how likely each name of the study is as the answer.

    \b
    Example: skazka ask runs/first photo.jpg --question "Who is it?"
    """
    from rich.console import Console

    from search.outputs.asking import ask as answers_of

    err = Console(stderr=True, highlight=False)
    with err.status("loading the base model and asking"), redirect_stdout(sys.stderr if as_json else sys.stdout):
        asked = answers_of(run, pictures, **options)
    if as_json:
        click.echo(json_line(asdict(asked)))
    else:
        show(Console(highlight=False), asked)


def show(console: Console, asked: Asked) -> None:
    """Print the answers for people."""
    from rich.text import Text

    name = asked.trial if asked.name == asked.trial else f"{asked.trial} {asked.name}"
    for line in (f"adapter   {name}: {asked.chosen}", f"question  {asked.question}"):
        console.print(Text(printable(line)))
    for reply in asked.replies:
        console.print()
        if reply.picture is not None:
            console.print(Text(printable(reply.picture), style="bold"), soft_wrap=True)
        console.print(reply_table(reply, min(console.width, WIDEST)))


def reply_table(reply: Reply, width: int) -> Table:
    """Base and adapter, a row each: the answer, whom it names, the likeliest names."""
    from rich.table import Table
    from rich.text import Text

    # Of one width: the columns of several pictures stand under each other.
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), width=width)
    table.add_column("", width=len("adapter"))
    table.add_column("answer", overflow="fold", ratio=3)
    table.add_column("names", overflow="fold", ratio=2)
    table.add_column("odds of each name", overflow="fold", ratio=3)
    for model, said in (("base", reply.base), ("adapter", reply.adapter)):
        named = ", ".join(said.names) or "nobody"
        cells = (model, printable(said.text), printable(named), likeliest(said))
        table.add_row(*map(Text, cells))
    return table


def likeliest(said: Said) -> str:
    """The likeliest names, a line each."""
    first = list(said.odds.items())[:LIKELIEST]
    return "\n".join(f"{percent(odds):>6} {printable(name)}" for name, odds in first)


def percent(share: float) -> str:
    """A share in percent; what is not quite nothing and not quite all is not rounded to it."""
    if 0 < share < 0.01:
        return "< 1 %"
    return "> 99 %" if 0.99 < share < 1 else f"{share:.0%}".replace("%", " %")
