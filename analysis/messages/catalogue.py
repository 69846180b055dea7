"""Messages in the language of a report, with the plural forms that go with a number."""

from __future__ import annotations

from analysis.messages.table import LANGUAGES, MESSAGES, TEXT_MESSAGES


def plural_form(language: str, n: int) -> int:
    """Which plural form goes with n: ru 0 («1 вопрос»), 1 («2 вопроса»), 2 («5 вопросов»); en 0 or 1."""
    n = abs(n)
    if language != "ru":
        return 0 if n == 1 else 1
    if n % 10 == 1 and n % 100 != 11:
        return 0
    return 1 if n % 10 in (2, 3, 4) and n % 100 not in (12, 13, 14) else 2


class Messages:
    """The messages of one language. Raises ValueError for a language that has none."""

    def __init__(self, language: str, *, pictures: bool = True) -> None:
        """pictures: whether the study has any; without, the report speaks of questions."""
        if language not in LANGUAGES:
            raise ValueError(f"language must be one of {', '.join(LANGUAGES)}, got {language!r} — use one of them")
        self.language = language
        self._table = MESSAGES if pictures else {**MESSAGES, **TEXT_MESSAGES}

    def text(self, key: str, **values: object) -> str:
        """A message with its placeholders filled in. Raises KeyError for an unknown key or a missing value."""
        message = self._table[key][self.language]
        if not isinstance(message, str):
            raise TypeError(f"message {key!r} has plural forms — use count()")
        return message.format(**values)

    def count(self, key: str, n: int, **values: object) -> str:
        """The plural form of a message that goes with n, filled in; n itself is its {n}."""
        forms = self._table[key][self.language]
        if isinstance(forms, str):
            raise TypeError(f"message {key!r} has no plural forms — use text()")
        return forms[plural_form(self.language, n)].format(n=n, **values)
