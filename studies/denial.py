"""Is a phrase denied where it stands: by a denial before it, by one behind it, or by a "no" that answers it?"""

import re
from collections.abc import Iterable

from studies.declension import Case
from studies.negation import TRIGGERS, words
from studies.scope import Scope
from studies.text import Break, Tokens

# What may stand between a name and the denial that it is there: «X на этой картинке не изображён».
_PLACE = (
    r"(?:(?:я|мы|здесь|тут|там|на|в|картин\w+|изображени\w+|рисунк\w+|фото\w*|снимк\w+|кадр\w+|ней|нем|эт\w+|данн\w+"
    r"|же|и|точно|вообще|совсем|явно|среди|никак|никто|нигде) )*"
)
_GONE = re.compile(_PLACE + r"(?:(?:среди|на|в) (?:\w+ ){1,3}?)?(?:нет|нету)\b")
_UNSEEN = re.compile(
    _PLACE + r"(?:отсутству|не (?:вижу|вид[иенаыо]|наблюда|изображ|нарисов|показ|представлен|присутств|замеч|узна"
    r"|наш[её]?л|нахожу|обнаруж|появля))"
    r"|(?:(?:is|are|was|does|do|can|could|did|has|ca) )?(?:\w+ly |also )?(?:not|never|nowhere|cannot) "
    r"(?:be |been |seem to be |actually |really )*(?:shown|depicted|present|visible|pictured|seen|featured|here|there"
    r"|in|on|appear\w*|it|him|her|among|the (?:answer|character|one)|who|what|recogni\w+|identif\w+|found|part"
    r"|displayed|match|to be)\b"
    r"|(?:is|are) (?:absent|missing|nowhere)\b|(?:it|this|that) (?:is|was) not$"
    r"|(?:is|are|seems|looks) (?:\w+ly |very )?(?:unlikely|impossible|out of the question|ruled out|excluded)$"
    r"|(?:can|could|may|must) be (?:\w+ly )?(?:ruled out|excluded|dismissed)\b"
    r"|has nothing to do with (?:it|this|that)\b"
    rf"|{_PLACE}(?:(?:вообще|совершенно|абсолютно|явно) )?(?:ни|не) при (?:чем|делах)\b"
    r"|(?:[кс] эт\w+|не имеет) (?:[кс] (?:эт\w+|картинк\w+|изображени\w+)|не имеет)"
    r" (?:никакого )?(?:отношения|ничего общего)"
    rf"|{_PLACE}(?:вряд ли|едва ли|маловероят\w+|исключ(?:ен|ена|ено|ается)|можно исключить)$"
)
# Behind which preposition of the name what denies it: «на X не похож», «с X ничего общего», «к X не относится».
_UNLIKE = {
    "на": re.compile(
        r"(?:\w+ ){0,3}?не (?:слишком |очень |особо |совсем |сильно )?(?:похо|тянет|смахивает)|(?:\w+ ){0,3}?непохо"
    ),
    "с": re.compile(r"(?:\w+ ){0,4}?(?:ничего общего|(?:не имеет|нет) (?:ничего )?общего)\b(?! со? )"),
    "к": re.compile(r"(?:\w+ ){0,3}?(?:не относится|не имеет (?:\w+ ){0,2}?отношения|отношения не имеет)\b"),
}
_UNLIKE["со"], _UNLIKE["ко"] = _UNLIKE["с"], _UNLIKE["к"]
_NOT_CALLED = re.compile(r"(?:\w+ ){0,3}?(?:не|нельзя|never)\b")
# What may stand before a "no" that is about the name: a noun may not, «X, но хвоста у него нет» says X.
_SURELY = (
    r"(?:(?:ну|да|о|увы|точно|конечно|определенно|явно|скорее|всего|разумеется|к сожалению|все|же|таки|на самом деле"
    r"|это|он|она|его|ее|тут|здесь|на картинке|я|думаю|считаю|что|of|course|absolutely|certainly|definitely|probably"
    r"|most|likely|surely|obviously|clearly|sadly|well|oh|i|d|would|say|think|it|this|that|he|she|is|s|was|does|looks"
    r"|actually|really) (?:, )?)*"
)
_NOT_HE = (
    r"(?:(?:не|not) (?:(?:совсем|quite|really|actually|является) )?(?:он|она|оно|им|ей|him|her|it|he|she|the one"
    r"|the same(?: one| character)?)|(?:им|ей) не является)"
)
_NO = (
    r"(?:нет|no|(?:не|not)(?: (?:тот|та|так|совсем|so|this|that|quite|exactly|the case(?: here)?|true|right|correct))?"
    r"|i do not think so)"
)
_TAKEN_BACK = re.compile(
    r"(?:[^,:]*[,:] )?(?:но|однако|только|but|хотя|though|although|however|yet) (?:, )?"
    rf"(?:{_SURELY}{_NO}|(?:\w+ (?:, )?){{0,7}}?{_NOT_HE})(?: [,:]|$)"
)
_CONCEDES = re.compile(r"\b(?:хотя|хоть|пусть|although|though|while|despite)\b")
_CONCEDED = re.compile(rf"[^,:]*, {_SURELY}(?:{_NOT_HE}|{_NO})$")
# «Персонажа X здесь нет»: the name itself stands in the nominative.
_OF_WHOM = re.compile(r"\b(?:персонажа|героя|существа)(?: (?:по|с|под) \w+)?$")
_TAG = re.compile(r"(?:is|was|does|do|can) (?:it|he|she|this|that)|правда|так")
_SAYS_NO = re.compile(
    _SURELY + r"(?:нет(?: же)?|no|nope|nah|неа|вряд ли|едва ли|hardly|не думаю|не похоже|i do not think so|никак нет"
    r"|no way|не совсем|ни в коем случае|ни за что|not at all|not quite|not exactly|never"
    r"|(?:не|not) (?:он|она|оно|тот|та|то|him|her|it|he|she|this|that|here|there|in|present)|not)"
    r"(?: [,:.?]|$| (?:это|it|this|that|he|she|он|она|the picture|the image)\b)"
)
_SUGGESTS = re.compile(
    r"\b(?:кто|кого|кому|кем|что|who)\b(?: \w+){0,3} (?:как не|если не|if not)$|\bпочему бы (?:и )?не$|\bwhy not$"
    r"|\bуж не$|\bчем не$|\bни дать ни взять$"
    r"|\b(?:кто(?: же)? не (?:знает|узнает|помнит|любит)|who (?:does|would|could) not (?:know|recogni[sz]e|love))$"
    r"|\bhow c(?:an|ould) \w+ not (?:know|recogni[sz]e|love)$"
)
_PREPOSITIONS = words("у с со для от без из около возле рядом над под перед за между к о об про в на по при через")

_NEAR = 24
"""How many words on either side of a name are read with it."""


def may_deny(tokens: Tokens) -> bool:
    """Whether any word of a text can deny: most answers have none, and need no reading."""
    return not TRIGGERS.isdisjoint(tokens.words)


class Clauses:
    """The denials of one text.

    names: spans [start, stop) of the phrases that are looked for.
    """

    def __init__(self, tokens: Tokens, names: Iterable[tuple[int, int]]) -> None:
        self._words, self._breaks = tokens.words, tokens.breaks
        self._tokens = tokens
        self._names = dict(names)
        self._sentence = (0, 0)
        # Place of a word of that sentence that is denied -> the cases in which it is; None where nothing can deny.
        self._denied: dict[int, int] | None = None

    def denies(self, start: int, stop: int, cases: int) -> bool:
        """Whether the phrase at [start, stop), which can stand in these cases, is denied."""
        first, last = self._read(start)
        asks = self._breaks[last] == Break.question
        if asks and _SAYS_NO.match(self._joined(last, last + 9)):
            return True
        if self._denied is None:
            return False
        if self._denied.get(start, 0) & cases:
            suggests = asks and not _TAG.fullmatch(" ".join(self._words[stop : min(last, stop + _NEAR)]))
            return not suggests and not _SUGGESTS.search(" ".join(self._words[max(first, start - _NEAR) : start]))
        return self._denied_behind(start, stop, cases) or self._taken_back(first, start, stop, last)

    def _read(self, start: int) -> tuple[int, int]:
        """The sentence that holds a word; it is read once, for names come in order."""
        first, last = self._sentence
        if not first <= start < last:
            first, last = self._sentence = self._tokens.sentence(start)
            silent = TRIGGERS.isdisjoint(self._words[first:last])
            self._denied = None if silent else Scope(self._tokens, (first, last), self._names).read()
        return first, last

    def _taken_back(self, first: int, start: int, stop: int, last: int) -> bool:
        """«X, но это не он», "although it looks like X, it is not him"."""
        rest = self._joined(stop, min(last, stop + _NEAR))
        before = " ".join(self._words[max(first, start - _NEAR) : start])
        if _TAKEN_BACK.match(rest):
            return True
        mark = ", " if self._breaks[stop] == Break.comma else ""
        return bool(_CONCEDES.search(before) and _CONCEDED.match(mark + rest))

    def _denied_behind(self, start: int, stop: int, cases: int) -> bool:
        """«X здесь нет», «на X не похож», "X is not shown"; but «у X нет хвоста» and "X is not a bear" say him."""
        end = stop
        while not self._breaks[end]:
            end += 1
        rest = " ".join(self._words[stop:end])
        before = self._words[start - 1] if not self._breaks[start] else ""
        if before in _PREPOSITIONS:
            unlike = _UNLIKE.get(before)
            return unlike is not None and unlike.match(rest) is not None
        of_whom = cases & Case.genitive or _OF_WHOM.search(" ".join(self._words[max(0, start - 3) : start]))
        gone = of_whom and _GONE.match(rest)
        not_called = cases == Case.instrumental and _NOT_CALLED.match(rest)
        return bool(gone or not_called or _UNSEEN.match(rest))

    def _joined(self, first: int, last: int) -> str:
        """The words of a span with the marks between them."""
        pieces = []
        for place in range(first, min(last, len(self._words))):
            if place > first and self._breaks[place]:
                pieces.append(",:.?"[self._breaks[place] - 1])
            pieces.append(self._words[place])
        return " ".join(pieces)
