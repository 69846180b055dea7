"""The trials: one by one as the team wrote theirs, and all of them in one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from analysis.facts.character_results import CharacterResult
from analysis.facts.evidence import CharacterEvidence
from analysis.facts.findings import Findings
from analysis.facts.naming import knobs_by_hand_name, label, plain, settings
from analysis.facts.trials import by_score
from analysis.messages.catalogue import Messages
from analysis.messages.words import heading
from analysis.render.document import Block, Cell, Column, Facts, Section, Table, Text, Tone
from analysis.render.plots import plot_chart
from analysis.sections.character_table import character_table
from analysis.sections.charts import curves_plot, parallel_plot, scores_plot
from analysis.sections.conclusions import parts_of
from search.outputs.wandb.log import addresses
from search.run.trial_row import SCORED, TrialRow, ranked
from spaces.trial_config import CONDITIONAL_KNOBS, KNOBS, TrialConfig, value_of
from trainables.metrics import SCORES
from trainables.scoring import UNKNOWN

CHARTS = "charts"
SCORES_PICTURE = f"{CHARTS}/trials.png"


def shown_trials(findings: Findings, messages: Messages) -> Section:
    """A section for each trial shown."""
    known = addresses(findings.data.ledger)
    sections = [_trial(findings, row, known.get(row.id), messages) for row in findings.shown]
    blocks: list[Block] = [Text(messages.text("shown_why" if sections else "no_trials"))]
    return Section("trials", messages.text("shown_trials"), blocks, sections)


def _trial(findings: Findings, row: TrialRow, address: str | None, messages: Messages) -> Section:
    knobs = knobs_by_hand_name(TrialConfig.model_validate(row.config))
    epochs, results = findings.epochs.get(row.id, ()), findings.data.results(row.id)
    blocks: list[Block] = [Facts(_facts(findings, row, address, messages))]
    if results:
        blocks.append(characters(f"characters-{row.id}", results, findings.evidence(row.id), messages))
    else:
        blocks.append(Text(messages.text("no_answers")))
    if epochs:
        name = messages.text("chart_of", name=label(row))
        plot = curves_plot(epochs, row.best_epoch, messages)
        blocks.append(plot_chart(f"curves-{row.id}", name, plot, f"{CHARTS}/{row.id}.png"))
    folded = findings.adapter is None or row.id != findings.adapter.id
    return Section(f"trial-{row.id}", heading(label(row), knobs, messages), blocks, folded=folded)


def _facts(findings: Findings, row: TrialRow, address: str | None, messages: Messages) -> list[tuple[str, str]]:
    facts = [(messages.text("configuration"), settings(knobs_by_hand_name(TrialConfig.model_validate(row.config))))]
    score = row.whole_score
    if score is not None:
        parts = parts_of(score, findings.data.study.file.score)
        epochs = row.config["epochs"]
        facts.append(
            (messages.text("result"), messages.text("result_is", parts=parts, epoch=row.best_epoch, epochs=epochs))
        )
    test = findings.data.test_score(row.id) if row.repeat_of is not None else None
    if test is not None:
        facts.append((messages.text("result_test"), parts_of(test, findings.data.study.file.score)))
    if not row.feasible:
        facts.append((messages.text("limit"), messages.text("infeasible")))
    facts.append((messages.text("state"), messages.text(row.state)))
    cut = max((int(epoch.get("cut_answers") or 0) for epoch in findings.epochs.get(row.id, ())), default=0)
    facts += [("max_length", messages.count("cut_answers", cut))] if cut else []
    facts += [(messages.text("error"), row.error)] if row.error else []
    return facts + ([("W&B", address)] if address else [])


def characters(
    key: str, results: Sequence[CharacterResult], evidence: Mapping[str, CharacterEvidence], messages: Messages
) -> Table:
    """The team's table: character, before, after, status."""
    titles = [messages.text(title) for title in ("character", "before", "after", "status")]
    table = character_table(results, messages, evidence)
    rows = [[row.character, row.before, row.after, row.status] for row in table]
    tones = [_tone(result, evidence.get(result.character)) for result in results]
    return Table(key, [Column(title) for title in titles], rows, tones=tones)


def _tone(result: CharacterResult, found: CharacterEvidence | None) -> Tone:
    """Good or bad only where the evidence says so."""
    if found is None or not found.supported:
        return "unsure" if result.flips or result.wrong_after else "plain"
    better = found.difference < 0 if result.role in ("negative", UNKNOWN) else found.difference > 0
    return "good" if better else "bad"


def all_trials(findings: Findings, messages: Messages) -> Section:
    """Every trial in one table, and the chart of their scores."""
    rows, title = findings.data.rows, messages.text("all_trials")
    if not rows:
        return Section("all", title, [Text(messages.text("no_trials"))])
    blocks: list[Block] = []
    if any(row.state == "failed" or (row.state in SCORED and row.score is not None) for row in rows):
        blocks.append(plot_chart("scores", messages.text("chart_trials"), scores_plot(rows, messages), SCORES_PICTURE))
    return Section("all", title, [*blocks, Text(messages.text("all_trials_why")), _table(rows, messages)])


def _table(rows: Sequence[TrialRow], messages: Messages) -> Table:
    """A row a trial; a knob that is the same everywhere is left out."""
    ordered = by_score(rows)
    knobs = [knob for knob in KNOBS if len({str(value_of(row.config, knob)) for row in rows}) > 1]
    columns = [Column(messages.text(key)) for key in ("trial", "kind", "state")]
    columns += [Column(name, number=True) for name in SCORES]
    columns += [Column(messages.text("epoch"), number=True)]
    columns += [Column(knob, number=_is_number(knob, rows)) for knob in knobs] + [Column(messages.text("error"))]
    cells = [_cells(row, knobs, messages) for row in ordered]
    tones: list[Tone] = ["bad" if row.state == "failed" else "plain" for row in ordered]
    return Table("all-trials", columns, cells, filters=True, tones=tones)


def _cells(row: TrialRow, knobs: Sequence[str], messages: Messages) -> list[Cell]:
    values = [(knob, value_of(row.config, knob)) for knob in knobs]
    return [
        label(row),
        messages.text(row.kind),
        messages.text(row.state if row.feasible else "beyond_limit"),
        *(getattr(row, name) for name in SCORES),
        row.best_epoch,
        *(None if value is None and knob in CONDITIONAL_KNOBS else plain(value) for knob, value in values),
        row.error or "",
    ]


def _is_number(knob: str, rows: Sequence[TrialRow]) -> bool:
    values = [value_of(row.config, knob) for row in rows]
    return all(value is None or (isinstance(value, int | float) and not isinstance(value, bool)) for value in values)


def parallel(findings: Findings, messages: Messages) -> Section:
    """Configurations as lines over their knobs, coloured by score."""
    scored = ranked([row for row in findings.data.rows if row.repeat_of is None])
    plot = parallel_plot(scored, messages)
    title = messages.text("parallel")
    if plot is None:
        return Section("parallel", title, [Text(messages.text("parallel_few"))], folded=True)
    chart = plot_chart("parallel-chart", messages.text("parallel_caption"), plot, f"{CHARTS}/parallel.png")
    return Section("parallel", title, [Text(messages.text("parallel_why")), chart])
