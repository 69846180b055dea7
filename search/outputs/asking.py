"""One's own question and pictures, put to a base model bare and with an adapter, as its trial was asked."""

from __future__ import annotations

import logging
import math
import os
import warnings
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from search.options import Options
from search.outputs.adapter_record import AskRecord, BaseModelRecord, ask_record, is_exported, read_exported
from search.outputs.export import checkpoint_of, choose
from search.run.base_model_place import base_model_place
from search.run.manifest import model_hash
from search.run.prompting import prompting_of
from search.run.run_folder import RunFolder
from skazka_text.problems import Document, InputError, Problem, refuse
from studies.files import FileError
from studies.images import open_rgb
from studies.rows import Probe, Rows, Text
from studies.study import Study
from trainables.prompting import Prompting

if TYPE_CHECKING:
    from trainables.answers import GradedAnswer
    from trainables.base_model import BaseModel
    from trainables.examination import Examination

log = logging.getLogger(__name__)
MEDIAN = "the winner's repeat with the median search score"
BEST = "the best by search score, for the run has no winner yet"
NAMED, EXPORTED = "as asked", "exported"
# Fields of a probe -> where their values were given.
GIVEN_AS = {"question": "--question", "image": "PICTURE"}


@dataclass(frozen=True)
class Said:
    """One model's answer.

    names: the characters that it names without denying them. odds: character -> probability of its name as the whole
    answer, among the names of the study; they sum to 1.
    """

    text: str
    names: tuple[str, ...]
    odds: dict[str, float]


@dataclass(frozen=True)
class Reply:
    """What was answered about one picture, None in a study without, by the bare base and with the adapter."""

    picture: str | None
    base: Said
    adapter: Said


@dataclass(frozen=True)
class Asked:
    """Answers of a base model and of an adapter beside each other. chosen: why it is this trial's."""

    trial: str
    name: str
    chosen: str
    base_model: str
    question: str
    replies: tuple[Reply, ...]


@dataclass(frozen=True)
class Subject:
    """The adapter to ask, and how."""

    adapter: Path
    trial: str
    name: str
    chosen: str
    base_model: BaseModelRecord
    ask: AskRecord
    trust_remote_code: bool = False


def ask(
    run: str | Path,
    pictures: Sequence[str | Path] = (),
    *,
    question: str | None = None,
    trial: str | None = None,
    base_model: str | Path | None = None,
    trust_remote_code: bool = False,
) -> Asked:
    """Ask about each picture; in a study without pictures the question alone. Nothing is written.

    run: a run, finished or running, or the folder of an exported adapter. question: the default is the study's own
    name question. trial: an id or a name, of a repeat too; the default is the one that `export` takes. base_model:
    where a base that moved lies now.
    Raises InputError for all that is wrong with run, question, pictures and base model, before that is loaded.
    """
    subject = subject_of(run, trial)
    refuse([*_question_problems(subject, question), *_picture_problems(subject, pictures)])
    asked = (question or subject.ask.question or "").strip()
    name = base_model_place({"base_model": subject.base_model.model_dump()}, base_model)
    if subject.base_model.sha256 not in (None, model_hash(name)):
        log.warning("the base model at %s has changed since the adapter was trained: both may answer otherwise", name)
    probes = _probes(subject, asked, pictures)
    before, after = _answers(subject, probes, name, trust_remote_code)
    replies = _replies(pictures, before, after)
    return Asked(subject.trial, subject.name, subject.chosen, name, asked, replies)


def subject_of(run: str | Path, trial: str | None) -> Subject:
    """The adapter that is meant: a run's, or an exported one. Raises InputError."""
    folder = Path(os.path.abspath(os.path.expanduser(run)))
    if is_exported(folder):
        if trial is not None:
            message = f"{run} is one exported adapter"
            raise InputError(Problem("", "--trial", message, "give its run, or leave --trial out"))
        found = read_exported(folder)
        return Subject(found.folder, found.trial, found.name, EXPORTED, found.base_model, found.ask)
    opened = RunFolder.open(folder)
    row = choose(opened, trial)
    chosen = NAMED if trial is not None else BEST if row.repeat_of is None else MEDIAN
    manifest = opened.manifest()
    base = BaseModelRecord.model_validate(manifest["base_model"])
    trust = Options.recorded(manifest).trust_remote_code
    with closing(opened.ledger()) as ledger:
        prompting = prompting_of(opened, ledger) or Prompting()
    ask = ask_record(opened.study(), prompting)
    return Subject(checkpoint_of(opened, row), row.id, row.name, chosen, base, ask, trust)


def _question_problems(subject: Subject, question: str | None) -> list[Problem]:
    if question is None:
        if subject.ask.pictures and subject.ask.question:
            return []
        why = "no probe of the study asks for a name" if subject.ask.pictures else "the study has no pictures"
        example = f", for example {subject.ask.question!r}" if subject.ask.question else ""
        return [Problem("", "--question", f"is needed: {why}", f"give a question{example}")]
    try:
        TypeAdapter(Text).validate_python(question).encode()
    except ValidationError as error:
        return [Problem("", "--question", error.errors()[0]["msg"], "ask a question of 1 to 20000 characters")]
    except UnicodeEncodeError:
        return [Problem("", "--question", "is not UTF-8 text", "set the terminal to UTF-8")]
    return []


def _picture_problems(subject: Subject, pictures: Sequence[str | Path]) -> list[Problem]:
    if not subject.ask.pictures:
        remedy = "leave the pictures out"
        return [Problem("", "PICTURE", "the study has no pictures", remedy)] if pictures else []
    if not pictures:
        return [Problem("", "PICTURE", "is missing: the study asks about pictures", "give one or more")]
    return [problem for picture in pictures for problem in _picture_problem(picture)]


def _picture_problem(picture: str | Path) -> list[Problem]:
    path = _path(picture)
    if os.path.isdir(path):
        return [Problem("", "PICTURE", f"{picture} is a folder", f"give its pictures: {picture}/*")]
    if not os.path.isfile(path):
        return [Problem("", "PICTURE", f"no file {str(picture)!r}", "give the path of a picture")]
    try:
        open_rgb(path)
    except FileError as error:
        return [Problem("", "PICTURE", f"{picture}: {error}", error.remedy)]
    return []


def _path(picture: str | Path) -> Path:
    return Path(os.path.abspath(os.path.expanduser(picture)))


def _probes(subject: Subject, question: str, pictures: Sequence[str | Path]) -> list[Probe]:
    """A probe a picture; about whom is not known, so the grades of the answers mean nothing."""
    character = subject.ask.study.characters[0].name
    images: list[str | None] = [str(_path(picture)) for picture in pictures]
    return [
        Probe(id=str(place), image=image, character=character, question=question, kind="name", split="search")
        for place, image in enumerate(images or [None])
    ]


def _answers(
    subject: Subject, probes: Sequence[Probe], name: str, trust_remote_code: bool
) -> tuple[list[GradedAnswer], list[GradedAnswer]]:
    """The answers of the bare base and of the base with the adapter."""
    from trainables.examination import Examination, RowError
    from trainables.memory import is_out_of_memory, memory_of

    nothing: Rows[Any] = Rows("", [], [])
    asked = Rows("", list(probes), [0] * len(probes))
    study = Study(Path("/"), Document("", {}, {}), subject.ask.study, nothing, nothing, asked)
    base = _load(subject, name, trust_remote_code)
    try:
        examination = Examination(study, base, "search")
        return examination.answers(), _adapted(examination, subject.adapter)
    except RowError as error:
        raise InputError(
            [Problem(one.file, GIVEN_AS.get(one.field, one.field), one.message, one.remedy) for one in error.problems]
        ) from error
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        remedy = "wait for what else runs here"
        if base.device.type == "cuda":
            remedy += ", or set CUDA_VISIBLE_DEVICES= to ask on the CPU"
        message = f"{memory_of(base.device.type)} does not suffice for one question"
        raise InputError(Problem("", "RUN", message, remedy)) from error


def _adapted(examination: Examination, adapter: Path) -> list[GradedAnswer]:
    from trainables.memory import is_out_of_memory

    try:
        return examination.answers(adapter)
    # Whatever peft raises for settings and weights that are no adapter of this model: the bare one has just answered.
    except (RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
        if is_out_of_memory(error):
            raise
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        message = f"the adapter in {adapter} does not fit the base model ({first})"
        raise InputError(Problem("", "RUN", message, "give the base model that it was trained on")) from error


def _load(subject: Subject, name: str, trust_remote_code: bool) -> BaseModel:
    import torch
    import transformers

    from trainables.base_model import BaseModel
    from trainables.families import FamilyRefused
    from trainables.loading import ModelRefused

    # As in a trial: more threads are other sums.
    torch.set_num_threads(1)
    transformers.utils.logging.disable_progress_bar()
    warnings.simplefilter("ignore", FutureWarning)
    spec = subject.ask.study.base_model.model_copy(update={"revision": subject.base_model.revision})
    try:
        trust = trust_remote_code or subject.trust_remote_code
        return BaseModel.load(name, spec, prompting=subject.ask.prompting, trust_remote_code=trust)
    except (ModelRefused, FamilyRefused) as error:
        remedy = error.remedy or "say where the base model lies"
        raise InputError(Problem("", "--base-model", error.message, remedy)) from error


def _replies(
    pictures: Sequence[str | Path],
    before: Sequence[GradedAnswer],
    after: Sequence[GradedAnswer],
) -> tuple[Reply, ...]:
    names: list[str | None] = [str(picture) for picture in pictures]
    together = zip(names or [None], before, after, strict=True)
    return tuple(Reply(name, said(bare), said(adapted)) for name, bare, adapted in together)


def said(graded: GradedAnswer) -> Said:
    """A graded answer as it is shown."""
    return Said(graded.answer.text, graded.names, odds_of(graded.answer.name_log_probabilities))


def odds_of(log_probabilities: Mapping[str, float]) -> dict[str, float]:
    """Names -> log-probabilities as names -> probabilities that sum to 1, the most likely first."""
    likeliest_first = sorted(log_probabilities, key=lambda name: -log_probabilities[name])
    weights = {
        name: math.exp(log_probabilities[name] - log_probabilities[likeliest_first[0]]) for name in likeliest_first
    }
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()}
