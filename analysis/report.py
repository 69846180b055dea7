"""The report of a run, finished or in progress: Markdown, HTML, the trials as a table, and charts."""

from __future__ import annotations

import io
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.facts.confusion import confusion
from analysis.facts.findings import Findings
from analysis.facts.naming import label
from analysis.facts.overview import character_data
from analysis.facts.run_data import RunData
from analysis.facts.shown import shown_trials
from analysis.facts.trials import HTML_FILE, REPORT_FILE, trials_table
from analysis.messages.catalogue import Messages
from analysis.render import markdown_report
from analysis.render.document import Document, Section
from analysis.render.plots import PlotChart
from analysis.sections.answers import answers
from analysis.sections.best import best_approach, trade_offs
from analysis.sections.characters import Matrix, problems, stability, successes
from analysis.sections.cost import cost
from analysis.sections.finalists import finalists
from analysis.sections.knobs import knobs
from analysis.sections.next_steps import next_steps
from analysis.sections.setting import overview, reading
from analysis.sections.trials import all_trials, parallel
from analysis.sections.trials import shown_trials as shown_section
from analysis.sections.verdict import verdict
from search.run.run_folder import RunFolder
from search.run.trial_row import TrialRow
from skazka_text.secrets import redact
from studies.files import replace_file

if TYPE_CHECKING:
    import pandas as pd

FORMATS = ("md", "html")
TABLE_FILE = "trials"


def write_report(
    folder: RunFolder,
    language: str | None = None,
    formats: Collection[str] = FORMATS,
    trials: str | None = None,
) -> Path:
    """Write the report with its charts and tables, each file replaced as a whole, and return the path to be opened.

    language: ru or en, by default the study's. formats: of FORMATS. trials: which are shown one by one, as
    `analysis.facts.shown` reads it. The path is the HTML's where that is asked for. Works at any moment of a run.
    Raises ValueError for another language or format, and InputError for trials that are not there.
    """
    if not formats or not set(formats) <= set(FORMATS):
        raise ValueError(f"formats must be some of {', '.join(FORMATS)}, got {', '.join(formats)!r}")
    study = folder.study()
    messages = Messages(language or study.file.language, pictures=study.has_pictures)
    with closing(folder.ledger()) as ledger:
        data = RunData.load(folder, ledger, time.time())
        document = build_document(data, messages, shown_trials(data, trials))
        table = trials_table(data.rows, {row.id: data.test_score(row.id) for row in data.of_kind("finalist")})
    draw(document, folder.report, messages)
    write_table(table, folder.report)
    return _write(document, folder, formats)


def _write(document: Document, folder: RunFolder, formats: Collection[str]) -> Path:
    """Write the document in each format; a run is passed on, so no text of it may tell a secret."""
    written = []
    if "md" in formats:
        written.append((folder.report / REPORT_FILE, redact(markdown_report.render(document))))
    if "html" in formats:
        from analysis.render import html_report

        written.append((folder.report / HTML_FILE, html_report.render(document, folder.study_folder, folder.report)))
    for path, text in written:
        # A path that is no UTF-8 arrives as surrogates, which cannot be written.
        replace_file(path, text.encode("utf-8", errors="replace"))
    return written[-1][0]


def build_document(data: RunData, messages: Messages, shown: Sequence[TrialRow]) -> Document:
    """Everything that a report says, in one language. shown: the trials told one by one."""
    findings = Findings(data, shown)
    best = "" if findings.best is None else label(findings.best)
    sections = [
        verdict(findings, messages),
        overview(findings, messages),
        reading(findings, messages),
        finalists(findings, messages),
        trade_offs(findings, messages),
        shown_section(findings, messages),
        all_trials(findings, messages),
        successes(findings.tried, messages),
        problems(findings.tried, best, _target_images(data), _matrices(findings, messages), messages),
        stability(findings.tried, messages, data.unknown),
        knobs(findings, messages),
        best_approach(findings, messages),
        parallel(findings, messages),
        cost(findings, messages),
        answers(findings, messages),
        next_steps(findings, messages),
    ]
    title = messages.text("title", study=data.study.file.name)
    return Document(messages.language, title, messages.text("subtitle"), sections)


def _target_images(data: RunData) -> dict[str, int]:
    return {one.name: one.images for one in character_data(data.study, data.roles) if one.role == "target"}


def _matrices(findings: Findings, messages: Messages) -> list[tuple[str, Matrix]]:
    """Who was taken for whom on the search probes, before and after the training that is exported."""
    data, row = findings.data, findings.adapter
    before = (messages.text("confusion_before"), confusion(data.before, data.allowed))
    if row is None:
        return [before]
    title = messages.text("confusion_after", name=row.name)
    return [before, (title, confusion(data.answers(row.id), data.allowed))]


def draw(document: Document, report: Path, messages: Messages) -> None:
    """Draw the pictures that a document names."""
    from analysis.render.png import draw as draw_picture

    for chart in _charts(document.sections):
        if chart.picture is not None and chart.plot is not None:
            draw_picture(report / chart.picture, chart.plot, messages.text("chart_nothing"))


def _charts(sections: Sequence[Section]) -> Iterator[PlotChart]:
    for section in sections:
        yield from (block for block in section.blocks if isinstance(block, PlotChart))
        yield from _charts(section.sections)


def write_table(table: pd.DataFrame, report: Path) -> None:
    """Write the trials as trials.csv and trials.parquet; secrets of the environment are struck out of their errors."""
    table = table.assign(error=[redact(error) if isinstance(error, str) else error for error in table["error"]])
    parquet = io.BytesIO()
    table.to_parquet(parquet, index=False)
    replace_file(report / f"{TABLE_FILE}.csv", table.to_csv(index=False).encode("utf-8", errors="replace"))
    replace_file(report / f"{TABLE_FILE}.parquet", parquet.getvalue())
