"""One split of probes, put to a base model bare or with an adapter, and graded."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import torch
from peft import PeftModel
from PIL import Image

from skazka_text.problems import FieldPath, Problem, field_name
from studies.images import fit, open_rgb, vary
from studies.model_marks import REMEDY, mark_in, said
from studies.picture_sizes import SMALL_PICTURE
from studies.rows import Example, Probe, ReplayRow, Row
from studies.study import Study
from trainables.answering import Interviewer
from trainables.answers import GradedAnswer, grade_answers, grader_of
from trainables.base_model import BaseModel
from trainables.conversation import reason_of
from trainables.encoding import AnswerError, Encoded, EncodedImage
from trainables.grading import HALLUCINATED
from trainables.memory import free_memory, is_out_of_memory
from trainables.training_set import variant_name
from trainables.vision_features import VisionFeatures

# Rows that are refused at once: thousands may share one fault.
MAX_TOLD = 20


class RowError(ValueError):
    """Rows that the base model cannot be shown: a problem each with file, line, field and remedy, MAX_TOLD at most."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems[:MAX_TOLD])
        if more := len(problems) - len(self.problems):
            self.problems.append(Problem("", "", f"and {more} more rows"))
        super().__init__("\n".join(map(str, self.problems)))


def check_sees(study: Study, base: BaseModel) -> None:
    """Raises RowError for a study with pictures whose base takes none."""
    if study.has_pictures and not base.encoder.sees:
        remedy = "choose a vision-language model"
        message = "a text model cannot be shown a picture"
        raise RowError([Problem(study.document.file, "base_model.id", message, remedy)])


class Examination:
    """The probes of a split, encoded once; every picture is looked at once.

    probes: probe id -> prompt. names: character -> token ids of its name as a whole answer. features: image -> what
    the vision tower says of it.
    """

    def __init__(self, study: Study, base: BaseModel, split: str, only: Collection[str] | None = None) -> None:
        """only: characters whose probes are asked; None asks about all.

        Raises RowError with every probe that the base cannot be shown, or every name that it cannot answer.
        """
        self.study = study
        self.base = base
        self.asked = [probe for probe in study.probes_of(split) if only is None or probe.character in only]
        self.features: dict[str, VisionFeatures] = {}
        problems: list[Problem] = []
        encoded = encode_rows(study, base, self.features, self.asked, problems)
        if problems:
            raise RowError(problems)
        self.names = encode_names(study, base)
        self.probes = {probe.id: one for probe, one in zip(self.asked, encoded, strict=True)}
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

    def own_answers(self, rows: Sequence[ReplayRow]) -> list[str | None]:
        """What the bare base answers to rows without an answer; None where it names anyone else, or says nothing.

        An answer that was cut off at the limit of tokens ends with its last whole sentence.
        """
        asked = {str(place): encode(self.study, self.base, self.features, row) for place, row in enumerate(rows)}
        answers = self._interviewer.ask(self.base.model, asked, []) if asked else []
        return [self._teachable(row, answer.text) for row, answer in zip(rows, answers, strict=True)]

    def _teachable(self, row: Row, text: str) -> str | None:
        if self._grader.grade(text, character=row.character, kind="name").grade in HALLUCINATED:
            return None
        try:
            tokens = len(self.base.encoder.answer_ids("?", text))
        except AnswerError:
            return None
        if tokens > self._interviewer.max_new_tokens:
            text = text[: max(text.rfind(end) for end in ".!?\n") + 1]
        return text.strip() or None

    def graded(self, model: object) -> list[GradedAnswer]:
        """The graded answers of a model that is the base, with whatever adapter it carries."""
        answers = self._interviewer.ask(model, self.probes, naming(self.asked))
        return grade_answers(self._grader, self.asked, answers)


def encode_names(study: Study, base: BaseModel) -> dict[str, tuple[int, ...]]:
    """Character -> token ids of its name as a whole answer. Raises RowError with every name that can be none."""
    encoded: dict[str, tuple[int, ...]] = {}
    problems = []
    for place, name in enumerate(study.names):
        try:
            encoded[name] = tuple(base.encoder.answer_ids("?", name))
        except AnswerError as error:
            field: FieldPath = ("characters", place, "name")
            message = f"{name!r} cannot be an answer of the base model ({reason_of(error)})"
            line = study.document.line_of(field)
            problems.append(Problem(study.document.file, field_name(field), message, "write the name otherwise", line))
    if problems:
        raise RowError(problems)
    return encoded


def naming(probes: Iterable[Probe]) -> list[str]:
    """The ids of the probes that ask for a name."""
    return [probe.id for probe in probes if probe.kind == "name"]


def encode_rows(
    study: Study,
    base: BaseModel,
    features: dict[str, VisionFeatures],
    rows: Iterable[Row],
    problems: list[Problem],
) -> list[Encoded]:
    """Rows as the model reads them; what cannot be shown to it is added to `problems` and left out."""
    encoded = []
    for row in rows:
        try:
            encoded.append(encode(study, base, features, row))
        except RowError as error:
            problems += error.problems
    return encoded


def encode(study: Study, base: BaseModel, features: dict[str, VisionFeatures], row: Row) -> Encoded:
    """A row as the model reads it, with its answer where it has one; a new picture is added to `features`.

    Raises RowError.
    """
    encoded, pixels = read_row(study, base, row)
    if pixels is None:
        return encoded
    if row.unit not in features:
        features[row.unit] = look(study, base, row, pixels)
    try:
        base.check(encoded, features[row.unit])
    except ValueError as error:
        raise RowError([_unshowable(study, row, error)]) from error
    return encoded


def look(study: Study, base: BaseModel, row: Row, pixels: EncodedImage) -> VisionFeatures:
    """What the vision tower says of a row's picture. Raises RowError."""
    try:
        return base.see(pixels)
    except MemoryError:
        raise
    # The towers of the families raise whatever they like.
    except Exception as error:
        lacks_memory = is_out_of_memory(error)
        if isinstance(error, torch.AcceleratorError) and not lacks_memory:
            # The device is lost, which is no fault of the picture.
            raise
        failure = RowError([_too_large(study, row) if lacks_memory else _unshowable(study, row, error)])
    # Outside the handler, whose traceback holds what the tower had computed.
    free_memory()
    raise failure


def read_row(study: Study, base: BaseModel, row: Row) -> tuple[Encoded, EncodedImage | None]:
    """A row and its picture as the processor gives them; the vision tower is not asked. Raises RowError."""
    answer = row.answer if isinstance(row, ReplayRow) else None
    for field, text in (("question", row.question), ("answer", answer or "")):
        if mark := mark_in(text, base.encoder.marks):
            raise RowError([study.problem_of(row, field, said(mark), REMEDY)])
    try:
        encoded, pixels = base.encoder.encode(row.unit, picture_of(study, row), row.question, answer)
    except MemoryError:
        raise
    except AnswerError as error:
        message = f"cannot be an answer of the base model ({reason_of(error)})"
        raise RowError([study.problem_of(row, "answer", message, "rewrite the answer")]) from error
    # The processors of the families, and the chat templates, raise whatever they like.
    except Exception as error:
        raise RowError([_unshowable(study, row, error)]) from error
    tokens, room = len(encoded.prompt), base.context
    if room is not None and tokens >= room:
        message = f"its prompt has {tokens} tokens, the base model reads at most {room}"
        remedy = "shorten the question, or have pictures scaled down: base_model.max_pixels"
        raise RowError([study.problem_of(row, "question", message, remedy)])
    return encoded, pixels


def _unshowable(study: Study, row: Row, error: Exception) -> Problem:
    message = f"{row.unit!r} cannot be shown to the base model ({reason_of(error)})"
    remedy = "replace the picture or scale it (base_model.image_size)" if row.image else "rewrite the row"
    field = "image" if row.image else "question"
    return study.problem_of(row, field, message, f"{remedy}, or choose another base model")


def _too_large(study: Study, row: Row) -> Problem:
    """One picture is looked at at a time: there is nothing to halve but the picture."""
    picture = picture_of(study, row)
    size = f" ({picture.width} x {picture.height} pixels)" if picture is not None else ""
    message = f"{row.unit!r}{size} does not fit the device's memory"
    remedy = f"have pictures scaled down: base_model.max_pixels, for example {SMALL_PICTURE}"
    return study.problem_of(row, "image", message, remedy)


def see_variants(
    study: Study, base: BaseModel, features: dict[str, VisionFeatures], row: Example, variants: int
) -> None:
    """Look at the variants of a row's picture, and add them to `features` under `variant_name`."""
    for number in range(1, variants + 1):
        encoded, pixels = base.encoder.encode(row.unit, picture_of(study, row, number), row.question)
        if pixels is not None:
            seen = look(study, base, row, pixels)
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
