"""Secrets of the environment, which must not get into anything that is written or shown."""

from __future__ import annotations

import os

SECRET_ENDINGS = ("_KEY", "_TOKEN", "_SECRET", "_PASSWORD")
# A shorter value would blot out ordinary words.
MIN_LENGTH = 8


def redact(text: str) -> str:
    """The text with the value of every secret of this process's environment replaced by `***`.

    A secret is a variable whose name ends in one of SECRET_ENDINGS, in either case; of a value of several
    lines (a private key) each line is one, for messages are cut to a line. Values and lines of fewer than
    MIN_LENGTH characters are left.
    """
    for secret in _secrets():
        text = text.replace(secret, "***")
    return text


def _secrets() -> list[str]:
    """The secret values, longest first: one may stand inside another."""
    values = [value for name, value in os.environ.items() if name.upper().endswith(SECRET_ENDINGS)]
    lines = {line.strip() for value in values for line in value.splitlines()}
    return sorted((line for line in lines if len(line) >= MIN_LENGTH), key=len, reverse=True)
