"""The best configuration: what it trades for what, and why it is the best."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.facts.findings import Findings
from analysis.facts.naming import configuration, label
from analysis.facts.outcomes import outcome_of
from analysis.facts.pareto import front
from analysis.messages.catalogue import Messages
from analysis.messages.words import number, percent, signed
from analysis.render.document import Block, Cell, Column, Facts, Section, Table, Text
from analysis.render.plots import plot_chart
from analysis.sections.charts import pareto_plot
from analysis.sections.conclusions import against, difference, of_characters, parts_of
from search.run.trial_row import SCORED, TrialRow, ranked
from spaces.trial_config import TrialConfig
from trainables.scoring import PART_NAMES, SCORE_AND_PARTS, Score

PARETO_PICTURE = "charts/pareto.png"
_PARTS_FIRST = (*PART_NAMES, "score")


def trade_offs(findings: Findings, messages: Messages) -> Section:
    """The trials that no other beats in one part without losing in another, and the parts of the best one's score."""
    title = messages.text("trade_offs")
    scored = ranked([row for row in findings.data.rows if row.repeat_of is None])
    if not scored:
        return Section("pareto", title, [Text(messages.text("no_best"))])
    best = front(scored)
    intro = [messages.count("pareto_why", len(best), scored=len(scored))]
    limit = findings.data.options.max_degradation
    if limit is not None:
        infeasible = sum(not row.feasible for row in scored)
        intro.append(messages.count("pareto_infeasible", infeasible, limit=f"{limit:g}"))
    columns = [Column(messages.text("trial")), *(Column(name, number=True) for name in _PARTS_FIRST)]
    rows: list[list[Cell]] = [[label(row), *(getattr(row, name) for name in _PARTS_FIRST)] for row in best]
    chart = plot_chart(
        "pareto-chart", messages.text("chart_pareto"), pareto_plot(scored, best, messages), PARETO_PICTURE
    )
    blocks: list[Block] = [Text(" ".join(intro)), Table("pareto-table", columns, rows), chart]
    return Section("pareto", title, [*blocks, *_made_of(findings, messages)])


def _made_of(findings: Findings, messages: Messages) -> list[Block]:
    """The parts of the best score beside its rival's, and what each adds to the difference."""
    best, rival = findings.best, findings.rival
    mine = None if best is None else _score(findings, best)
    theirs = None if rival is None else _score(findings, rival)
    if best is None or rival is None or mine is None or theirs is None:
        return []
    by = difference(mine, theirs, findings.data.study.file.score)
    columns = [Column(messages.text("part")), Column(label(best), True), Column(label(rival), True)]
    columns.append(Column(messages.text("part_adds"), True))
    rows: list[list[Cell]] = [
        [name, mine.part(name), theirs.part(name), signed(by.part(name))] for name in _PARTS_FIRST
    ]
    key = "why_better" if findings.data.winner is None else "why_better_repeats"
    text = messages.text(key, name=label(best), other=label(rival))
    return [Text(text), Table("parts", columns, rows)]


def best_approach(findings: Findings, messages: Messages) -> Section:
    """The winner and the reasons, from numbers alone."""
    title, row = messages.text("best"), findings.best
    if row is None:
        return Section("best", title, [Text(messages.text("no_best"))])
    facts = [
        (messages.text("configuration"), configuration(TrialConfig.model_validate(row.config))),
        (messages.text("chosen_by"), _chosen_by(findings, row, messages)),
        *_scales(findings, row, messages),
        *[("", line) for line in _why(findings, messages)],
        *[("", line) for line in of_characters([outcome_of(one) for one in findings.adapter_results], messages)],
    ]
    asked = sum(result.asked for result in findings.adapter_results)
    wrong = sum(result.wrong_after for result in findings.adapter_results)
    if asked:
        facts.append(("", messages.text("best_wrong", wrong=wrong, asked=asked, share=percent(wrong / asked))))
    return Section("best", title, [Text(messages.text("best_is", name=label(row))), Facts(facts)])


def _chosen_by(findings: Findings, row: TrialRow, messages: Messages) -> str:
    winner = findings.data.winner
    if winner is None:
        return messages.text("chosen_by_search", score=number(row.score))
    return messages.count("chosen_by_repeats", len(winner.scored), mean=number(winner.mean), score=number(row.score))


def _scales(findings: Findings, row: TrialRow, messages: Messages) -> list[tuple[str, str]]:
    """The adapter's scale as it is exported, of each repeat where there are any; nothing where none was searched."""
    if not row.config.get("scale_search"):
        return []
    winner = findings.data.winner
    trainings = [row] if winner is None else winner.scored
    return [(messages.text("adapter_scale"), ", ".join(f"{_scale(findings, one):g}" for one in trainings))]


def _scale(findings: Findings, row: TrialRow) -> float:
    """The scale that was chosen after the last epoch; 1 where an earlier epoch is the best."""
    epochs = {epoch["epoch"]: epoch for epoch in findings.data.ledger.epochs(row.id)}
    return float(epochs.get(row.best_epoch, {}).get("scale", 1))


def _why(findings: Findings, messages: Messages) -> list[str]:
    """The parts of the best score, and where it differs from the rival's and the next one's."""
    best, weights = findings.best, findings.data.study.file.score
    mine = None if best is None else _score(findings, best)
    if best is None or mine is None:
        return []
    lines = [parts_of(mine, weights)]
    if best.kind == "baseline":
        lines.append(messages.text("best_is_baseline"))
    compared: list[TrialRow] = []
    for key, row in (("against_baseline", _first_baseline(findings)), ("against_next", _next(findings, best))):
        theirs = None if row is None else _score(findings, row)
        if row is None or theirs is None or row.id == best.id or row in compared:
            continue
        compared.append(row)
        lines.append(against(key, mine, label(row), theirs, weights, messages))
        if findings.data.winner is None and best.score == row.score:
            margins = {"margin": number(best.name_margin), "other_margin": number(row.name_margin)}
            lines.append(messages.text("decided_by_margin", **margins))
    return lines


def _first_baseline(findings: Findings) -> TrialRow | None:
    return next((row for row in _order(findings) if row.kind == "baseline"), None)


def _next(findings: Findings, best: TrialRow) -> TrialRow | None:
    return next((row for row in _order(findings) if row.id != best.id), None)


def _order(findings: Findings) -> Sequence[TrialRow]:
    """The trials as the best was chosen among them."""
    if findings.data.winner is not None:
        return [final.standing.trial for final in findings.finals]
    return ranked([row for row in findings.data.rows if row.repeat_of is None])


def _score(findings: Findings, row: TrialRow) -> Score | None:
    """The score that the best was chosen by: the mean of the repeats, else the trial's own."""
    final = next((each for each in findings.finals if each.standing.trial.id == row.id), None)
    rows: Sequence[TrialRow] = final.standing.scored if findings.data.winner is not None and final else [row]
    known = [one.whole_score for one in rows if one.state in SCORED]
    scores = [score for score in known if score is not None]
    if not known or len(scores) < len(known):
        return None
    return Score(*(sum(score.part(name) for score in scores) / len(scores) for name in SCORE_AND_PARTS))
