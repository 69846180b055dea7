"""Files of a report that are never half written."""

from __future__ import annotations

import uuid
from pathlib import Path


def replace_file(path: Path, data: bytes) -> None:
    """Write a file whole or not at all: a reader sees the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
