"""How far a denial reaches: from the word that denies to the end of its clause, unless a second one cancels it."""

from collections.abc import Mapping

from studies.declension import EVERY_CASE, Case, is_adjective, is_infinitive, is_predicate
from studies.negation import (
    ALIKE,
    ANSWERS,
    ARGUMENTS,
    ARTICLES,
    ATTITUDES,
    BRIDGES,
    CALLS,
    CERTAIN,
    CERTAIN_STEM,
    COMPARATIVES,
    COMPLEMENTS,
    CONCORD,
    DEGREE,
    DOUBTS,
    EVERYBODY,
    EXCEPT,
    FUNCTION,
    HARD,
    IS,
    KNOWS,
    NEGATORS,
    NO_NOUNS,
    NOBODY_BUT,
    ONE_WORD_DOUBTS,
    ONLY,
    OTHER,
    PRONOUNS,
    RULES_OUT,
    TURNS,
    UNIVERSAL,
    WITHOUT,
    WITHOUT_GENITIVE,
    WRONG,
)
from studies.text import Break, Tokens


class Scope:
    """Reads a sentence from left to right and keeps whether the word that is read is denied.

    span: the sentence's words [first, last). names: first word -> end of the phrases that are looked for; words within
    them deny nothing, and lists of them stay together.

    Its state: `_odd`, whether an odd number of denials reaches the word; `_since`, the word that began to deny;
    `_cases`, in which cases it denies; `_noun`, whether the next noun only; `_concord`, a «ни» that a «не» may join;
    `_bridged`, a word between that lets a second negation cancel the first; `_universal`, "all" or "any" before an
    exception; `_resume`, the mark at which a denial goes on after a parenthesis.
    """

    def __init__(self, tokens: Tokens, span: tuple[int, int], names: Mapping[int, int]) -> None:
        self._words, self._breaks = tokens.words, tokens.breaks
        self._first, self._last = span
        self._stops = names
        self._inside = {word for start, stop in names.items() for word in range(start, stop)}
        self._odd = False
        self._since = self._first
        self._concord = self._bridged = self._universal = self._noun = False
        self._cases = EVERY_CASE
        self._resume: int | None = None

    def read(self) -> dict[int, int]:
        """The places of the words that are denied, and in which cases."""
        denied = {}
        for place in range(self._first, self._last):
            if place > self._first:
                self._cross(place)
            if self._odd:
                denied[place] = self._cases
            if place not in self._inside:
                self._take(place, self._words[place])
        return denied

    def _deny(self, place: int, cases: int = EVERY_CASE, *, noun: bool = False) -> None:
        """Begin to deny: what stands in these cases, to the end of the clause or of the noun."""
        self._odd, self._since, self._concord, self._bridged = True, place, False, False
        self._cases, self._noun = cases, noun

    def _cross(self, place: int) -> None:
        """End what is denied where a clause ends before the word at `place`."""
        mark = self._breaks[place]
        if mark:
            self._universal = self._universal and self._words[place] in EXCEPT
            if self._resume is not None and mark == Break.comma and place >= self._resume:
                self._odd, self._resume = True, None
                return
        if not self._odd:
            return
        if mark == Break.none:
            self._odd = not (self._turns(place) or self._restarts(place))
        elif self._is_open(place):
            self._odd = not self._parenthesis(place)
        elif mark == Break.comma:
            self._odd = self._reaches_over_comma(place)
        else:
            self._odd = False

    def _take(self, place: int, word: str) -> None:
        """What the word itself does to what is denied after it."""
        if word in UNIVERSAL:
            self._universal = True
        if word in NEGATORS:
            self._negate(place, word)
        elif word in CONCORD:
            if not self._odd:
                self._deny(place)
                self._concord = True
        elif not self._exclude(place, word) and self._odd:
            self._temper(place, word)

    def _negate(self, place: int, word: str) -> None:
        before = self._before(place)
        answers = word in ANSWERS and self._only_answers(place)
        cancels = self._odd and self._bridged and not self._concord
        hardly_not = before in HARD or (before == "как" and is_infinitive(self._after(place)))
        if answers or cancels or hardly_not:
            self._odd = False
        elif before not in ("or", "или") or self._next_is_name(place + 1):
            self._deny(place)
            self._bridged = word == "нельзя"

    def _exclude(self, place: int, word: str) -> bool:
        """Words that deny by their meaning, and cancel a denial before them; whether the word is one."""
        doubts, excepts = self._doubts(place, word), self._excepts(place, word)
        without = word in WITHOUT or word in WITHOUT_GENITIVE
        if not (doubts or excepts or without):
            return False
        if self._odd and (not without or self._since == place - 1):
            self._odd = False
        elif doubts and word not in ONE_WORD_DOUBTS:
            self._deny(place)
            self._bridged = True
        elif without:
            self._deny(place, int(Case.genitive) if word in WITHOUT_GENITIVE else EVERY_CASE, noun=True)
        elif excepts and (self._universal or word in ("than", "чем") or self._is_nobody_but(place)):
            self._deny(place, noun=True)
        return True

    def _temper(self, place: int, word: str) -> None:
        """Words that take a denial back, or say what it is about."""
        unsure = word in CERTAIN or word.startswith(CERTAIN_STEM)
        if unsure or self._spares(place, word):
            self._odd = False
        elif word in KNOWS:
            self._cases = EVERY_CASE - Case.nominative
        elif word in COMPLEMENTS:
            self._cases = EVERY_CASE
        self._bridged |= word in BRIDGES

    def _after(self, place: int) -> str:
        return self._words[place + 1] if place + 1 < self._last else ""

    def _before(self, place: int) -> str:
        return self._words[place - 1] if place > self._first else ""

    def _doubts(self, place: int, word: str) -> bool:
        behind = self._after(place)
        return (
            word in DOUBTS
            or (word, behind) in (("едва", "ли"), ("far", "from"), ("far", "cry"))
            or (word in RULES_OUT and behind == "out")
            or (word in WRONG and bool(CALLS.match(" ".join(self._words[place + 1 : place + 3]))))
        )

    def _spares(self, place: int, word: str) -> bool:
        """«не только», and «не очень довольный», «никогда не унывающий»: the adjective alone is denied."""
        before = self._before(place)
        if word in NO_NOUNS:
            return before == "no" or (before in ("a", "any") and self._since == place - 2)
        if before == "не" and self._before(place - 1) in ARGUMENTS:
            return is_adjective(word) and not is_predicate(word)
        if self._since != place - 1:
            return False
        if word in ONLY:
            return True
        behind = place + 1
        if word not in DEGREE or behind >= self._last or behind in self._inside:
            return False
        return not ALIKE.match(self._words[behind])

    def _only_answers(self, place: int) -> bool:
        """Whether "no" or «нет» answers a question: nothing of its clause, or a new subject, follows."""
        behind = place + 1
        if self._breaks[behind]:
            return True
        starts = place == self._first or bool(self._breaks[place])
        return starts and self._words[behind] in PRONOUNS

    def _is_nobody_but(self, place: int) -> bool:
        """ "Anyone but X"; "who else but X" names him."""
        return self._before(place) in NOBODY_BUT and "who" not in self._words[self._first : place]

    def _excepts(self, place: int, word: str) -> bool:
        before = self._before(place)
        if word == "but":
            return before in NOBODY_BUT or (before in EVERYBODY and self._after(place) not in PRONOUNS)
        if word in ("than", "как", "чем"):
            compares = word != "как" and not COMPARATIVES.isdisjoint(self._words[self._first : place])
            return before in OTHER or compares
        return word in EXCEPT or (word == "from" and before == "apart")

    def _turns(self, place: int) -> bool:
        """Whether a word without a mark before it begins another clause."""
        word, before = self._words[place], self._words[place - 1]
        if self._since == place - 1 or place in self._inside:
            return False
        behind_name = place - 1 in self._inside
        if word in ("и", "and") or (self._noun and word in ("или", "or", "nor")):
            return not (behind_name and self._next_is_name(place + 1))
        if self._noun and behind_name:
            return True
        if self._noun and is_predicate(word):
            return True
        if word == "rather" or word == "instead":
            return self._words[place + 1 : place + 2] not in (("than",), ("of",))
        if word == "but":
            return before not in NOBODY_BUT
        return word in TURNS

    def _restarts(self, place: int) -> bool:
        """«не медведь это X», "not a bear it is X": a new subject after something that was denied."""
        word, before = self._words[place], self._words[place - 1]
        if self._since == place - 1 or before in ATTITUDES or before in FUNCTION or before in PRONOUNS:
            return False
        if word == "это":
            return True
        behind = self._after(place)
        return word in PRONOUNS and (behind in IS or self._noun)

    def _is_open(self, place: int) -> bool:
        """Whether a mark stands between a negation and what it denies."""
        if self._since == place - 1 and (self._since == self._first or self._breaks[self._since]):
            return False  # «Не, это X»: a negation alone is an answer
        if self._words[place] in TURNS:
            return False
        return all(word in FUNCTION for word in self._words[self._since + 1 : place])

    def _parenthesis(self, place: int) -> bool:
        """Whether what follows is set apart by a second mark, behind which the denial goes on."""
        closing = next((i for i in range(place + 1, self._last) if self._breaks[i]), None)
        self._resume = closing
        return closing is not None

    def _reaches_over_comma(self, place: int) -> bool:
        word, before = self._words[place], self._words[place - 1]
        if word == "чтобы" and is_infinitive(self._after(place)):
            return False  # a purpose: «не нужно быть знатоком, чтобы узнать X»
        if word in COMPLEMENTS or word in EXCEPT or (before in OTHER and word in ("как", "than", "чем")):
            return True
        if word == "but":
            return before in NOBODY_BUT
        if place - 1 in self._inside:
            return self._lists(place)
        return self._parts_adjectives(place)

    def _parts_adjectives(self, place: int) -> bool:
        """«не мультяшный, ушастый X», "not the famous, long-eared X"; in English by their place after an article."""
        since = self._words[self._since + 1 : place]
        if since and is_adjective(since[-1]):
            return is_adjective(self._words[place]) and self._words[place] not in PRONOUNS
        if len(since) < 2 or since[-2] not in ("a", "an", "the"):
            return False
        name = next((start for start in range(place + 1, min(place + 4, self._last)) if start in self._stops), None)
        return name is not None and not any(self._plain(word) for word in self._words[place:name])

    @staticmethod
    def _plain(word: str) -> bool:
        """Whether an English word is surely no adjective."""
        return word in FUNCTION or word in PRONOUNS or word in TURNS or word in ONLY or word.endswith("ly")

    def _lists(self, place: int) -> bool:
        """«не X, Y или Z»: names parted by commas, the last by a conjunction."""
        while start := self._name_at(place):
            place = self._stops[start]
            if place >= self._last:
                return False
            if self._words[place] in ("или", "or", "nor"):
                return True
            if self._words[place] in ("и", "and"):
                return self._next_is_name(place + 1)
            if self._breaks[place] != Break.comma:
                return False
        return False

    def _name_at(self, place: int) -> int | None:
        while place < self._last and self._words[place] in ARTICLES and place not in self._stops:
            place += 1
        return place if place in self._stops and place < self._last else None

    def _next_is_name(self, place: int) -> bool:
        return self._name_at(place) is not None
