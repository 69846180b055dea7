"""A report as one HTML file: nothing is loaded from anywhere, and whatever comes from data or a model stays text.

The page's policy allows the page's own scripts and styles by their hashes and nothing else: no other script, no style
attribute, no markup made by scripts (Trusted Types), no request.
"""

from __future__ import annotations

import base64
import hashlib
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from analysis.messages.catalogue import Messages
from analysis.messages.words import number
from analysis.render.document import Answers, Block, Cell, Chart, Code, Column, Document, Facts, Section, Table, Text
from analysis.render.html_data import answers_data, cleaned, data_block
from analysis.render.html_images import THUMBNAIL_PIXELS, data_uri
from skazka_text.secrets import redact

TEMPLATES = Path(__file__).parent / "templates"
# Plotly adds its rules to this element through the object model, which the policy allows once the element itself is.
PLOTLY_STYLE = "/* plotly adds its rules here */"
# Plotly's bundle brings stylesheets for its maps and adds each one unless an element with its hash as id is there.
_PLOTLY_SHEET = re.compile(r'getElementById\("([0-9a-f]{64})"\)')
PROSE_LENGTH = 32
_NUMBER = re.compile(r"[-+−]?\d+(?:[.,]\d+)?")
_BLOCKS = (Text, Facts, Table, Chart, Code, Answers)


def render(document: Document, study: Path, report: Path) -> str:
    """The report as one HTML page, to be written as UTF-8.

    study: the folder that pictures of the answers browser are relative to. report: the same for charts' PNGs. A
    picture that is missing or damaged is named in words; no error is raised for it.
    """
    messages = Messages(document.language)
    environment = _environment(messages, study, report)
    body = environment.get_template("report_body.html.j2").render(document=document)
    plotly = _plotly() if any(_has_figure(section) for section in document.sections) else None
    css, script = (TEMPLATES / "report.css").read_text("utf-8"), (TEMPLATES / "report.js").read_text("utf-8")
    scripts = [script, plotly.script] if plotly else [script]
    styles = [css, PLOTLY_STYLE] if plotly else [css]
    return environment.get_template("report.html.j2").render(
        language=document.language,
        title=redact(document.title),
        policy=policy(scripts, styles),
        css=Markup(css),
        # A report is passed on: a ledger from before errors were redacted must not tell a secret here. The scripts
        # are left as their hashes have them.
        body=Markup(redact(body)),
        scripts=[Markup(text) for text in scripts],
        plotly_style=Markup(PLOTLY_STYLE) if plotly else None,
        plotly_sheets=plotly.sheets if plotly else (),
    )


def policy(scripts: Sequence[str], styles: Sequence[str]) -> str:
    """The Content-Security-Policy of a page with these inline scripts and styles."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {' '.join(map(_hash, scripts))}",
            f"style-src {' '.join(map(_hash, styles))}",
            "img-src data:",
            "connect-src 'none'",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@dataclass(frozen=True)
class _Plotly:
    script: str
    sheets: Sequence[str]


@lru_cache(maxsize=1)
def _plotly() -> _Plotly:
    """The bundle that the Python package brings, read without importing what makes figures."""
    from plotly.offline import get_plotlyjs

    script = get_plotlyjs()
    return _Plotly(script, tuple(dict.fromkeys(_PLOTLY_SHEET.findall(script))))


def _has_figure(section: Section) -> bool:
    own = any(isinstance(block, Chart) and block.figure is not None for block in section.blocks)
    return own or any(_has_figure(inner) for inner in section.sections)


def _environment(messages: Messages, study: Path, report: Path) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=cleaned,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(t=messages.text, words=interface(messages))
    environment.tests["prose"] = has_prose
    environment.tests.update({kind.__name__.lower(): _is(kind) for kind in _BLOCKS})
    environment.filters.update(
        shown=shown,
        sort_value=sort_value,
        facts=fact_lists,
        lines=lambda text: [cleaned(line) for line in text.split("\n")],
        chart_picture=lambda name: data_uri(report / name),
        data=data_block,
        answers=lambda answers: answers_data(
            answers, messages, lambda image: data_uri(study / image, THUMBNAIL_PIXELS)
        ),
    )
    return environment


def _is(kind: type[Block]) -> Callable[[object], bool]:
    return lambda block: isinstance(block, kind)


def interface(messages: Messages) -> dict[str, str]:
    """The words that the page's script shows; {shown} and {all} are for the script to fill in."""
    named = {
        "good": messages.text("html_good"),
        "bad": messages.text("html_bad"),
        "unsure": messages.text("html_unsure"),
        "filter": messages.text("html_filter"),
        "nothing": messages.text("html_nothing"),
        "character": messages.text("html_character"),
        "trial": messages.text("html_trial"),
        "grade_before": messages.text("html_grade_before"),
        "grade_after": messages.text("html_grade_after"),
        "changed": messages.text("html_changed"),
        "any": messages.text("html_any"),
        "more": messages.text("html_more"),
        "gold": messages.text("html_gold"),
        "before": messages.text("html_before"),
        "after": messages.text("html_after"),
        "no_picture": messages.text("html_no_picture"),
        "empty": messages.text("html_empty"),
        "copy": messages.text("html_copy"),
        "copied": messages.text("html_copied"),
    }
    return {**named, "count": messages.text("html_count", shown="{shown}", all="{all}")}


def shown(cell: Cell) -> str:
    """A cell as a reader sees it: a number to four decimals, a dash for what is missing."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return number(None)
    return number(cell) if isinstance(cell, float) else str(cell)


def sort_value(cell: Cell, column: Column) -> float | None:
    """What a cell of a column of numbers is sorted by, None for last: the first number of a text («0.5 ± 0.1»)."""
    if not column.number or cell is None:
        return None
    if isinstance(cell, str):
        found = _NUMBER.search(cell)
        return float(found.group().replace("−", "-").replace(",", ".")) if found else None
    return None if math.isnan(cell) else cell


def has_prose(table: Table) -> bool:
    """Whether a table holds sentences: on a phone each row is then a card, for columns would be too narrow.

    A table with a filter is long and stays a table.
    """
    return not table.filters and any(
        isinstance(cell, str) and len(cell) > PROSE_LENGTH for row in table.rows for cell in row
    )


def fact_lists(facts: Facts) -> Iterator[tuple[bool, list[tuple[str, str]]]]:
    """Runs of facts that have labels or have none: each is a list of its own."""
    for labelled, items in groupby(facts.items, key=lambda item: bool(item[0])):
        yield labelled, list(items)
