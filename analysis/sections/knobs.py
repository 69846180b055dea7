"""What each knob did, max_length among them, and when the data cannot tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from analysis.facts.cut import cut_shares
from analysis.facts.findings import Findings
from analysis.facts.knobs import ENOUGH, ENOUGH_BEST, Effect, Importance, effects, importance
from analysis.messages.catalogue import Messages
from analysis.messages.words import percent, signed
from analysis.render.document import Block, Cell, Column, Facts, Section, Table, Text, Tone
from search.run.run_folder import RunFolder
from search.run.trial_row import ranked
from spaces.trial_config import KNOBS, value_of


def knobs(findings: Findings, messages: Messages) -> Section:
    """The effect of every knob that the trials of a run vary."""
    scored = [row for row in ranked(findings.data.rows) if row.repeat_of is None]
    configs = [
        {knob: value_of(row.config, knob) for knob in KNOBS if _counts(knob, value_of(row.config, knob))}
        for row in scored
    ]
    found = effects([(config, row.score or 0.0) for config, row in zip(configs, scored, strict=True)])
    shares = importance(findings.data.ledger, RunFolder(findings.data.path).space()) if found else None
    cut = cut_shares(findings.data.study, scored, findings.epochs)
    return knob_section(found, len(scored), shares, _cut_words(cut, messages), messages)


def _counts(knob: str, value: object) -> bool:
    """A knob that is left empty has no value, but for the images: empty means all of them."""
    return value is not None or knob == "images_per_character"


def knob_section(
    found: Sequence[Effect], trials: int, shares: Importance | None, cut: str, messages: Messages
) -> Section:
    """The section on knobs. shares: importance, None where there are too few trials. cut: of max_length, in words."""
    title = messages.text("knobs")
    if not found:
        return Section("knobs", title, [Text(messages.text("knobs_none"))])
    told = [effect for effect in found if effect.told]
    blocks: list[Block] = [Text(_summary(told, trials, messages), "plain" if told else "unsure")]
    length = [effect for effect in found if effect.knob == "max_length"]
    facts = [("max_length", " ".join([*(_sentence(effect, messages) for effect in length), cut]).strip())]
    facts += [(effect.knob, _sentence(effect, messages)) for effect in told if effect not in length]
    blocks += [Facts([fact for fact in facts if fact[1]]), _table(found, shares, messages)]
    notes = [messages.text("knobs_method")]
    if shares is None:
        notes.append(messages.count("importance_few", 2 * ENOUGH_BEST))
    else:
        notes.append(messages.count("importance_method", shares.of, best=shares.best))
    return Section("knobs", title, [*blocks, Text(" ".join(notes))])


def _summary(told: Sequence[Effect], trials: int, messages: Messages) -> str:
    if not told:
        return messages.count("knobs_unsure", trials)
    return messages.count("knobs_sure", trials, names=", ".join(dict.fromkeys(effect.knob for effect in told)))


def _sentence(effect: Effect, messages: Messages) -> str:
    values = {"high": effect.high, "low": effect.low, "difference": signed(effect.difference)}
    counts = {"n_high": effect.n_high, "n_low": effect.n_low}
    if effect.interval is None:
        return messages.text("knob_no_interval", **values, **counts)
    low, high = map(signed, effect.interval)
    return messages.text("knob_told" if effect.told else "knob_untold", **values, **counts, lower=low, upper=high)


def _table(found: Sequence[Effect], shares: Importance | None, messages: Messages) -> Table:
    columns = [Column(messages.text(key)) for key in ("knob", "knob_high", "knob_low")]
    columns += [Column(messages.text("knob_effect"), True), Column(messages.text("knob_interval"))]
    columns += [Column(messages.text("knob_importance"), True)] if shares is not None else []
    columns.append(Column(messages.text("knob_verdict")))
    importances: Mapping[str, float] = {} if shares is None else shares.shares
    rows: list[list[Cell]] = []
    for effect in found:
        row: list[Cell] = [
            effect.knob,
            messages.count("knob_group", effect.n_high, values=effect.high),
            messages.count("knob_group", effect.n_low, values=effect.low),
            effect.difference,
            "—" if effect.interval is None else " … ".join(map(signed, effect.interval)),
        ]
        row += [importances.get(effect.knob)] if shares is not None else []
        rows.append([*row, messages.text(_verdict(effect))])
    tones: list[Tone] = ["good" if effect.told else "plain" for effect in found]
    return Table("knobs-table", columns, rows, tones=tones)


def _verdict(effect: Effect) -> str:
    if effect.told:
        return "knob_more" if effect.difference > 0 else "knob_less"
    return "knob_few" if min(effect.n_high, effect.n_low) < ENOUGH else "knob_unclear"


def _cut_words(cut: Mapping[int, float], messages: Messages) -> str:
    """The share of training answers that each max_length cut."""
    if not cut:
        return ""
    if not any(cut.values()):
        return messages.text("cut_none")
    listed = ", ".join(f"{length}: {percent(share)}" for length, share in sorted(cut.items()))
    return messages.text("cut_shares", listed=listed)
