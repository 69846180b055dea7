"""The analysis of a run needs neither torch nor Ray, and `skazka status` needs neither matplotlib nor pandas."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import analysis

HOME = Path(analysis.__file__).parent
MODULES = sorted(
    ".".join(("analysis", *path.relative_to(HOME).with_suffix("").parts))
    for path in HOME.rglob("*.py")
    if path.stem != "__init__"
)


def _imports(modules: list[str], blocked: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    # A module that is None in sys.modules cannot be imported.
    code = f"import sys; sys.modules.update(dict.fromkeys({blocked!r})); import {', '.join(modules)}"
    return subprocess.run([sys.executable, "-c", code], cwd=HOME.parent, capture_output=True, text=True, timeout=120)


def test_all_of_analysis_is_imported_without_torch_ray_and_transformers() -> None:
    done = _imports(MODULES, ("torch", "ray", "transformers"))
    assert done.returncode == 0, done.stderr


def test_the_block_works() -> None:
    assert _imports(["json"], ("json",)).returncode != 0


def test_trials_and_report_are_imported_without_what_takes_long() -> None:
    done = _imports(
        ["analysis.facts.trials", "analysis.report"],
        ("matplotlib", "pandas", "scipy", "optuna", "plotly", "pyarrow", "numpy"),
    )
    assert done.returncode == 0, done.stderr
