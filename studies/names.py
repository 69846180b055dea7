"""Names and phrases in free text: normalised words, inflected forms, whole-word matches, negation.

A phrase matches by the forms of its words, never by a shared lemma: "ген" and "геном" (gene, genome) share
a lemma with «Гена» and must not name him. Forms are generated once a word with pymorphy3.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import pymorphy3
from pymorphy3.analyzer import Parse

NEGATORS = frozenset({"не", "ни", "not", "никакой", "никакая"})
# Words that may stand between a negator and the name it negates: "не похож на Чебурашку", "is not really the Superman".
_RUSSIAN_FILLERS = {"это", "этот", "эта", "сам", "сама", "является", "на", "в", "из", "совсем", "вовсе", "точно"}
_RESEMBLES = {"похож", "похожа", "похоже", "похожи"}
FILLERS = frozenset(_RUSSIAN_FILLERS | _RESEMBLES | {"a", "an", "the", "is", "really"})

_COMBINING_ACUTE = 0x301
_CYRILLIC = re.compile("[а-яё]+")
# These run over every answer: each begins with a literal or one set of characters, which `re` scans for fast.
_CONTRACTED_NOT = re.compile(r"n['’ʼ`]t\b")
# A weak model runs words together: «АлёшаКолобок». Not in Latin, where names are written so: "SpongeBob".
_RUN_TOGETHER = re.compile("(?<=[а-яё])(?=[А-ЯЁ])")
_ELLIPSIS = re.compile(r"\.\.+")
_SENTENCE_END = re.compile(r"[.!?\n]+")
_DECLINED = frozenset({"NOUN", "ADJF", "PRTF", "NUMR"})


class _Separators(dict[int, str | None]):
    """A `str.translate` table that is filled as characters are met: scanning all of Unicode at import is slow."""

    def __missing__(self, code: int) -> str | None:
        category = unicodedata.category(chr(code))
        replacement: str | None = chr(code)
        if category[0] in "PSZ" or category == "Cc":
            replacement = " "
        elif category == "Cf" or code == _COMBINING_ACUTE:
            replacement = None  # soft hyphens, zero-width marks and stress («Чебура́шка») are no part of a word
        self[code] = replacement
        return replacement


_separators = _Separators()


def _lower(text: str) -> str:
    """NFKC and casefold, words that run together apart.

    English "n't" is spelt out before its apostrophe is lost, so that negation survives.
    """
    apart = _RUN_TOGETHER.sub(" ", unicodedata.normalize("NFKC", text))
    return _CONTRACTED_NOT.sub(" not", apart.casefold())


def _words(lowered: str) -> list[str]:
    return lowered.translate(_separators).split()


def normalise(text: str) -> str:
    """Text as it is compared: NFKC, casefold, "n't" to " not", punctuation and symbols to single spaces, ё=е last."""
    return " ".join(_words(_lower(text))).replace("ё", "е")


@dataclass(frozen=True, slots=True)
class Tokens:
    """The normalised words of a text, and beside each the number of its sentence."""

    words: tuple[str, ...]
    sentences: tuple[int, ...]


def tokenise(text: str) -> Tokens:
    """Split a text into normalised words; . ! ? and line breaks end a sentence.

    An ellipsis does not, it is a pause: "это не... Чебурашка" still denies him.
    """
    words: list[str] = []
    sentences: list[int] = []
    folded = _ELLIPSIS.sub(" ", _lower(text).replace("ё", "е"))
    for number, sentence in enumerate(_SENTENCE_END.split(folded)):
        found = _words(sentence)
        words += found
        sentences += [number] * len(found)
    return Tokens(tuple(words), tuple(sentences))


@cache
def _analyser() -> pymorphy3.MorphAnalyzer:
    return pymorphy3.MorphAnalyzer(lang="ru")


def _fold(word: str) -> str:
    return word.replace("ё", "е")


def _nominative(word: str) -> list[Parse]:
    """Parses that read the word as a nominative: a phrase is given in it, so «гена» is not the genitive of «ген»."""
    parses = _analyser().parse(word)
    return [parse for parse in parses if parse.tag.POS in _DECLINED and "nomn" in parse.tag]


@cache
def name_forms(word: str) -> frozenset[str]:
    """Case forms of one word of a name, ё folded: same number and gender as the word, no vocative («Ген!»).

    word: lower case with its ё kept. Words that are not Cyrillic or not nominative («Кот в сапогах») stay as they are.
    """
    forms = {_fold(word)}
    if _CYRILLIC.fullmatch(word):
        parses = _nominative(word)
        own = [parse for parse in parses if _fold(parse.normal_form) == _fold(word)]
        for parse in own or parses:
            kind = (parse.tag.POS, parse.tag.number, parse.tag.gender)
            forms |= {
                _fold(form.word)
                for form in parse.lexeme
                if (form.tag.POS, form.tag.number, form.tag.gender) == kind and "voct" not in form.tag
            }
    return frozenset(forms)


@cache
def fact_forms(word: str) -> frozenset[str]:
    """All forms of one word of a description, ё folded: «большие» also gives «большими» and «большое»."""
    forms = {_fold(word)}
    if _CYRILLIC.fullmatch(word):
        for parse in _nominative(word) or _analyser().parse(word):
            forms |= {_fold(form.word) for form in parse.lexeme if "voct" not in form.tag}
    return frozenset(forms)


class Occurrence(NamedTuple):
    """One phrase found in a text: words [start, stop) name `key`, or deny it when `negated`."""

    key: str
    start: int
    stop: int
    negated: bool


class PhraseMatcher:
    """Finds phrases by the inflected forms of their words, longest first.

    phrases: key (a character's name) -> its phrases. When two keys share a phrase, the earlier key has it.
    forms: `name_forms` for names, `fact_forms` for descriptions.
    Raises ValueError for a phrase without a letter or digit.
    """

    def __init__(
        self, phrases: Mapping[str, Sequence[str]], forms: Callable[[str], frozenset[str]] = name_forms
    ) -> None:
        self._by_first_word: dict[str, list[tuple[str, tuple[frozenset[str], ...]]]] = {}
        for key, texts in phrases.items():
            for text in texts:
                words = tuple(forms(word) for word in _words(_lower(text)))
                if not words:
                    raise ValueError(f"phrase of {key!r}: must contain a letter or digit, got {text!r} — remove it")
                for first in words[0]:
                    self._by_first_word.setdefault(first, []).append((key, words))

    def find(self, tokens: Tokens) -> list[Occurrence]:
        """Occurrences in order of appearance; a longer phrase keeps its words from shorter ones."""
        candidates = self._candidates(tokens.words)
        candidates.sort(key=lambda span: (span[1] - span[2], span[1]))  # a stable sort: earlier keys stay first
        taken: set[int] = set()
        found = []
        for key, start, stop in candidates:
            if taken.isdisjoint(range(start, stop)):
                taken.update(range(start, stop))
                found.append(Occurrence(key, start, stop, _negated(tokens, start)))
        return sorted(found, key=lambda occurrence: occurrence.start)

    def _candidates(self, words: tuple[str, ...]) -> list[tuple[str, int, int]]:
        spans = []
        for start, word in enumerate(words):
            for key, phrase in self._by_first_word.get(word, ()):
                stop = start + len(phrase)
                if stop <= len(words) and all(words[start + i] in phrase[i] for i in range(1, len(phrase))):
                    spans.append((key, start, stop))
        return spans


def _negated(tokens: Tokens, start: int) -> bool:
    """Whether a negator stands before word `start`, fillers skipped, within the same sentence."""
    for i in range(start - 1, -1, -1):
        if tokens.sentences[i] != tokens.sentences[start]:
            return False
        if tokens.words[i] not in FILLERS:
            return tokens.words[i] in NEGATORS
    return False
