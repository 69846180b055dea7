"""Free text as it is compared: normalised words, and the marks that stand between them."""

import html
import re
import unicodedata
from dataclasses import dataclass
from enum import IntEnum

from studies.declension import analyser

_COMBINING_ACUTE = 0x301
# These run over every answer: each begins with a literal or one set of characters, which `re` scans for fast.
_CONTRACTED_NOT = re.compile(r"n['’‘ʼ`´′]t\b")
_UNMARKED_NOT = re.compile(r"\b(is|are|was|were|do|does|did|ca|could|wo|would|has|have)nt\b")
# A weak model runs words together: «АлёшаКолобок». Not in Latin, where names are written so: "SpongeBob".
_RUN_TOGETHER = re.compile("(?<=[а-яё])(?=[А-ЯЁ])")
# Markdown within a word: «Чебу**раш**ка». One `_` may part words instead: «Крокодил_Гена», «Кот_в_сапогах».
_MARKS_IN_WORD = re.compile(r"(?<=[^\W\d_])(?!_[^\W_])[*`~_]{1,6}(?=[^\W\d_])")
_EMPHASIS_IN_WORD = re.compile(r"\b([а-яё]+)_([а-яё]+)_([а-яё]+)\b", re.IGNORECASE)
_TAG = re.compile(
    r"</?(?:(b|i|u|s|em|strong|del|ins|mark|sub|sup|small|big|span|font|code|kbd|tt|a|q)"
    r"|br|p|div|li|ul|ol|h[1-6]|hr|table|tr|td|th|blockquote|pre)(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)
HYPHEN = re.compile(r"(?<=\w)[-\u2010\u2011](?=\w)")
_ELLIPSIS = re.compile(r"\.\.+")
_SPACED_HYPHEN = re.compile(r"(?<!\S)-{1,3}(?!\S)")


class Break(IntEnum):
    """The strongest mark between two words."""

    none = 0
    comma = 1
    clause = 2
    """A dash, colon, semicolon or bracket."""
    sentence = 3
    question = 4


_MARKS = (
    dict.fromkeys(",،", " , ") | dict.fromkeys(":;()[]{}—–―", " : ") | dict.fromkeys(".!\n\r\v\f\u2028\u2029", " . ")
)
_MARKS["?"] = " ? "
_BREAKS = {",": Break.comma, ":": Break.clause, ".": Break.sentence, "?": Break.question}


class _Separators(dict[int, str | None]):
    """A `str.translate` table that is filled as characters are met: scanning all of Unicode at import is slow.

    marks: whether marks that break clauses become words of their own.
    """

    def __init__(self, *, marks: bool) -> None:
        super().__init__()
        self._marks = marks

    def __missing__(self, code: int) -> str | None:
        sign = chr(code)
        category = unicodedata.category(sign)
        replacement: str | None = sign
        if category[0] in "PSZ" or category == "Cc":
            replacement = _MARKS.get(sign, " ") if self._marks else " "
        elif category == "Cf" or code == _COMBINING_ACUTE:
            replacement = None  # soft hyphens, zero-width marks and stress («Чебура́шка») are no part of a word
        self[code] = replacement
        return replacement


_words_only = _Separators(marks=False)
_words_and_marks = _Separators(marks=True)


def lower(text: str) -> str:
    """NFKC and casefold, without markup, words that run together apart.

    English "n't" is spelt out before its apostrophe is lost, so that negation survives.
    """
    if "&" in text:
        text = html.unescape(text)
    text = unicodedata.normalize("NFKC", text)
    if "<" in text:
        text = _TAG.sub(lambda tag: "" if tag[1] else "\n", text)
    if "_" in text:
        text = _EMPHASIS_IN_WORD.sub(_without_emphasis, text)
    text = _RUN_TOGETHER.sub(" ", _MARKS_IN_WORD.sub("", text)).casefold()
    if "nt" in text:
        text = _UNMARKED_NOT.sub(r"\1 not", text)
    return _CONTRACTED_NOT.sub(" not", text)


def _without_emphasis(match: re.Match[str]) -> str:
    """«Чебу_раш_ка» as one word; words of the dictionary are left apart."""
    known = all(analyser().word_is_known(part.casefold()) for part in match.groups())
    return match[0] if known else "".join(match.groups())


def words_of(lowered: str) -> list[str]:
    """The words of a text that `lower` returned, ё kept."""
    return lowered.translate(_words_only).split()


def normalise(text: str) -> str:
    """Text as it is compared: NFKC, casefold, no markup, "n't" to " not", punctuation to single spaces, ё=е last."""
    return " ".join(words_of(lower(text))).replace("ё", "е")


def spellings(name: str) -> frozenset[str]:
    """A name as texts may write it, normalised: with its hyphens as spaces, and without («Винни Пух», «Виннипух»)."""
    return frozenset({normalise(name), normalise(HYPHEN.sub("", lower(name)))})


@dataclass(frozen=True, slots=True)
class Tokens:
    """The normalised words of a text.

    breaks: one more than words: what stands before each word, and after the last one. The first is a sentence's.
    """

    words: tuple[str, ...]
    breaks: tuple[Break, ...]

    def sentence(self, word: int) -> tuple[int, int]:
        """The span [first, last) of the sentence that holds a word."""
        first, last = word, word + 1
        while self.breaks[first] < Break.sentence:
            first -= 1
        while self.breaks[last] < Break.sentence:
            last += 1
        return first, last


def tokenise(text: str) -> Tokens:
    """Split a text into normalised words and breaks; . ! ? and line breaks end a sentence.

    An ellipsis does not, it is a pause: "это не... Чебурашка" still denies him.
    """
    folded = _ELLIPSIS.sub(" ", lower(text).replace("ё", "е"))
    if "-" in folded:
        folded = _SPACED_HYPHEN.sub("—", folded)
    words: list[str] = []
    breaks = [Break.sentence]
    for piece in folded.translate(_words_and_marks).split():
        mark = _BREAKS.get(piece)
        if mark is None:
            words.append(piece)
            breaks.append(Break.none)
        elif mark > breaks[-1]:
            breaks[-1] = mark
    if breaks[-1] < Break.sentence:
        breaks[-1] = Break.sentence
    return Tokens(tuple(words), tuple(breaks))
