"""What `benchmarks/gpu.py` needs of other packages; it loads on a machine that has none of them."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

CONSTRAINTS = Path(__file__).parent.parent / "constraints.txt"
# What is on a machine that trains models already, with all that these need.
PRESENT = ("torch", "transformers", "peft", "accelerate", "safetensors", "pillow")
# What is not: small, and all but one of pure Python.
WHEELS = (
    *("click", "pydantic", "pydantic-core", "annotated-types", "typing-inspection"),
    *("pymorphy3", "pymorphy3-dicts-ru", "dawg2-python"),
)
# For the part in 4 bit; a machine without it leaves that part out.
OPTIONAL = ("bitsandbytes",)


def pinned(names: Sequence[str]) -> list[str]:
    """Each as `name==version` of the constraints."""
    lines = CONSTRAINTS.read_text(encoding="utf-8").splitlines()
    pins = {canonical(name): pin for name, _, pin in (line.partition("==") for line in lines)}
    return [f"{name}=={pins[name]}" for name in names]


def versions() -> dict[str, str | None]:
    """Of all of them, as they are installed here; None is not."""
    return {name: _installed(name) for name in (*PRESENT, *WHEELS, *OPTIONAL)}


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def canonical(name: str) -> str:
    """A distribution's name as two spellings of it agree on."""
    return name.lower().replace("_", "-")
