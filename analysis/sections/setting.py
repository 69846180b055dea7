"""What the run is about and how its numbers are to be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from analysis.facts.findings import Findings
from analysis.facts.overview import TPE_STARTUP, CharacterData, Overview, overview_of
from analysis.messages.catalogue import Messages
from analysis.messages.words import duration
from analysis.render.document import Block, Cell, Column, Facts, Section, Table
from analysis.sections.character_table import evidence_note
from analysis.sections.conclusions import formula
from search.outputs.wandb.log import SWEEP, addresses
from trainables.scoring import UNKNOWN


def overview(findings: Findings, messages: Messages) -> Section:
    """The overview of a run: its study, its sweep, its data."""
    data, found = findings.data, overview_of(findings.data)
    facts = [
        *[(messages.text(f"{role}s"), _names(findings, role, messages)) for role in ("target", "control", "negative")],
        *_unknown(findings, messages),
        (messages.text("base_model"), messages.text("base_model_is", **_model(data.manifest, messages))),
        (messages.text("sweep"), _states(found, messages)),
        (messages.text("settings"), _settings(found, messages)),
        (messages.text("wall_time"), _times(findings, found, messages)),
        (messages.text("hardware"), _hardware(data.manifest, messages)),
        (messages.text("versions"), _versions(data.manifest, messages)),
        ("W&B", addresses(data.ledger).get(SWEEP) or ""),
        *[(messages.text("accepted_change"), change) for change in found.accepted_changes],
        (messages.text("run_folder"), messages.text("run_folder_is", run=data.path, created=data.manifest["created"])),
    ]
    blocks: list[Block] = [Facts([fact for fact in facts if fact[1]]), _characters(found, messages)]
    return Section("overview", messages.text("overview"), blocks)


def _names(findings: Findings, role: Any, messages: Messages) -> str:
    return ", ".join(findings.data.named(role)) or messages.text("nobody")


def _unknown(findings: Findings, messages: Messages) -> list[tuple[str, str]]:
    names = ", ".join(findings.data.named(UNKNOWN))
    return [(messages.text("unknowns"), names)] if names else []


def _states(found: Overview, messages: Messages) -> str:
    states = ", ".join(f"{messages.text(state)} {count}" for state, count in found.states.items() if count)
    trials = messages.count("trials", found.asked)
    kinds = messages.count("of_them_repeats", found.repeats) if found.repeats else ""
    return "; ".join(part for part in (f"{trials}: {states}" if states else trials, kinds) if part)


def _settings(found: Overview, messages: Messages) -> str:
    options = found.options
    values = options.model_dump(include={"seed", "sampler", "scheduler"})
    parts = [messages.text("settings_are", **values)]
    if options.objective != "score":
        parts.append(messages.text("settings_pareto"))
    if options.max_degradation is not None:
        parts.append(messages.text("settings_limit", limit=f"{options.max_degradation:g}"))
    return ", ".join(parts)


def _or_dash(value: object) -> str:
    return "—" if value is None else str(value)


def _times(findings: Findings, found: Overview, messages: Messages) -> str:
    if found.wall_seconds is None:
        return ""
    return messages.text("wall_time_is", wall=duration(found.wall_seconds, messages))


def _model(manifest: Mapping[str, Any], messages: Messages) -> dict[str, str]:
    model = manifest["base_model"]
    if model.get("revision"):
        revision = str(model["revision"])
    elif model.get("sha256"):
        revision = messages.text("file_hash", hash=str(model["sha256"])[:12])
    else:
        revision = messages.text("no_revision")
    return {"id": str(model["id"]), "revision": revision, "dtype": _or_dash(model.get("dtype"))}


def _hardware(manifest: Mapping[str, Any], messages: Messages) -> str:
    hardware = manifest.get("hardware") or {}
    parts = [str(hardware["platform"])] if hardware.get("platform") else []
    parts += [messages.count("cores", int(hardware["cpus"]))] if hardware.get("cpus") else []
    if hardware.get("memory_bytes"):
        parts.append(messages.text("memory", gib=f"{hardware['memory_bytes'] / 2**30:.0f}"))
    return ", ".join(parts)


def _versions(manifest: Mapping[str, Any], messages: Messages) -> str:
    known = [f"{name} {version}" for name, version in (manifest.get("versions") or {}).items() if version]
    code = manifest.get("code") or {}
    if code.get("commit"):
        known.append(messages.text("commit_dirty" if code.get("dirty") else "commit", commit=code["commit"][:12]))
    return ", ".join(known)


def _characters(found: Overview, messages: Messages) -> Table:
    titles = [messages.text(key) for key in ("character", "role", "training_images", "training_rows")]
    titles += [messages.text("probes_in", split=split) for split in ("search", "test")]
    rows = [_counts(one.name, _role(one, messages), one) for one in found.characters]
    total = _counts(messages.text("total"), "", found.total)
    columns = [Column(title, number=place > 1) for place, title in enumerate(titles)]
    return Table("data", columns, [*rows, total])


def _role(one: CharacterData, messages: Messages) -> str:
    return messages.text("negative_trained" if one.role == "negative" and one.replayed else one.role)


def _counts(name: str, role: str, one: CharacterData) -> list[Cell]:
    return [name, role, one.images, one.rows, one.search, one.test]


def reading(findings: Findings, messages: Messages) -> Section:
    """How the numbers are to be read."""
    found, weights = overview_of(findings.data), findings.data.study.file.score
    lines = [
        formula(weights, messages),
        messages.text("score_example"),
        messages.text("counted_twice"),
        messages.text("splits") + " " + messages.text(_test_key(found)),
    ]
    if found.searched:
        lines.append(messages.count("selection", found.searched))
    if found.options.sampler == "tpe" and found.suggested:
        values = {"startup": TPE_STARTUP, "searched": found.suggested}
        lines.append(messages.count("tpe", found.model_driven, **values))
    elif found.options.sampler == "random":
        lines.append(messages.text("random"))
    if findings.adapter is not None:
        lines += [evidence_note(findings.evidence(findings.adapter.id), messages), messages.text("intervals")]
    return Section("reading", messages.text("reading"), [Facts([("", line) for line in lines])], folded=True)


def _test_key(found: Overview) -> str:
    if not found.total.test:
        return "test_none"
    return "test_opened" if found.test_opened else "test_unopened"
