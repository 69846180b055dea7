"""Does an answer say that it does not know? Negated knowing or telling, in the wordings of both languages.

A wording is put together of what cannot be done and the verb of it, a few words apart in one sentence: "cannot really tell",
«не могу с уверенностью сказать», «определить, кто это, невозможно». What the one shown does not know is no abstention:
the verbs stand in the first person or in no person, and "he" before "cannot" is looked for.
"""

import re

from studies.text import Break, Tokens

# Up to four words between, with or without commas.
_FEW = r"(?:(?: ,)? \w+){0,4}?(?: ,)? "
_TELL = (
    r"(?:identif\w+|recogni[sz]\w+|determin\w+|tell|told|say|said|name|named|specify|place|answer|assist|help(?! but)|provide|confirm\w*|make out"
    r"|figure|discern\w*|pinpoint|recall|remember|know|sure|certain|ascertain\w*|verif\w+|state|give|distinguish\w*)"
)
_TELL_RU = (
    r"(?:узна|распозна|опозна|идентифиц|определ|назва|назов|сказ|скаж|ответ|отвеч|поня|установ|разобра|различ|вспомн|припомн|указа|суди|утвержда"
    r"|подсказ|помочь|предостав|выясн|дать)\w*"
)
_KNOWLEDGE = r"(?:information|knowledge|data|details?|context|idea|clue)"
_KNOWLEDGE_RU = r"(?:информаци|данных|сведени|поняти|представлени|знани|контекст|ответа|иде)\w*"
_CANNOT_RU = (
    r"(?:не (?:могу|можем|смог\w*|сможем|удалось|удается|удастся|получ\w+|берусь|возьмусь|в состоянии|в силах|способ\w+|готов\w*|умею|представляется возможным)"
    r"|невозможно|не ?возможно|нет возможности|трудно|сложно|тяжело|затруднительно|непросто|проблематично)"
)
_WORDINGS = (
    # English
    rf"(?<!\bhe )(?<!\bshe )(?<!\bthey )(?<!\bwho )(?:can? ?not|could not|unable to|not (?:be )?(?:able|possible) to"
    rf"|(?:hard|difficult|impossible|tough|tricky) (?:for me )?to|fail(?:ed)? to){_FEW}{_TELL}",
    rf"(?<!\bthey )(?<!\bwho )(?:do|did) not(?: \w+){{0,2}} (?:know|recogni[sz]e|recall|remember|identify|have(?: \w+){{0,3}} {_KNOWLEDGE})",
    r"(?<!\bhe is )(?<!\bshe is )not(?: \w+){0,2} (?:sure|certain|confident|familiar|aware)",
    r"(?:not |un)clear (?:who|what|which|where|from)|(?:identity|name|origin)(?: \w+){0,3} (?:not |un)clear",
    r"(?:have )?(?:not|never)(?: \w+)? (?:got|seen|heard|met)(?: \w+){0,2} (?:clue|idea|him|her|it|this|that|character)",
    r"i (?:can? ?not|could not)(?: \w+){0,2} see (?:who|what)",
    r"not(?: \w+){0,6} (?:i|we)(?: can)? (?:know|recogni[sz]e|identify)",
    r"not(?: \w+){0,3} (?:recogni[sz]able|identifiable|known)",
    rf"(?:no|not enough|insufficient|lack)(?: \w+){{0,2}} {_KNOWLEDGE}",
    r"unknown|unidentif\w+|unfamiliar|unrecogni[sz]\w+|unsure|uncertain|beyond my knowledge|who knows|beats me|dunno|idk",
    # Russian
    r"(?<!\bон )(?<!\bона )не ?(?:\w+ )?(?:знаю|знаем|узнаю|узнаем|помню|припомню|вспомню|пойму|понимаю|распознаю|опознаю|скажу|назову|определю"
    r"|уверен[аы]?|знаком(?:а|ы|о|ый|ая|ое|ого)?|в курсе|представляю)",
    r"я не (?:узнал|распознал|опознал|понял|смог)а?",
    rf"{_CANNOT_RU}{_FEW}{_TELL_RU}",
    r"нельзя(?: \w+){0,2} (?:узна|распозна|опозна|идентифиц|определ|установ)\w*",
    r"никогда не (?:видел|слышал|встречал)а?",
    rf"{_TELL_RU}(?:(?: ,)? \w+){{0,6}}?(?: ,)? (?:{_CANNOT_RU}|нельзя|затрудня\w+)",
    rf"(?:нет|недостаточно|не хватает|не располага\w+|не облада\w+|не име\w+|без)(?: \w+){{0,3}} {_KNOWLEDGE_RU}",
    rf"{_KNOWLEDGE_RU}(?: \w+){{0,6}} (?:нет|не име\w+|не располага\w+|не облада\w+|недостаточно|не хватает|отсутству\w+)",
    r"затрудня\w+|неизвест\w+|не известн?\w*|(?:не|ни кем не) ?(?:опознан|распознан|идентифицирован)\w*|ума не приложу|хз|кто (?:его|ее) знает",
)
_ABSTENTION = re.compile(rf"\b(?:{'|'.join(_WORDINGS)})\b")
# Where none of these begins a word, no wording can stand: most answers are passed over quickly.
_NEGATIVE = re.compile(
    r"\b(?:не|ни|can|could|un|not|no|never|hard|diff|imposs|tough|tricky|fail|insuf|lack|beyond|who kn|beats|dunno|idk|труд|слож|тяж|затр|пробл|без|хз|ума|кто )"
)


def abstains(tokens: Tokens) -> bool:
    """Whether the answer says that it does not know or cannot tell."""
    if not _NEGATIVE.search(" ".join(tokens.words)):
        return False
    pieces = []
    for word, mark in zip(tokens.words, tokens.breaks, strict=False):
        if mark:
            pieces.append("," if mark == Break.comma else ".")
        pieces.append(word)
    return _ABSTENTION.search(" ".join(pieces)) is not None
