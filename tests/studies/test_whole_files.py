"""A file is whole at any moment."""

from __future__ import annotations

from pathlib import Path

import pytest

from studies.files import replace_file


def test_a_file_is_replaced_whole_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    replace_file(path, b"one")
    replace_file(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]


def test_after_a_failure_the_old_file_stands_alone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    replace_file(path, b"one")
    with pytest.raises(TypeError):
        replace_file(path, "not bytes")  # type: ignore[arg-type]
    assert path.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [path]
