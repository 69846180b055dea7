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
_GONE = re.compile(_PLACE + r"(?:нет|нету)\b")
_UNSEEN = re.compile(
    _PLACE + r"(?:отсутству|не (?:вижу|вид[иенаыо]|наблюда|изображ|нарисов|показ|представлен|присутств|замеч|узна"
    r"|наш[её]?л|нахожу|обнаруж|появля))"
    r"|(?:(?:is|are|was|does|do|can|could|did|has|ca) )?(?:\w+ly |also )?(?:not|never|nowhere|cannot) "
    r"(?:be |been |seem to be |actually |really )*(?:shown|depicted|present|visible|pictured|seen|featured|here|there"
    r"|in|on|appear\w*|it|him|her|among|the (?:answer|character|one)|who|what|recogni\w+|identif\w+|found|part"
    r"|displayed|match|to be)\b"
    r"|(?:is|are) (?:absent|missing|nowhere)\b|it is not$|(?:тут |здесь )?ни при чем"
)
_UNLIKE = re.compile(
    r"(?:\w+ ){0,3}?не (?:слишком |очень |особо |совсем |сильно )?(?:похо|тянет|смахивает)|(?:\w+ ){0,3}?непохо"
)
_NOT_CALLED = re.compile(r"(?:\w+ ){0,3}?(?:не|нельзя|never)\b")
_TAKEN_BACK = re.compile(
    r"(?:[^,:]*[,:] )?(?:но|but|хотя|though|although|however|yet) (?:\w+ ){0,7}?"
    r"(?:нет|no|(?:не|not)(?: (?:он|она|оно|тот|та|him|her|it|he|she|this|so|the one))?)(?: [,:]|$)"
)
# «Персонажа X здесь нет»: the name itself stands in the nominative.
_OF_WHOM = re.compile(r"\b(?:персонажа|героя|существа)(?: (?:по|с|под) \w+)?$")
_TAG = re.compile(r"(?:is|was|does|do|can) (?:it|he|she|this|that)|правда|так")
_SAYS_NO = re.compile(
    r"(?:нет|no|nope|неа|вряд ли|едва ли|hardly|не думаю|не похоже|i do not think so)"
    r"(?: [,:.?]|$| (?:это|it|this|that|he|she|он|она)\b)"
)
_SUGGESTS = re.compile(
    r"\b(?:кто|кого|кому|кем|что|who)\b(?: \w+){0,3} (?:как не|если не|if not)$|\bпочему бы (?:и )?не$|\bwhy not$"
)
_PREPOSITIONS = words("у с со для от без из около возле рядом над под перед за между к о об про в на по при через")


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
        # First word of a sentence -> place of a word that is denied -> the cases in which it is.
        self._denied: dict[int, dict[int, int]] = {}

    def denies(self, start: int, stop: int, cases: int) -> bool:
        """Whether the phrase at [start, stop), which can stand in these cases, is denied."""
        first, last = self._tokens.sentence(start)
        asks = self._breaks[last] == Break.question
        if asks and _SAYS_NO.match(self._joined(last, last + 6)):
            return True
        if TRIGGERS.isdisjoint(self._words[first:last]):
            return False
        if first not in self._denied:
            self._denied[first] = Scope(self._tokens, (first, last), self._names).read()
        if self._denied[first].get(start, 0) & cases:
            suggests = asks and not _TAG.fullmatch(" ".join(self._words[stop:last]))
            return not suggests and not _SUGGESTS.search(" ".join(self._words[first:start]))
        return self._denied_behind(start, stop, cases) or bool(_TAKEN_BACK.match(self._joined(stop, last)))

    def _denied_behind(self, start: int, stop: int, cases: int) -> bool:
        """«X здесь нет», «на X не похож», "X is not shown"; but «у X нет хвоста» and "X is not a bear" say him."""
        end = stop
        while not self._breaks[end]:
            end += 1
        rest = " ".join(self._words[stop:end])
        before = self._words[start - 1] if not self._breaks[start] else ""
        if before in _PREPOSITIONS:
            return before == "на" and bool(_UNLIKE.match(rest))
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
