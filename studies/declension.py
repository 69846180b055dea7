"""The inflected forms of names and descriptions, and the cases that each form stands for.

pymorphy3's dictionary declines the words that it has. It guesses the others by their ends, often as an oblique case of
a word that does not exist («Тортила» as the genitive of «тортил»): those are also declined by their own ending.
"""

import re
from collections.abc import Mapping, Sequence
from enum import IntFlag
from functools import cache

import pymorphy3
from pymorphy3.analyzer import Parse


class Case(IntFlag):
    """Grammatical cases; the lower bit is the more usual one in answers, and wins where two names share a form."""

    nominative = 1
    accusative = 2
    genitive = 4
    instrumental = 8
    dative = 16
    prepositional = 32


EVERY_CASE = int(~Case(0))
Forms = Mapping[str, int]
"""Form of a word, lower case, ё folded -> the cases that it stands for, as bits of `Case`."""

_CASES = {"nomn": 1, "accs": 2, "acc2": 2, "gent": 4, "gen2": 4, "gen1": 4}
_CASES |= {"ablt": 8, "datv": 16, "loct": 32, "loc1": 32, "loc2": 32}
_CYRILLIC = re.compile("[а-яё]+")
_DECLINED = frozenset({"NOUN", "ADJF", "PRTF", "NUMR"})
_SMALL_WORDS = ("PREP", "CONJ", "PRCL", "NPRO")
_SIBILANTS = "жчшщц"

# Endings in the order of Case, from the accusative on. Spelling rules are applied after.
_FEMININE = ("у", "ы", "ой ою", "е", "е")
_SOFT_FEMININE = ("ю", "и", "ей ею", "е и", "е и")
_MASCULINE = ("а", "а", "ом", "у", "е")
_SOFT_MASCULINE = ("я", "я", "ем", "ю", "е и")
_THIRD = ("ь", "и", "ью", "и", "и")


def fold(word: str) -> str:
    """ё as е: texts write either."""
    return word.replace("ё", "е")


@cache
def analyser() -> pymorphy3.MorphAnalyzer:
    """The Russian dictionary, loaded once."""
    return pymorphy3.MorphAnalyzer(lang="ru")


def decline_name(words: Sequence[str]) -> tuple[Forms, ...]:
    """The forms of a name given in the nominative, word by word.

    words: lower case with their ё kept. «Три богатыря» is declined as a number is: «тремя богатырями». A conjunction
    stays as it is («Чип и Дейл»), a preposition with all after it («Кот в сапогах»); the last word is neither
    («Дональд Дак»).
    """
    forms: list[Forms] = []
    governed = counted = False
    for place, word in enumerate(words, start=1):
        small = place < len(words) and any(_is(word, part) for part in _SMALL_WORDS)
        governed |= small and _is(word, "PREP")
        literal = {fold(word): EVERY_CASE}
        forms.append(literal if small or governed else _counted(word) if counted else name_forms(word))
        counted |= word.isdigit() or _is(word, "NUMR")
    return tuple(forms)


def vary_fact(words: Sequence[str]) -> tuple[Forms, ...]:
    """The forms of a description, word by word: «большие уши» is also said by «с большими ушами» and «большое ухо»."""
    return tuple(fact_forms(word) for word in words)


@cache
def name_forms(word: str) -> Forms:
    """Case forms of one word of a name: same number and gender as the word, no vocative («Ген!»).

    word: lower case with its ё kept. What is not Cyrillic, and what has an ending that is not declined, stays as it is.
    """
    forms: dict[str, int] = {}
    if not _CYRILLIC.fullmatch(word):
        return {word: EVERY_CASE}
    parses = analyser().parse(word)
    nominative = [parse for parse in parses if parse.tag.POS in _DECLINED and "nomn" in parse.tag]
    own = [parse for parse in nominative if _own(parse, word)]
    for parse in own or nominative:
        _add_lexeme(forms, parse)
    if not any(_surely_nominative(parse, word) for parse in nominative):
        for form, cases in _paradigm(word):
            forms[form] = forms.get(form, 0) | cases
    forms[fold(word)] = forms.get(fold(word), 0) | int(Case.nominative)
    return _either_vowel(forms)


@cache
def fact_forms(word: str) -> Forms:
    """All forms of one word of a description: «большие» also gives «большими» and «большое»."""
    forms = {fold(word)}
    if _CYRILLIC.fullmatch(word):
        parses = analyser().parse(word)
        nominative = [parse for parse in parses if parse.tag.POS in _DECLINED and "nomn" in parse.tag]
        for parse in nominative or parses:
            forms |= {fold(form.word) for form in parse.lexeme if "voct" not in form.tag}
    return dict.fromkeys(forms, EVERY_CASE)


@cache
def is_adjective(word: str) -> bool:
    """Whether a Russian word can be an adjective or a participle."""
    return bool(_CYRILLIC.fullmatch(word)) and any(
        parse.tag.POS in ("ADJF", "PRTF") for parse in analyser().parse(word)
    )


@cache
def is_predicate(word: str) -> bool:
    """Whether a Russian word is most likely a verb or a short participle: «нарисован», «стоит»."""
    return _is(word, "VERB") or _is(word, "PRTS")


@cache
def is_infinitive(word: str) -> bool:
    """Whether a Russian word is an infinitive: «узнать»."""
    return _is(word, "INFN")


def _is(word: str, part_of_speech: str) -> bool:
    return bool(_CYRILLIC.fullmatch(word)) and part_of_speech == analyser().parse(word)[0].tag.POS


def _own(parse: Parse, word: str) -> bool:
    """Whether the word is its own dictionary form; a guess must have its ё too («Шрек» is no «шрёк»)."""
    if parse.is_known:
        return fold(parse.normal_form) == fold(word)
    return bool(parse.normal_form == word)


def _surely_nominative(parse: Parse, word: str) -> bool:
    """A plural in «-а» may as well be a name of one: «Кеша» is no plural of «кеш»."""
    return bool(parse.is_known and (_own(parse, word) or word[-1] not in "ая" or parse.tag.POS != "NOUN"))


def _case_of(parse: Parse) -> int:
    return _CASES.get(parse.tag.case, 0)


def _add_lexeme(forms: dict[str, int], parse: Parse) -> None:
    kind = (parse.tag.POS, parse.tag.number, parse.tag.gender)
    for form in parse.lexeme:
        if (form.tag.POS, form.tag.number, form.tag.gender) == kind and _case_of(form):
            key = fold(form.word)
            forms[key] = forms.get(key, 0) | _case_of(form)


def _counted(word: str) -> Forms:
    """A word after a number: «три богатыря», «трёх богатырей», «тремя богатырями»."""
    forms = dict(name_forms(word))
    genitives = [parse for parse in analyser().parse(word) if "gent" in parse.tag] if _CYRILLIC.fullmatch(word) else []
    for parse in genitives:
        for form in parse.lexeme:
            if form.tag.number == "plur" and form.tag.POS == parse.tag.POS and _case_of(form) > Case.nominative:
                key = fold(form.word)
                forms[key] = forms.get(key, 0) | _case_of(form)
    return forms


def _paradigm(word: str) -> list[tuple[str, int]]:
    """The forms that the ending of a nominative gives, singular."""
    stem, last = fold(word[:-1]), word[-1]
    if last == "а":
        tables = [(stem, _FEMININE)]
    elif last == "я":
        tables = [(stem, _SOFT_FEMININE)]
    elif last == "й":
        tables = [(stem, _SOFT_MASCULINE)]
    elif last == "ь":
        tables = [(stem, _SOFT_MASCULINE), (stem, _THIRD)]
    elif last not in "оеёуюэиы":
        tables = [(base, _MASCULINE) for base in _stems(fold(word))]
    else:
        return [(fold(word), EVERY_CASE)]
    cases = [int(case) for case in Case][1:]
    return [
        (_spelt(base, ending), case)
        for base, endings in tables
        for case, choice in zip(cases, endings, strict=True)
        for ending in choice.split()
    ]


def _stems(word: str) -> list[str]:
    """The stems of a masculine name: the vowel of «-ец», «-ек», «-ок» may be lost."""
    vowel_lost = word[-2:] in ("ец", "ек", "ок") and len(word) > 3
    if not vowel_lost:
        return [word]
    soft = "й" if word[-3] in "аеиоуыэюя" else "ь" if word[-3] == "л" else ""
    return [word, word[:-2] + soft + word[-1]]


def _spelt(stem: str, ending: str) -> str:
    if ending.startswith("ы") and stem[-1:] in "гкхжчшщ":
        ending = "и"
    return stem + ending


def _either_vowel(forms: dict[str, int]) -> Forms:
    """After a sibilant the stress decides between «-ом» and «-ем», «-ой» and «-ей»; for names it is not known."""
    for form, cases in list(forms.items()):
        if cases & Case.instrumental and form[-3:-2] in tuple(_SIBILANTS) and form[-2] in "ое":
            other = form[:-2] + ("е" if form[-2] == "о" else "о") + form[-1]
            forms[other] = forms.get(other, 0) | int(Case.instrumental)
    return forms
