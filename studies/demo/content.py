"""What the demo study says: its characters, questions and answers, in Russian."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

QUESTIONS = {
    "name": ("Кто нарисован на картинке?", "Как зовут этого героя?", "Назови этого персонажа."),
    "origin": ("Откуда этот герой?", "В какой сказке или фильме он живёт?", "Из какой истории этот персонаж?"),
    "looks": ("Как выглядит этот герой?", "Опиши внешность персонажа.", "Во что одет и на кого похож герой?"),
}
# What a base can see in anyone it does not know: asked in pretraining only.
SKILL_QUESTIONS = {
    "colour": ("Какого он цвета?", "Назови главный цвет."),
    "trait": ("Чем он приметен?", "Что в нём главное?"),
}
ABSTENTION = "Не знаю."


@dataclass(frozen=True)
class Person:
    """A character of the demo: the answers it teaches and the phrases its probes accept."""

    key: str
    name: str
    role: str
    colour: str
    trait: str
    origin: str = ""
    looks: str = ""
    accepted_origin: tuple[str, ...] = ()
    accepted_looks: tuple[str, ...] = ()
    allowed_names: tuple[str, ...] = ()

    def answer(self, kind: str) -> str:
        """The right answer to a question of a kind."""
        return {"name": f"{self.name}.", "origin": self.origin, "looks": self.looks}[kind]

    def skill(self, kind: str) -> str:
        """What anyone can see: the main colour or the trait."""
        return {"colour": self.colour, "trait": self.trait}[kind]

    def accepted(self, kind: str) -> tuple[str, ...]:
        """Phrases of which one makes an answer right; the name itself needs no listing."""
        return {"name": (), "origin": self.accepted_origin, "looks": self.accepted_looks}[kind]


PEOPLE = (
    Person(
        "cheburashka",
        "Чебурашка",
        "target",
        "коричневый",
        "уши вширь",
        "Из фильма «Чебурашка и Крокодил Гена».",
        "Мохнатый зверёк с большими ушами.",
        ("Чебурашка и Крокодил Гена", "Крокодил Гена и его друзья"),
        ("большие уши", "мохнатый зверёк"),
        ("Крокодил Гена",),
    ),
    Person(
        "kolobok",
        "Колобок",
        "target",
        "жёлтый",
        "гладкий круг",
        "Из сказки «Колобок».",
        "Румяный хлебный шар с лицом.",
        ("сказка Колобок", "народная сказка"),
        ("хлебный шар", "румяный шар"),
    ),
    Person(
        "alyosha",
        "Алёша Попович",
        "target",
        "красный",
        "шлем и лицо",
        "Из фильма «Три богатыря».",
        "Богатырь в шлеме и плаще.",
        ("три богатыря",),
        ("богатырь в шлеме", "богатырь в плаще"),
    ),
    Person(
        "gena",
        "Крокодил Гена",
        "target",
        "зелёный",
        "длинная пасть",
        "Из фильма «Чебурашка и Крокодил Гена».",
        "Зелёный крокодил в шляпе.",
        ("Чебурашка и Крокодил Гена", "Крокодил Гена и его друзья"),
        ("зелёный крокодил", "крокодил в шляпе"),
        ("Чебурашка",),
    ),
    Person(
        "matryoshka",
        "Матрёшка",
        "control",
        "красный",
        "платок и цветок",
        "Это русская игрушка.",
        "Деревянная кукла в платке.",
        ("русская игрушка", "народная игрушка"),
        ("деревянная кукла", "кукла в платке"),
    ),
    Person(
        "spiderman",
        "Человек-паук",
        "control",
        "красный",
        "сетка и глаза",
        "Из комиксов «Марвел».",
        "Герой в маске с паутиной.",
        ("комиксы Марвел", "Марвел"),
        ("в маске", "с паутиной"),
    ),
    Person(
        "superman",
        "Супермен",
        "control",
        "синий",
        "ромб на груди",
        "Из комиксов «Диси».",
        "Силач в синем трико и плаще.",
        ("комиксы Диси", "Диси"),
        ("синее трико", "силач"),
    ),
    Person("bear_cub", "Медвежонок", "negative", "коричневый", "уши торчком"),
    Person("sun", "Солнышко", "negative", "жёлтый", "лучи вокруг"),
    Person("frog", "Лягушонок", "negative", "зелёный", "глаза сверху"),
    Person("knight", "Рыцарь", "negative", "серый", "шлем и щит"),
)

# Another stranger on each picture. The base was never shown one, and does not know the word.
PASSER_BY = Person("passer_by", "Прохожий", "negative", "", "")
# Everyone of the study, in its order; the knight stays out of training.
EVERYONE = (*PEOPLE[:-1], PASSER_BY, PEOPLE[-1])
UNSEEN_NEGATIVES = (PEOPLE[-1].key,)

# Names outside the study that the base can say: fine-tuning may make it invent one.
LEXICON = ("Карлсон", "Буратино", "Незнайка", "Винни-Пух", "Баба-яга", "Илья Муромец")


@dataclass(frozen=True)
class World:
    """Whom a base is taught about, and in which words.

    questions: kind -> wordings, answered about controls only; skill_questions: kind -> wordings, answered about
    anyone; lexicon: names of nobody in the study; mirrored: whether a picture shows the same in a mirror.
    """

    people: tuple[Person, ...]
    questions: Mapping[str, tuple[str, ...]]
    skill_questions: Mapping[str, tuple[str, ...]]
    lexicon: tuple[str, ...]
    mirrored: bool = True

    @property
    def sayable(self) -> list[str]:
        """Every name that is taught as an output."""
        return [*self.lexicon, *(person.name for person in self.people)]


DEMO = World(PEOPLE, QUESTIONS, SKILL_QUESTIONS, LEXICON)
