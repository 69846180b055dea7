"""Which words of a text are denied: clauses, and how far a negation reaches in them.

Two closed sets of function words carry it: those that deny, and those that end what is denied. A denial reaches from its word to
the end of the clause («это не мультяшный персонаж Чебурашка»); a second one within its reach cancels it ("no doubt", «не исключено»).
"""

import re
from collections.abc import Sequence

from studies.declension import EVERY_CASE, Case, is_adjective, is_predicate
from studies.text import Break, Tokens


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# -- what denies ------------------------------------------------------------------------------------------------------
# "нет" and "no" also answer a question («Нет, это …»): then they deny nothing that follows.
_ANSWERS = _set("нет нету no nope неа")
_NEGATORS = _ANSWERS | _set("не not cannot never нельзя nor neither none nobody nothing nowhere никогда")
# In Russian these go with «не» and add nothing to it: «никакой это не X».
_CONCORD = _set(
    "ни никто никого никому никем ничто ничего ничему ничем никак нигде нисколько отнюдь никогда"
    " никакой никакая никакое никакие никакого никаких никакую никакому никаким"
)
# Negative by meaning: these cancel a negation before them.
_DOUBTS = _set(
    "doubt doubts doubtful doubtless unlikely impossible hardly scarcely barely exclude deny"
    " сомневаюсь сомневаться сомнение сомнения сомнений сомнению сомнением сомнительно вряд маловероятно"
    " невозможно исключено исключаю исключать исключить отрицаю отрицать"
    " неправда неверно непохож непохожа непохоже непохожи"
    " отсутствует отсутствуют отсутствие absence absent lacks lacking"
)
_ONE_WORD_DOUBTS = _set("doubtless")  # "no doubt" in one word
_RULES_OUT = _set("rule ruled ruling")  # … out
# These deny the noun behind them, in the genitive if they are Russian, and undo a negation right before them: «не без X».
_WITHOUT = _set("without instead unlike beyond нежели")
_WITHOUT_GENITIVE = _set("без вместо отличие вне")
_EXCEPT = _set("кроме помимо except besides save")
_UNIVERSAL = _set(
    "угодно все всех всем всеми всё любой любого любому каждый all every everyone everybody everything any anyone anybody anything"
)
_NOBODY_BUT = _set("nobody one nothing none anyone anybody anything else")
_OTHER = _set("иной иная иное иного иным ином иначе другой другого другим other else")
_COMPARATIVES = _set("rather more скорее больше")

# -- what it does not reach -------------------------------------------------------------------------------------------
_CERTAIN = _set("sure certain certainty certainly confident confidence positive clear точно ясно понятно очевидно")
_CERTAIN_STEM = "уверен"
_KNOWS = _set("знаю знаем")  # «Не знаю Чебурашку», but «не знаю Чебурашка» is two clauses
_ONLY = _set("only just merely simply solely exclusively только просто лишь")
_DEGREE = _set("очень слишком самый самая самое самого самую very too so particularly especially")
_ALIKE = re.compile(r"похож|like|similar|much|famil|sure|знаком|уверен|хорош|good|many|far")
_TURNS = _set(
    "а но однако зато but yet however although though while because so instead if whether rather скорее"
    " maybe perhaps probably possibly может возможно наверное наверно вероятно"
)
_COMPLEMENTS = _set("что чтобы будто кто кого кем какой какая какое какого ни nor")
# After these, "it is" or «это» is what they speak of, and no new clause.
_ATTITUDES = _set(
    "think believe say suppose consider seem seems appear appears look looks like feel guess doubt that mean means way chance case"
    " unlikely impossible probable likely deny confirm claim"
    " что чтобы будто думаю считаю полагаю сказать скажу похоже кажется ли верю сомневаюсь вероятно"
)
_BRIDGES = _ATTITUDES | _set(
    "могу может можем могли могут можно нельзя must can could help fail сомнений сомнения сомневаюсь"
)
_PRONOUNS = _set("это он она оно it this that he she i they мы я they there here здесь тут")
_IS = _set("is s was must looks")
# What may stand between a negation and a comma when what it denies comes only after: «не похож, по-моему, на X».
_FUNCTION = _set(
    "а is are was were be a an the it this that really actually in on to of at as with like look looks seem seems appear appears"
    " similar это этот эта на в во с со из под к о об про похож похожа похоже похожи является кажется выглядит как"
    " также тоже и же ли бы мой персонаж"
)
_ARTICLES = _set("a an the on in from with of на в во с со из под к о об про персонаж герой character")

# -- denials behind the name, as they read in its clause ---------------------------------------------------------------
_PLACE = (
    r"(?:(?:я|мы|здесь|тут|там|на|в|картинк\w+|картин\w+|изображени\w+|рисунк\w+|фото\w*|снимк\w+|кадр\w+|ней|нем|эт\w+|данн\w+|же"
    r"|и|точно|вообще|совсем|явно|среди|никак|никто|нигде) )*"
)
_GONE = re.compile(_PLACE + r"(?:нет|нету)\b")
_UNSEEN = re.compile(
    _PLACE
    + r"(?:не (?:вижу|вид[иенаыо]\w*|наблюда|изображ|нарисов|показ|представлен|присутств|замеч|узна|наш[её]?л|нахожу|обнаруж|появля)"
    r"|отсутству)"
    r"|(?:is|are|was|does|do|can|could|did|has|ca)? ?(?:\w+ly |also )?(?:not|never|nowhere|cannot) (?:be |been |seem to be |actually |really )*"
    r"(?:shown|depicted|present|visible|pictured|seen|featured|here|there|in|on|appear|it|him|her|among|the (?:answer|character|one)|who|what"
    r"|recogni|identif|found|part|displayed|to be)\b"
    r"|(?:is|are) (?:absent|missing|nowhere)\b|it is not$|(?:тут |здесь )?ни при чем"
)
_UNLIKE = re.compile(
    r"(?:\w+ ){0,3}?(?:не ?(?:слишком |очень |особо |совсем |сильно |особенно )?похо\w+|не (?:тянет|смахивает|походит))"
)
_NOT_CALLED = re.compile(r"(?:\w+ ){0,3}?(?:не|нельзя|never)\b")
_TAKEN_BACK = re.compile(
    r"(?:[^,:]*[,:] )?(?:но|but|хотя|though|although|however|yet) (?:\w+ ){0,4}?(?:(?:это|он|она|it|this|that|he|she|is|s|точно|явно|конечно|certainly|definitely) )*"
    r"(?:нет|no|(?:не|not)(?: (?:он|она|оно|тот|та|him|her|it|he|she|this|so|the one))?)(?: [,:]|$)"
)
_SAYS_NO = re.compile(
    r"(?:нет|no|nope|неа|вряд ли|едва ли|hardly|не думаю|не похоже|i do not think so)(?: [,:.?]|$| (?:это|it|this|that|he|she|он|она)\b)"
)
_SUGGESTS = re.compile(
    r"\b(?:кто|кого|кому|кем|что|who)\b(?: \w+){0,3} (?:как не|если не|if not)$|\bпочему бы (?:и )?не$|\bwhy not$"
)
_PREPOSITIONS = _set("у с со для от без из около возле рядом над под перед за между к о об про в на по при через")


class Clauses:
    """The denials of one text.

    names: spans [start, stop) of the phrases that are looked for; words within them deny nothing, and lists of them stay together.
    """

    def __init__(self, tokens: Tokens, names: Sequence[tuple[int, int]]) -> None:
        self._words, self._breaks = tokens.words, tokens.breaks
        self._tokens = tokens
        self._stops = {start: stop for start, stop in names}
        self._inside = {word for start, stop in names for word in range(start, stop)}
        # First word of a sentence -> place of a word that is denied -> the cases in which it is.
        self._denied: dict[int, dict[int, int]] = {}

    def denies(self, start: int, stop: int, cases: int) -> bool:
        """Whether the phrase at [start, stop), which can stand in these cases, is denied."""
        first, last = self._tokens.sentence(start)
        if first not in self._denied:
            self._denied[first] = _Scope(self, first, last).read()
        may_be_denied = self._denied[first].get(start, 0)
        asks = self._breaks[last] == Break.question
        if may_be_denied & cases:
            return not asks and not _SUGGESTS.search(" ".join(self._words[first:start]))
        if asks and _SAYS_NO.match(self._joined(last, last + 6)):
            return True
        return self._denied_behind(start, stop, cases) or bool(_TAKEN_BACK.match(self._joined(stop, last)))

    def _denied_behind(self, start: int, stop: int, cases: int) -> bool:
        end = stop
        while not self._breaks[end]:
            end += 1
        rest = " ".join(self._words[stop:end])
        before = self._words[start - 1] if start and not self._breaks[start] else ""
        if before == "на" and _UNLIKE.match(rest):
            return True
        if before in _PREPOSITIONS:
            return False
        if cases & Case.genitive and _GONE.match(rest):
            return True
        if cases == Case.instrumental and _NOT_CALLED.match(rest):
            return True
        return bool(_UNSEEN.match(rest))

    def _joined(self, first: int, last: int) -> str:
        """The words of a span with the marks between them."""
        pieces = []
        for place in range(first, min(last, len(self._words))):
            if place > first and self._breaks[place]:
                pieces.append(",:.?"[self._breaks[place] - 1])
            pieces.append(self._words[place])
        return " ".join(pieces)


class _Scope:
    """Reads a sentence from left to right and keeps whether the word that is read is denied."""

    def __init__(self, clauses: Clauses, first: int, last: int) -> None:
        self._words, self._breaks = clauses._words, clauses._breaks
        self._stops, self._inside = clauses._stops, clauses._inside
        self._first, self._last = first, last
        self._odd = False
        self._since = first
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
            self._universal = self._universal and self._words[place] in _EXCEPT
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
        before = self._words[place - 1] if place > self._first else ""
        right_behind = self._odd and self._since == place - 1
        if word in _UNIVERSAL:
            self._universal = True
        if word in _ANSWERS and self._only_answers(place):
            self._odd = False
        elif word in _NEGATORS:
            if self._odd and not self._concord and self._bridged:
                self._odd = False
            elif before not in ("or", "или") or self._next_is_name(place + 1):
                self._deny(place)
                self._bridged = word == "нельзя"
        elif word in _CONCORD:
            if not self._odd:
                self._deny(place)
                self._concord = True
        elif self._doubts(place, word):
            if self._odd:
                self._odd = False
            elif word not in _ONE_WORD_DOUBTS:
                self._deny(place)
                self._bridged = True
        elif word in _WITHOUT or word in _WITHOUT_GENITIVE:
            if right_behind:
                self._odd = False
            else:
                self._deny(place, Case.genitive if word in _WITHOUT_GENITIVE else EVERY_CASE, noun=True)
        elif self._excepts(place, word, before):
            if self._odd:
                self._odd = False
            elif self._universal or word in ("than", "чем") or (before in _NOBODY_BUT and not self._asks_who(place)):
                self._deny(place, noun=True)
        elif self._odd:
            if word in _CERTAIN or word.startswith(_CERTAIN_STEM) or (right_behind and self._spares(place, word)):
                self._odd = False
            elif word in _KNOWS:
                self._cases = EVERY_CASE & ~Case.nominative
            elif word in _COMPLEMENTS:
                self._cases = EVERY_CASE
            self._bridged |= word in _BRIDGES

    def _doubts(self, place: int, word: str) -> bool:
        behind = self._words[place + 1] if place + 1 < self._last else ""
        return (
            word in _DOUBTS
            or (word, behind) in (("едва", "ли"), ("far", "from"))
            or (word in _RULES_OUT and behind == "out")
        )

    def _spares(self, place: int, word: str) -> bool:
        """«не только», and «не очень довольный»: the adjective alone is denied."""
        if word in _ONLY:
            return True
        behind = place + 1
        if word not in _DEGREE or behind >= self._last or behind in self._inside:
            return False
        return not _ALIKE.match(self._words[behind])

    def _only_answers(self, place: int) -> bool:
        """Whether "no" or «нет» answers a question: nothing of its clause, or a new subject, follows."""
        behind = place + 1
        if self._breaks[behind]:
            return True
        starts = place == self._first or bool(self._breaks[place])
        return starts and self._words[behind] in _PRONOUNS

    def _asks_who(self, place: int) -> bool:
        """ "Who else but X" names him."""
        return "who" in self._words[self._first : place]

    def _excepts(self, place: int, word: str, before: str) -> bool:
        if word == "but":
            return before in _NOBODY_BUT
        if word in ("than", "как", "чем"):
            compares = word != "как" and not _COMPARATIVES.isdisjoint(self._words[self._first : place])
            return before in _OTHER or compares
        return word in _EXCEPT or (word == "from" and before == "apart")

    def _turns(self, place: int) -> bool:
        """Whether a word without a mark before it begins another clause."""
        word, before = self._words[place], self._words[place - 1]
        if self._since == place - 1 or place in self._inside:
            return False
        behind_name = place - 1 in self._inside
        if word in ("и", "and") or (self._noun and behind_name):
            return not (behind_name and self._next_is_name(place + 1))
        if self._noun and is_predicate(word):
            return True
        if word == "rather" or word == "instead":
            return self._words[place + 1 : place + 2] not in (("than",), ("of",))
        if word == "but":
            return before not in _NOBODY_BUT
        return word in _TURNS

    def _restarts(self, place: int) -> bool:
        """«не медведь это X», "not a bear it is X": a new subject after something that was denied."""
        word, before = self._words[place], self._words[place - 1]
        if self._since == place - 1 or before in _ATTITUDES or before in _FUNCTION or before in _PRONOUNS:
            return False
        if word == "это":
            return True
        behind = self._words[place + 1] if place + 1 < self._last else ""
        return word in _PRONOUNS and (behind in _IS or self._noun)

    def _is_open(self, place: int) -> bool:
        """Whether a mark stands between a negation and what it denies."""
        if self._since == place - 1 and (self._since == self._first or self._breaks[self._since]):
            return False  # «Не, это X»: a negation alone is an answer
        if self._words[place] in _TURNS:
            return False
        return all(word in _FUNCTION for word in self._words[self._since + 1 : place])

    def _parenthesis(self, place: int) -> bool:
        """Whether what follows is set apart by a second mark, behind which the denial goes on."""
        closing = next((i for i in range(place + 1, self._last) if self._breaks[i]), None)
        self._resume = closing
        return closing is not None

    def _reaches_over_comma(self, place: int) -> bool:
        word, before = self._words[place], self._words[place - 1]
        if word in _COMPLEMENTS or word in _EXCEPT or (before in _OTHER and word in ("как", "than", "чем")):
            return True
        if word == "but":
            return before in _NOBODY_BUT
        if place - 1 in self._inside:
            return self._lists(place)
        return self._parts_adjectives(place)

    def _parts_adjectives(self, place: int) -> bool:
        """«не мультяшный, ушастый X», "not the famous, long-eared X"; in English by their place after an article."""
        since = self._words[self._since + 1 : place]
        if since and is_adjective(since[-1]):
            return is_adjective(self._words[place])
        if len(since) < 2 or since[-2] not in ("a", "an", "the"):
            return False
        name = next((start for start in range(place + 1, min(place + 4, self._last)) if start in self._stops), None)
        return name is not None and not any(self._plain(word) for word in self._words[place:name])

    @staticmethod
    def _plain(word: str) -> bool:
        """Whether an English word is surely no adjective."""
        return word in _FUNCTION or word in _PRONOUNS or word in _TURNS or word in _ONLY or word.endswith("ly")

    def _lists(self, place: int) -> bool:
        """«не X, Y или Z»: names parted by commas, the last by a conjunction."""
        while start := self._name_at(place):
            place = self._stops[start]
            if place >= self._last:
                return False
            if self._words[place] in ("или", "or", "nor", "и", "and") and self._next_is_name(place + 1):
                return True
            if self._breaks[place] != Break.comma:
                return False
        return False

    def _name_at(self, place: int) -> int | None:
        while place < self._last and self._words[place] in _ARTICLES and place not in self._stops:
            place += 1
        return place if place in self._stops and place < self._last else None

    def _next_is_name(self, place: int) -> bool:
        return self._name_at(place) is not None


_TRIGGERS = (
    _NEGATORS
    | _CONCORD
    | _DOUBTS
    | _RULES_OUT
    | _WITHOUT
    | _WITHOUT_GENITIVE
    | _EXCEPT
    | _set("едва far than чем but apart missing")
)


def may_deny(tokens: Tokens) -> bool:
    """Whether any word of a text denies: most answers have none, and need no reading."""
    return not _TRIGGERS.isdisjoint(tokens.words)
