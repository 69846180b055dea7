"""Which controls the base knows: the others cannot be forgotten, and are told of before the first trial."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from search.run.ledger import BASE, Ledger
from skazka_text.problems import Advice, InputError, Problem
from studies.study import Study
from trainables.answers import GradedAnswer
from trainables.scoring import UNKNOWN, scored_roles

# Ledger: the user goes on although the base knows none of the controls.
ALLOWED = "unknown_controls_allowed"
# What says so, on the command line of `skazka resume`.
GO_ON_WITHOUT = "--allow-unknown-controls"
ANSWERS_SHOWN = 3
ANSWER_LENGTH = 60


def known_share(manifest: Mapping[str, Any]) -> float:
    """The share of right answers from which a run takes a control for known, [0, 1]; 0 in runs of earlier versions."""
    return float((manifest.get("score") or {}).get("known_share", 0.0))


def run_roles(study: Study, ledger: Ledger) -> dict[str, str]:
    """The roles by which a run's answers are scored, on every split; the study's own until the base was asked."""
    before = ledger.answers(BASE)
    return scored_roles(before, study.roles, known_share(ledger.meta("manifest", {}))) if before else study.roles


@dataclass(frozen=True)
class UnknownControl:
    """A control that the base does not know: its right answers of all, and what it says most often, with the count."""

    name: str
    right: int
    asked: int
    said: tuple[tuple[str, int], ...]

    def __str__(self) -> str:
        said = ", ".join(f"«{_short(text)}» {count}×" for text, count in self.said)
        return f"{self.name}: {self.right} of {self.asked} right, mostly {said}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= ANSWER_LENGTH else line[: ANSWER_LENGTH - 1] + "…"


def unknown_controls(before: Sequence[GradedAnswer], study: Study, share: float) -> list[UnknownControl]:
    """The controls whose search probes the base answers right less often than `share`, in the study's order."""
    found = []
    for name, role in scored_roles(before, study.roles, share).items():
        if role == UNKNOWN:
            mine = [graded for graded in before if graded.character == name]
            said = Counter(graded.answer.text for graded in mine if not graded.right).most_common(ANSWERS_SHOWN)
            found.append(UnknownControl(name, sum(graded.right for graded in mine), len(mine), tuple(said)))
    return found


def said_of(control: UnknownControl) -> Advice:
    """What follows, and what is often the reason."""
    message = f"the base does not know {control}; it cannot be forgotten and leaves degradation"
    return Advice(message, "where one of these is its name, add it to its aliases")


def is_held(unknown: Sequence[UnknownControl], study: Study, ledger: Ledger) -> bool:
    """Whether the base knows no control at all, and the user has not said to go on."""
    return bool(unknown) and len(unknown) == len(study.named("control")) and not ledger.meta(ALLOWED, False)


def resume_options(study: Study, ledger: Ledger) -> str:
    """What `skazka resume` is to be given for this run to go on, with a space before it; often nothing."""
    share = known_share(ledger.meta("manifest", {}))
    unknown = unknown_controls(ledger.answers(BASE), study, share)
    return f" {GO_ON_WITHOUT}" if is_held(unknown, study, ledger) else ""


def refuse_without_known(unknown: Sequence[UnknownControl], study: Study, ledger: Ledger, run: str) -> None:
    """Raise InputError where the run is held."""
    if not is_held(unknown, study, ledger):
        return
    message = f"the base knows none of the controls, so forgetting cannot be measured ({'; '.join(map(str, unknown))})"
    remedy = (
        f"add missing aliases or other controls and launch anew, or go on without: skazka resume {run} {GO_ON_WITHOUT}"
    )
    raise InputError(Problem("study.yaml", "characters", message, remedy, study.document.line_of(("characters",))))
