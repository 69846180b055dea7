"""Clauses built from templates: whoever builds one knows who is named in it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studies.names import PhraseMatcher
from studies.text import tokenise

deterministic = settings(deadline=None, derandomize=True, max_examples=150, database=None)

# Nominative, genitive, dative, accusative, instrumental, prepositional.
RUSSIAN = {
    "Чебурашка": ["Чебурашка", "Чебурашки", "Чебурашке", "Чебурашку", "Чебурашкой", "Чебурашке"],
    "Илья Муромец": ["Илья Муромец", "Ильи Муромца", "Илье Муромцу", "Илью Муромца", "Ильёй Муромцем", "Илье Муромце"],
    "Вий": ["Вий", "Вия", "Вию", "Вия", "Вием", "Вие"],
    "Старик Хоттабыч": [
        "Старик Хоттабыч",
        "Старика Хоттабыча",
        "Старику Хоттабычу",
        "Старика Хоттабыча",
        "Стариком Хоттабычем",
        "Старике Хоттабыче",
    ],
    "Баба-яга": ["Баба-яга", "Бабы-яги", "Бабе-яге", "Бабу-ягу", "Бабой-ягой", "Бабе-яге"],
    "Буратино": ["Буратино"] * 6,
}
ENGLISH = ["Cheburashka", "Spider-Man", "Gena the Crocodile", "Winnie-the-Pooh"]
MATCHER = PhraseMatcher({name: [name] for name in [*RUSSIAN, *ENGLISH]})
CASES = ("n", "g", "d", "a", "i", "p")

# {n} is the nominative of a name, {g} its genitive, and so on.
DENIED_RUSSIAN = """
это не {n}
это не персонаж {n}
это не мультяшный {n}
это не мультяшный, смешной {n}
это точно не {n}
это вовсе не {n}
нет, это не {n}
не похоже на {a}
он совсем не похож на {a}
на {a} не похож
не похож, по-моему, на {a}
на картинке нет {g}
{g} здесь нет
никакого {g} тут нет
{n} здесь не изображён
здесь нарисован не {n}
{a} я здесь не вижу
я не вижу {a}
не думаю, что это {n}
мне не кажется, что это {n}
сомневаюсь, что это {n}
вряд ли это {n}
маловероятно, что это {n}
нельзя сказать, что это {n}
это никак не может быть {n}
он не является {i}
я бы не назвал его {i}
никакой это не {n}
ничего общего с {i}
кто угодно, кроме {g}
все, кроме {g}
без {g}
{n}? нет
{n}? Нет, это зверёк
похоже на {a}, но это не он
похоже на {a}, но нет
его зовут не {n}
имя персонажа — не {n}
персонажа по имени {n} здесь нет
речь не о {p}
скорее зверёк, чем {n}
скорее всего, это не {n}
{n} здесь совершенно ни при чём
{n}? Конечно, нет
{n}? Да нет
разве это {n}? Нет же
{n}? Это не он
{n}? Ни в коем случае
{g} среди изображённых нет
{g} на этом чудесном рисунке нет
с {i} у него ничего общего нет
с {i} он не имеет ничего общего
к {d} это не относится
было бы ошибкой назвать его {i}
неправильно называть его {i}
хотя он похож на {a}, это не он
похож на {a}, только это не он
напоминает {a}, но им не является
похож на {a}, но, увы, не он
можно подумать, что это {n}, но это не так
{n} исключён
{n} вряд ли
никогда не мультяшный зверь и не {n}
"""
NAMED_RUSSIAN = """
это {n}
вижу {a}
похож на {a}
речь о {p}
нет, это {n}
нет. {n}
нет, {n}
не знаю, но похоже на {a}
не уверен, что это {n}
не могу с уверенностью сказать, что это {n}
это не кто иной, как {n}
это не что иное как {n}
никто иной, как {n}
на картинке нет никого, кроме {g}
без сомнения, это {n}
без сомнения это {n}
нет сомнений, что это {n}
нет никаких сомнений, что это {n}
вне всякого сомнения, {n}
не сомневаюсь, что это {n}
не исключено, что это {n}
нельзя не узнать {a}
не только {n}, но и зверёк
это не просто {n}
это не очень весёлый {n}
почему бы и не {n}
кто же, как не {n}
не {n} ли это?
это не {n}?
разве это не {n}?
это не зверёк, а {n}
это не зверёк, это {n}
не зверёк это {n}
это не зверёк — {n}
не зверёк и не птица, а {n}
у {g} нет хвоста
{n} не умеет летать
{n} не похож на зверька
вместо зверька нарисован {n}
в отличие от зверька, это {n}
если не ошибаюсь, это {n}
это {n}, больше никого нет
он не улыбается и похож на {a}
трудно не узнать {a}
не зря его зовут {i}
не секрет, что это {n}
не нужно быть знатоком, чтобы узнать {a}
это не менее известный {n}
это {n}, но хвоста у него нет
это {n}, хотя надписи нет
похоже на {a}, но уверенности нет
это {n}, но цвет не тот
хотя это {n}, он не грустит
не будет ошибкой назвать его {i}
неправильно нарисован {n}
никогда не унывающий {n}
ни на кого не похожий {n}
уж не {n} ли это
ни дать ни взять {n}
кто не знает {a}!
{n} не исключён
{n}? Не знаю
{n}? Никаких сомнений
уши не те, это {n}
"""
DENIED_ENGLISH = """
this is not {n}
this isn't {n}
it isn’t {n}
it isnt {n}
it can't be {n}
it is not the famous, cheerful {n}
this does not look like {n}
this does not look, in my opinion, like {n}
there is no {n} in this picture
no {n} here
no, it is not {n}
I don't see {n}
I don't think it is {n}
I do not believe that this is {n}
I doubt it's {n}
it is unlikely to be {n}
it is hardly {n}
no way this is {n}
it has nothing in common with {n}
it is anyone but {n}
it is something other than {n}
a bear rather than {n}
a bear instead of {n}
unlike {n}, it is a bear
without {n}
{n} is not shown
{n} isn't in this picture
{n} does not appear here
{n} is absent
{n}? No, it is a bear
it looks like {n}, but it is not him
it looks like {n} but no
never {n}
his name isn't {n}
it fails to look like {n}
{n} does not match this picture
this bear isn't {n}, is it?
it's probably not {n}
{n}? Absolutely not
{n}? No way
{n}? It isn't
do you see {n}? It is not there
{n} has nothing to do with this picture
although it looks like {n}, it isn't
while it resembles {n}, it's not him
it looks like {n}, but I don't think so
it would be wrong to call it {n}
do not mistake it for {n}
it is everything but {n}
this is a far cry from {n}
{n} can be ruled out
{n} is unlikely
"""
NAMED_ENGLISH = """
this is {n}
it looks like {n}
no, it is {n}
no it's {n}
no. {n}
no, {n}
none other than {n}
it can't be anyone but {n}
it is nobody but {n}
I don't see anyone except {n}
no doubt, it is {n}
no doubt it is {n}
there is no doubt that this is {n}
without a doubt, this is {n}
beyond any doubt this is {n}
I don't doubt it is {n}
it is not impossible that it is {n}
I can't rule out {n}
not only {n}
it's not just {n}
I'm not sure, but it is {n}
I am not sure if this is {n}
I'm not sure that it is {n}
I can't tell whether it is {n}
not a bear but {n}
it is not a bear, it is {n}
not a bear it is {n}
it isn't a bear because it is {n}
instead of a bear there is {n}
isn't this {n}?
why not {n}?
who else but {n}
{n} is not a bear
{n} has no tail
{n}, isn't it?
he does not wear a hat and looks like {n}
if I am not mistaken, this is {n}
no wonder it is {n}
it is hard not to recognise {n}
it is not wrong to call it {n}
there is no mistaking {n}
it is not a surprise that it is {n}
{n} has nothing to do with bears
although it is {n}, it is not in colour
it looks like {n}, but it is not certain
who doesn't love {n}
something is wrong with {n}
{n}? Not sure
"""


def templates(text: str) -> list[str]:
    return text.strip().splitlines()


def fill(template: str, name: str) -> str:
    forms = RUSSIAN.get(name, [name] * 6)
    return template.format(**dict(zip(CASES, forms, strict=True)))


def said(text: str) -> set[str]:
    return {found.key for found in MATCHER.find(tokenise(text)) if not found.negated}


@pytest.mark.parametrize("template", templates(DENIED_RUSSIAN))
def test_russian_denials_name_nobody(template: str) -> None:
    for name in RUSSIAN:
        assert said(fill(template, name)) == set(), name


@pytest.mark.parametrize("template", templates(NAMED_RUSSIAN))
def test_russian_clauses_that_name(template: str) -> None:
    for name in RUSSIAN:
        assert said(fill(template, name)) == {name}


@pytest.mark.parametrize("template", templates(DENIED_ENGLISH))
def test_english_denials_name_nobody(template: str) -> None:
    for name in ENGLISH:
        assert said(fill(template, name)) == set(), name


@pytest.mark.parametrize("template", templates(NAMED_ENGLISH))
def test_english_clauses_that_name(template: str) -> None:
    for name in ENGLISH:
        assert said(fill(template, name)) == {name}


# No question: whether the next sentence answers it with "no" is what the templates above are about.
CLAUSES = st.tuples(
    st.sampled_from([(text, False) for text in templates(DENIED_RUSSIAN) if "?" not in text])
    | st.sampled_from([(text, True) for text in templates(NAMED_RUSSIAN) if "?" not in text]),
    st.sampled_from(list(RUSSIAN)),
) | st.tuples(
    st.sampled_from([(text, False) for text in templates(DENIED_ENGLISH) if "?" not in text])
    | st.sampled_from([(text, True) for text in templates(NAMED_ENGLISH) if "?" not in text]),
    st.sampled_from(ENGLISH),
)
DECORATIONS = st.sampled_from(["{}", "**{}**", "«{}»", "- {}", "<b>{}</b>", "{}!", "  {} "])


@deterministic
@given(st.lists(st.tuples(CLAUSES, DECORATIONS), min_size=1, max_size=4), st.sampled_from([". ", "\n", "! ", ".\n\n"]))
def test_sentences_do_not_touch_each_other(parts: list[tuple[tuple[tuple[str, bool], str], str]], end: str) -> None:
    text = end.join(decoration.format(fill(template, name)) for ((template, _), name), decoration in parts)
    assert said(text) == {name for ((_, names), name), _ in parts if names}


# Two names in one sentence, and which of them are said.
LINKS = [
    ("не {n}, а {m}", "m"),
    ("{n}, а не {m}", "n"),
    ("это не {n}, это {m}", "m"),
    ("не {n} и не {m}", ""),
    ("{n} или {m}", "nm"),
    ("ни {n}, ни {m}", ""),
    ("не {n}, {m} или зверёк", ""),
    ("не только {n}, но и {m}", "nm"),
    ("{n}, но не {m}", "n"),
    ("это скорее {n}, чем {m}", "n"),
    ("это не {n} — это {m}", "m"),
    ("не знаю, {n} это или {m}", "nm"),
    ("neither {n} nor {m}", ""),
    ("not {n} but {m}", "m"),
    ("{n}, not {m}", "n"),
    ("{n} rather than {m}", "n"),
    ("not {n} or {m}", ""),
    ("it isn't {n}, it's {m}", "m"),
    ("not only {n} but also {m}", "nm"),
    ("unlike {n}, it is {m}", "m"),
    ("{n}? No, {m}", "m"),
    ("{n}? Certainly not. {m}", "m"),
    ("everyone except {n} loves {m}", "m"),
    ("instead of {n} came {m}", "m"),
    ("while {n} is cute, {m} is not", "nm"),
    ("not {n}: {m}", "m"),
    ("maybe {n} or {m}", "nm"),
    ("it is {n}, and not {m}", "n"),
]


@pytest.mark.parametrize(("link", "expected"), LINKS)
@pytest.mark.parametrize(
    ("first", "second"), [("Чебурашка", "Вий"), ("Буратино", "Илья Муромец"), ("Cheburashka", "Spider-Man")]
)
def test_two_names_in_one_sentence(link: str, expected: str, first: str, second: str) -> None:
    names = {"n": first, "m": second}
    assert said(link.format(**names)) == {names[letter] for letter in expected}


@pytest.mark.parametrize("text", ["не Чебурашка, Вий или Буратино", "Not Cheburashka, Spider-Man or Winnie-the-Pooh"])
def test_a_list_is_denied_as_a_whole(text: str) -> None:
    assert said(text) == set()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("не думаю, что это не Вий", {"Вий"}),  # two denials cancel
        ("нет сомнений, что это не Вий", set()),  # three do not
        ("никак не Вий", set()),  # Russian «никак не» is one
        ("I don't think it isn't Cheburashka", {"Cheburashka"}),
        ("There is no doubt that this is not Cheburashka", set()),
        ("Не знаю Вия", set()),
        ("Не знаю, кто такой Вий", set()),
        ("I do not know who Cheburashka is", set()),
        ("I can't confirm that this is Cheburashka", set()),
        ("This is Cheburashka, although I can't confirm it", {"Cheburashka"}),
        ("Кроме Вия, здесь есть Буратино", {"Вий", "Буратино"}),
        ("не путать с Вием", set()),
        ("Это не Cheburashka, а Вий", {"Вий"}),
        ("There is no Чебурашка here", set()),
        ("This is **not** Cheburashka", set()),
        ("Это не «Вий»", set()),
    ],
)
def test_what_the_rules_say_of_harder_ones(text: str, expected: set[str]) -> None:
    assert said(text) == expected
