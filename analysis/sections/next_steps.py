"""What to do next, from where the run stands: each step with its reason and, where there is one, its command."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from analysis.facts.findings import Findings
from analysis.messages.catalogue import Messages
from analysis.messages.words import percent, short
from analysis.render.document import Block, Code, Facts, Section
from search.outputs.fitness import MOST_WRONG_NAMES, Fitness
from search.run.known_controls import GO_ON_WITHOUT
from search.tuning.finalists import ENOUGH_SEARCHED
from skazka_text.printable import printable
from spaces.trial_config import TrialConfig

NAMES_SHOWN = 4


@dataclass(frozen=True)
class Step:
    """One thing to do. sentence: what and why; command: how, None where it is no command."""

    sentence: str
    command: str | None = None


def next_steps(findings: Findings, messages: Messages) -> Section:
    """The last section of a report."""
    todo = steps(findings, messages)
    run = shlex.quote(str(findings.data.path))
    look = [Step("", f"skazka status {run}"), Step("", f"skazka report {run}")]
    blocks: list[Block] = [Facts([("", step.sentence) for step in todo]), Code(commands([*todo, *look]))]
    return Section("next", messages.text("next"), blocks)


def commands(todo: Sequence[Step]) -> str:
    """The steps' commands, one a line, each once."""
    found = dict.fromkeys(step.command for step in todo if step.command is not None)
    return "\n".join(printable(command) for command in found)


def steps(findings: Findings, messages: Messages) -> list[Step]:
    """What is to be done, most urgent first."""
    run = shlex.quote(str(findings.data.path))
    found = [*_finish(findings, run, messages)]
    fitness = findings.fitness
    if fitness is not None and fitness.worth_keeping:
        key = "step_export_unproven" if _unproven(findings) else "step_export"
        found.append(Step(messages.text(key), f"skazka export {run} --to adapters/best"))
    elif fitness is not None:
        found += [_warning(fitness, messages), *remedies(findings, fitness, messages)]
    if not findings.unfinished:
        found += _check(findings, messages)
    found += _data(findings, messages)
    return found


def _unproven(findings: Findings) -> bool:
    """Whether the best may be no better than the untouched model, whose score is 0."""
    return findings.measured is not None and findings.measured.interval.score.low <= 0


def _warning(fitness: Fitness, messages: Messages) -> Step:
    """Why the adapter is not to be kept."""
    if not fitness.helps:
        return Step(messages.text("step_no_help", score=short(fitness.score), split=fitness.split))
    shares = {"share": percent(fitness.wrong_after), "limit": percent(MOST_WRONG_NAMES)}
    return Step(messages.text("step_invents", split=fitness.split, **shares))


def remedies(findings: Findings, fitness: Fitness, messages: Messages) -> list[Step]:
    """What may mend an adapter that is not to be kept, as far as the study's data allow it."""
    study = findings.data.study
    found = []
    if fitness.invents and not study.named("negative"):
        found.append(Step(messages.text("step_add_negatives")))
    if study.replay:
        found += _replay(findings, messages)
    if findings.hardly_told_apart:
        found.append(Step(messages.text("step_other_base")))
    confused = [result for result in findings.adapter_results if result.wrong_after > result.wrong_before]
    confused.sort(key=lambda result: -result.wrong_after / result.asked)
    if confused and not found:
        names = ", ".join(result.character for result in confused[:NAMES_SHOWN])
        found.append(Step(messages.text("step_confused", names=names)))
    return found


def _replay(findings: Findings, messages: Messages) -> list[Step]:
    """How configurations that train on the replay rows come to be found, where the best is none of them."""
    used = {row.id for row in findings.data.rows if TrialConfig.model_validate(row.config).uses_replay_rows}
    if findings.best is None or findings.best.id in used:
        return []
    more = max(findings.data.asked + 12, 24)
    if used:
        run = shlex.quote(str(findings.data.path))
        return [Step(messages.text("step_search_on"), f"skazka resume {run} --trials {more}")]
    command = f"skazka launch {_study(findings)} --space forgetting --trials {more}"
    return [Step(messages.text("step_space"), command)]


def _study(findings: Findings) -> str:
    """The study as a shell takes it."""
    data = findings.data
    return shlex.quote(str((data.manifest.get("study") or {}).get("folder") or data.study.file.name))


def _finish(findings: Findings, run: str, messages: Messages) -> list[Step]:
    states = [row.state for row in findings.data.rows]
    found = []
    if "running" in states:
        found.append(Step(messages.text("step_wait"), f"skazka status {run}"))
    elif findings.unfinished and findings.data.is_held:
        names = ", ".join(control.name for control in findings.data.unknown)
        command = f"skazka resume {run} {GO_ON_WITHOUT}"
        found.append(Step(messages.text("step_unknown_controls", names=names), command))
    elif findings.unfinished:
        found.append(Step(messages.count("step_resume", findings.unfinished), f"skazka resume {run}"))
    if "failed" in states:
        command = f"skazka resume {run} --retry-failed"
        found.append(Step(messages.count("step_retry", states.count("failed")), command))
    return found


def _check(findings: Findings, messages: Messages) -> list[Step]:
    """How to become sure of the winner."""
    measured, data = findings.measured, findings.data
    if measured is None:
        return []
    if not data.standings:
        command = f"skazka launch {_study(findings)} --trials {max(data.asked, ENOUGH_SEARCHED)} --finalists 3"
        return [Step(messages.text("step_finalists"), command)]
    interval = measured.rival.interval.score if measured.rival is not None else measured.interval.score
    if interval.low <= 0 <= interval.high:
        return [Step(messages.text("step_more_probes"))]
    return []


def _data(findings: Findings, messages: Messages) -> list[Step]:
    """What the study lacks."""
    return [*_strangers(findings, messages), *_pictures(findings, messages)]


def _strangers(findings: Findings, messages: Messages) -> list[Step]:
    """Negatives to replay, where those that training never showed are mostly called by wrong names."""
    trained = findings.data.study.trained_negatives
    unseen = [one for one in findings.adapter_results if one.role == "negative" and one.character not in trained]
    asked, wrong = sum(one.asked for one in unseen), sum(one.wrong_after for one in unseen)
    if 2 * wrong <= asked:
        return []
    shares = {"share": percent(wrong / asked)}
    return [Step(messages.text("step_more_strangers" if trained else "step_replay_negatives", **shares))]


def _pictures(findings: Findings, messages: Messages) -> list[Step]:
    results = [result for result in findings.adapter_results if result.role == "target"]
    unlearnt = [result.character for result in results if 2 * result.right_after < result.asked]
    if not unlearnt:
        return []
    return [Step(messages.text("step_images", names=", ".join(unlearnt)))]
