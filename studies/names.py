"""Names and phrases in free text: whole-word matches by inflected forms, and whether they are denied.

A phrase matches by the forms of its words, never by a shared lemma: "ген" and "геном" (gene, genome) share
a lemma with «Гена» and must not name him.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import NamedTuple

from skazka_text.problems import ValueRefused
from studies.declension import EVERY_CASE, Forms, decline_name, is_adjective
from studies.denial import Clauses, may_deny
from studies.negation import words
from studies.text import HYPHEN, Tokens, lower, words_of

_LATIN = re.compile("[a-z]+")
# No adjective, though nothing tells by its form.
_ENGLISH_SMALL = words("a an the and or but with of in on at to for from by as is are was it he she has have not no")


class Occurrence(NamedTuple):
    """One phrase found in a text: words [start, stop) name `key`, or deny it when `negated`.

    rank: how far the form is from the nominative, 1 for it (the lowest bit of `Case`).
    """

    key: str
    start: int
    stop: int
    negated: bool
    rank: int = 1


class _Span(NamedTuple):
    key: str
    start: int
    stop: int
    cases: int

    @property
    def rank(self) -> int:
        return self.cases & -self.cases or EVERY_CASE


class PhraseMatcher:
    """Finds phrases by the inflected forms of their words, longest first.

    phrases: key (a character's name) -> its phrases. A form that two keys share goes to the one whose nominative it is,
    else to the one that has it in the more usual case, and only then to the earlier key.
    forms: `decline_name` for names, `vary_fact` for descriptions.
    gap: how many adjectives may stand between two words of a phrase.
    Raises ValueError for a phrase without a letter or digit.
    """

    def __init__(
        self,
        phrases: Mapping[str, Sequence[str]],
        forms: Callable[[Sequence[str]], tuple[Forms, ...]] = decline_name,
        gap: int = 0,
    ) -> None:
        self._gap = gap
        self._by_first_word: dict[str, list[tuple[str, tuple[Forms, ...]]]] = {}
        for key, texts in phrases.items():
            for text in texts:
                if not words_of(lower(text)):
                    raise ValueRefused(f"phrase of {key!r}: must contain a letter or digit, got {text!r}", "remove it")
                for phrase in _written(text, forms):
                    for first in phrase[0]:
                        self._by_first_word.setdefault(first, []).append((key, phrase))

    def find(self, tokens: Tokens, beside: Sequence[Occurrence] = ()) -> list[Occurrence]:
        """Occurrences in order of appearance; a longer phrase keeps its words from shorter ones.

        beside: names found in the same text, which may stand in one list with the phrases.
        """
        starts = [start for start, word in enumerate(tokens.words) if word in self._by_first_word]
        spans = [span for start in starts for span in self._at(tokens.words, start)]
        if not spans:
            return []
        # A stable sort: earlier keys stay first.
        spans.sort(key=lambda span: (span.start - span.stop, span.start, span.rank))
        taken: set[int] = set()
        found = []
        for span in spans:
            if taken.isdisjoint(range(span.start, span.stop)):
                taken.update(range(span.start, span.stop))
                found.append(span)
        found.sort(key=lambda span: span.start)
        if not may_deny(tokens):
            return [Occurrence(span.key, span.start, span.stop, False, span.rank) for span in found]
        clauses = Clauses(tokens, [*((name.start, name.stop) for name in beside), *(span[1:3] for span in found)])
        return [
            Occurrence(span.key, span.start, span.stop, clauses.denies(span.start, span.stop, span.cases), span.rank)
            for span in found
        ]

    def _at(self, words: tuple[str, ...], start: int) -> Iterator[_Span]:
        for key, phrase in self._by_first_word[words[start]]:
            cases, place = phrase[0][words[start]], start + 1
            for forms in phrase[1:]:
                if self._gap:
                    place = self._past_adjectives(words, place, forms)
                if place >= len(words) or words[place] not in forms:
                    break
                cases &= forms[words[place]]
                place += 1
            else:
                yield _Span(key, start, place, cases)

    def _past_adjectives(self, words: tuple[str, ...], place: int, forms: Forms) -> int:
        for skipped in range(self._gap + 1):
            at = place + skipped
            if at >= len(words) or words[at] in forms:
                return at
            if not (is_adjective(words[at]) or (_LATIN.fullmatch(words[at]) and words[at] not in _ENGLISH_SMALL)):
                return at
        return place


def _written(text: str, forms: Callable[[Sequence[str]], tuple[Forms, ...]]) -> list[tuple[Forms, ...]]:
    """A phrase as it may be written: its parts apart, or as one word where a hyphen joins them («Виннипух»)."""
    lowered = lower(text)
    apart = forms(words_of(lowered))
    if not HYPHEN.search(lowered):
        return [apart]
    rest = iter(apart)
    groups = [[next(rest) for _ in words_of(group)] for group in lowered.split()]
    return [apart, tuple(_one_word(group) for group in groups if group)]


def _one_word(parts: Sequence[Forms]) -> Forms:
    forms: dict[str, int] = {}
    for choice in product(*(part.items() for part in parts)):
        cases = choice[-1][1]
        for _, others in choice[:-1]:
            cases = cases & others or cases
        forms["".join(form for form, _ in choice)] = cases
    return forms
