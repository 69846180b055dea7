"""A study: what the model must learn, what it must not forget, and how it is asked. Checked on loading."""

from __future__ import annotations

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from skazka_text.problems import Document, InputError, Problem, ValueRefused, read_yaml, refuse, validate
from spaces.space import Space, load_space, named_spaces
from spaces.trial_config import TrialConfig, no_switch
from studies.files import FileError, resolve, same_path, sha256_of
from studies.rows import Example, Probe, ReplayRow, Role, Row, Rows, read_rows

Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^\S(.*\S)?$")]
# Arguments of transformers' apply_chat_template beside the template's own, and what it lends every template.
NOT_TEMPLATE = frozenset(
    {"conversation", "messages", "tools", "documents", "chat_template", "add_generation_prompt"}
    | {"continue_final_message", "tokenize", "sanitize_control_tokens", "padding", "truncation", "max_length"}
    | {"return_tensors", "return_dict", "return_assistant_tokens_mask", "tokenizer_kwargs", "processor_kwargs"}
    | {"load_audio_from_video", "raise_exception", "strftime_now"}
)
BUNDLED = {"demo": Path(__file__).parent / "demo"}


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_switch(cls, value: Any, info: ValidationInfo) -> Any:
        a_switch = cls.model_fields[str(info.field_name)].annotation is bool
        return value if a_switch else no_switch(value)


class Character(_Section):
    """Someone the study knows: to be learnt (target), kept (control), or not confused (negative)."""

    name: Name
    role: Role
    aliases: tuple[Name, ...] = ()


class BaseModelSpec(_Section):
    """The model to fine-tune, and how it is held in memory."""

    id: Name = Field(description="hub id, or the path of a local folder")
    revision: str | None = None
    dtype: Literal["float32", "bfloat16", "float16"] = "bfloat16"
    attention: Literal["sdpa", "eager", "flash_attention_2"] | None = None
    device_map: Literal["auto"] | None = Field(None, description="auto spreads it over the GPUs of a trial")
    quantization: Literal["none", "8bit", "4bit"] = Field("none", description="of the frozen text model; on a GPU")
    gradient_checkpointing: bool = Field(False, strict=True, description="less memory, about a third more time")
    micro_batch: int | None = Field(None, ge=1, description="rows at once on the device; empty means the whole batch")
    image_size: int | None = Field(None, ge=16, le=8192, description="pictures resized to this square, pixels a side")
    max_pixels: int | None = Field(None, ge=256, description="larger pictures are scaled down to so many pixels")
    template: dict[Name, JsonValue] = Field({}, description="arguments of its chat template")

    def quantised_as(self, unquantised: Sequence[str]) -> dict[str, Any] | None:
        """Arguments of transformers' BitsAndBytesConfig; None for a base that is not quantised.

        unquantised: names of the modules that keep the study's own dtype.
        """
        if self.quantization == "none":
            return None
        four = self.quantization == "4bit"
        return {
            "load_in_4bit": four,
            "load_in_8bit": not four,
            # NF4 with double quantisation: Dettmers et al., QLoRA, 2023.
            "bnb_4bit_quant_type": "nf4",
            "bnb_4bit_use_double_quant": True,
            "bnb_4bit_compute_dtype": self.dtype,
            "llm_int8_skip_modules": list(unquantised),
        }

    @field_validator("template", mode="before")
    @classmethod
    def _no_arguments(cls, value: Any) -> Any:
        return {} if value is None else value

    @field_validator("template")
    @classmethod
    def _free_arguments(cls, value: dict[str, Any]) -> dict[str, Any]:
        if taken := sorted(value.keys() & NOT_TEMPLATE):
            raise ValueRefused(f"{taken[0]} is no argument of a template: skazka gives it", "leave it out")
        try:
            json.dumps(value, allow_nan=False)
        except ValueError as error:
            raise ValueError("numbers must be finite") from error
        return value

    @model_validator(mode="after")
    def _one_size(self) -> BaseModelSpec:
        if self.image_size is not None and self.max_pixels is not None:
            raise ValueRefused("image_size and max_pixels are both given", "keep one of them")
        return self


class ScoreWeights(_Section):
    """score = gain - degradation * (mean control flips) - hallucination * (rise of wrong names)."""

    degradation: float = Field(1.0, ge=0)
    hallucination: float = Field(0.5, ge=0)


class Evaluation(_Section):
    """How a trial is evaluated."""

    every: int = Field(5, ge=1, description="epochs between two evaluations on the probes")
    held_out: float = Field(0.15, ge=0, lt=1, description="share of each character's images kept for eval loss")
    max_new_tokens: int = Field(64, ge=1, le=4096, description="tokens an answer may have")


class StudyFile(_Section):
    """study.yaml."""

    name: Name
    language: Literal["ru", "en"] = "ru"
    base_model: BaseModelSpec
    characters: tuple[Character, ...]
    training: Name
    probes: Name
    replay: Name | None = None
    lexicon: dict[Name, tuple[Name, ...]] = {}
    space: Name = "lora"
    score: ScoreWeights = ScoreWeights()
    evaluation: Evaluation = Evaluation()
    baselines: dict[Name, TrialConfig] = {}

    @model_validator(mode="before")
    @classmethod
    def _empty_sections(cls, data: Any) -> Any:
        """A key with nothing under it is a key left out."""
        return {key: value for key, value in data.items() if value is not None} if isinstance(data, dict) else data


@dataclass(frozen=True)
class Study:
    """A study as it was read; `studies.checks.load_study` gives one that passed every check."""

    folder: Path
    document: Document
    file: StudyFile
    training: Rows[Example]
    replay: Rows[ReplayRow]
    probes: Rows[Probe]

    def named(self, role: Role) -> list[str]:
        """The names of the characters with a role, in the study's order."""
        return [character.name for character in self.file.characters if character.role == role]

    @property
    def names(self) -> list[str]:
        """All characters, in the study's order."""
        return [character.name for character in self.file.characters]

    @property
    def roles(self) -> dict[str, str]:
        """Character -> role."""
        return {character.name: character.role for character in self.file.characters}

    @property
    def aliases(self) -> dict[str, tuple[str, ...]]:
        """Character -> its own name and aliases."""
        return {character.name: (character.name, *character.aliases) for character in self.file.characters}

    def probes_of(self, split: str) -> list[Probe]:
        """The probes of one split, in the file's order."""
        return [probe for probe in self.probes if probe.split == split]

    @property
    def trained_negatives(self) -> list[str]:
        """The negatives that have replay rows, in the study's order; the others stay out of training."""
        replayed = {row.character for row in self.replay}
        return [name for name in self.named("negative") if name in replayed]

    @property
    def has_pictures(self) -> bool:
        """Whether the model is shown pictures; a study without any is for a text model."""
        return any(row.image for rows in (self.training, self.replay, self.probes) for row in rows)

    @property
    def base_model(self) -> str:
        """The base model as transformers takes it: an absolute path, or a hub id."""
        local = self.folder / self.file.base_model.id
        return str(local.resolve()) if local.is_dir() else self.file.base_model.id

    def space(self, name: str | None = None) -> Space:
        """The space to search: the one given, else the study's own, a named one or a file of the study."""
        if name:
            return load_space(name)
        if self.file.space in named_spaces():
            return load_space(self.file.space)
        try:
            if self.file.space.endswith(".py"):
                # Whoever checks another's study must not run its code; whoever names a file does.
                raise FileError("a space in Python is not a study's own", "name it with --space")
            return load_space(resolve(self.folder, self.file.space))
        except FileError as error:
            remedy = f"use one of {', '.join(named_spaces())}, or a YAML file in the study folder"
            line = self.document.line_of(("space",))
            raise InputError(Problem(self.document.file, "space", str(error), remedy, line)) from error

    def problem_of(self, row: Row, field: str, message: str, remedy: str) -> Problem:
        """A refusal of one of the study's own rows, by its file and line."""
        for rows in (self.training, self.replay, self.probes):
            for index, known in enumerate(rows):
                if known is row:
                    return rows.problem(index, field, message, remedy)
        return Problem("", field, message, remedy)

    @cached_property
    def files(self) -> list[Path]:
        """Every file the study consists of but the base model, in a fixed order."""
        names = [self.document.file, self.file.training, self.file.probes, *filter(None, [self.file.replay])]
        names += [] if self.file.space in named_spaces() else [self.file.space]
        images = {row.image for rows in (self.training, self.replay, self.probes) for row in rows if row.image}
        return [self.folder / name for name in [*names, *sorted(images)]]

    @property
    def scored_by(self) -> dict[str, Any]:
        """What grades and scores rest on, as data: who is who, by which names, and the weights."""
        return self.file.model_dump(mode="json", include={"characters", "score"})

    @cached_property
    def content_hash(self) -> str:
        """sha256 over every file of the study but the base model."""
        digest = hashlib.sha256()
        for path in self.files:
            digest.update(f"{path.relative_to(self.folder).as_posix()}\0{sha256_of(path)}\n".encode())
        return digest.hexdigest()


def find_study(name: str | Path | None) -> Path:
    """The study.yaml that a user means: a file, a folder, or a bundled study (default: demo)."""
    if name is None or (str(name) in BUNDLED and not Path(name).exists()):
        return BUNDLED[str(name or "demo")] / "study.yaml"
    path = Path(os.path.expanduser(name)).absolute()
    # Not Path.is_dir and is_file, which raise for a name that is too long.
    if os.path.isdir(path):
        path = path / "study.yaml"
    if not os.path.isfile(path):
        raise InputError(Problem(str(name), "", "no such study", "give a folder with study.yaml, or a study.yaml"))
    return path


def read_study(path: Path) -> Study:
    """Read study.yaml and its files of rows; pictures are not opened. Raises InputError with every problem at once."""
    study, problems = parse_study(read_yaml(path), path.parent.resolve())
    refuse(problems)
    assert study is not None
    return study


def parse_study(document: Document, folder: Path) -> tuple[Study | None, list[Problem]]:
    """Read what can be read of a study: None where study.yaml itself is wrong, and every problem found.

    document: study.yaml. folder: where it lies, and its files of rows.
    """
    problems: list[Problem] = []
    file: StudyFile | None = None
    try:
        file = validate(StudyFile, document)
    except InputError as error:
        problems += error.problems
    names = file.model_dump() if file else document.data if isinstance(document.data, dict) else {}
    rows: dict[str, Rows[Any]] = {}
    for field, row_type in (("training", Example), ("replay", ReplayRow), ("probes", Probe)):
        rows[field], found = _rows(document, folder, field, names.get(field), row_type)
        problems += found
    if file is None:
        return None, problems
    return Study(folder, document, file, rows["training"], rows["replay"], rows["probes"]), problems


def _rows(
    document: Document, folder: Path, field: str, name: Any, row_type: type[Row]
) -> tuple[Rows[Any], list[Problem]]:
    if not isinstance(name, str):
        return Rows[Any]("", [], []), []
    try:
        rows, problems = read_rows(resolve(folder, name), row_type)
        return _as_on_disk(rows, folder), problems
    except FileError as error:
        remedy = "name a JSON Lines file in the study folder"
        line = document.line_of((field,))
        return Rows[Any]("", [], []), [Problem(document.file, field, str(error), remedy, line)]


def _as_on_disk(rows: Rows[Any], folder: Path) -> Rows[Any]:
    """The rows with the names of pictures in the Unicode form that their files have."""
    images = {row.image for row in rows if row.image and not os.path.isfile(os.path.join(folder, row.image))}
    spelt = {image: same for image in images if (same := same_path(folder, image))}
    return Rows[Any](
        rows.file,
        [row.model_copy(update={"image": spelt[row.image]}) if row.image in spelt else row for row in rows],
        rows.lines,
        rows.marked,
    )


def units_by_character(rows: Iterable[Row]) -> dict[str, list[str]]:
    """Character -> its distinct pictures (without pictures: questions), in order of appearance."""
    units: dict[str, dict[str, None]] = defaultdict(dict)
    for row in rows:
        units[row.character][row.unit] = None
    return {character: list(names) for character, names in units.items()}
