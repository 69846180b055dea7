"""Which picture stands on which side: trained on, asked in the search, or kept for the test."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

from studies.importers.found import Side
from studies.rows import Role


def choose_sides(
    pictures: Mapping[str, Sequence[str]],
    roles: Mapping[str, Role],
    said: Mapping[str, Side],
    probe_share: float,
) -> dict[str, Side]:
    """The side of every picture.

    pictures: character -> sha256 of its pictures. said: sides that the source itself gives. probe_share: share of a
    target's pictures for each of search and test. Of every negative but the last some are dealt into training too, for
    replay: the last shows what becomes of those that no row tells of. Where some character cannot have a test picture,
    none has: a test score over fewer characters than the search score's would be another score.
    """
    sides: dict[str, Side] = {}
    replayed = replayed_roles(roles, [name for name, shown in pictures.items() if shown])
    for character, names in pictures.items():
        # By content: the order of files must not decide, and a later import of the same pictures agrees.
        ordered = sorted(names)
        theirs = {name: said[name] for name in ordered if name in said}
        if set(theirs.values()) & {"search", "test"}:
            sides |= _as_said(ordered, theirs)
        else:
            sides |= _split(ordered, roles[character], character in replayed, probe_share)
    if any("test" not in {sides[name] for name in names} for names in pictures.values()):
        sides = {name: "search" if side == "test" else side for name, side in sides.items()}
    return sides


def replayed_roles(roles: Mapping[str, Role], characters: Collection[str]) -> set[str]:
    """The controls, and every negative but the last, of those characters: whose training pictures are for replay."""
    known = [name for name in roles if name in characters]
    negatives = [name for name in known if roles[name] == "negative"]
    return {*(name for name in known if roles[name] == "control"), *negatives[:-1]}


def _as_said(ordered: Sequence[str], said: Mapping[str, Side]) -> dict[str, Side]:
    """The source's own split; where it has one set of probes only, half of that set makes the other."""
    sides: dict[str, Side] = {name: said.get(name, "training") for name in ordered}
    for have, lack in (("test", "search"), ("search", "test")):
        if lack not in sides.values():
            probes = [name for name in ordered if sides[name] == have]
            n_search = math.ceil(len(probes) / 2)
            sides |= {name: "search" if place < n_search else "test" for place, name in enumerate(probes)}
            break
    return sides


def _split(ordered: Sequence[str], role: Role, replayed: bool, probe_share: float) -> dict[str, Side]:
    n_training = _n_training(len(ordered), role, replayed, probe_share)
    probes = ordered[n_training:]
    n_search = math.ceil(len(probes) / 2)
    return {
        **dict.fromkeys(ordered[:n_training], "training"),
        **dict.fromkeys(probes[:n_search], "search"),
        **dict.fromkeys(probes[n_search:], "test"),
    }


def _n_training(n: int, role: Role, replayed: bool, probe_share: float) -> int:
    """Pictures to train on: of a target most, of whom is replayed some, of another none."""
    if role != "target":
        return round(n * probe_share) if replayed and n > 2 else 0
    wanted = n - 2 * max(1, round(n * probe_share))
    return max(1, wanted) if n else 0
