"""skazka-tune: find the LoRA configuration that teaches a vision-language model without making it forget.

import skazka
run = skazka.launch("studies/demo", trials=12)
run.best, run.trials()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skazka.api import Run, ask, export, launch, open_run, report, resume, study_db

__all__ = ["Run", "ask", "export", "launch", "open_run", "report", "resume", "study_db"]


def __getattr__(name: str) -> Any:
    # Loaded on first use: `skazka --help` must not wait for Ray.
    if name in __all__:
        from skazka import api

        return getattr(api, name)
    raise AttributeError(f"module 'skazka' has no attribute {name!r}")
