"""The hub's cache stays the user's when processes work in another folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from search.cluster.hub_paths import keep_hub_paths


def test_paths_are_those_that_the_user_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HOME", "cache/hf")
    monkeypatch.setenv("HF_TOKEN_PATH", "~/token")
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    keep_hub_paths()
    assert os.environ["HF_HOME"] == str(tmp_path / "cache" / "hf")
    assert os.environ["HF_TOKEN_PATH"] == str(Path.home() / "token")
    assert "HF_HUB_CACHE" not in os.environ
