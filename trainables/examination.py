"""One split of probes, put to a base model bare or with an adapter, and graded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from peft import PeftModel
from PIL import Image

from studies.images import fit, open_rgb, vary
from studies.rows import Example, Probe, Row
from studies.study import Study
from trainables.answering import Interviewer
from trainables.answers import GradedAnswer, grade_answers, grader_of
from trainables.base_model import BaseModel, VisionFeatures
from trainables.encoding import Encoded
from trainables.grading import HALLUCINATED
from trainables.training_set import variant_name


class RowError(ValueError):
    """A row that the model's processor cannot encode."""


class Examination:
    """The probes of a split, encoded once; every picture is looked at once.

    probes: probe id -> prompt. names: character -> token ids of its name as a whole answer. features: image -> what
    the vision tower says of it.
    """

    def __init__(self, study: Study, base: BaseModel, split: str) -> None:
        """Raises RowError for a probe that cannot be encoded."""
        self.study = study
        self.base = base
        self.asked = study.probes_of(split)
        self.features: dict[str, VisionFeatures] = {}
        self.probes = {probe.id: encode(study, base, self.features, probe, None) for probe in self.asked}
        self.names = {name: tuple(base.encoder.answer_ids("?", name)) for name in study.names}
        self._grader = grader_of(study)
        tokens = study.file.evaluation.max_new_tokens
        self._interviewer = Interviewer(base, self.features, self.names, max_new_tokens=tokens)

    def answers(self, adapter: Path | None = None) -> list[GradedAnswer]:
        """The graded answers of the base with the adapter in that folder, or of the bare base."""
        if adapter is None:
            return self.graded(self.base.model)
        model = PeftModel.from_pretrained(self.base.model, str(adapter))
        try:
            return self.graded(model)
        finally:
            self.base.model = model.unload()

    def own_answers(self, rows: Sequence[Row]) -> list[str | None]:
        """What the bare base answers to each row; None where it says nothing, or names anyone but whom the row shows.

        An answer that was cut off at the limit of tokens ends with its last whole sentence.
        """
        asked = {str(place): encode(self.study, self.base, self.features, row, None) for place, row in enumerate(rows)}
        answers = self._interviewer.ask(self.base.model, asked, []) if asked else []
        return [self._teachable(row, answer.text) for row, answer in zip(rows, answers, strict=True)]

    def _teachable(self, row: Row, text: str) -> str | None:
        if self._grader.grade(text, character=row.character, kind="name").grade in HALLUCINATED:
            return None
        if len(self.base.encoder.answer_ids("?", text)) > self._interviewer.max_new_tokens:
            text = text[: max(text.rfind(end) for end in ".!?\n") + 1]
        return text.strip() or None

    def graded(self, model: object) -> list[GradedAnswer]:
        """The graded answers of a model that is the base, with whatever adapter it carries."""
        answers = self._interviewer.ask(model, self.probes, naming(self.asked))
        return grade_answers(self._grader, self.asked, answers)


def naming(probes: Iterable[Probe]) -> list[str]:
    """The ids of the probes that ask for a name."""
    return [probe.id for probe in probes if probe.kind == "name"]


def encode(study: Study, base: BaseModel, features: dict[str, VisionFeatures], row: Row, answer: str | None) -> Encoded:
    """A row as the model reads it; a picture that is new is added to `features`."""
    try:
        encoded, pixels = base.encoder.encode(row.unit, picture_of(study, row), row.question, answer)
        if pixels is not None:
            if row.unit not in features:
                features[row.unit] = base.see(pixels)
            base.check(encoded, features[row.unit])
    except ValueError as error:
        where = f"{row.image}, {row.question!r}" if row.image else repr(row.question)
        raise RowError(f"{where}: {error}") from error
    return encoded


def see_variants(
    study: Study, base: BaseModel, features: dict[str, VisionFeatures], row: Example, variants: int
) -> None:
    """Look at the variants of a row's picture, and add them to `features` under `variant_name`."""
    for number in range(1, variants + 1):
        encoded, pixels = base.encoder.encode(row.unit, picture_of(study, row, number), row.question)
        if pixels is not None:
            seen = base.see(pixels)
            base.check(encoded, seen)
            features[variant_name(row.unit, number)] = seen


def picture_of(study: Study, row: Row, variant: int = 0) -> Image.Image | None:
    """A row's picture, or a variant of it, in the size in which the study shows it; None for a row without."""
    if row.image is None:
        return None
    image = open_rgb(study.folder / row.image)
    if variant:
        image = vary(image, variant_name(row.image, variant))
    spec = study.file.base_model
    return fit(image, spec.image_size, spec.max_pixels)
