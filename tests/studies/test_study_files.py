"""Files that are whole or refused, and disks that are full."""

from __future__ import annotations

import contextlib
import errno
import json
import sqlite3
import unicodedata
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError

from studies.files import FileError, is_disk_full, read_sealed, resolve, same_path, write_sealed

Form = Literal["NFC", "NFD"]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
DATA = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
FAST = settings(
    derandomize=True, deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@given(data=DATA)
@FAST
def test_what_was_sealed_is_read_again(data: Any, tmp_path: Path) -> None:
    write_sealed(tmp_path / "file.json", data)
    assert read_sealed(tmp_path / "file.json") == data
    assert [path.name for path in tmp_path.iterdir()] == ["file.json"]


@given(data=DATA, source=st.data())
@FAST
def test_a_flipped_bit_is_noticed_or_changes_nothing(data: Any, source: st.DataObject, tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    write_sealed(path, data)
    content = bytearray(path.read_bytes())
    content[source.draw(st.integers(0, len(content) - 1))] ^= 1 << source.draw(st.integers(0, 7))
    path.write_bytes(content)
    with contextlib.suppress(FileError):
        assert json.dumps(read_sealed(path), sort_keys=True) == json.dumps(data, sort_keys=True)


def test_every_cut_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    write_sealed(path, {"epoch": 3})
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(FileError, match=r"file\.json is damaged"):
            read_sealed(path)


@pytest.mark.parametrize("content", [b"[]", b"3", b'{"data": 1}', b'{"sha256": "", "data": 1}', b"[" * 100_000])
def test_what_was_never_sealed_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "file.json").write_bytes(content)
    with pytest.raises(FileError):
        read_sealed(tmp_path / "file.json")


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_sealed(tmp_path / "file.json")


def chained(cause: Exception) -> Exception:
    """An error that another one led to."""
    try:
        try:
            raise cause
        except Exception as error:
            raise RuntimeError("the checkpoint was not written") from error
    except RuntimeError as error:
        return error


def full_database() -> sqlite3.Error:
    """What SQLite raises where it may not grow."""
    db = sqlite3.connect(":memory:")
    db.execute("PRAGMA max_page_count = 2")
    with pytest.raises(sqlite3.OperationalError) as raised:
        db.execute("CREATE TABLE big AS SELECT randomblob(100000)")
    db.close()
    return raised.value


FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(FULL, id="disk"),
        pytest.param(OSError(errno.EDQUOT, "Disk quota exceeded"), id="quota"),
        pytest.param(full_database(), id="SQLite"),
        pytest.param(
            SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
            id="safetensors",
        ),
        pytest.param(chained(FULL), id="cause"),
        pytest.param(chained(chained(full_database())), id="cause of a cause"),
    ],
)
def test_a_full_disk_is_known(error: Exception) -> None:
    assert is_disk_full(error)


@pytest.mark.parametrize(
    "error", [OSError(errno.EACCES, "Permission denied"), ValueError("full"), sqlite3.OperationalError("locked")]
)
def test_another_error_is_no_full_disk(error: Exception) -> None:
    assert not is_disk_full(error)
    assert not is_disk_full(chained(error))


@pytest.mark.parametrize(("asked", "stored"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_a_file_is_found_whatever_the_unicode_form(tmp_path: Path, asked: Form, stored: Form) -> None:
    name = "рисунки й/ёлка й.png"
    path = tmp_path / unicodedata.normalize(stored, name)
    path.parent.mkdir()
    path.write_text("x")
    assert resolve(tmp_path, unicodedata.normalize(asked, name)) == path


def test_another_case_is_named_and_not_taken(tmp_path: Path) -> None:
    (tmp_path / "IMG_1.JPG").write_text("x")
    with pytest.raises(FileError, match=r"no file 'img_1\.jpg', but 'IMG_1\.JPG': upper and lower case differ"):
        resolve(tmp_path, "img_1.jpg")
    (tmp_path / "Img_1.jpg").write_text("x")
    with pytest.raises(FileError, match=r"no file 'img_1\.jpg'$"):
        resolve(tmp_path, "img_1.jpg")


@pytest.mark.parametrize("name", ["", ".", "gone/a.png", "a\0b", "x" * 5000, "/etc/hostname", "../a.png"])
def test_a_path_that_is_no_file_of_the_folder_has_no_other_form(tmp_path: Path, name: str) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "a.png").write_text("x")
    assert same_path(tmp_path / "below", name) is None
