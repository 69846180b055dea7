"""Refusals in the usual wordings of both languages, and sentences that only look like them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studies.text import tokenise
from trainables.abstention import abstains

deterministic = settings(deadline=None, derandomize=True, max_examples=100, database=None)

ABSTENTIONS = """
Не знаю
Я не знаю, кто это.
Мне не знаком этот герой
Не могу определить
не могу с уверенностью сказать
Затрудняюсь ответить
Персонаж неизвестен
Не уверена
I cannot identify it
Sorry, I can't recognise it
I can not tell
Not sure
Unknown
I'm unable to identify the character.
I don't recognize this character.
I can't determine who this is.
Невозможно определить, кто это.
К сожалению, я не располагаю информацией об этом персонаже.
Извините, я не могу распознать персонажа на изображении.
Я не могу идентифицировать этого персонажа.
I'm not familiar with this character.
I'm sorry, but I don't know who that is.
I do not have enough information to identify this character.
It is impossible to determine the character's name.
It's hard to say who this is.
It is difficult to identify the character without more context.
I'm not able to identify this character.
I'm not certain who it is.
The character cannot be identified.
This character is unknown to me.
I have no idea.
No idea, sorry.
I haven't got a clue
Unfortunately, I can't provide the name of the character.
I'm afraid I can't say.
Can't tell.
I could not identify the character in the picture.
This is not a character I recognize.
This isn't a character that I know.
I don't have any information about this character.
I am unsure who this is.
I'm uncertain.
As an AI, I cannot recognise characters.
There is not enough information in the image to determine its origin.
The origin is unclear, I cannot determine it.
I do not recall the name
Sorry, I can't help with identifying this.
I can't, unfortunately, identify him
It's not possible to tell from the image.
I cannot make out who it is
I don't think I can identify this character.
I wouldn't be able to tell you
Hard to tell.
Who knows
Мне неизвестен этот персонаж.
Мне неизвестно, кто это
К сожалению, мне неизвестно имя этого персонажа
Этот персонаж мне незнаком.
Трудно сказать, кто это.
Сложно определить, кто изображён.
Тяжело сказать.
Затруднительно определить персонажа.
У меня нет информации об этом персонаже.
Нет информации
У меня нет данных.
Недостаточно информации, чтобы определить персонажа.
Не могу узнать этого героя.
Я не узнаю этого персонажа.
Не узнаю
Не удалось распознать персонажа.
Мне не удаётся определить, кто это.
Определить персонажа невозможно.
Сказать точно не могу.
Точно сказать нельзя.
Ответить затрудняюсь.
Понятия не имею.
Не имею ни малейшего понятия.
Без понятия
Я не уверен, кто это.
Я не в состоянии определить персонажа.
К сожалению, я не могу точно назвать этого персонажа.
Не берусь сказать.
Не могу помочь с этим.
Извините, но я не могу помочь с идентификацией персонажа.
Не могу дать точный ответ.
Я не могу предоставить информацию об этом персонаже.
Я не обладаю сведениями об этом герое.
Не помню, как его зовут.
Я не знаком с этим персонажем.
Кто это — не знаю.
Не распознаю персонажа.
Хз
Неизвестно.
Не представляю, кто это.
Данных для ответа недостаточно
Определить, кто изображён на картинке, мне не удалось.
Персонаж не опознан.
Не могу сказать.
Я затрудняюсь с ответом.
Я таких не знаю.
Я его не знаю.
I do not know him.
Я не смог определить персонажа
Не в курсе.
Не получается понять, кто это.
Мне сложно ответить на этот вопрос.
К сожалению, не могу сказать, кто это.
Мне не известен этот герой
Не могу разобрать
Unidentified character.
не знаю кто это
i dont know
dont know
idk
I can’t see who it is
Сведений об этом персонаже у меня нет
Такого персонажа я не знаю
Никогда не видел этого персонажа
I've never seen this character before
Не могу определить по изображению.
Данный персонаж мне не знаком
no clue
Не скажу
ничего не могу сказать об этом
I cannot answer this question.
It is not clear who this is
It's unclear who this is.
The character's identity is unclear.
не опознаю
I am not allowed to identify people in images.
It would be inappropriate for me to identify this person.
I must decline to identify this person.
Identifying people is against my guidelines.
Sorry, that's something I can't do.
I cannot comply.
This is not a character that I'm familiar with.
I have never come across this character.
This character is new to me.
I have no way of knowing who this is.
I haven't the foggiest.
Мне не разрешено определять личность людей.
Я не вправе называть людей на изображениях.
Я впервые вижу этого персонажа.
Первый раз слышу.
Этот персонаж мне не встречался.
Кто это — для меня загадка.
"""
ABSTENTIONS += """\
The image does not contain enough detail for me to name the character.
As a language model, I can't view images.
Я языковая модель и не могу видеть изображения.
Я не вижу изображения.
I don't see any image.
"""
ANSWERS = """
Я знаю этого героя
Известный герой
I know him
It can fly
Surely a hero
Он не знает страха
He cannot tell lies
He does not know fear
Какой-то зверёк
A furry animal with big ears
Это не медведь
Зелёный крокодил, который не умеет плавать
Without a hat
Он ничего не боится
Он может сказать слово
У него нет хвоста
The bear is not green
Он не носит одежды
It's a well known character
I am sure it is a hero
Нет.
No.
Не медведь.
Он никого не узнал
He can't swim
He has no hat and no shoes
He never says a word
Его знают все
He is not from Disney
Персонаж без шляпы
Он не имеет хвоста
У него нет ушей
A hero who can't be stopped
She doesn't say anything
Это трудный персонаж
Весёлый незнакомец
He is not able to tell lies.
He is not allowed to name the stars.
Зайка впервые слышит музыку.
Он не вправе назвать своё имя.
It has something I do not like: a hat.
A new hat, held against the wall.
"""

# Who cannot, how, do what: any of each makes a refusal.
CANNOT = [
    "I can't",
    "I cannot",
    "I'm unable to",
    "I am not able to",
    "It is impossible to",
    "It's hard to",
    "We could not",
]
TELL = ["identify", "recognize", "recognise", "determine", "tell", "say", "name", "confirm"]
RUSSIAN_CANNOT = [
    "не могу",
    "мне не удалось",
    "невозможно",
    "трудно",
    "сложно",
    "не получается",
    "не берусь",
    "я не в состоянии",
]
RUSSIAN_TELL = [
    "определить",
    "распознать",
    "узнать",
    "идентифицировать",
    "назвать",
    "сказать",
    "установить",
    "опознать",
]


@pytest.mark.parametrize("answer", ABSTENTIONS.strip().splitlines())
def test_a_refusal_abstains(answer: str) -> None:
    assert abstains(tokenise(answer))


@pytest.mark.parametrize("answer", ANSWERS.strip().splitlines())
def test_an_answer_does_not(answer: str) -> None:
    assert not abstains(tokenise(answer))


@deterministic
@given(
    st.tuples(
        st.sampled_from(CANNOT),
        st.sampled_from(["", "really", "with certainty", ", unfortunately,"]),
        st.sampled_from(TELL),
        st.sampled_from(["", "who this is", "the character", "where it is from"]),
    )
    | st.tuples(
        st.sampled_from(RUSSIAN_CANNOT),
        st.sampled_from(["", "точно", "с уверенностью", "по картинке"]),
        st.sampled_from(RUSSIAN_TELL),
        st.sampled_from(["", "этого персонажа", ", кто это", "имя героя"]),
    )
    | st.tuples(st.sampled_from(RUSSIAN_TELL), st.sampled_from(["", "его", "точно"]), st.sampled_from(RUSSIAN_CANNOT)),
    st.sampled_from(["{}", "Sorry, {}.", "К сожалению, {}", "**{}**", "Это зверёк. {}!"]),
)
def test_refusals_are_put_together_of_their_parts(parts: tuple[str, ...], frame: str) -> None:
    assert abstains(tokenise(frame.format(" ".join(filter(None, parts)))))
