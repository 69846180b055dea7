"""The report of a run, finished or in progress: report.md and its charts, from its ledger, study and manifest."""

from __future__ import annotations

import shlex
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from analysis.charts import draw_curves, draw_scores, score_chart
from analysis.conclusions import configuration, label, number, why_best
from analysis.files import replace_file
from analysis.messages import Messages
from analysis.overview import TPE_STARTUP, Overview, overview_of
from analysis.tables import (
    CharacterResult,
    CharacterRow,
    allowed_names_of,
    by_score,
    character_results,
    character_table,
)
from analysis.trials import REPORT_FILE, best_trial
from search.ledger import BASE, Ledger
from search.run_folder import RunFolder
from search.trial_row import TrialRow, ranked
from spaces.markdown import Markdown, code_block, escape
from spaces.secrets import redact
from spaces.trial_config import TrialConfig
from studies.study import Study
from trainables.answers import GradedAnswer

TEMPLATES = Path(__file__).parent / "templates"
CHARTS = "charts"
SEARCHED_SHOWN = 3


def write_report(folder: RunFolder, language: str | None = None) -> Path:
    """Write report/report.md with its charts and return its path; it replaces an older one as a whole.

    language: ru or en, by default the study's; another raises ValueError. Works at any moment of a run.
    """
    study = folder.study()
    messages = Messages(language or study.file.language)
    with closing(folder.ledger()) as ledger:
        # A report is passed on: a ledger from before errors were redacted must not tell a secret here.
        text = redact(_Writer(folder, study, ledger, messages).text())
    path = folder.report / REPORT_FILE
    # A path that is no UTF-8 arrives as surrogates, which cannot be written.
    replace_file(path, text.encode("utf-8", errors="replace"))
    return path


@dataclass(frozen=True)
class Section:
    """What a report says of one trial; `chart` is its picture relative to the report, None before its first epoch."""

    trial: TrialRow
    heading: str
    configuration: str
    parts: str | None
    cut_answers: int
    table: list[CharacterRow]
    chart: str | None


class _Writer:
    """Gathers what the template shows; one for each report."""

    def __init__(self, folder: RunFolder, study: Study, ledger: Ledger, messages: Messages) -> None:
        self.folder = folder
        self.study = study
        self.ledger = ledger
        self.messages = messages
        self.before: Sequence[GradedAnswer] = ledger.answers(BASE)
        self.allowed: Mapping[str, Collection[str]] = allowed_names_of(study)

    def text(self) -> str:
        """The whole report as Markdown."""
        rows = self.ledger.trials()
        searched = ranked([row for row in rows if row.kind == "search"])[:SEARCHED_SHOWN]
        overview = overview_of(self.study, self.folder.manifest(), self.ledger, time.time())
        return _template().render(
            t=self.messages.text,
            n=self.messages.count,
            number=number,
            study=self.study,
            run=str(self.folder.path),
            overview=overview,
            settings=_settings(overview),
            model=_model(overview.manifest, self.messages),
            versions=_versions(overview.manifest, self.messages),
            wall=None if overview.wall_seconds is None else duration(overview.wall_seconds, self.messages),
            startup=TPE_STARTUP,
            baselines=[self.section(row) for row in rows if row.kind == "baseline"],
            searched=[self.section(row) for row in searched],
            trials=by_score(rows),
            trials_chart=self.trials_chart(rows),
            label=label,
            best=self.best(rows),
            commands=_commands(self.folder, best_trial(rows), self.messages),
        )

    def section(self, row: TrialRow) -> Section:
        """One trial's section; draws its chart."""
        epochs = self.ledger.epochs(row.id)
        return Section(
            trial=row,
            heading=label(row),
            configuration=configuration(TrialConfig.model_validate(row.config)),
            parts=self.parts(row),
            cut_answers=max((epoch.get("cut_answers") or 0 for epoch in epochs), default=0),
            table=character_table(self.results(row), self.messages),
            chart=self.chart(row, epochs),
        )

    def results(self, row: TrialRow) -> list[CharacterResult]:
        """What became of each character; empty before the first evaluation."""
        after = self.ledger.answers(row.id)
        if not self.before or not after:
            return []
        return character_results(self.before, after, self.study.roles, self.allowed)

    def parts(self, row: TrialRow) -> str | None:
        """The score as the sum it is, with the study's weights."""
        if row.score is None:
            return None
        weights = self.study.file.score
        values = {name: number(getattr(row, name)) for name in ("score", "gain", "degradation", "hallucination")}
        return self.messages.text(
            "score_parts",
            **values,
            w_degradation=f"{weights.degradation:g}",
            w_hallucination=f"{weights.hallucination:g}",
        )

    def chart(self, row: TrialRow, epochs: Sequence[Mapping[str, Any]]) -> str | None:
        """Draw a trial's curves; the picture's path beside the report."""
        if not epochs:
            return None
        draw_curves(self.folder.report / CHARTS / f"{row.id}.png", row, epochs, self.messages)
        return f"{CHARTS}/{row.id}.png"

    def trials_chart(self, rows: Sequence[TrialRow]) -> str | None:
        """Draw the scores of all trials; None while none has ended."""
        chart = score_chart(rows)
        if not chart.points:
            return None
        draw_scores(self.folder.report / CHARTS / "trials.png", chart, self.messages)
        return f"{CHARTS}/trials.png"

    def best(self, rows: Sequence[TrialRow]) -> dict[str, Any] | None:
        """The best trial and why it is the best."""
        row = best_trial(rows)
        if row is None:
            return None
        return {
            "heading": label(row),
            "configuration": configuration(TrialConfig.model_validate(row.config)),
            "parts": self.parts(row),
            "why": why_best(row, ranked(rows), self.results(row), self.study.file.score, self.messages),
        }


def _template() -> Template:
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
    environment.filters["markdown"] = Markdown
    return environment.get_template(f"{REPORT_FILE}.j2")


def _settings(overview: Overview) -> dict[str, str]:
    found = {name: overview.options.get(name) for name in ("seed", "sampler", "scheduler")}
    return {name: "—" if value is None else str(value) for name, value in found.items()}


def _model(manifest: Mapping[str, Any], messages: Messages) -> dict[str, str]:
    model = manifest["base_model"]
    if model.get("revision"):
        revision = str(model["revision"])
    elif model.get("sha256"):
        revision = messages.text("file_hash", hash=str(model["sha256"])[:12])
    else:
        revision = messages.text("no_revision")
    return {"id": str(model["id"]), "revision": revision, "dtype": str(model.get("dtype", "—"))}


def _versions(manifest: Mapping[str, Any], messages: Messages) -> str:
    known = [f"{name} {version}" for name, version in (manifest.get("versions") or {}).items() if version]
    code = manifest.get("code") or {}
    if code.get("commit"):
        known.append(messages.text("commit_dirty" if code.get("dirty") else "commit", commit=code["commit"][:12]))
    return ", ".join(known) or "—"


def _commands(folder: RunFolder, best: TrialRow | None, messages: Messages) -> str:
    run = shlex.quote(str(folder.path))
    lines = [f"skazka status {run}  # {messages.text('next_status')}"]
    if best is not None:
        lines.insert(0, f"skazka export {run} --to DIR  # {messages.text('next_export')}")
    return code_block("\n".join(lines))


def duration(seconds: float, messages: Messages) -> str:
    """A length of time in hours and minutes, or in minutes and seconds below an hour."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return messages.text("hours", hours=minutes // 60, minutes=minutes % 60)
    return messages.text("minutes", minutes=minutes, seconds=rest)
