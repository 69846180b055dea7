"""What all trials of a sweep share, computed once: encoded rows, vision features, the base's own answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

from skazka_text.problems import Problem
from studies.rows import ReplayRow
from studies.study import Study
from trainables.answers import GradedAnswer
from trainables.base_model import BaseModel
from trainables.encoding import Encoded
from trainables.examination import Examination, RowError, check_sees, encode, encode_rows, see_variants
from trainables.facts import ROWS, Facts
from trainables.notes import notes_of, picture_tokens
from trainables.prompting import Prompting
from trainables.scoring import UNKNOWN, scored_roles
from trainables.vision_features import VisionFeatures, features_from_tensors, features_to_tensors

FEATURES = "features.safetensors"


@dataclass(frozen=True)
class Prepared:
    """The encoded side of a study.

    training: (character, row) pairs; probes: probe id -> prompt; names: character -> token ids of its
    name as a whole answer; before: the base's graded answers to the search probes, in their order. prompting, device
    and notes: see `Facts`.
    """

    training: list[tuple[str, Encoded]]
    replay: list[Encoded]
    probes: dict[str, Encoded]
    names: dict[str, tuple[int, ...]]
    features: dict[str, VisionFeatures]
    before: list[GradedAnswer]
    prompting: Prompting = field(default_factory=Prompting)
    device: str | None = None
    notes: list[str] = field(default_factory=list)

    def longest_prompt(self) -> int:
        """Tokens of the longest training prompt: max_length must exceed it."""
        return max(len(row.prompt) for row in [*(row for _, row in self.training), *self.replay])

    def save(self, folder: Path) -> None:
        """Write to a new folder, the features as safetensors and the rest as JSON."""
        folder.mkdir(parents=True)
        save_file(features_to_tensors(self.features), folder / FEATURES)
        data = {
            "training": [[character, vars(row)] for character, row in self.training],
            "replay": [vars(row) for row in self.replay],
            "probes": {probe: vars(row) for probe, row in self.probes.items()},
            "names": self.names,
        }
        (folder / ROWS).write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
        lengths = {probe: len(row.prompt) for probe, row in self.probes.items()}
        facts = Facts(self.longest_prompt(), lengths, self.before, self.prompting, self.device, self.notes)
        facts.write(folder)

    @classmethod
    def load(cls, folder: Path) -> Prepared:
        """Read what `save` wrote. Raises FileError when a file differs from that."""
        facts = Facts.read(folder)
        data = json.loads((folder / ROWS).read_text(encoding="utf-8"))
        return cls(
            training=[(character, _row(row)) for character, row in data["training"]],
            replay=[_row(row) for row in data["replay"]],
            probes={probe: _row(row) for probe, row in data["probes"].items()},
            names={name: tuple(ids) for name, ids in data["names"].items()},
            features=features_from_tensors(load_file(folder / FEATURES)),
            before=list(facts.before),
            prompting=facts.prompting,
            device=facts.device,
            notes=list(facts.notes),
        )


def prepare(study: Study, base: BaseModel, variants: int = 0, known_share: float = 0.0) -> Prepared:
    """Encode a study's rows, look at each picture once, and ask the bare base the search probes.

    variants: of each training picture, looked at beside it. known_share: see `scored_roles`; rows of controls that the
    base does not know are not replayed.
    Raises RowError with every row that the base cannot be shown, those of the test side too.
    """
    check_sees(study, base)
    features: dict[str, VisionFeatures] = {}
    problems: list[Problem] = []
    training = encode_rows(study, base, features, study.training, problems)
    replay = encode_rows(study, base, features, study.replay, problems)
    # Only whether they can be asked: nothing of the test side is kept, and the base does not answer it.
    encode_rows(study, base, {}, study.probes_of("test"), problems)
    try:
        examination = Examination(study, base, "search")
    except RowError as error:
        problems += error.problems
    if problems:
        raise RowError(problems)
    # One store: what was looked at here is not looked at again when the base is asked.
    examination.features |= features
    features = examination.features
    for row in {row.unit: row for row in study.training}.values():
        see_variants(study, base, features, row, variants)
    before = examination.answers()
    roles = scored_roles(before, study.roles, known_share)
    rows = zip(study.replay, replay, strict=True)
    known = [(row, encoded) for row, encoded in rows if roles[row.character] != UNKNOWN]
    tokens = picture_tokens(base, [*training, *replay, *examination.probes.values()])
    return Prepared(
        training=[(row.character, encoded) for row, encoded in zip(study.training, training, strict=True)],
        replay=_answered(study, base, known, examination),
        probes=examination.probes,
        names=examination.names,
        features=features,
        before=before,
        prompting=base.prompting,
        device=base.device.type,
        notes=[str(note) for note in notes_of(study, base, tokens)],
    )


def _answered(
    study: Study, base: BaseModel, rows: Sequence[tuple[ReplayRow, Encoded]], examination: Examination
) -> list[Encoded]:
    """The rows, with the base's own answer where they give none; without those to which it has none to teach."""
    own = iter(examination.own_answers([row for row, _ in rows if row.answer is None]))
    answered = []
    for row, encoded in rows:
        if row.answer is not None:
            answered.append(encoded)
        elif (answer := next(own)) is not None:
            filled = row.model_copy(update={"answer": answer})
            answered.append(encode(study, base, examination.features, filled))
    return answered


def _row(data: dict[str, Any]) -> Encoded:
    inputs = {name: tuple(ids) for name, ids in data["token_inputs"].items()}
    # The first versions called it image.
    unit = data.get("unit") or data["image"]
    return Encoded(unit, tuple(data["prompt"]), tuple(data["answer"]), inputs)
