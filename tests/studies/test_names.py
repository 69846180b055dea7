import pytest

from studies.declension import vary_fact
from studies.names import Occurrence, PhraseMatcher
from studies.text import tokenise

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
    assert nested.find(text) == [Occurrence("Иван-царевич", 0, 2, False, 2), Occurrence("Иван", 3, 4, False)]


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
    facts = PhraseMatcher({"fact": ["большие уши"]}, vary_fact)
    assert len(facts.find(tokenise(text))) == 1


def test_a_phrase_without_words_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'Гена'.*got '—'"):
        PhraseMatcher({"Гена": ["—"]})
