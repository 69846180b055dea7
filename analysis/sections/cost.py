"""What the sweep cost."""

from __future__ import annotations

from analysis.facts.findings import Findings
from analysis.facts.naming import label
from analysis.messages.catalogue import Messages
from analysis.messages.words import duration, short
from analysis.render.document import Block, Cell, Column, Facts, Section, Table, Text


def cost(findings: Findings, messages: Messages) -> Section:
    """Hours in all and by trial, seconds an epoch, GPU-hours."""
    found, title = findings.cost, messages.text("cost")
    if not found.trials:
        return Section("cost", title, [Text(messages.text("cost_none"))], folded=True)
    repeats = sum(each.seconds for each in found.trials if each.row.repeat_of is not None)
    facts = [(messages.text("cost_training"), duration(found.seconds, messages))]
    facts += [(messages.text("cost_repeats"), duration(repeats, messages))] if repeats else []
    if found.an_epoch is not None:
        facts.append((messages.text("cost_epoch"), messages.text("seconds", seconds=short(found.an_epoch))))
    facts += [] if found.gpu_hours is None else [(messages.text("cost_gpu"), short(found.gpu_hours))]
    keys = ("cost_epochs", "cost_seconds_epoch", "cost_minutes", "cost_elapsed")
    columns = [Column(messages.text("trial")), *(Column(messages.text(key), number=True) for key in keys)]
    rows: list[list[Cell]] = [
        [
            label(each.row),
            each.epochs,
            short(each.seconds / each.epochs),
            short(each.seconds / 60),
            None if each.elapsed is None else short(each.elapsed / 60),
        ]
        for each in found.trials
    ]
    blocks: list[Block] = [Facts(facts), Table("costs", columns, rows)]
    return Section("cost", title, blocks, folded=True)
