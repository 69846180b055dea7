"""What was measured of one adapter, and whether it is worth keeping: one rule for report, card and screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from search.run.known_controls import run_roles
from search.run.ledger import BASE, Ledger
from studies.study import Study
from trainables.scoring import UNKNOWN, Change, compare, hallucination_rate, mean

# An adapter that names wrongly in a larger share of its answers, and more often than the base, is not worth keeping.
MOST_WRONG_NAMES = 0.1


@dataclass(frozen=True)
class Fitness:
    """One adapter on the probes that speak of it: `test` where it was asked them, else `search`.

    score: of its configuration on that split, at most 1; the base's is 0. changes: by character, with the roles of
    `run_roles`. wrong_before, wrong_after: shares of all answers with a wrong name, [0, 1].
    """

    split: str
    score: float
    changes: Sequence[Change]
    wrong_before: float
    wrong_after: float

    @property
    def helps(self) -> bool:
        """Whether it is better than the model without it."""
        return self.score > 0

    @property
    def invents(self) -> bool:
        """Whether it names wrongly in too many answers, and in more than the base."""
        return self.wrong_after > max(MOST_WRONG_NAMES, self.wrong_before)

    @property
    def worth_keeping(self) -> bool:
        """Whether an export can be advised."""
        return self.helps and not self.invents

    def of(self, role: str) -> list[Change]:
        """The changes of the characters with a role."""
        return [change for change in self.changes if change.role == role]

    @property
    def right(self) -> tuple[float, float]:
        """Mean share of right answers about the targets, before and after, [0, 1]."""
        targets = self.of("target")
        return mean(change.before for change in targets), mean(change.after for change in targets)

    @property
    def kept(self) -> list[str]:
        """The controls that the base knew and of which no right answer was lost."""
        return [change.character for change in self.of("control") if not change.flips]

    @property
    def lost(self) -> list[str]:
        """The controls of which right answers were lost."""
        return [change.character for change in self.of("control") if change.flips]

    @property
    def unmeasured(self) -> list[str]:
        """The controls that the base does not know."""
        return [change.character for change in self.of(UNKNOWN)]


def fitness_of(study: Study, ledger: Ledger, trial: str, score: float | None, tested: float | None) -> Fitness | None:
    """What was measured of a trial's adapter; None without answers.

    score, tested: of its configuration on search and, where it was asked them, on the test probes.
    """
    for split, found in (("test", tested), ("search", score)):
        before, after = ledger.answers(BASE, split), ledger.answers(trial, split)
        if found is not None and before and after:
            changes = compare(before, after, run_roles(study, ledger))
            return Fitness(split, found, changes, hallucination_rate(before), hallucination_rate(after))
    return None
