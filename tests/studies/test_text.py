import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studies.text import Break, normalise, tokenise

deterministic = settings(deadline=None, derandomize=True, max_examples=100, database=None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  «Чебурашка»…\n— да! ", "чебурашка да"),
        ("Человек-паук", "человек паук"),
        ("Человек\u2011паук", "человек паук"),  # non-breaking hyphen
        ("МАТРЁШКА", "матрешка"),
        ("матре\u0308шка", "матрешка"),  # ё as two code points
        ("Чебура\u0301шка", "чебурашка"),  # a stress mark, as encyclopaedias print it
        ("Чебу\u00adрашка", "чебурашка"),  # a soft hyphen
        ("Ｓｐｉｄｅｒ－Ｍａｎ", "spider man"),
        ("It isn't Gena", "it is not gena"),
        ("It ISN’T Gena", "it is not gena"),
        ("$5 + 5 = <b>", "5 5"),
        ("Чебу**раш**ка", "чебурашка"),
        ("**Чебу**рашка, _Гена_", "чебурашка гена"),
        ("Чебу~~раш~~ка и Ге`на`", "чебурашка и гена"),
        ("Чебу__раш__ка", "чебурашка"),
        ("Чебу_раш_ка", "чебурашка"),
        ("Крокодил_Гена", "крокодил гена"),
        ("Кот_в_сапогах", "кот в сапогах"),
        ("Чебу<b>раш</b>ка <EM class='x'>Гена</EM>", "чебурашка гена"),
        ("Чебурашка<br/>Гена", "чебурашка гена"),
        ("Чебу&shy;рашка&nbsp;&laquo;Гена&raquo;", "чебурашка гена"),
        ("Чебу\u200bрашка\u2060", "чебурашка"),
        ("It isnt Gena, I dont know", "it is not gena i do not know"),
        ("?!…", ""),
    ],
)
def test_normalise(text: str, expected: str) -> None:
    assert normalise(text) == expected


@deterministic
@given(st.text())
def test_normalised_text_has_words_and_single_spaces_only(text: str) -> None:
    result = normalise(text)
    assert result == " ".join(result.split())
    assert all(unicodedata.category(mark)[0] not in "PS" for mark in result)
    assert "ё" not in result
    assert list(tokenise(text).words) == result.split()


@pytest.mark.parametrize(
    ("text", "between"),
    [
        ("Не... он", Break.none),
        ("Не… он", Break.none),
        ("Винни-Пух", Break.none),
        ("«Он» она", Break.none),
        ("Он, она", Break.comma),
        ("Он — она", Break.clause),
        ("Он - она", Break.clause),
        ("Он (она)", Break.clause),
        ("Он: — «она»", Break.clause),
        ("Он. Она", Break.sentence),
        ("Он\nона", Break.sentence),
        ("Он? Она!", Break.question),
        ("Он?! Она", Break.question),
    ],
)
def test_the_strongest_mark_between_two_words_is_kept(text: str, between: Break) -> None:
    breaks = tokenise(text).breaks
    assert breaks == (Break.sentence, between, Break.sentence)


def test_a_sentence_is_found_from_any_of_its_words() -> None:
    tokens = tokenise("Да. Это, кажется, он! Или нет?")
    assert [tokens.sentence(word) for word in range(6)] == [(0, 1), (1, 4), (1, 4), (1, 4), (4, 6), (4, 6)]
