"""Which trials a report shows one by one, as the command line says it: `best:5,baselines,t0007`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from analysis.facts.run_data import RunData
from search.run.trial_row import TrialRow, ranked
from skazka_text.problems import InputError, Problem

DEFAULT = "best:3,baselines,winner"
WORDS = ("best:N", "baselines", "finalists", "winner", "all")


def shown_trials(data: RunData, asked: str | None = None) -> list[TrialRow]:
    """The trials that are asked for, each once, in the order asked.

    asked: parts joined by commas: best:N, the best N by search score, repeats left out; baselines; finalists, every
    repeat; winner, its repeats; all; an id or a name. None is DEFAULT. Raises InputError for anything else.
    """
    found: dict[str, TrialRow] = {}
    problems = []
    for part in (DEFAULT if asked is None else asked).split(","):
        rows = _part(data, part.strip())
        if rows is None:
            remedy = f"use {', '.join(WORDS)}, or a trial's id or name, joined by commas"
            problems.append(Problem("", "--trials", f"there is no trial {part.strip()!r}", remedy))
        found |= {row.id: row for row in rows or ()}
    if problems:
        raise InputError(problems)
    return list(found.values())


def _part(data: RunData, part: str) -> Sequence[TrialRow] | None:
    """The trials of one part; None for one that means nothing."""
    best = re.fullmatch(r"best:(\d{1,6})", part)
    if best is not None:
        return ranked([row for row in data.rows if row.repeat_of is None])[: int(best[1])]
    if part == "baselines":
        return data.of_kind("baseline")
    if part == "finalists":
        return data.of_kind("finalist")
    if part == "winner":
        return data.winner.repeats if data.winner is not None else []
    if part == "all":
        return data.rows
    return [row for row in data.rows if part in (row.id, row.name)] or None
