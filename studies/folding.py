"""Texts that count as the same."""

from __future__ import annotations

import unicodedata


def folded(text: str) -> str:
    """A text as studies compare names and questions: case, ё, punctuation and white space tell no two apart."""
    letters = "".join(sign if sign.isalnum() else " " for sign in unicodedata.normalize("NFKC", text).casefold())
    return " ".join(letters.split()).replace("ё", "е")
