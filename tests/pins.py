"""Whether every pin and every extra can be had as a wheel on every Python that pyproject.toml accepts: `make pins`.

Asks the package index for this machine's platform, and installs nothing. Usage: python tests/pins.py [VERSION…]
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
# Only its source is published: pure Python, built on installing.
SOURCE_ONLY = "docopt"
MISSING = re.compile(r"No matching distribution found for ([^\s;]+)")


def versions(accepted: str) -> list[str]:
    """The Pythons that a specifier such as `>=3.11,<3.15` accepts."""
    return [version for minor in range(8, 30) if (version := f"3.{minor}") in SpecifierSet(accepted)]


def requirements(version: str, pins: Iterable[str], asked: Iterable[str]) -> list[str]:
    """The pins that hold on a Python and what is asked for without a pin, such as an extra for GPUs.

    Markers are left out: pip would ask them of the Python that it runs on.
    """
    known = {"python_version": version, "python_full_version": f"{version}.0"}
    found: dict[str, str] = {}
    for text in (*pins, *asked):
        wanted = Requirement(text)
        if wanted.marker is None or wanted.marker.evaluate(known):
            found.setdefault(canonicalize_name(wanted.name), f"{wanted.name}{wanted.specifier}")
    return list(found.values())


def without_wheel(version: str, wanted: Sequence[str]) -> list[str]:
    """Those that have no wheel for a Python. Raises RuntimeError where pip fails for another reason."""
    missing: list[str] = []
    while True:
        left = [pin for pin in wanted if pin not in missing]
        error = _resolve(version, left)
        if error is None:
            return missing
        found = MISSING.search(error)
        if found is None or found[1] not in left:
            raise RuntimeError(error)
        missing.append(found[1])


def _resolve(version: str, wanted: Sequence[str]) -> str | None:
    with tempfile.TemporaryDirectory() as empty:
        options = ["--dry-run", "--no-deps", "--quiet", "--only-binary=:all:", f"--no-binary={SOURCE_ONLY}"]
        where = ["--python-version", version, "--target", empty]
        pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
        done = subprocess.run([*pip, *options, *where, *wanted], capture_output=True, text=True)
    return done.stderr if done.returncode else None


def main(only: Sequence[str]) -> int:
    """Print a line a Python; 1 where something has no wheel."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").split("\n")
    asked = [text for extra in project["optional-dependencies"].values() for text in extra]
    failed = False
    for version in only or versions(project["requires-python"]):
        wanted = requirements(version, filter(None, pins), [*project["dependencies"], *asked])
        missing = without_wheel(version, wanted)
        failed = failed or bool(missing)
        told = f"no wheel for {', '.join(missing)}" if missing else "all can be had"
        print(f"Python {version}: {len(wanted)} packages, {told}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
