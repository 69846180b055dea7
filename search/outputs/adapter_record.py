"""What lies beside an exported adapter so that it can be asked as its trial was: `trial.json`, under `ask`."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError, safe_open

from skazka_text.problems import InputError, Problem, problems_of
from studies.files import sha256_of
from studies.study import Study, StudyFile
from trainables.prompting import Prompting

RECORD = "trial.json"
ADAPTER_FILES = ("adapter_model.safetensors", "adapter_config.json")


class BaseModelRecord(BaseModel):
    """The base that the adapter was trained on, as the manifest of its run names it."""

    model_config = ConfigDict(frozen=True)

    id: str
    revision: str | None = None
    sha256: str | None = None


class AskRecord(BaseModel):
    """How a trial's model was asked.

    study: without its baselines. pictures: whether it was shown any. question: the most frequent name question.
    files: of the adapter -> sha256. prompting: its defaults where an earlier version did not say.
    """

    model_config = ConfigDict(frozen=True)

    study: StudyFile
    pictures: bool
    question: str | None
    files: dict[str, str] = {}
    prompting: Prompting = Prompting()


class _Record(BaseModel):
    id: str
    name: str
    base_model: BaseModelRecord
    ask: AskRecord | None = None


@dataclass(frozen=True)
class ExportedAdapter:
    """An adapter that `skazka export` wrote. trial, name: of the trial that it is of."""

    folder: Path
    trial: str
    name: str
    base_model: BaseModelRecord
    ask: AskRecord


def ask_record(study: Study, prompting: Prompting) -> AskRecord:
    """How the trials of a study are asked."""
    asked = Counter(probe.question for probe in study.probes if probe.kind == "name")
    question = asked.most_common(1)[0][0] if asked else None
    return AskRecord(study=study.file, pictures=study.has_pictures, question=question, prompting=prompting)


def exported_record(study: Study, adapter: Path, prompting: Prompting) -> dict[str, Any]:
    """The same as JSON, for the adapter in that folder."""
    files = {name: sha256_of(adapter / name) for name in ADAPTER_FILES}
    record = ask_record(study, prompting).model_copy(update={"files": files})
    return record.model_dump(mode="json", exclude={"study": {"baselines"}})


def is_exported(folder: Path) -> bool:
    """Whether a folder holds an adapter and not a run."""
    # Not Path.is_file, which raises for a name that is too long.
    return any(os.path.isfile(folder / name) for name in (RECORD, *ADAPTER_FILES))


def read_exported(folder: Path) -> ExportedAdapter:
    """An exported adapter, its files verified. Raises InputError for one that cannot be asked."""
    try:
        record = _Record.model_validate(json.loads((folder / RECORD).read_bytes()))
    except ValidationError as error:
        raise InputError(problems_of(error, RECORD)) from error
    except OSError as error:
        remedy = "give a run, or a folder that skazka export wrote"
        raise InputError(Problem("", "RUN", f"{folder} has no {RECORD}", remedy)) from error
    except (ValueError, RecursionError) as error:
        raise InputError(Problem(RECORD, "", "is no JSON", "export the adapter again")) from error
    if record.ask is None:
        message = "is missing: an earlier version exported it"
        raise InputError(Problem(RECORD, "ask", message, "export the adapter again, or give its run"))
    for name in ADAPTER_FILES:
        _verify(folder / name, record.ask.files.get(name))
    _check_weights(folder / ADAPTER_FILES[0])
    return ExportedAdapter(folder, record.id, record.name, record.base_model, record.ask)


def _verify(path: Path, digest: str | None) -> None:
    try:
        whole = sha256_of(path) == digest
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(Problem(path.name, "", reason, "export the adapter again")) from error
    if not whole:
        raise InputError(Problem(path.name, "", "differs from what was exported", "export the adapter again"))


def _check_weights(path: Path) -> None:
    """Whoever wrote the record may have hashed anything: a pickle under this name is not to be read."""
    try:
        with safe_open(path, framework="numpy"):
            pass
    except SafetensorError as error:
        raise InputError(Problem(path.name, "", f"is no safetensors file ({error})", "export it again")) from error
