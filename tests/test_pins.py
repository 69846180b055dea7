"""What `make pins` asks for on each Python, and that every Python that is accepted is asked."""

from __future__ import annotations

import tomllib

import pytest
from pins import MISSING, ROOT, requirements, versions


def test_every_accepted_python_is_asked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert versions(project["requires-python"]) == ["3.11", "3.12", "3.13", "3.14"]


@pytest.mark.parametrize(("version", "old"), [("3.11", True), ("3.13", False), ("3.14", False)])
def test_a_pin_is_asked_for_only_where_it_holds(version: str, old: bool) -> None:
    pins = ["numpy==2.4.6", 'backport==1.0; python_version < "3.13"', "Ray==2.60.0"]
    found = requirements(version, pins, ["ray[tune]>=2.60", "bitsandbytes>=0.46"])
    assert found == ["numpy==2.4.6", *(["backport==1.0"] if old else []), "Ray==2.60.0", "bitsandbytes>=0.46"]


def test_what_pip_could_not_find_is_read_from_its_message() -> None:
    found = MISSING.search("ERROR: No matching distribution found for nowhere==1.0\n")
    assert found is not None
    assert found[1] == "nowhere==1.0"
