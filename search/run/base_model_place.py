"""Where the base model of a run lies: where its manifest says, or in the folder that it moved to since."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from search.run.manifest import model_hash
from skazka_text.problems import InputError, Problem

OPTION = "--base-model"
# Characters of a hash that people compare.
SHOWN = 12


def base_model_place(manifest: Mapping[str, Any], given: str | Path | None = None) -> str:
    """The base model as transformers takes it: a hub id, or the absolute path of a folder that is there.

    given: the folder it moved to; taken only where it holds the very model that the run was started with.
    Raises InputError for a folder that is gone, is none, or holds another model.
    """
    known = manifest["base_model"]
    if given is None:
        if is_gone(manifest):
            raise InputError(gone(manifest))
        return str(known["id"])
    folder = _folder(given)
    if not is_local(manifest):
        message = f"the run's base model is {known['id']!r} of the hub, which has no hash here to compare with"
        raise InputError(Problem("", OPTION, message, f"leave {OPTION} out, and put the model in the hub's cache"))
    found = model_hash(str(folder))
    # A run of an earlier version may have lost the hash of a model that was gone.
    if known["sha256"] is not None and found != known["sha256"]:
        hashes = f"sha256 {str(found)[:SHOWN]}…, the run was started with {known['sha256'][:SHOWN]}…"
        message = f"{folder} holds another base model or other files beside it ({hashes})"
        raise InputError(Problem("", OPTION, message, "give the folder of the same model, as it was"))
    return str(folder)


def is_local(manifest: Mapping[str, Any]) -> bool:
    """Whether the base model is a folder: the manifest has its absolute path, of others the hub id."""
    return Path(manifest["base_model"]["id"]).is_absolute()


def is_gone(manifest: Mapping[str, Any]) -> bool:
    """Whether the base model is a folder that is not where it was. That is not a change: it may have moved."""
    return is_local(manifest) and not Path(manifest["base_model"]["id"]).is_dir()


def gone(manifest: Mapping[str, Any]) -> Problem:
    """The refusal of a base model that is gone."""
    message = f"the base model is not at {manifest['base_model']['id']} any more"
    return Problem("", "base_model", message, f"put it back, or say where it lies now: {OPTION} PATH")


def _folder(given: str | Path) -> Path:
    try:
        folder = Path(given).expanduser().resolve()
        if folder.is_dir():
            return folder
        reason = "is no folder" if folder.exists() else "is not there"
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
    raise InputError(Problem("", OPTION, f"{given} {reason}", "give the folder that save_pretrained wrote"))
