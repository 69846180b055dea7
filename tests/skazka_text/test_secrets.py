"""Secrets of the environment: gone from every text."""

from __future__ import annotations

import os

import pytest

from skazka_text.secrets import redact


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever this machine's own environment holds is no part of a test."""
    for name in list(os.environ):
        monkeypatch.delenv(name)


@pytest.mark.parametrize("name", ["HF_TOKEN", "WANDB_API_KEY", "My_Secret", "db_password"])
def test_the_value_of_a_secret_is_gone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "hf_0123456789")
    assert redact("401: token hf_0123456789, hf_0123456789!") == "401: token ***, ***!"


@pytest.mark.parametrize(
    ("name", "value"), [("HOME", "/home/somebody"), ("TOKENS", "hf_0123456789"), ("HF_TOKEN", "1234567"), ("A_KEY", "")]
)
def test_other_text_stays(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    assert redact(f"cannot read {value}") == f"cannot read {value}"


def test_a_secret_inside_another_leaves_no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHORT_KEY", "abcdefgh")
    monkeypatch.setenv("LONG_KEY", "abcdefgh-and-more")
    assert redact("abcdefgh-and-more, abcdefgh") == "***, ***"


def test_one_line_of_a_private_key_is_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPLOY_KEY", "-----BEGIN KEY-----\nMIIEvQIBADANBg\n-----END KEY-----\n")
    assert redact("bad line 'MIIEvQIBADANBg'") == "bad line '***'"
