"""What a shell, a notebook or a job manager leaves in the environment, and must not decide here."""

from __future__ import annotations

import os
import sys
import warnings

# Wider than any terminal.
_MOST = 10_000


def tidy_environment() -> None:
    """Drop sizes of a terminal that are none, and let no warning of another library end a command or a trial."""
    for size in ("COLUMNS", "LINES"):
        if not _is_size(os.environ.get(size, "")):
            os.environ.pop(size, None)
    if any(option.startswith("e") for option in sys.warnoptions):
        warnings.simplefilter("default")
        # For the processes that Ray starts.
        os.environ["PYTHONWARNINGS"] = "default"


def locale_note() -> str | None:
    """What to say where Python cannot open files whose names are in another alphabet; None where it can."""
    encoding = sys.getfilesystemencoding()
    if encoding == "utf-8":
        return None
    return f"note: this shell's locale is {encoding}: file names in other alphabets are refused — export PYTHONUTF8=1"


def _is_size(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len(str(_MOST)) and 0 < int(text) <= _MOST
