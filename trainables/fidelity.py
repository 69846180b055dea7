"""Whether a model that was loaded anew is the one that a trial asked, but for rounding: docs/export.md."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from trainables.answers import Answer

# Times a model's own rounding.
RMS, GAP, LARGEST = 4.0, 16.0, 32.0
# Characters of an answer that a refusal repeats.
SHOWN = 80


@dataclass(frozen=True)
class Tolerance:
    """What rounding may do, in nats.

    gap: how far a token of a recorded text may be behind the likeliest. rms: of the differences between the recorded
    log-probabilities of names and those found now; largest: any one of them.
    """

    gap: float
    rms: float
    largest: float


# Bounds of a model's own rounding (`Fidelity.rounding`): what other kernels or another device always may do, and what
# is no rounding any more.
ROUNDING = {"float32": (0.0025, 0.01), "float16": (0.0025, 0.03), "bfloat16": (0.01, 0.1)}


def tolerance_of(dtype: str, quantization: str = "none", rounding: float | None = None) -> Tolerance:
    """The tolerance of a model in that precision, whose own rounding was measured; None takes the most that may be.

    8 bit rounds the inputs of every layer to 8 bits, which is as coarse as bfloat16, and does so by the whole batch.
    """
    least, most = ROUNDING["bfloat16" if quantization == "8bit" else dtype]
    unit = most if rounding is None or not math.isfinite(rounding) else min(max(rounding, least), most)
    return Tolerance(gap=GAP * unit, rms=RMS * unit, largest=LARGEST * unit)


@dataclass(frozen=True)
class Fidelity:
    """How what a model says now differs from what was recorded.

    device: the kind that answered now, cpu or cuda. asked: probes; differing: of these, whose text is another now;
    prompts: whose prompt is. gap: the largest of a token of a recorded text; infinite where one cannot be said at all.
    odds: names whose log-probability is known both times; rms and largest: of the differences, nats. effect: root mean
    square by which the adapter had moved them from the bare base's, nats; None where those are not known. rounding:
    root mean square by which the model's own odds move when its embeddings are rounded otherwise, nats; None where it
    was not asked. tolerance: what that allows. worst: the probe with the largest gap, what was recorded and what it
    says now.
    """

    device: str
    asked: int
    differing: int
    prompts: int
    gap: float
    odds: int
    rms: float
    largest: float
    effect: float | None
    rounding: float | None
    tolerance: Tolerance
    worst: tuple[str, str, str] | None = None

    @property
    def problems(self) -> list[str]:
        """What is beyond rounding, each in one line; nothing where it is the same model."""
        found = []
        if self.gap > self.tolerance.gap and self.worst is not None:
            probe, recorded, now = self.worst
            found.append(
                f"{self.differing} of {self.asked} answers differ; {probe}: the trial said {_short(recorded)!r},"
                f" the export says {_short(now)!r}, by {_nats(self.gap)} (rounding: {self.tolerance.gap:.3g})"
            )
        if self.rms > self.tolerance.rms or self.largest > self.tolerance.largest:
            found.append(
                f"the odds of the names differ by {_nats(self.rms)} (root mean square), at most by"
                f" {_nats(self.largest)} (rounding: {self.tolerance.rms:.3g} and {self.tolerance.largest:.3g})"
            )
        # Alone it is none: what is asked in other words may be answered all the same.
        if found and self.prompts:
            message = f"{self.prompts} of {self.asked} prompts are not the trial's"
            found.append(f"{message}: the processor or its chat template changed")
        return found

    @property
    def is_blind(self) -> bool:
        """Whether the odds of names could not tell the bare base from the base with its adapter."""
        return self.effect is None or self.effect <= self.tolerance.rms

    def as_data(self) -> dict[str, Any]:
        """As plain JSON, without the texts."""
        known = {name: value for name, value in vars(self).items() if name not in ("worst", "tolerance")}
        finite = {name: None if value == math.inf else value for name, value in known.items()}
        return {**finite, "tolerance": asdict(self.tolerance)}


def fidelity(
    recorded: Sequence[Answer],
    measured: Sequence[Mapping[str, Any]],
    *,
    dtype: str,
    quantization: str = "none",
    device: str = "cpu",
    before: Sequence[Answer] = (),
    prompts: Mapping[str, str] | None = None,
) -> Fidelity:
    """Compare a trial's answers with those of `search/outputs/export_check.py`, in the same order.

    dtype, quantization: of the base. device: the kind on which it was measured. before: the bare base's answers to the
    same probes, in any order. prompts: probe -> `export_check.digest` of its prompt's tokens; what is not in it is not
    compared.
    """
    told = list(zip(recorded, measured, strict=True))
    gaps = [_largest_gap(now) for now in measured]
    place = max(range(len(gaps)), key=gaps.__getitem__, default=None)
    base = {answer.probe: answer.name_log_probabilities for answer in before}
    differences: list[float] = []
    effects: list[float] = []
    moves: list[float] = []
    for answer, now in told:
        bare = base.get(answer.probe, {})
        odds = answer.name_log_probabilities
        moved = now.get("moved", {})
        differences += [difference(now["odds"].get(name), odds[name]) for name in odds]
        effects += [difference(odds[name], bare[name]) for name in odds if name in bare]
        moves += [difference(now["odds"].get(name), value) for name, value in moved.items()]
    rounding = _root_mean_square(moves) if moves else None
    return Fidelity(
        device=device,
        asked=len(recorded),
        differing=sum(answer.text != now["text"] for answer, now in told),
        prompts=sum((prompts or {}).get(answer.probe, now["prompt"]) != now["prompt"] for answer, now in told),
        gap=0.0 if place is None else gaps[place],
        odds=len(differences),
        rms=_root_mean_square(differences),
        largest=max(map(abs, differences), default=0.0),
        effect=_root_mean_square(effects) if effects else None,
        rounding=rounding,
        tolerance=tolerance_of(dtype, quantization, rounding),
        worst=None if place is None else (recorded[place].probe, recorded[place].text, measured[place]["text"]),
    )


def _root_mean_square(values: Sequence[float]) -> float:
    return math.hypot(*values) / math.sqrt(len(values)) if values else 0.0


def difference(now: float | None, then: float) -> float:
    """Of two log-probabilities; infinite where one alone is a finite number."""
    if now is None or not math.isfinite(now) or not math.isfinite(then):
        return 0.0 if now == then else math.inf
    return now - then


def _largest_gap(now: Mapping[str, Any]) -> float:
    gaps = (math.inf if gap is None or not math.isfinite(gap) else float(gap) for gap in now["gaps"])
    return max(gaps, default=0.0)


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def _nats(value: float) -> str:
    return "too far" if value == math.inf else f"{value:.3g} nats"
