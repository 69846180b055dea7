"""What a study must hold before anything expensive starts: every problem is found, not only the first."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from skazka_text.printable import UNPRINTABLE
from skazka_text.problems import InputError, Problem, field_name, refuse
from studies.files import FileError, resolve
from studies.images import inspect
from studies.importers.in_place import with_rows
from studies.model_marks import REMEDY, mark_in, marks_of, said
from studies.rows import Rows
from studies.study import Study, find_study, parse_study
from studies.text import normalise, spellings


def load_study(name: str | Path | None = None) -> Study:
    """Read and check a study: a folder, a study.yaml, the name of a bundled study, or the demo.

    Raises InputError with all problems at once: a bad key, value or row, an image that is missing,
    unreadable, too large or outside the folder, a picture on two sides, a missing role.
    """
    study, problems = parse_study(*with_rows(find_study(name)))
    if study is None:
        raise InputError(problems)
    unread = bool(problems)
    hashes: dict[str, str] = {}
    problems += [*_name(study), *_model(study), *untrainable(study), *_characters(study), *_lexicon(study)]
    for rows in (study.training, study.probes, study.replay):
        problems += [*_row_references(study, rows, hashes), *_pictureless(study, rows)]
    # A row that could not be read may be the very one that would be missed here.
    problems += [] if unread else _coverage(study)
    problems += [*_roles_of_rows(study), *_probe_fields(study), *_replay(study), *_augmentation(study)]
    problems += _marks(study)
    problems += [*_sides(study, hashes), *_space(study)]
    refuse(problems)
    return study


def _at(study: Study, path: tuple[str | int, ...], field: str, message: str, remedy: str) -> Problem:
    return Problem(study.document.file, field, message, remedy, study.document.line_of(path))


def _name(study: Study) -> list[Problem]:
    """The name becomes part of the run folder's: it must stay one folder."""
    name = study.file.name
    if name.startswith(".") or "/" in name or "\\" in name or UNPRINTABLE.search(name):
        message = f"{name!r} cannot name a folder"
        return [_at(study, ("name",), "name", message, "use letters, digits, spaces, - and _")]
    return []


def _model(study: Study) -> list[Problem]:
    identifier = study.file.base_model.id
    local = study.folder / identifier
    path, field = ("base_model", "id"), "base_model.id"
    if local.is_dir():
        try:
            config = json.loads((local / "config.json").read_text(encoding="utf-8"))
            known = isinstance(config, dict) and "model_type" in config
        except (OSError, ValueError, RecursionError):
            known = False
        if known:
            wrong = _weights_problem(local)
            return [_at(study, path, field, f"{identifier!r} {wrong}", "save it with save_pretrained")] if wrong else []
        message = f"{identifier!r} has no config.json that names a model_type"
        return [_at(study, path, field, message, "point it at a folder made by save_pretrained")]
    if identifier.startswith((".", "/", "~")) or identifier.count("/") != 1:
        message = f"no model folder {identifier!r}"
        return [_at(study, path, field, message, "give an existing folder or a hub id (owner/name)")]
    return []


def untrainable(study: Study) -> list[Problem]:
    """A precision in which nothing is trained; runs that earlier versions made in it can still be read."""
    if study.file.base_model.dtype != "float16":
        return []
    path, field = ("base_model", "dtype"), "base_model.dtype"
    message = "float16 is not for training: nine of ten gradients of the logits are too small for it and become 0"
    remedy = "use bfloat16; on a GPU without it float32, or quantization: 4bit with float32"
    return [_at(study, path, field, message, remedy)]


def _weights_problem(model: Path) -> str | None:
    """Weights in another format may be pickles, which run code when they are read: they never are."""
    files = sorted(model.glob("*.safetensors"))
    for file in files:
        try:
            with safe_open(file, framework="np"):
                pass
        except (SafetensorError, OSError) as error:
            return f"has a damaged {file.name} ({error})"
    return None if files else "has no weights in safetensors files"


def _characters(study: Study) -> list[Problem]:
    problems = []
    roles = Counter(study.roles.values())
    for role in ("target", "control"):
        if not roles[role]:
            message, remedy = f"no character has the role {role}", f"give at least one character role: {role}"
            problems.append(_at(study, ("characters",), "characters", message, remedy))
    owner: dict[str, tuple[int, str]] = {}
    for index, character in enumerate(study.file.characters):
        places: list[tuple[str | int, ...]] = [("name",), *(("aliases", n) for n in range(len(character.aliases)))]
        for place, alias in zip(places, (character.name, *character.aliases), strict=True):
            path = ("characters", index, *place)
            if not normalise(alias):
                problems.append(_at(study, path, field_name(path), *_no_letters(alias)))
                continue
            known = [owner.setdefault(spelling, (index, alias)) for spelling in sorted(spellings(alias))]
            taken = next(((first, other) for first, other in known if first != index), None)
            if taken:
                message = f"{alias!r} already names characters[{taken[0]}]"
                if taken[1] != alias:
                    message += f", as {taken[1]!r}: answers are read without case, ё and hyphens"
                problems.append(_at(study, path, field_name(path), message, "give each character names of its own"))
    return problems


def _lexicon(study: Study) -> list[Problem]:
    names = [(name, alias) for name, aliases in study.file.lexicon.items() for alias in (name, *aliases)]
    return [
        _at(study, ("lexicon", name), f"lexicon.{name}", *_no_letters(alias))
        for name, alias in names
        if not normalise(alias)
    ]


def _no_letters(text: str) -> tuple[str, str]:
    return f"{text!r} has no letter and no digit", "write words"


def _row_references(study: Study, rows: Rows[Any], hashes: dict[str, str]) -> list[Problem]:
    problems = []
    refused: set[str] = set()
    for index, row in enumerate(rows):
        if row.character not in study.roles:
            message = f"unknown character {row.character!r}"
            problems.append(rows.problem(index, "character", message, "use a name from study.yaml"))
        if row.image is None or row.image in hashes or row.image in refused:
            continue
        try:
            hashes[row.image] = inspect(resolve(study.folder, row.image))
        except FileError as error:
            refused.add(row.image)
            problems.append(rows.problem(index, "image", str(error), error.remedy))
    return problems


def _pictureless(study: Study, rows: Rows[Any]) -> list[Problem]:
    """All rows of a study have pictures, or none has."""
    if not study.has_pictures:
        return []
    remedy = "name its picture, or give no row of the study one"
    return [rows.problem(index, "image", "is missing", remedy) for index, row in enumerate(rows) if row.image is None]


def _roles_of_rows(study: Study) -> list[Problem]:
    """Training is of targets and controls, replay of controls and negatives."""
    problems = []
    checked: list[tuple[Rows[Any], str, str]] = [
        (study.training, "negative", "train on targets; rows of negatives belong in the replay file"),
        (study.replay, "target", "replay controls and negatives"),
    ]
    for rows, refused, remedy in checked:
        for index, row in enumerate(rows):
            if study.roles.get(row.character) == refused:
                problems.append(rows.problem(index, "character", f"{row.character} is a {refused}", remedy))
    return [*problems, *_strangers(study)]


def _strangers(study: Study) -> list[Problem]:
    """Some negative stays out of training: only such a one shows what becomes of those that nobody thought of."""
    negatives, trained = study.named("negative"), study.trained_negatives
    if not trained or len(trained) < len(negatives):
        return []
    message = f"replays every negative ({', '.join(trained)}), so wrong names for strangers could not be measured"
    remedy = f"leave at least one out of {study.file.replay}, or add another negative"
    return [_at(study, ("replay",), "replay", message, remedy)]


def _coverage(study: Study) -> list[Problem]:
    problems = []
    trained = {example.character for example in study.training}
    asked: dict[str, set[str]] = defaultdict(set)
    for probe in study.probes:
        asked[probe.split].add(probe.character)
    for index, character in enumerate(study.file.characters):
        path, field = ("characters", index), f"characters[{index}]"
        if character.role == "target" and character.name not in trained:
            message = f"target {character.name} has no training row"
            problems.append(_at(study, path, field, message, f"add rows to {study.file.training}"))
        # Without any test probe the search's own score is reported; a test of some alone would be another score.
        for split in ("search", "test") if asked["test"] else ("search",):
            if character.name not in asked[split]:
                message = f"{character.name} has no probe in split {split}"
                problems.append(_at(study, path, field, message, f"add probes to {study.file.probes}"))
    return problems


def _probe_fields(study: Study) -> list[Problem]:
    problems = []
    seen: set[str] = set()
    for index, probe in enumerate(study.probes):
        if probe.id in seen:
            message = f"{probe.id!r} is used twice"
            problems.append(study.probes.problem(index, "id", message, "give each probe its own id"))
        seen.add(probe.id)
        if probe.kind != "name" and not probe.accepted:
            message = f"a question of kind {probe.kind} has no accepted answer"
            problems.append(study.probes.problem(index, "accepted", message, "list at least one phrase"))
        for phrase in probe.accepted:
            if not normalise(phrase):
                problems.append(study.probes.problem(index, "accepted", *_no_letters(phrase)))
    return problems


def _replay(study: Study) -> list[Problem]:
    """What baselines ask of replay rows that the study does not have."""
    if study.replay:
        return []
    asked = {
        name: "replay" if config.replay else "kl_on"
        for name, config in study.file.baselines.items()
        if config.uses_replay_rows
    }
    message, remedy = "asks for rows to replay, but the study has no replay rows", "add a replay file or turn it off"
    return [
        _at(study, ("baselines", name, knob), f"baselines.{name}.{knob}", message, remedy)
        for name, knob in asked.items()
    ]


def _augmentation(study: Study) -> list[Problem]:
    """Baselines that vary pictures of a study that has none."""
    if study.has_pictures:
        return []
    message, remedy = "varies pictures, but the study has none", "turn it off"
    return [
        _at(study, ("baselines", name, "augmentation"), f"baselines.{name}.augmentation", message, remedy)
        for name, config in study.file.baselines.items()
        if config.augmentation
    ]


def _marks(study: Study) -> list[Problem]:
    """Texts that hold a mark of the base model, as far as its folder is here."""
    marks = marks_of(Path(study.base_model))
    return [
        rows.problem(index, field, said(mark), REMEDY)
        for rows in (study.training, study.replay, study.probes)
        for index, row in enumerate(rows)
        for field in ("question", "answer")
        if (mark := mark_in(getattr(row, field, None) or "", marks))
    ]


def _sides(study: Study, hashes: dict[str, str]) -> list[Problem]:
    """A picture, or a question without one, may stand on one side only: training (with replay), search or test."""
    sides: list[tuple[Rows[Any], Sequence[str]]] = [
        (study.training, ["training"] * len(study.training)),
        (study.replay, ["training"] * len(study.replay)),
        (study.probes, [probe.split for probe in study.probes]),
    ]
    side_of: dict[str, tuple[str, str]] = {}
    problems = []
    for rows, names in sides:
        for index, (row, side) in enumerate(zip(rows, names, strict=True)):
            shown = "picture" if row.image else "question"
            same = hashes.get(row.image) if row.image else normalise(row.question)
            if same is None:
                continue
            other_side, other = side_of.setdefault(same, (side, row.unit))
            if other_side != side:
                message = f"{row.unit!r} in {side} is the same {shown} as {other!r} in {other_side}"
                field = "image" if row.image else "question"
                problems.append(rows.problem(index, field, message, f"keep each {shown} on one side"))
    return problems


def _space(study: Study) -> list[Problem]:
    try:
        study.space()
    except InputError as error:
        return error.problems
    return []
