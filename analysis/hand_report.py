"""The report of the team's four hand-made runs, from their counts alone, by the sections that tell a run's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from analysis.facts.character_results import CharacterResult
from analysis.facts.naming import settings
from analysis.facts.outcomes import CharacterOutcome, Tried, characters_of
from analysis.hand_results import HandCharacter, HandRun, load_hand_runs
from analysis.messages.catalogue import Messages
from analysis.messages.words import heading, percent, short
from analysis.render.document import Block, Cell, Column, Document, Facts, Section, Table, Text
from analysis.sections.character_table import CharacterRow, character_table, evidence_note
from analysis.sections.characters import problems, stability, successes
from analysis.sections.conclusions import against, formula, of_characters, parts_of
from analysis.sections.knobs import hand_knobs
from studies.study import ScoreWeights
from trainables.scoring import SCORE_AND_PARTS, mean


def hand_document(language: str) -> Document:
    """What the program makes of the hand-made runs, in ru or en; its best is their lora_v2."""
    return _HandReport(Messages(language), load_hand_runs()).document()


@dataclass(frozen=True)
class _HandReport:
    messages: Messages
    runs: dict[str, HandRun]

    @cached_property
    def tried(self) -> list[Tried]:
        """The runs, best first."""
        found = [
            Tried(
                name, "baseline", _knobs(run), run.score(), [_outcome(who, one) for who, one in run.characters.items()]
            )
            for name, run in self.runs.items()
        ]
        return sorted(found, key=lambda each: each.score.score, reverse=True)

    def document(self) -> Document:
        messages = self.messages
        sections = [
            self._verdict(),
            self._overview(),
            self._reading(),
            Section("trials", messages.text("shown_trials"), [], [self._run(name) for name in self.runs]),
            self._all(),
            successes(self.tried, messages),
            problems(self.tried, self.tried[0].label, {}, [], messages),
            stability(self.tried, messages),
            hand_knobs(self.tried, messages),
            self._best(),
        ]
        return Document(messages.language, messages.text("hand_title"), messages.text("hand_subtitle"), sections)

    def _verdict(self) -> Section:
        best, messages = self.tried[0], self.messages
        targets = [one for one in best.characters if one.role == "target"]
        shares = {
            "before": percent(mean(one.before[0] / one.before[1] for one in targets)),
            "after": percent(mean(one.share for one in targets)),
        }
        headline = messages.text("hand_headline", name=best.label, score=short(best.score.score))
        facts = [
            (messages.text("verdict_tried"), messages.count("hand_tried", len(self.tried))),
            (
                messages.text("verdict_won"),
                f"{heading(best.label, best.knobs, messages)}. {messages.text('hand_won', **shares)}",
            ),
            (messages.text("verdict_real"), evidence_note(None, messages)),
            (messages.text("verdict_broke"), " ".join(of_characters(best.characters, messages)[1:])),
        ]
        return Section("verdict", messages.text("verdict"), [Text(headline, "unsure"), Facts(facts)])

    def _overview(self) -> Section:
        names = [
            (self.messages.text(f"{role}s"), ", ".join(characters_of(self.tried, role)))
            for role in ("target", "control")
        ]
        return Section("overview", self.messages.text("overview"), [Facts(names)])

    def _reading(self) -> Section:
        keys = ("hand_named", "hand_three", "counted_twice")
        lines = [formula(ScoreWeights(), self.messages), *(self.messages.text(key) for key in keys)]
        lines.append(evidence_note(None, self.messages))
        return Section("reading", self.messages.text("reading"), [Facts([("", line) for line in lines])])

    def _run(self, name: str) -> Section:
        run, messages = self.runs[name], self.messages
        knobs = _knobs(run)
        facts = [
            (messages.text("configuration"), settings(knobs)),
            (messages.text("result"), parts_of(run.score(), ScoreWeights())),
        ]
        titles = [messages.text(key) for key in ("character", "before", "after", "status")]
        rows = [_row(who, one, messages) for who, one in run.characters.items()]
        cells = [[row.character, row.before, row.after, row.status] for row in rows]
        table = Table(f"characters-{name}", [Column(title) for title in titles], cells)
        return Section(f"trial-{name}", heading(name, knobs, messages), [Facts(facts), table])

    def _all(self) -> Section:
        columns = [Column(self.messages.text("trial")), *(Column(part, number=True) for part in SCORE_AND_PARTS)]
        rows: list[Sequence[Cell]] = [
            [each.label, *(getattr(each.score, part) for part in SCORE_AND_PARTS)] for each in self.tried
        ]
        return Section("all", self.messages.text("all_trials"), [Table("all-trials", columns, rows)])

    def _best(self) -> Section:
        best, second, messages = self.tried[0], self.tried[1], self.messages
        lines = [
            parts_of(best.score, ScoreWeights()),
            against("against_next", best.score, second.label, second.score, ScoreWeights(), messages),
            *of_characters(best.characters, messages),
        ]
        blocks: list[Block] = [Text(messages.text("best_is", name=best.label)), Facts([("", line) for line in lines])]
        return Section("best", messages.text("best"), blocks)


def _knobs(run: HandRun) -> dict[str, Any]:
    return dict(run.configuration)


def _outcome(who: str, one: HandCharacter) -> CharacterOutcome:
    """The report names whom a character was taken for, not how often."""
    names = () if one.named_as is None else ((one.named_as, 0),)
    change = one.change(who)
    return CharacterOutcome(who, one.role, one.before, one.after, change.flips, one.hallucinated, names)


def _row(who: str, one: HandCharacter, messages: Messages) -> CharacterRow:
    """The team's row: each side with the questions it was asked, and whom the character was taken for."""
    before, after = (character_table([_result(who, one, asked)], messages)[0] for _, asked in (one.before, one.after))
    status = after.status
    if one.hallucinated:
        named = (
            messages.text("hand_named_as", name=one.named_as) if one.named_as else messages.text("hand_named_others")
        )
        status = f"{status}; {named}"
    said = messages.text("hand_before_named", cell=before.before, name=one.named_before) if one.named_before else ""
    return CharacterRow(who, said or before.before, after.after, status)


def _result(who: str, one: HandCharacter, asked: int) -> CharacterResult:
    """The counts as a run would have them; of wrong names and abstentions the report gives no number."""
    outcome = _outcome(who, one)
    return CharacterResult(
        character=who,
        role=one.role,
        asked=asked,
        right_before=one.before[0],
        right_after=one.after[0],
        flips=outcome.lost_answers,
        wrong_before=0,
        wrong_after=0,
        abstained_before=0,
        abstained_after=0,
        wrong_names=(),
        quote=None,
    )
