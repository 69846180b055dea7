"""Messages: complete in both languages, with right plural forms."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest

import analysis
from analysis.messages.catalogue import Messages
from analysis.messages.of_sections import SECTIONS, Forms
from analysis.messages.table import LANGUAGES, MESSAGES, TEXT_MESSAGES
from search.run.trial_row import STATES
from trainables.scoring import PART_NAMES

FORMS = {"ru": 3, "en": 2}


def _placeholders(text: str) -> set[str]:
    return {field for _, field, _, _ in Formatter().parse(text) if field is not None}


def _all(forms: Forms) -> tuple[str, ...]:
    return (forms,) if isinstance(forms, str) else forms


@pytest.mark.parametrize("key", MESSAGES)
def test_a_message_is_complete_in_both_languages(key: str) -> None:
    message = MESSAGES[key]
    assert set(message) == set(LANGUAGES)
    assert len({isinstance(forms, str) for forms in message.values()}) == 1, "plural in one language only"
    found = [_placeholders(text) for forms in message.values() for text in _all(forms)]
    assert all(one == found[0] for one in found), "a placeholder is missing somewhere"
    for language, forms in message.items():
        assert all(text.strip() for text in _all(forms))
        assert isinstance(forms, str) or len(forms) == FORMS[language]


@pytest.mark.parametrize("key", TEXT_MESSAGES)
def test_a_message_about_questions_stands_in_for_one_about_pictures(key: str) -> None:
    for language, forms in TEXT_MESSAGES[key].items():
        usual = _all(MESSAGES[key][language])
        assert len(_all(forms)) == len(usual)
        assert _placeholders(_all(forms)[0]) == _placeholders(usual[0])
        for text in _all(forms):
            said = re.sub(r"{\w+}", "", text).lower()
            assert not any(word in said for word in ("картин", "image", "picture", "показан"))


def test_a_study_without_pictures_is_not_told_of_pictures() -> None:
    assert Messages("ru", pictures=False).count("images_each", 2) == "по 2 вопроса на персонажа"
    assert Messages("en", pictures=False).text("training_images") == "Training questions"
    assert Messages("en").text("training_images") == "Training images"


def test_no_message_stands_in_both_tables() -> None:
    source = (Path(analysis.__file__).parent / "messages" / "table.py").read_text(encoding="utf-8")
    own = set(re.findall(r'^    "([a-z_]+)": _both', source, re.MULTILINE))
    assert own
    assert own.isdisjoint(SECTIONS)


def test_every_message_is_used_and_every_used_message_exists() -> None:
    folder = Path(analysis.__file__).parent
    sources = [*folder.rglob("*.py"), *folder.rglob("templates/*.j2")]
    tables = ("table.py", "of_sections.py", "without_pictures.py")
    texts = [path.read_text(encoding="utf-8") for path in sources if path.name not in tables]
    quoted = set(re.findall(r"""["']([a-z_]+)["']""", "\n".join(texts)))
    roles_and_kinds = {"target", "control", "unknown", "negative", "baseline", "search", "finalist"}
    made = {f"{role}s" for role in ("target", "control", "negative")} | {f"meaning_{name}" for name in PART_NAMES}
    assert set(MESSAGES) - quoted <= made | roles_and_kinds | set(STATES)
    called = set(re.findall(r'\b(?:t|n|text|count)\(\s*["\']([a-z_]+)["\']', "\n".join(texts)))
    assert called <= set(MESSAGES)


@pytest.mark.parametrize(
    ("n", "expected"),
    [
        (0, "0 испытаний"),
        (1, "1 испытание"),
        (2, "2 испытания"),
        (5, "5 испытаний"),
        (11, "11 испытаний"),
        (12, "12 испытаний"),
        (14, "14 испытаний"),
        (21, "21 испытание"),
        (22, "22 испытания"),
        (111, "111 испытаний"),
        (101, "101 испытание"),
    ],
)
def test_russian_plural_forms(n: int, expected: str) -> None:
    assert Messages("ru").count("trials", n) == expected


def test_questions_after_of_are_in_the_genitive() -> None:
    messages = Messages("ru")
    assert messages.count("cell_right", 3, right=2) == "правильный ответ на 2 из 3 вопросов"
    assert messages.count("cell_right", 1, right=1) == "правильный ответ на 1 из 1 вопроса"
    assert messages.count("cell_all_right", 36) == "правильный ответ на все 36 вопросов"
    assert messages.count("cell_all_right", 3) == "правильный ответ на все 3 вопроса"


def test_english_plural_forms() -> None:
    assert [Messages("en").count("trials", n) for n in (0, 1, 2)] == ["0 trials", "1 trial", "2 trials"]


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(ValueError, match="one of ru, en, got 'de'"):
        Messages("de")
