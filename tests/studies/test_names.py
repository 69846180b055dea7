import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studies.names import Occurrence, PhraseMatcher, fact_forms, name_forms, normalise, tokenise

deterministic = settings(deadline=None, derandomize=True, max_examples=100, database=None)

CHARACTERS = {
    "Чебурашка": ["Чебурашка", "Cheburashka"],
    "Крокодил Гена": ["Крокодил Гена", "Гена"],
    "Алёша Попович": ["Алёша Попович", "Алёша"],
    "Матрёшка": ["Матрёшка"],
    "Человек-паук": ["Человек-паук", "Spider-Man"],
    "Красная Шапочка": ["Красная Шапочка"],
    "Кот в сапогах": ["Кот в сапогах"],
}
MATCHER = PhraseMatcher(CHARACTERS)


def named(text: str) -> list[str]:
    return [name.key for name in MATCHER.find(tokenise(text)) if not name.negated]


def denied(text: str) -> list[str]:
    return [name.key for name in MATCHER.find(tokenise(text)) if name.negated]


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
        ("$5 + 5 = <b>", "5 5 b"),
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


def test_an_ellipsis_is_a_pause_and_other_ends_start_a_sentence() -> None:
    assert tokenise("Не... он. Это? Да!\nОн").sentences == (0, 0, 1, 2, 3)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Я вижу Крокодила Гену.", "Крокодил Гена"),
        ("Это сказ про Алёшу Поповича", "Алёша Попович"),
        ("бой с Алешей Поповичем", "Алёша Попович"),
        ("Расскажу о Чебурашке", "Чебурашка"),
        ("Он зовётся Человеком-пауком", "Человек-паук"),
        ("с человек-пауком", "Человек-паук"),
        ("на полке матрешка", "Матрёшка"),
        ("СПАСИБО ЧЕБУРАШКЕ", "Чебурашка"),
        ("Spider-Man's suit", "Человек-паук"),
        ("сказка про Красную Шапочку", "Красная Шапочка"),
        ("встретил Кота в сапогах", "Кот в сапогах"),
    ],
)
def test_every_case_of_a_name_names_its_character(text: str, key: str) -> None:
    assert named(text) == [key]


@pytest.mark.parametrize(
    "text",
    [
        "Учёные открыли новый ген",
        "расшифрован геном крокодила",
        "генами и генов",
        "крокодилы",
        "красные шапочки",  # a name keeps its number
        "чебурашкинский",
        "человек и паук",  # words of a name stand side by side
        "кот в сапоге",
    ],
)
def test_words_that_only_look_like_a_name_name_nobody(text: str) -> None:
    assert named(text) == []


def test_the_longer_name_keeps_its_words() -> None:
    nested = PhraseMatcher({"Иван": ["Иван"], "Иван-царевич": ["Иван-царевич"]})
    text = tokenise("Ивана-царевича зовут Иван")
    assert nested.find(text) == [Occurrence("Иван-царевич", 0, 2, False), Occurrence("Иван", 3, 4, False)]


def test_a_phrase_of_two_keys_belongs_to_the_earlier() -> None:
    shared = PhraseMatcher({"Крокодил Гена": ["Гена"], "Гена Букин": ["Гена"]})
    assert [name.key for name in shared.find(tokenise("Гена"))] == ["Крокодил Гена"]


@pytest.mark.parametrize(
    "text",
    [
        "это не Чебурашка",
        "Он совсем не похож на Чебурашку",
        "Это точно не сам Чебурашка",
        "не является Чебурашкой",
        "ни на Чебурашку",
        "никакой это не Чебурашка",
        "This is not really a Cheburashka",
        "This isn’t the Cheburashka",
        "не… Чебурашка",
    ],
)
def test_a_negated_name_is_denied(text: str) -> None:
    assert (named(text), denied(text)) == ([], ["Чебурашка"])


@pytest.mark.parametrize(
    "text",
    [
        "не Гена, а Чебурашка",
        "не знаю, может быть Чебурашка",
        "Нет, это Чебурашка",
        "Это не так. Чебурашка",
        "Точно не. Это Чебурашка",
        "Точно не\nЭто Чебурашка",
        "не это, а Чебурашка",
        "не только Чебурашка",
        "I am not sure, it is Cheburashka",
    ],
)
def test_a_negation_of_something_else_leaves_the_name(text: str) -> None:
    assert named(text) == ["Чебурашка"]


def test_each_name_has_its_own_negation() -> None:
    text = "Не похож ни на Гену, ни на Алёшу: это Матрёшка и Чебурашка"
    assert denied(text) == ["Крокодил Гена", "Алёша Попович"]
    assert named(text) == ["Матрёшка", "Чебурашка"]


@pytest.mark.parametrize("text", ["с большими ушами", "Большое ухо", "БОЛЬШИХ УШЕЙ", "большие, уши"])
def test_a_fact_matches_in_every_case_and_number(text: str) -> None:
    facts = PhraseMatcher({"fact": ["большие уши"]}, fact_forms)
    assert len(facts.find(tokenise(text))) == 1


def test_forms_are_folded_and_foreign_words_are_literal() -> None:
    assert name_forms("гена") == {"гена", "гены", "гене", "гену", "геной", "геною"}
    assert {"матрешку", "матрешкой"} <= name_forms("матрёшка")
    assert name_forms("сапогах") == {"сапогах"}
    assert name_forms("spider") == fact_forms("spider") == {"spider"}


def test_homographs_lend_no_forms() -> None:
    assert "геном" not in name_forms("гена") | fact_forms("гена")  # the genitive of «ген»
    assert "лесов" not in name_forms("леса")  # the plural of «лес»


def test_a_phrase_without_words_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'Гена'.*got '—'"):
        PhraseMatcher({"Гена": ["—"]})
