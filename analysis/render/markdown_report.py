"""A report as Markdown for GitHub; every text of it is escaped, so what comes from data stays text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from analysis.messages.catalogue import Messages
from analysis.messages.words import number
from analysis.render.document import Answers, Block, Cell, Chart, Code, Document, Facts, Section, Table, Text
from skazka_text.markdown import Markdown, code_block, escape

TEMPLATES = Path(__file__).parent / "templates"
# GitHub shows no file beyond 512 KB; the whole table is in trials.csv and in the HTML report.
MAX_ROWS = 100


def render(document: Document) -> str:
    """The document as Markdown. The answers browser is left out, and of long tables what is beyond MAX_ROWS."""
    messages = Messages(document.language)
    # Every expression is escaped unless it says that it is Markdown: nothing from data can be forgotten.
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        finalize=escape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    blocks = "\n\n".join(_section(section, 2, messages) for section in document.sections)
    return environment.get_template("report.md.j2").render(document=document, sections=Markdown(blocks))


def _section(section: Section, level: int, messages: Messages) -> str:
    parts = [f"{'#' * level} {escape(section.title)}"]
    parts += [text for block in section.blocks if (text := _block(block, messages))]
    return "\n\n".join([*parts, *(_section(inner, level + 1, messages) for inner in section.sections)])


def _block(block: Block, messages: Messages) -> str:
    if isinstance(block, Text):
        return _line(block.text)
    if isinstance(block, Facts):
        return "\n".join(_fact(label, text) for label, text in block.items)
    if isinstance(block, Table):
        return _table(block, messages)
    if isinstance(block, Chart):
        return f"![{escape(block.caption)}]({block.picture})" if block.picture else ""
    if isinstance(block, Code):
        return str(code_block(block.text))
    assert isinstance(block, Answers)
    return messages.text("answers_in_html")


def _fact(label: str, text: str) -> str:
    return f"- **{escape(label)}:** {escape(text)}" if label else f"- {_line(text)}"


def _line(text: str) -> str:
    """Escaped text that begins a line: a sign that would begin a list, a heading or a quotation is escaped as well."""
    escaped = escape(text)
    number, dot, _ = escaped.partition(".")
    if dot and number.isdigit():
        return f"{number}\\{escaped[len(number) :]}"
    return f"\\{escaped}" if escaped[:1] in ("-", "+", "=") else escaped


def _table(table: Table, messages: Messages) -> str:
    """A GitHub table; one that is too long is cut and says so below."""
    lines = [_row([column.title for column in table.columns])]
    lines.append(f"|{'|'.join('---:' if column.number else '---' for column in table.columns)}|")
    lines += [_row(row) for row in table.rows[:MAX_ROWS]]
    left = len(table.rows) - MAX_ROWS
    text = "\n".join(lines)
    return f"{text}\n\n{escape(messages.count('rows_left', left))}" if left > 0 else text


def _row(cells: Sequence[Cell]) -> str:
    return f"| {' | '.join(escape(_cell(cell)) for cell in cells)} |"


def _cell(cell: Cell) -> str:
    if cell is None or (isinstance(cell, float) and not math.isfinite(cell)):
        return "—"
    return number(cell) if isinstance(cell, float) else str(cell)
