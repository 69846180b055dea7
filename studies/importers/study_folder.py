"""A new study folder from a source: `skazka init`."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from studies.checks import load_study
from studies.importers.convert import REPORT, Imported, import_rows
from studies.importers.options import ImportOptions
from studies.new_folder import drafted
from studies.picture_sizes import SMALL_PICTURE
from studies.study import BUNDLED

STUDY, REPLAY = "study.yaml", "replay.jsonl"


@dataclass(frozen=True)
class Settings:
    """What study.yaml says beside the data.

    language: None for that of the data. model: a hub id, a folder, or `demo` for the embedded tiny base. space: None
    for `forgetting` where there are rows to replay, else `lora`.
    """

    language: str | None
    model: str
    space: str | None


def init_study(to: Path, options: ImportOptions, settings: Settings) -> Imported:
    """Make a study folder of a source, checked as `skazka check` does. Raises InputError; nothing is left then."""
    with drafted("DIR", to, last=STUDY) as draft:
        imported = import_rows(options, draft, settings.language)
        name = to.expanduser().absolute().name
        (draft / STUDY).write_text(
            study_text(name, options, settings, imported, replayed=(draft / REPLAY).is_file()), encoding="utf-8"
        )
        report = {"options": options.model_dump(mode="json", by_alias=True), **asdict(imported)}
        (draft / REPORT).write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        load_study(draft)
    return imported


def study_text(name: str, options: ImportOptions, settings: Settings, imported: Imported, *, replayed: bool) -> str:
    """study.yaml as a person would begin it. replayed: whether there are rows to replay."""
    files = {"training": "training.jsonl", "probes": "probes.jsonl"} | ({"replay": REPLAY} if replayed else {})
    space = settings.space or ("forgetting" if replayed else "lora")
    kept = [{key: row[key] for key in ("name", "role", "aliases") if row[key]} for row in imported.characters]
    return "".join(
        [
            f"# Made by skazka init from {options.source!r}; {REPORT} says what was skipped and why.\n",
            _yaml({"name": name, "language": imported.language}),
            "# The model to fine-tune: a hub id, or the path of a local folder.\n",
            _yaml({"base_model": base_model(settings.model)}),
            *(_max_pixels() if imported.unit == "picture" and settings.model != "demo" else ()),
            _yaml(files),
            "# target: to be learnt; control: not to be forgotten; negative: not to be taken for a target.\n",
            "characters:\n",
            *(f"  - {_inline(character)}\n" for character in kept),
            _yaml({"space": space}),
            "# Configurations to beat; write yours here.\n",
            "baselines:\n  defaults: {learning_rate: 2.0e-4}\n",
        ]
    )


def base_model(model: str) -> dict[str, Any]:
    """The section base_model of study.yaml."""
    if model == "demo":
        return {"id": str(BUNDLED["demo"] / "model"), "dtype": "float32"}
    local = os.path.abspath(os.path.expanduser(model))
    return {"id": local if os.path.isdir(local) else model}


def _max_pixels() -> list[str]:
    """The last key of base_model: pictures are scaled down unless the user takes it out."""
    return [
        "  # Larger pictures are scaled down to so many pixels, 512 x 512: Qwen2.5-VL makes 330 tokens of them, of\n",
        "  # a photo of 12 megapixels 15,000. Small details need more, and memory with it.\n",
        f"  max_pixels: {SMALL_PICTURE}\n",
    ]


def _yaml(data: dict[str, Any]) -> str:
    return yaml.safe_dump(data, allow_unicode=True, sort_keys=False, width=120)


def _inline(data: dict[str, Any]) -> str:
    # However long, on one line.
    return yaml.safe_dump(data, allow_unicode=True, sort_keys=False, default_flow_style=True, width=1_000_000).strip()
