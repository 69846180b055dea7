"""Search, re-trained and test scores side by side, and by how much the first overstates the others."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from analysis.facts.findings import Final, Findings
from analysis.facts.naming import label
from analysis.messages.catalogue import Messages
from analysis.messages.words import interval_words, short
from analysis.render.document import Block, Cell, Column, Section, Table, Text, Tone
from search.tuning.finalists import ENOUGH_SEARCHED

COLUMNS = ("final_search", "final_mean", "final_worst", "final_best", "final_repeats", "final_test")


def finalists(findings: Findings, messages: Messages) -> Section:
    """The finalists' section; says why where there are none."""
    blocks: list[Block] = [Text(messages.text("finalists_why"))]
    if not findings.finals:
        blocks.append(Text(_none(findings, messages), "unsure"))
    else:
        blocks.append(_table(findings, messages))
        blocks += [Text(sentence) for sentence in _optimism(findings.finals, messages)]
        if findings.data.winner is None:
            blocks.append(Text(messages.text("finalists_in_progress"), "unsure"))
    return Section("finalists", messages.text("finalists"), blocks)


def _none(findings: Findings, messages: Messages) -> str:
    if findings.data.options.finalists == 0:
        return messages.text("finalists_off")
    if findings.unfinished or not findings.tried:
        return messages.text("finalists_later")
    return messages.count("finalists_few", ENOUGH_SEARCHED)


def _table(findings: Findings, messages: Messages) -> Table:
    columns = [Column(messages.text("trial")), *(Column(messages.text(key), number=True) for key in COLUMNS)]
    columns += [Column(messages.text("final_interval"))]
    columns += [Column(messages.text("optimism_retrained"), True), Column(messages.text("optimism_test"), True)]
    winner = findings.data.winner
    won = [winner is not None and final.standing.trial.id == winner.trial.id for final in findings.finals]
    tones: list[Tone] = ["good" if mine else "plain" for mine in won]
    rows = [_row(final, mine, messages) for final, mine in zip(findings.finals, won, strict=True)]
    return Table("finalists-table", columns, rows, tones=tones)


def _row(final: Final, won: bool, messages: Messages) -> list[Cell]:
    standing = final.standing
    scores = [row.score for row in standing.scored if row.score is not None]
    name = label(standing.trial)
    search = standing.trial.score
    return [
        messages.text("final_winner", name=name) if won else name,
        search,
        standing.mean,
        min(scores, default=None),
        max(scores, default=None),
        messages.text("of", count=len(scores), asked=len(standing.repeats)),
        final.tested,
        None if final.interval is None else interval_words(final.interval, messages),
        _less(search, standing.mean),
        _less(search, final.tested),
    ]


def _less(search: float | None, other: float | None) -> float | None:
    return None if search is None or other is None else search - other


def _optimism(finals: Sequence[Final], messages: Messages) -> list[str]:
    """How far the search scores lie above those that nothing was chosen by, in the mean of the finalists."""
    found = []
    for key, others in (
        ("optimism_of_retrained", [final.standing.mean for final in finals]),
        ("optimism_of_test", [final.tested for final in finals]),
    ):
        pairs = zip(finals, others, strict=True)
        known = [less for final, other in pairs if (less := _less(final.standing.trial.score, other)) is not None]
        if known:
            found.append(messages.count(key, len(known), difference=short(statistics.fmean(known))))
    return found
