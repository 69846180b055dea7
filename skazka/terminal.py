"""Where what is for people is printed: as wide as the terminal, and where there is none, as long as it is."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table
from rich.text import Text

from skazka_text.printable import printable

# Columns of a file or a pipe: what reads it can break lines, but not join what was broken or cut here.
ENDLESS = 10_000


def terminal(*, stderr: bool = False) -> Console:
    """A console on stdout, or on stderr; it moves and redraws nothing where no terminal is."""
    stream = sys.stderr if stderr else sys.stdout
    if stream is not None and stream.isatty():
        return Console(stderr=stderr, highlight=False)
    return Console(stderr=stderr, highlight=False, width=ENDLESS, force_interactive=False)


def beside(label: str | Text, text: str, width: int) -> Table:
    """A label of so many columns, and beside it a text that goes on under itself, broken between words."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, min_width=width)
    grid.add_column(overflow="fold")
    grid.add_row(label, Text(printable(text)))
    return grid
