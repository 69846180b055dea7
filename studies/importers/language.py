"""The language that a source is written in, by its letters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from studies.importers.found import Found, Skipped

_CYRILLIC, _LATIN = re.compile(r"[Ѐ-ӿ]"), re.compile(r"[A-Za-zÀ-ɏ]")


def language_of(texts: Iterable[str]) -> str | None:
    """`ru` where most letters are Cyrillic, `en` where they are Latin; None without any letter of the two."""
    cyrillic = latin = 0
    for text in texts:
        cyrillic += len(_CYRILLIC.findall(text))
        latin += len(_LATIN.findall(text))
    if not cyrillic and not latin:
        return None
    return "ru" if cyrillic >= latin else "en"


def choose_language(
    said: str | None, rows: Sequence[Found | Skipped], questions: Iterable[str], names: Iterable[str]
) -> tuple[str, list[str]]:
    """The language of a study, and a remark on it where the user did not say it or the rows are in the other.

    It is that of questions and answers, else of the source's own questions, else of the characters' names.
    """
    texts = [text for row in rows if isinstance(row, Found) for text in (row.question, row.answer) if text]
    written = language_of(texts) or language_of(questions)
    if said is not None:
        other = written is not None and written != said
        remark = f"rows are written in {written}, what is asked of pictures in {said}: --language {written} asks alike"
        return said, [remark] if other else []
    if written is not None:
        return written, [f"language: {written}, as the rows are written; another one: --language"]
    taken = language_of(names) or "ru"
    return taken, [f"language: {taken}, by the names of the characters; another one: --language"]
