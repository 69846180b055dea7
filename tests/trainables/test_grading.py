import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainables.grading import HALLUCINATED, Grade, Graded, Grader

deterministic = settings(deadline=None, derandomize=True, max_examples=100, database=None)

ALIASES = {
    "Чебурашка": ["Cheburashka"],
    "Крокодил Гена": ["Гена", "Gena the Crocodile"],
    "Алёша Попович": ["Алёша"],
    "Колобок": [],
    "Матрёшка": ["Russian doll"],
    "Человек-паук": ["Spider-Man", "Спайдермен"],
    "Иван": [],
    "Иван-царевич": [],
    "Винни-Пух": [],
}
GRADER = Grader(ALIASES, negatives=["Винни-Пух"], lexicon={"Карлсон": ["Karlsson"], "Губка Боб": ["Спанч Боб"]})
FILM = ["Чебурашка и Крокодил Гена", "Крокодил Гена и его друзья"]


def graded(answer: str, character: str = "Чебурашка") -> Graded:
    return GRADER.grade(answer, character=character, kind="name")


def looks(answer: str) -> Grade:
    return GRADER.grade(answer, character="Чебурашка", kind="looks", accepted=["большие уши", "big ears"]).grade


def origin(answer: str, allowed_names: list[str]) -> Grade:
    return GRADER.grade(answer, character="Чебурашка", kind="origin", accepted=FILM, allowed_names=allowed_names).grade


@pytest.mark.parametrize(
    ("character", "answer", "grade", "names"),
    [
        ("Чебурашка", "На картинке Чебурашка — герой мультфильма.", Grade.correct, ("Чебурашка",)),
        ("Чебурашка", "This is Cheburashka.", Grade.correct, ("Чебурашка",)),
        ("Крокодил Гена", "Художник изобразил Крокодила Гену", Grade.correct, ("Крокодил Гена",)),
        ("Алёша Попович", "Вижу Алешу Поповича", Grade.correct, ("Алёша Попович",)),
        ("Чебурашка", "Речь о Чебурашке", Grade.correct, ("Чебурашка",)),
        ("Человек-паук", "Его зовут Человеком-пауком", Grade.correct, ("Человек-паук",)),
        ("Матрёшка", "матрешка", Grade.correct, ("Матрёшка",)),
        ("Чебурашка", "не Гена, а Чебурашка", Grade.correct, ("Чебурашка",)),
        ("Чебурашка", "It isn't Spider-Man, it's Cheburashka", Grade.correct, ("Чебурашка",)),
        ("Чебурашка", "Не знаю, но похоже Чебурашка", Grade.correct, ("Чебурашка",)),
        ("Чебурашка", "Чебурашка или Гена. Скорее Чебурашка", Grade.mixed, ("Чебурашка", "Крокодил Гена")),
        ("Чебурашка", "Cheburashka or Karlsson", Grade.mixed, ("Чебурашка", "Карлсон")),
        ("Чебурашка", "Это Колобок", Grade.wrong_known, ("Колобок",)),
        ("Чебурашка", "Это не Чебурашка, это Spider-Man", Grade.wrong_known, ("Человек-паук",)),
        ("Чебурашка", "Карлсон и Колобок", Grade.wrong_known, ("Карлсон", "Колобок")),
        ("Чебурашка", "Не знаю, похоже на Колобка", Grade.wrong_known, ("Колобок",)),
        ("Иван", "Это Иван-царевич", Grade.wrong_known, ("Иван-царевич",)),
        ("Иван-царевич", "Это Иван", Grade.wrong_known, ("Иван",)),
        ("Чебурашка", "Это Карлсон", Grade.wrong_unknown, ("Карлсон",)),
        ("Чебурашка", "Это Спанч Боб", Grade.wrong_unknown, ("Губка Боб",)),
        ("Чебурашка", "Я не знаю, кто это.", Grade.abstain, ()),
        ("Чебурашка", "I don’t know this character", Grade.abstain, ()),
        ("Чебурашка", "Не знаю, но это не Колобок", Grade.abstain, ()),
        ("Чебурашка", "Какой-то зверёк", Grade.no_name, ()),
        ("Чебурашка", "Это не Чебурашка", Grade.no_name, ()),
        ("Чебурашка", "Это не мультяшный Чебурашка, а Колобок", Grade.wrong_known, ("Колобок",)),
        ("Чебурашка", "Нет, это Чебурашка", Grade.correct, ("Чебурашка",)),
        ("Крокодил Гена", "У него интересный ген и геном", Grade.no_name, ()),
        ("Крокодил Гена", "Точно не Крокодил Гена", Grade.no_name, ()),
        ("Чебурашка", " … ", Grade.no_name, ()),
        ("Чебурашка", "", Grade.no_name, ()),
    ],
)
def test_name_probes(character: str, answer: str, grade: Grade, names: tuple[str, ...]) -> None:
    assert graded(answer, character) == Graded(grade, names)


@pytest.mark.parametrize(
    ("answer", "grade"),
    [
        ("Он коричневый, с большими ушами", Grade.correct),
        ("Чебурашка с большими ушами", Grade.correct),
        ("It has big ears", Grade.correct),
        ("Большие круглые уши", Grade.correct),
        ("big, round ears", Grade.correct),
        ("big eyes and ears", Grade.wrong_fact),
        ("большие глаза и уши", Grade.wrong_fact),
        ("У него нет больших ушей", Grade.wrong_fact),
        ("Big ears are not visible", Grade.wrong_fact),
        ("Not only big ears", Grade.correct),
        ("Колобок с большими ушами", Grade.mixed),
        ("У него не большие уши, а маленькие", Grade.wrong_fact),
        ("Зелёная кожа", Grade.wrong_fact),
        ("Чебурашка", Grade.wrong_fact),
        ("Круглый, как Колобок", Grade.wrong_known),
        ("Пропеллер Карлсона", Grade.wrong_unknown),
        ("Затрудняюсь ответить", Grade.abstain),
        ("?", Grade.no_name),
    ],
)
def test_looks_probes(answer: str, grade: Grade) -> None:
    assert looks(answer) == grade


def test_an_allowed_name_does_not_spoil_the_film_it_is_in() -> None:
    film = "Из фильма «Чебурашка и Крокодил Гена»"
    assert origin(film, ["Крокодил Гена"]) == Grade.correct
    assert origin(film, ["Гена"]) == Grade.correct  # by an alias
    assert origin(film, FILM) == Grade.correct  # by a title that holds the name
    assert origin(film, []) == Grade.mixed
    assert origin("Из «Крокодила Гены и его друзей»", ["Крокодил Гена"]) == Grade.correct
    assert origin("«Крокодил Гена и его друзья», там же Колобок", ["Крокодил Гена"]) == Grade.mixed
    assert origin("Из сказки про Гену", ["Крокодил Гена"]) == Grade.wrong_fact  # allowed, but no answer


def test_only_allowed_names_allow_a_name_that_is_accepted() -> None:
    title = {"Колобок": Grade.mixed, "Колобка": Grade.mixed, "Карлсон": Grade.wrong_unknown}
    for answer, grade in title.items():
        assert GRADER.grade(answer, character="Чебурашка", kind="origin", accepted=["Колобок"]).grade == grade


def test_a_name_of_the_lexicon_can_be_allowed() -> None:
    answer = "Чебурашка, друг Карлсона"
    assert graded(answer).grade == Grade.mixed
    allowing = GRADER.grade(answer, character="Чебурашка", kind="name", allowed_names={"Karlsson"})
    assert allowing == Graded(Grade.correct, ("Чебурашка", "Карлсон"))


@pytest.mark.parametrize(
    ("answer", "grade"),
    [("Это Геннадий", Grade.correct), ("Это Крокодил Гена", Grade.correct), ("Это Гена", Grade.no_name)],
)
def test_accepted_names_replace_the_aliases_but_never_the_own_name(answer: str, grade: Grade) -> None:
    assert GRADER.grade(answer, character="Крокодил Гена", kind="name", accepted=["Геннадий"]).grade == grade


@pytest.mark.parametrize("names", [["Лис", "Лиса"], ["Александр", "Александра"], ["Валентин", "Валентина"]])
@pytest.mark.parametrize("reverse", [False, True])
def test_a_shared_form_is_the_one_who_is_called_so(names: list[str], reverse: bool) -> None:
    grader = Grader({name: [] for name in sorted(names, reverse=reverse)})
    for name, other in (names, names[::-1]):
        for text in (name, f"Это {name}.", f"<b>{name.upper()}</b>"):
            assert grader.grade(text, character=name, kind="name") == Graded(Grade.correct, (name,))
            assert grader.grade(text, character=other, kind="name") == Graded(Grade.wrong_known, (name,))


@pytest.mark.parametrize("reverse", [False, True])
def test_a_shared_oblique_form_does_not_follow_the_files_order(reverse: bool) -> None:
    grader = Grader({name: [] for name in sorted(["Лис", "Лиса"], reverse=reverse)})
    expected = {"Вижу Лису": "Лиса", "Вижу Лисой": "Лиса", "С Лисом": "Лис", "Рад Лисе": "Лиса"}
    assert {text: grader.grade(text, character="Лис", kind="name").names[0] for text in expected} == expected


@pytest.mark.parametrize(
    ("answer", "grade"),
    [
        ("<think>Это может быть Колобок? Нет.</think>Это Чебурашка.", Grade.correct),
        ("Может быть, Колобок.</think>Это Чебурашка.", Grade.correct),
        ("<think>Чебурашка</think>Это медведь.", Grade.no_name),
        ("<think>\nCould be Spider-Man or", Grade.no_name),
        ("<think>Не знаю</think>Это Колобок", Grade.wrong_known),
    ],
)
def test_reasoning_is_not_the_answer(answer: str, grade: Grade) -> None:
    assert graded(answer).grade == grade
    if grade == Grade.no_name:
        assert looks("<think>Большие уши") == Grade.no_name


@pytest.mark.parametrize("answer", ["Чебу**раш**ка", "Винни пух? Нет, Чебурашка", "Это **_Чебурашка_**", "`Чебурашка`"])
def test_markup_hides_no_name(answer: str) -> None:
    assert graded(answer).grade == Grade.correct


def test_a_name_with_a_hyphen_may_be_written_as_one_word() -> None:
    assert graded("Это виннипуха рисунок", "Винни-Пух").grade == Grade.correct
    assert graded("SpiderMan or Spiderman", "Человек-паук").grade == Grade.correct


def test_a_part_of_a_denied_name_is_no_answer() -> None:
    denial = GRADER.grade("не Крокодил Гена", character="Крокодил Гена", kind="origin", accepted=["Гена"])
    assert denial.grade == Grade.wrong_fact


@pytest.mark.parametrize(
    "answer",
    [
        "Не знаю",
        "Мне не знаком этот герой",
        "Я не знакома с ним",
        "Не могу определить",
        "не могу с уверенностью сказать",
        "Затрудняюсь",
        "Персонаж неизвестен",
        "Неизвестный персонаж",
        "не узнаю его",
        "Не уверена",
        "I do not know",
        "I don't really know",
        "I cannot identify it",
        "Sorry, I can't recognise it",
        "I can not tell",
        "Not sure",
        "Unknown",
    ],
)
def test_abstentions(answer: str) -> None:
    assert graded(answer).grade == Grade.abstain
    assert looks(answer) == Grade.abstain


@pytest.mark.parametrize(
    "answer", ["Я знаю этого героя", "Известный герой", "I know him", "It can fly", "Surely a hero"]
)
def test_a_confident_answer_is_no_abstention(answer: str) -> None:
    assert graded(answer).grade == Grade.no_name


def test_a_negative_may_abstain_and_other_characters_may_not() -> None:
    assert graded("Не знаю", "Винни-Пух").grade == Grade.abstain
    assert graded("Винни-Пух", "Винни-Пух").grade == Grade.correct
    assert graded("Чебурашка", "Винни-Пух").grade == Grade.wrong_known
    assert GRADER.is_right(Grade.abstain, character="Винни-Пух")
    assert not GRADER.is_right(Grade.abstain, character="Чебурашка")
    assert GRADER.is_right(Grade.correct, character="Чебурашка")
    assert not any(GRADER.is_right(grade, character="Винни-Пух") for grade in HALLUCINATED)


def test_a_name_of_study_and_lexicon_is_the_studys() -> None:
    grader = Grader({"Гена": [], "Колобок": ["Kolobok"]}, lexicon=["Гена", "Колобок", "Карлсон"])
    assert grader.grade("Kolobok", character="Гена", kind="name").grade == Grade.wrong_known
    assert grader.grade("Колобок", character="Гена", kind="name").grade == Grade.wrong_known
    assert grader.grade("Карлсон", character="Гена", kind="name").grade == Grade.wrong_unknown


def test_the_grader_travels_to_other_processes() -> None:
    copy = pickle.loads(pickle.dumps(GRADER))
    assert copy.grade("Это Колобок", character="Чебурашка", kind="name") == graded("Это Колобок")


def test_wrong_arguments_are_refused_with_what_came() -> None:
    with pytest.raises(ValueError, match="must be one of name, origin, looks, got 'colour'"):
        GRADER.grade("", character="Чебурашка", kind="colour")
    with pytest.raises(ValueError, match="got 'Шрек'"):
        GRADER.grade("", character="Шрек", kind="name")
    with pytest.raises(ValueError, match="accepted: must be a list of strings, got the string 'уши'"):
        GRADER.grade("", character="Чебурашка", kind="looks", accepted="уши")
    with pytest.raises(ValueError, match=r"negatives: .*got \['Шрек'\]"):
        Grader(ALIASES, negatives=["Шрек"])


PIECES = st.sampled_from(
    [
        "Чебурашка",
        "Крокодила Гену",
        "матрёшкой",
        "Spider-Man",
        "Алёша Попович",
        "Карлсон",
        "ген",
        "не",
        "not",
        "похож на",
        "это",
        "не знаю",
        "большими ушами",
        "зелёный и весёлый",
    ]
)
ANSWERS = st.lists(PIECES, min_size=1, max_size=6)
HARMLESS = st.sampled_from(["ген", "не знаю", "большие уши", "не Колобок", "Нет,", "похож на зверя", "not Spider-Man"])
# No ends of sentences and clauses here: they rightly cut a negation off from a name.
SEPARATORS = st.sampled_from([" ", "… ", " «", "» ", "  ", " / ", " **", "** ", "\u200b ", " <b>", "</b> "])
OTHER_NAMES = st.sampled_from(["Колобок", "Крокодилом Геной", "Spider-Man", "Алёшу", "Карлсон"])


def every_grade(answer: str) -> list[Grade]:
    return [graded(answer).grade, looks(answer), origin(answer, ["Гена"])]


@deterministic
@given(ANSWERS, st.lists(SEPARATORS, min_size=6, max_size=6), st.sampled_from([str.upper, str.lower, str.title]))
def test_case_quotes_markup_and_yo_never_change_a_grade(words: list[str], separators: list[str], case: object) -> None:
    assert callable(case)
    plain = " ".join(words)
    decorated = "".join(word + separator for word, separator in zip(words, separators, strict=False))
    expected = every_grade(plain)
    assert every_grade(decorated) == expected
    assert every_grade(case(plain)) == expected
    assert every_grade(plain.replace("ё", "е")) == expected
    assert every_grade(plain.replace("е", "ё")) == expected


@deterministic
@given(st.lists(HARMLESS, max_size=3), st.lists(HARMLESS, max_size=3), OTHER_NAMES)
def test_another_name_makes_a_correct_answer_mixed(before: list[str], after: list[str], other: str) -> None:
    correct = ". ".join([*before, "Вижу Чебурашку", *after])
    assert graded(correct).grade == Grade.correct
    assert graded(f"{correct}. А также {other}").grade == Grade.mixed
    assert graded(f"Видно, что {other} здесь. {correct}").grade == Grade.mixed


@deterministic
@given(ANSWERS, OTHER_NAMES, st.sampled_from(["не", "это не", "не похоже на", "ни", "not the", "isn't"]))
def test_a_negated_wrong_name_never_counts(words: list[str], other: str, negation: str) -> None:
    answer = " ".join(words)
    denial = graded(f"{answer}. Он {negation} {other}")
    assert denial == graded(f"{answer}. Он зверёк")


@deterministic
@given(st.text() | st.lists(PIECES | st.text(max_size=5)).map("".join))
def test_no_text_raises(answer: str) -> None:
    for grade in every_grade(answer):
        assert grade in Grade
