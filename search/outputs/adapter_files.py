"""The files of an adapter as plain peft and transformers read them: weights, settings, processor."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from search.options import Options
from search.outputs.adapter_record import ADAPTER_FILES
from search.outputs.served_adapter import served
from skazka_text.problems import InputError, Problem
from skazka_text.secrets import redact
from studies.files import is_disk_full
from trainables.prompting import Prompting


def write_adapter(source: Path, target: Path, manifest: Mapping[str, Any], prompting: Prompting) -> None:
    """Write a checkpoint's adapter into a folder, and the processor of its base beside it.

    Raises InputError where the processor cannot be loaded.
    """
    weights, settings = ADAPTER_FILES
    shutil.copyfile(source / weights, target / weights)
    base = manifest["base_model"]
    adapter = served(json.loads((source / settings).read_text(encoding="utf-8")), source / weights)
    # peft wrote where the model lay then.
    adapter["base_model_name_or_path"] = base["id"]
    (target / settings).write_text(json.dumps(adapter, indent=2, sort_keys=True), encoding="utf-8")
    try:
        _write_processor(base, target, prompting, Options.recorded(manifest).trust_remote_code)
    except (OSError, ValueError) as error:
        if is_disk_full(error):
            raise
        message = f"the processor of {base['id']!r} cannot be loaded ({redact(str(error)).splitlines()[0]})"
        raise InputError(Problem("study.yaml", "base_model.id", message, "check the id and the network")) from error


def _write_processor(base: Mapping[str, Any], target: Path, prompting: Prompting, trust_remote_code: bool) -> None:
    from transformers import AutoProcessor, AutoTokenizer

    loader = AutoTokenizer if prompting.text_only else AutoProcessor
    processor = loader.from_pretrained(base["id"], revision=base["revision"], trust_remote_code=trust_remote_code)
    # The run's own, where that is another.
    processor.chat_template = prompting.chat_template or processor.chat_template
    processor.save_pretrained(target)
