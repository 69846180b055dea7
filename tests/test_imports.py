"""The architecture: imports run one way, and what needs no torch and no Ray loads neither."""

from __future__ import annotations

import ast
import functools
import subprocess
import sys
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ORDER = ("skazka_text", "spaces", "studies", "trainables", "search", "analysis", "skazka")
# Rooms whose every file is read without torch and Ray.
LIGHT_ROOMS = ("skazka_text", "spaces", "studies", "search/run", "search/outputs", "analysis")
LIGHT = (
    *(path for room in LIGHT_ROOMS for path in sorted((ROOT / room).rglob("*.py"))),
    *(ROOT / "trainables" / f"{name}.py" for name in ("grading", "answers", "scoring", "metrics", "task", "fidelity")),
    *(
        ROOT / "skazka" / f"{name}.py"
        for name in ("asking", "cli", "exporting", "api", "streams", "environment", "terminal", "table", "trial_table")
    ),
)


@functools.cache
def modules() -> Mapping[str, Path]:
    """Every module of the house, at any depth."""
    found = {}
    for package in ORDER:
        for path in (ROOT / package).rglob("*.py"):
            found[".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")] = path
    return found


def imported(path: Path) -> Iterator[tuple[str, str]]:
    """What a file imports anywhere in it: a module, and a name from it or nothing."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.module, alias.name) for alias in node.names)


def packages(path: Path) -> set[str]:
    """The top-level packages that a file imports."""
    return {module.split(".")[0] for module, _ in imported(path)}


def own_imports(path: Path) -> set[str]:
    """The modules of the house that a file imports."""
    known = modules()
    named = {f"{module}.{name}" if f"{module}.{name}" in known else module for module, name in imported(path)}
    return named & known.keys()


def circle(graph: Mapping[str, set[str]]) -> list[str]:
    """Some that import each other in a circle; none is an empty list."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_a_circle_is_seen() -> None:
    assert set(circle({"a": {"b"}, "b": {"c"}, "c": {"a"}})) == {"a", "b", "c"}
    assert circle({"a": {"b", "c"}, "b": {"c"}}) == []


@pytest.mark.parametrize("package", ORDER)
def test_imports_run_one_way(package: str) -> None:
    later = set(ORDER[ORDER.index(package) + 1 :])
    for path in (ROOT / package).rglob("*.py"):
        assert not packages(path) & later, path


def test_no_files_import_each_other() -> None:
    assert circle({name: own_imports(path) - {name} for name, path in modules().items()}) == []


def test_no_folders_import_each_other() -> None:
    """Beside each other; what is in a folder of a folder may build on the outer one, and the other way round."""
    folders: dict[str, set[str]] = {}
    for path in modules().values():
        folder = path.parent
        found = {modules()[name].parent for name in own_imports(path)}
        beside = {other for other in found if not other.is_relative_to(folder) and not folder.is_relative_to(other)}
        folders.setdefault(str(folder), set()).update(map(str, beside))
    assert circle(folders) == []


def test_no_package_knows_the_benchmarks_or_tests() -> None:
    for path in modules().values():
        assert not packages(path) & {"benchmarks", "tests"}, path


def test_ray_tune_lives_in_one_class_and_in_search() -> None:
    users = {name for name, path in modules().items() if "ray" in packages(path)}
    assert {name for name in users if not name.startswith("search.")} == {"trainables.lora_trial", "skazka.screen"}


def test_light_modules_load_without_torch_and_ray() -> None:
    # studies/demo/base.py trains the shipped model: a script, imported by no package.
    names = sorted(name for name, path in modules().items() if path in LIGHT and name != "studies.demo.base")
    code = f"""
import importlib, sys
for blocked in ("torch", "ray", "transformers", "peft"):
    sys.modules[blocked] = None
for name in {names!r}:
    importlib.import_module(name)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_init_files_are_empty_but_for_the_face() -> None:
    for package in ORDER[:-1]:
        for path in (ROOT / package).rglob("__init__.py"):
            assert path.read_text(encoding="utf-8") == "", path
