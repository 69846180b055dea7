"""Every answer of the trials shown, to be browsed."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.facts.findings import Findings
from analysis.facts.naming import label
from analysis.messages.catalogue import Messages
from analysis.render.document import Answers, AskedProbe, Section, Text
from studies.rows import Probe
from trainables.answers import GradedAnswer

Given = tuple[str, str]


def answers(findings: Findings, messages: Messages) -> Section:
    """The answers browser of the search probes; empty while nothing was asked."""
    data, title = findings.data, messages.text("answers")
    given = {row.id: _by_probe(data.answers(row.id)) for row in findings.shown}
    trials = [(row.id, label(row)) for row in findings.shown if given[row.id]]
    before = _by_probe(data.before)
    if not before:
        return Section("answers", title, [Text(messages.text("no_answers"))])
    probes = [
        AskedProbe(
            id=probe.id,
            image=probe.image,
            character=probe.character,
            question=probe.question,
            gold=_gold(probe, data.study.aliases[probe.character]),
            before=before[probe.id],
            after={trial: given[trial][probe.id] for trial, _ in trials if probe.id in given[trial]},
        )
        for probe in data.study.probes_of("search")
        if probe.id in before
    ]
    return Section("answers", title, [Text(messages.text("answers_why")), Answers(trials, probes)])


def _by_probe(answers: Sequence[GradedAnswer]) -> dict[str, Given]:
    return {graded.answer.probe: (graded.answer.text, graded.grade.value) for graded in answers}


def _gold(probe: Probe, aliases: Sequence[str]) -> str:
    """What counts as right: of a name the character's own and what is given, else one of the given phrases."""
    if probe.kind != "name":
        return " / ".join(probe.accepted)
    names = (probe.character, *probe.accepted) if probe.accepted else aliases
    return " / ".join(dict.fromkeys(names))
