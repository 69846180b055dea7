"""What became of each character, in the words of the report's table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.facts.character_results import CharacterResult
from analysis.facts.evidence import ALPHA, CharacterEvidence
from analysis.messages.catalogue import Messages
from trainables.scoring import UNKNOWN

QUOTE_LENGTH = 80
NAMES_SHOWN = 3


@dataclass(frozen=True)
class CharacterRow:
    """A line of the table: character | before fine-tuning | after fine-tuning | status; plain text, not Markdown."""

    character: str
    before: str
    after: str
    status: str


def character_table(
    results: Sequence[CharacterResult],
    messages: Messages,
    evidence: Mapping[str, CharacterEvidence] | None = None,
) -> list[CharacterRow]:
    """The table in words: a status claims a change only where the evidence supports it, else it says what was seen.

    evidence: by character, of the same answers as the results; where there is none, statuses give counts alone.
    """
    evidence = evidence or {}
    return [
        CharacterRow(
            character=result.character,
            before=_cell(result, result.right_before, result.wrong_before, messages),
            after=_cell(result, result.right_after, result.wrong_after, messages),
            status=_status(result, evidence.get(result.character), messages),
        )
        for result in results
    ]


def evidence_note(evidence: Mapping[str, CharacterEvidence] | None, messages: Messages) -> str:
    """What the statuses of `character_table` rest on, to be said once."""
    return messages.text("evidence_tested", alpha=f"{ALPHA:g}") if evidence else messages.text("evidence_missing")


def _cell(result: CharacterResult, right: int, wrong: int, messages: Messages) -> str:
    """Right answers; of a negative, which nobody teaches, how often it was named as someone else."""
    if result.role == "negative":
        return messages.count("cell_named", result.asked, wrong=wrong)
    if right == result.asked > 1:
        return messages.count("cell_all_right", right)
    return messages.count("cell_right", result.asked, right=right)


def _status(result: CharacterResult, found: CharacterEvidence | None, messages: Messages) -> str:
    change = {"negative": _named, "control": _kept, UNKNOWN: _unmeasured}.get(result.role, _learnt)
    parts = [*change(result, found, messages), *_hallucination(result, messages), *_abstention(result, messages)]
    return "; ".join(parts)


def _learnt(result: CharacterResult, found: CharacterEvidence | None, messages: Messages) -> list[str]:
    """What became of a target's right answers."""
    rise = result.right_after - result.right_before
    if not rise:
        return [messages.text("status_unimproved")]
    counts = {"before": result.right_before, "after": result.right_after}
    if found and _supports(found, rise):
        return [messages.text("status_improved" if rise > 0 else "status_worse", **counts, p=_p(found))]
    seen = messages.text("status_more_right" if rise > 0 else "status_fewer_right", **counts)
    if rise > 0 and found and found.confused:
        return [seen, messages.text("status_confused")]
    return [seen, *_doubt(found, rise, messages)]


def _kept(result: CharacterResult, found: CharacterEvidence | None, messages: Messages) -> list[str]:
    """What became of a control's right answers; one that gained as many as it lost is not degraded."""
    rise = result.right_after - result.right_before
    if not result.flips:
        return [messages.text("status_stable")]
    if rise < 0 and found and _supports(found, rise):
        return [messages.count("status_degraded", result.flips, p=_p(found))]
    seen = messages.count("status_lost", result.flips, before=result.right_before, after=result.right_after)
    return [seen, *(_doubt(found, rise, messages) if rise < 0 else [])]


def _unmeasured(result: CharacterResult, found: CharacterEvidence | None, messages: Messages) -> list[str]:
    """A control that the base does not know."""
    return [messages.text("status_unmeasured")]


def _named(result: CharacterResult, found: CharacterEvidence | None, messages: Messages) -> list[str]:
    """Whether a negative, which nobody teaches, is now called by others' names more often."""
    rise = result.wrong_after - result.wrong_before
    if not rise:
        return [messages.text("status_named_same")]
    if found and _supports(found, rise):
        key = "status_named_more_often_surely" if rise > 0 else "status_named_rarer_surely"
        return [messages.text(key, p=_p(found))]
    seen = messages.text("status_named_more_often" if rise > 0 else "status_named_rarer")
    return [seen, *_doubt(found, rise, messages)]


def _supports(found: CharacterEvidence, rise: int) -> bool:
    """Whether the evidence supports a rise, or with `rise` below 0 a fall."""
    return found.supported and found.difference * rise > 0


def _doubt(found: CharacterEvidence | None, rise: int, messages: Messages) -> list[str]:
    if found is None:
        return []
    chance = messages.text("status_chance", p=_p(found))
    if found.images_needed is None or found.difference * rise <= 0:
        return [chance]
    # "About": two digits.
    needed = round(found.images_needed, min(0, 2 - len(str(found.images_needed))))
    return [chance, messages.count("status_needed", needed)]


def _p(found: CharacterEvidence) -> str:
    if found.p_holm < 0.001:
        return "p < 0.001"
    shown = f"{found.p_holm:.2g}"
    # Rounding must not carry an unsupported p to the limit.
    return f"p = {shown}" if found.supported or float(shown) > ALPHA else f"p > {ALPHA:g}"


def _hallucination(result: CharacterResult, messages: Messages) -> list[str]:
    if not result.wrong_after:
        gone = result.wrong_before and result.role != "negative"
        return [messages.text("status_no_longer_wrong", before=result.wrong_before)] if gone else []
    names = ", ".join(f"{name} ({messages.count('times', count)})" for name, count in result.wrong_names[:NAMES_SHOWN])
    if len(result.wrong_names) > NAMES_SHOWN:
        names = messages.count("and_more", len(result.wrong_names) - NAMES_SHOWN, names=names)
    head = messages.count("status_hallucination", result.wrong_after, before=result.wrong_before)
    quote = [messages.text("status_quote", quote=shorten(result.quote))] if result.quote else []
    return [f"{head}: {names}" if names else head, *quote]


def _abstention(result: CharacterResult, messages: Messages) -> list[str]:
    if not result.abstained_after:
        return []
    return [messages.count("status_abstained", result.abstained_after, before=result.abstained_before)]


def shorten(text: str, length: int = QUOTE_LENGTH) -> str:
    """The text on one line, cut to `length` characters with an ellipsis."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"
