"""The architecture: imports run one way, and what needs no torch and no Ray loads neither."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ORDER = ("spaces", "studies", "trainables", "search", "analysis", "skazka")
# studies/demo/base.py trains the shipped model: a script, imported by no package.
LIGHT = (
    *(path for package in ("spaces", "studies", "analysis") for path in sorted((ROOT / package).rglob("*.py"))),
    *(ROOT / "trainables" / f"{name}.py" for name in ("grading", "answers", "scoring", "metrics", "task", "fidelity")),
    *(ROOT / "search" / f"{name}.py" for name in ("ledger", "run_folder", "manifest", "export", "export_check")),
    *(
        ROOT / "search" / f"{name}.py"
        for name in ("adapter_record", "adapter_check", "adapter_files", "asking", "check_place")
    ),
    *(ROOT / "search" / f"{name}.py" for name in ("check_request", "fresh_process", "model_card")),
    *(
        ROOT / "skazka" / f"{name}.py"
        for name in ("asking", "cli", "exporting", "api", "streams", "environment", "terminal", "table", "trial_table")
    ),
)


def imported(path: Path) -> set[str]:
    """The top-level packages that a module imports anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("package", ORDER)
def test_imports_run_one_way(package: str) -> None:
    later = set(ORDER[ORDER.index(package) + 1 :])
    for path in (ROOT / package).rglob("*.py"):
        assert not imported(path) & later, path


def test_no_package_knows_the_benchmarks_or_tests() -> None:
    for package in ORDER:
        for path in (ROOT / package).rglob("*.py"):
            assert not imported(path) & {"benchmarks", "tests"}, path


def test_ray_tune_lives_in_one_class_and_in_search() -> None:
    users = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("*/*.py") if "ray" in imported(path)}
    outside = {path for path in users if path.split("/")[0] not in ("search", "tests", "benchmarks")}
    assert outside == {"trainables/lora_trial.py", "skazka/screen.py"}


def test_light_modules_load_without_torch_and_ray() -> None:
    modules = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in LIGHT]
    modules = [name.removesuffix(".__init__") for name in modules if name != "studies.demo.base"]
    code = f"""
import importlib, sys
for blocked in ("torch", "ray", "transformers", "peft"):
    sys.modules[blocked] = None
for name in {modules!r}:
    importlib.import_module(name)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_init_files_are_empty_but_for_the_face() -> None:
    for package in ORDER[:-1]:
        assert (ROOT / package / "__init__.py").read_text(encoding="utf-8") == ""
