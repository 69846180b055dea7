"""The report in a minute: what was tried, what won, whether it is real, what broke, what to do next."""

from __future__ import annotations

import math
from collections.abc import Sequence

from analysis.facts.character_results import CharacterResult
from analysis.facts.evidence import CharacterEvidence
from analysis.facts.findings import Findings, Measured
from analysis.facts.naming import knobs_by_hand_name, label
from analysis.facts.statistics import Interval
from analysis.messages.catalogue import Messages
from analysis.messages.words import duration, interval_words, main_settings, percent, short
from analysis.render.document import Block, Code, Facts, Section, Text, Tone
from analysis.sections.next_steps import Step, commands, steps
from search.run.trial_row import TrialRow
from spaces.trial_config import TrialConfig
from trainables.scoring import mean

STEPS_SHOWN = 2
NAMES_SHOWN = 4


def verdict(findings: Findings, messages: Messages) -> Section:
    """The first section of a report."""
    todo = steps(findings, messages)
    tone, headline = _headline(findings, messages)
    facts = [("verdict_tried", _tried(findings, messages))]
    if findings.best is not None and findings.adapter is not None:
        won, real = _titles(findings)
        facts.append((won, _won(findings, findings.best, findings.adapter_results, messages)))
        facts.append((real, _real(findings, messages)))
    facts.append(("verdict_broke", " ".join(_broke(findings, messages))))
    facts.append(("verdict_next", " ".join(step.sentence for step in todo[:STEPS_SHOWN])))
    named = [(messages.text(key), text) for key, text in facts if text]
    blocks: list[Block] = [Text(headline, tone), Facts(named), *_code(todo[:STEPS_SHOWN])]
    return Section("verdict", messages.text("verdict"), blocks)


def _titles(findings: Findings) -> tuple[str, str]:
    """What the best configuration and its check are headed by: no victory where the headline claims none."""
    fitness, measured = findings.fitness, findings.measured
    beaten = measured is not None and measured.interval.score.low <= 0
    if beaten or (fitness is not None and not fitness.worth_keeping):
        return "verdict_best", "verdict_checked"
    return "verdict_won", "verdict_real"


def _code(todo: Sequence[Step]) -> list[Code]:
    text = commands(todo)
    return [Code(text)] if text else []


def _headline(findings: Findings, messages: Messages) -> tuple[Tone, str]:
    best, measured = findings.best, findings.measured
    if best is None or measured is None:
        return "unsure", messages.text("headline_nothing")
    name = label(best)
    turned = _turned_round(findings, name, measured, messages)
    if turned is not None:
        return turned
    if findings.data.winner is None:
        return "unsure", messages.text("headline_unchecked", name=name, score=short(measured.score))
    if measured.split == "search":
        key = "headline_unopened" if findings.data.study.probes_of("test") else "headline_untested"
        return "unsure", messages.text(key, name=name, score=short(measured.score))
    if best.kind == "baseline":
        return "unsure", messages.text("headline_baseline", name=name)
    if measured.rival is None:
        # There is nothing hand-made to beat, and an interval that holds 0 was turned round above.
        return "good", messages.text("headline_helps", name=name)
    sure = _sign(measured.rival.interval.score)
    key = {1: "headline_better", 0: "headline_maybe", -1: "headline_worse"}[sure]
    tones: dict[int, Tone] = {1: "good", 0: "unsure", -1: "bad"}
    return tones[sure], messages.text(key, name=name, other=label(measured.rival.row))


def _turned_round(findings: Findings, name: str, measured: Measured, messages: Messages) -> tuple[Tone, str] | None:
    """The headline of a best configuration that is no victory; the untouched model scores 0 by definition."""
    fitness = findings.fitness
    if measured.score <= 0:
        return "bad", messages.text(
            "headline_nothing_beats", name=name, score=short(measured.score), split=measured.split
        )
    if fitness is not None and fitness.invents:
        shares = {"share": percent(fitness.wrong_after), "before": percent(fitness.wrong_before)}
        return "bad", messages.text("headline_invents", name=name, split=measured.split, **shares)
    if measured.interval.score.low <= 0:
        return "unsure", messages.text("headline_no_help", name=name, score=short(measured.score), split=measured.split)
    return None


def _sign(interval: Interval) -> int:
    """1 or -1 where the interval lies above or below 0, 0 where it holds it or nothing is known."""
    return 1 if interval.low > 0 else -1 if interval.high < 0 else 0


def _tried(findings: Findings, messages: Messages) -> str:
    study, rows = findings.data.study, [row for row in findings.data.rows if row.repeat_of is None]
    baselines = sum(row.kind == "baseline" for row in rows)
    parts = [
        messages.count("tried_configurations", len(rows)),
        messages.text("tried_of", baselines=baselines, searched=len(rows) - baselines),
        messages.text("tried_targets", names=_names(study.named("target"), messages)),
    ]
    if findings.data.named("control"):
        parts.append(messages.text("tried_controls", names=_names(findings.data.named("control"), messages)))
    if study.named("negative"):
        parts.append(messages.text("tried_negatives", names=_names(study.named("negative"), messages)))
    if findings.cost.seconds:
        parts.append(messages.text("tried_time", time=duration(findings.cost.seconds, messages)))
    if findings.unfinished:
        parts.append(messages.count("tried_unfinished", findings.unfinished))
    return " ".join(parts)


def _names(names: Sequence[str], messages: Messages) -> str:
    if len(names) <= 2 * NAMES_SHOWN:
        return ", ".join(names) or messages.text("nobody")
    return messages.count("and_more", len(names) - NAMES_SHOWN, names=", ".join(names[:NAMES_SHOWN]))


def _won(findings: Findings, best: TrialRow, results: Sequence[CharacterResult], messages: Messages) -> str:
    kind = messages.text("won_baseline" if best.kind == "baseline" else "won_searched", name=label(best))
    knobs = knobs_by_hand_name(TrialConfig.model_validate(best.config))
    parts = [kind, messages.text("won_configuration", settings=main_settings(knobs, messages))]
    if not results:
        return " ".join(parts)
    targets = [result for result in results if result.role == "target"]
    controls = [result for result in results if result.role == "control"]
    parts += [messages.text("won_learnt", split=findings.split, **_right(targets))] if targets else []
    parts += [messages.text("won_kept", **_right(controls))] if controls else []
    asked = sum(result.asked for result in results)
    before, after = (sum(getattr(result, side) for result in results) for side in ("wrong_before", "wrong_after"))
    parts.append(messages.text("won_wrong", before=percent(before / asked), after=percent(after / asked)))
    return " ".join([*parts, *_strangers(findings, results, messages)])


def _strangers(findings: Findings, results: Sequence[CharacterResult], messages: Messages) -> list[str]:
    """How often the negatives are called by wrong names, those in training apart, and who is abstained about."""
    negatives = [result for result in results if result.role == "negative"]
    targets = [result for result in results if result.role == "target"]
    if not negatives or not targets:
        return []
    trained = _trained_on(findings)
    seen = [result for result in negatives if result.character in trained]
    unseen = [result for result in negatives if result.character not in trained]
    said = {"targets": _rate(targets, "abstained_after"), "strangers": _rate(negatives, "abstained_after")}
    found = [messages.text("won_abstained", **said)]
    if seen:
        named = {"seen": _rate(seen, "wrong_after"), "unseen": _rate(unseen, "wrong_after")}
        found.append(messages.text("won_strangers", **named))
    return found


def _trained_on(findings: Findings) -> list[str]:
    """The negatives that the best configuration trained on."""
    best = findings.best
    if best is None or not TrialConfig.model_validate(best.config).uses_replay_rows:
        return []
    return findings.data.study.trained_negatives


def _rate(results: Sequence[CharacterResult], counted: str) -> str:
    """A share of all answers about some characters."""
    asked = sum(result.asked for result in results)
    return percent(sum(getattr(result, counted) for result in results) / asked) if asked else "—"


def _right(results: Sequence[CharacterResult]) -> dict[str, str]:
    """The mean share of right answers, before and after."""
    return {
        "before": percent(mean(result.right_before / result.asked for result in results)),
        "after": percent(mean(result.right_after / result.asked for result in results)),
    }


def _real(findings: Findings, messages: Messages) -> str:
    measured = findings.measured
    if measured is None:
        return ""
    parts = [_checked(findings, measured, messages)]
    between = interval_words(measured.interval.score, messages)
    parts.append(messages.text("real_score", split=measured.split, score=short(measured.score), between=between))
    learnt = [name for name, one in findings.best_evidence.items() if _surely_learnt(one)]
    if findings.data.winner is not None:
        parts.append(messages.count("real_learnt", measured.repeats, names=_names(learnt, messages)))
    if measured.rival is not None:
        interval = measured.rival.interval.score
        key = "real_ahead" if _sign(interval) > 0 else "real_behind" if _sign(interval) < 0 else "real_chance"
        parts.append(
            messages.text(
                key,
                rival=messages.text("rival_baseline" if measured.rival.row.kind == "baseline" else "rival_searched"),
                other=label(measured.rival.row),
                score=short(measured.rival.score),
                difference=f"{measured.rival.difference + 0.0:+.2f}",
                between=interval_words(interval, messages),
            )
        )
    return " ".join(parts)


def _surely_learnt(one: CharacterEvidence) -> bool:
    return one.role == "target" and one.supported and one.difference > 0


def _checked(findings: Findings, measured: Measured, messages: Messages) -> str:
    if measured.split == "test":
        return messages.count("real_checked", measured.repeats)
    if findings.data.winner is not None:
        key = "real_unopened" if findings.data.study.probes_of("test") else "real_untested"
        return messages.count(key, measured.repeats)
    if findings.data.standings:
        return messages.text("real_in_progress")
    return messages.count("real_unchecked", len(findings.tried))


def _broke(findings: Findings, messages: Messages) -> list[str]:
    results = findings.adapter_results
    parts = [*_forgotten(findings, messages), *_odds(findings, messages)] if results else []
    unlearnt = [result for result in results if result.role == "target" and 2 * result.right_after < result.asked]
    if unlearnt:
        parts.append(messages.text("unlearnt", names=_shares(unlearnt, "right_after", messages)))
    named = [result for result in results if result.wrong_after > result.wrong_before]
    named.sort(key=lambda result: -result.wrong_after / result.asked)
    if named:
        parts.append(messages.text("broke_named", names=_taken(named, messages)))
    failed = sum(row.state == "failed" for row in findings.data.rows)
    return [*parts, *([messages.count("broke_failed", failed)] if failed else [])]


def _forgotten(findings: Findings, messages: Messages) -> list[str]:
    """The controls that lost right answers, those apart whose loss may be chance."""
    unmeasured = [control.name for control in findings.data.unknown]
    said = [messages.text("broke_unmeasured", names=", ".join(unmeasured))] if unmeasured else []
    controls = [result for result in findings.adapter_results if result.role == "control"]
    lost = [result for result in controls if result.flips]
    if not lost:
        kept = ", ".join(result.character for result in controls)
        return [*([messages.text("broke_forgot_none", names=kept)] if kept else []), *said]
    found = findings.adapter_evidence
    sure = [one for one in lost if found[one.character].supported and found[one.character].difference < 0]
    groups = (("broke_forgot", sure), ("broke_forgot_maybe", [one for one in lost if one not in sure]))
    return [*(messages.text(key, names=_shares(group, "flips", messages)) for key, group in groups if group), *said]


def _odds(findings: Findings, messages: Messages) -> list[str]:
    """That right and wrong names are about as likely, where they are."""
    if not findings.hardly_told_apart:
        return []
    return [messages.text("broke_odds", odds=f"{math.exp(findings.margin):.1f}")]


def _shares(results: Sequence[CharacterResult], counted: str, messages: Messages) -> str:
    words = [
        messages.text("share", name=result.character, count=getattr(result, counted), asked=result.asked)
        for result in results
    ]
    return ", ".join(words)


def _taken(results: Sequence[CharacterResult], messages: Messages) -> str:
    words = [
        messages.text(
            "broke_taken",
            name=result.character,
            count=result.wrong_after,
            asked=result.asked,
            other=result.wrong_names[0][0] if result.wrong_names else "—",
        )
        for result in results[:NAMES_SHOWN]
    ]
    listed = ", ".join(words)
    left = len(results) - NAMES_SHOWN
    return messages.count("and_more_characters", left, names=listed) if left > 0 else listed
