"""What a run is about: its characters and data, the sweep's state and settings. Data only, no words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.facts.run_data import RunData
from analysis.facts.trials import count_states
from search.options import Options
from search.run.trial_row import TrialRow, ranked
from studies.study import Study, units_by_character

# Optuna's default n_startup_trials.
TPE_STARTUP = 10


@dataclass(frozen=True)
class CharacterData:
    """What the study has of one character: training images and rows, replayed rows, probes by split.

    role: in this run's score.
    """

    name: str
    role: str
    images: int
    rows: int
    replayed: int
    search: int
    test: int


@dataclass(frozen=True)
class Overview:
    """The facts at the head of a report.

    states: trials by state. asked: trials, repeats of finalists among them; repeats: those alone.
    searched: trials of the search with a score. suggested: all of them. model_driven: the most of them that the
    sampler's model, not chance, can have chosen. wall_seconds: from the first start to the last end, or to now while a
    trial runs; None before the first start. accepted_changes: what of the study, space or base model was changed on
    the way with its user's consent.
    """

    characters: tuple[CharacterData, ...]
    total: CharacterData
    options: Options
    states: Mapping[str, int]
    asked: int
    repeats: int
    searched: int
    suggested: int
    model_driven: int
    test_opened: bool
    wall_seconds: float | None
    accepted_changes: tuple[str, ...]


def overview_of(data: RunData) -> Overview:
    """Collect the facts of a run."""
    states = count_states(data.rows, data.asked)
    suggested = data.of_kind("search")
    characters = character_data(data.study, data.roles)
    return Overview(
        characters=characters,
        total=_total(characters),
        options=data.options,
        states=states,
        asked=sum(states.values()),
        repeats=sum(row.repeat_of is not None for row in data.rows),
        searched=len(ranked(suggested)),
        suggested=len(suggested),
        model_driven=sum(row.number >= TPE_STARTUP for row in suggested),
        test_opened=bool(data.test_before) or any(data.answers(row.id, "test") for row in data.rows),
        wall_seconds=wall_seconds(data.rows, data.now),
        accepted_changes=tuple(
            change for accepted in data.ledger.meta("accepted_changes", []) for change in accepted["changes"]
        ),
    )


def character_data(study: Study, roles: Mapping[str, str]) -> tuple[CharacterData, ...]:
    """Each character's images, rows and probes, in the study's order. roles: by character, in a run's score."""
    images = units_by_character(study.training)
    rows = Counter(example.character for example in study.training)
    replayed = Counter(row.character for row in study.replay)
    probes = Counter((probe.split, probe.character) for probe in study.probes)
    return tuple(
        CharacterData(
            name=name,
            role=role,
            images=len(images.get(name, ())),
            rows=rows[name],
            replayed=replayed[name],
            search=probes["search", name],
            test=probes["test", name],
        )
        for name, role in roles.items()
    )


def _total(characters: Sequence[CharacterData]) -> CharacterData:
    counts = ("images", "rows", "replayed", "search", "test")
    sums = {count: sum(getattr(character, count) for character in characters) for count in counts}
    return CharacterData(name="", role="", **sums)


def wall_seconds(rows: Sequence[TrialRow], now: float) -> float | None:
    """Seconds from the first start to the last end, or to `now` while a trial runs; None before the first start."""
    starts = [row.started for row in rows if row.started is not None]
    ends = [now if row.state == "running" else row.finished for row in rows]
    known = [end for end in ends if end is not None]
    return max(known) - min(starts) if starts and known else None
