"""What a campaign of faults comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """One campaign: how many faults were injected, and how often what must never happen did.

    faults: injected in all; never: what must not happen -> how often it did (every value should be 0);
    seconds: wall time of the whole campaign; noted: further figures worth a column, by name.
    """

    campaign: str
    seed: int
    faults: int
    never: Mapping[str, int]
    seconds: float
    noted: Mapping[str, float | int | str]

    @property
    def passed(self) -> bool:
        """Whether nothing happened that must not."""
        return self.faults > 0 and not any(self.never.values())

    @property
    def bound(self) -> float:
        """Upper 95 % bound on the rate of a failure that was never seen: the rule of three, 3 / n.

        Source: Hanley and Lippman-Hand, If nothing goes wrong, is everything all right? JAMA 1983.
        """
        return 3 / self.faults
