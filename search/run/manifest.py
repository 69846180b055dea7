"""Where a run came from: code, versions, hardware, data, seeds."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from search.options import Options
from studies.files import sha256_of
from studies.study import Study
from trainables.prompting import GREEDY
from trainables.scoring import KNOWN_SHARE

PACKAGES = ("skazka-tune", "ray", "torch", "transformers", "peft", "optuna", "pandas", "pymorphy3")


def build_manifest(study: Study, options: Options) -> dict[str, Any]:
    """Everything needed to say what a run measured, as plain JSON."""
    return {
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "options": options.model_dump(),
        "study": {
            "name": study.file.name,
            "folder": str(study.folder),
            "file": study.document.file,
            "sha256": study.content_hash,
        },
        "base_model": {
            "id": study.base_model,
            "revision": study.file.base_model.revision,
            "dtype": study.file.base_model.dtype,
            "sha256": model_hash(study.base_model),
        },
        "score": {"known_share": KNOWN_SHARE},
        "generation": GREEDY,
        "code": git_state(),
        "versions": versions(),
        "hardware": {"platform": platform.platform(), "cpus": os.cpu_count(), "memory_bytes": memory_bytes()},
    }


def write_manifest(path: Path, manifest: dict[str, Any]) -> None:
    """Write a manifest as readable JSON: a copy for people, the program reads the one in the ledger."""
    path.write_text(json.dumps(manifest, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def versions() -> dict[str, str | None]:
    """Installed versions; None where a package is absent."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = None
    return found


def git_state() -> dict[str, Any]:
    """Commit and dirty flag of the checkout that runs; empty for an installed wheel."""
    home = Path(__file__).resolve().parents[2]
    if not (home / ".git").exists():
        return {"commit": None, "dirty": None}
    commit = _git(home, "rev-parse", "HEAD")
    status = _git(home, "status", "--porcelain", "--untracked-files=no")
    return {"commit": commit, "dirty": None if status is None else bool(status)}


def _git(home: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(home), *arguments], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def model_hash(model: str) -> str | None:
    """sha256 over the files of a local model folder; None for a hub model, whose revision says it."""
    folder = Path(model)
    if not folder.is_dir():
        return None
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(folder).as_posix()}\0{sha256_of(path)}\n".encode())
    return digest.hexdigest()


def memory_bytes() -> int | None:
    """Physical memory of this machine; None where the system does not say."""
    if sys.platform == "win32":
        return None
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
