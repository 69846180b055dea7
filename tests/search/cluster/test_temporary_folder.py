"""Where Ray keeps its sockets: a path of the operating system's length, in a folder that can be written to."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from search.checkup import services
from search.cluster import temporary_folder
from search.cluster.temporary_folder import MAX_SOCKET, SOCKET, ray_folder
from skazka_text.problems import InputError

LONG = "a_very_long_name_of_a_slurm_job_directory/1355700/tmp.t0016/some_more_path_of_the_scheduler"


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No folder of this machine's user."""
    for name in ("RAY_TMPDIR", "XDG_RUNTIME_DIR", "RAY_ADDRESS"):
        monkeypatch.delenv(name, raising=False)


def test_a_short_folder_is_ray_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/tmp")
    assert ray_folder() == Path("/tmp/ray")


@pytest.mark.parametrize("name", ["TMPDIR", "RAY_TMPDIR"])
def test_a_folder_too_long_for_sockets_is_replaced_and_doctor_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    long = tmp_path / LONG
    long.mkdir(parents=True)
    monkeypatch.setenv(name, str(long))
    found = ray_folder()
    assert len(os.fsencode(found)) + len(SOCKET) <= MAX_SOCKET
    [said] = [finding for finding in services(None) if "too long for Ray" in finding.what]
    assert (said.level, str(found) in said.what, "RAY_TMPDIR" in said.remedy) == ("note", True, True)


def test_bytes_are_counted_and_not_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/" + "п" * 30)
    assert ray_folder() != Path(os.environ["TMPDIR"]) / "ray"


def test_the_limit_is_the_system_s(tmp_path: Path) -> None:
    """One byte more is refused by the system itself."""
    name = "/tmp/" + "x" * (MAX_SOCKET - 5)
    with socket.socket(socket.AF_UNIX) as one, pytest.raises(OSError, match="too long"):
        one.connect(name + "x")
    with socket.socket(socket.AF_UNIX) as one, pytest.raises(FileNotFoundError):
        one.connect(name)


def test_a_folder_that_cannot_be_made_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setattr(temporary_folder, "default_folder", lambda: tmp_path / "file" / "ray")
    assert ray_folder().parent in (Path("/tmp"), Path("/var/tmp"))


def test_where_nothing_will_do_one_line_says_how_to_help(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / LONG))
    monkeypatch.setattr(temporary_folder, "SHORT", (str(tmp_path / LONG),))
    with pytest.raises(InputError, match=r"TMPDIR: .*too long for Ray's sockets .* — set RAY_TMPDIR"):
        ray_folder()
    assert [finding.level for finding in services(None) if "too long for Ray" in finding.what] == ["stop"]
