"""Does an answer say that it does not know? Negated knowing or telling, in the wordings of both languages.

A wording is put together of what cannot be done and the verb of it, a few words apart in one sentence: "cannot really
tell", «не могу с уверенностью сказать», «определить, кто это, невозможно». What the one shown does not know is no
abstention: the verbs stand in the first person or in none, and no "he" stands before them.
"""

import re

from studies.text import Break, Tokens

# Words between the two parts, with or without commas.
_FEW = r"(?:(?: ,)? \w+){0,4}?(?: ,)? "
_TELL = (
    r"(?:identif\w+|recogni[sz]\w+|determin\w+|tell|told|say|said|name|named|specify|place|answer|assist|help(?! but)"
    r"|provide|confirm\w*|make out|figure|discern\w*|pinpoint|recall|remember|know|sure|certain|ascertain\w*|verif\w+"
    r"|comply|state|give|distinguish\w*|view|access|process|analy[sz]e)"
)
_CANNOT = (
    r"(?:can? ?not|could not|unable to|struggl\w+ to|declin(?:e|ing) to|inappropriate(?: for me)? to"
    r"|not (?:be )?(?:able|possible|allowed|permitted|authori[sz]ed|supposed|designed|comfortable)(?: for me)? to"
    r"|(?:hard|difficult|impossible|tough|tricky) (?:for me )?to|fail(?:ed)? to)"
)
_KNOWLEDGE = r"(?:information|knowledge|data|details?|context|idea|clue)"
_TELL_RU = (
    r"(?:узна|распозна|опозна|идентифиц|определ|назва|называ|назов|сказ|скаж|ответ|отвеч|поня|установ|разобра|различ|вспомн"
    r"|припомн|указа|суди|утвержда|подсказ|помочь|предостав|выясн|дать|видеть|просматрив|анализир)\w*"
)
_CANNOT_RU = (
    r"(?:(?<!\bон )(?<!\bона )не (?:могу|можем|смог\w*|сможем|удалось|удается|удастся|получ\w+|берусь|возьмусь"
    r"|в состоянии|в силах|способ\w+|готов\w*|умею|представляется возможным|вправе|имею права"
    r"|разрешено|позволено|уполномочен\w*)"
    r"|не ?возможно|нет возможности|трудно|сложно|тяжело|затруднительно|непросто|проблематично)"
)
_KNOW_RU = (
    r"(?:знаю|знаем|узнаю|узнаем|помню|припомню|вспомню|пойму|понимаю|распознаю|опознаю|скажу|назову|определю"
    r"|уверен[аы]?|знаком(?:а|ы|о|ый|ая|ое|ого)?|в курсе|представляю)"
)
_KNOWLEDGE_RU = r"(?:информаци|данных|сведени|поняти|представлени|знани|контекст|ответа|иде)\w*"
_LACKS_RU = r"(?:нет|недостаточно|не хватает|не располага\w+|не облада\w+|не име\w+)"
_NOT_HE = r"(?<!\bhe )(?<!\bshe )(?<!\bthey )(?<!\bwho )(?<!\bhe is )(?<!\bshe is )(?<!\bwho is )"
_WORDINGS = (
    # English
    rf"{_NOT_HE}{_CANNOT}{_FEW}{_TELL}",
    rf"{_NOT_HE}(?:do|did) not(?: \w+){{0,2}} (?:know|recogni[sz]e|recall|remember|identify)",
    rf"{_NOT_HE}(?:do|did) not have(?: \w+){{0,3}} {_KNOWLEDGE}",
    rf"not (?:contain|provide|have|give|offer|include) (?:enough|any|sufficient)(?: \w+){{0,2}} {_KNOWLEDGE}",
    r"i (?:do|did) not see (?:any|the|an) (?:image|picture|photo)|не вижу(?: \w+)? (?:изображени|картинк|фото)\w*",
    r"(?<!\bhe is )(?<!\bshe is )not(?: \w+){0,2} (?:sure|certain|confident|familiar|aware)",
    r"(?:not |un)clear (?:who|what|which|where|from)|(?:identity|name|origin)(?: \w+){0,3} (?:not |un)clear",
    r"(?:not|never)(?: \w+)? (?:got|seen|heard|met|encountered|come across)(?: \w+){0,2}"
    r" (?:clue|idea|him|her|it|this|that|character)",
    r"i (?:can? ?not|could not)(?: \w+){0,2} see (?:who|what)",
    r"not(?: \w+){0,6} (?:i|we)(?: can| am| m)? (?:know|recogni[sz]e|identify|familiar|aware)",
    r"not(?: \w+){0,3} (?:recogni[sz]able|identifiable|known)",
    rf"(?:no|not enough|insufficient|lack)(?: \w+){{0,2}} {_KNOWLEDGE}",
    r"unknown|unidentif\w+|unfamiliar|unrecogni[sz]\w+|unsure|uncertain|beyond my knowledge",
    r"who knows|beats me|dunno|idk|how (?:should|would) i know",
    r"(?:against|violat\w+) (?:my|our|the)(?: \w+){0,2} (?:polic|guideline)\w*"
    r"|something (?:that )?i (?:can?|do) ?not(?: do| help| assist)?(?= ,| \.|$)|not something (?:that )?i (?:do|can)"
    r"|(?:is|are) new to me|no way (?:of|to) (?:know|tell|identify)\w*|not the (?:foggiest|faintest|slightest)",
    # Russian
    rf"(?<!\bон )(?<!\bона )не ?(?:\w+ )?{_KNOW_RU}",
    r"я не (?:узнал|распознал|опознал|понял|смог)а?|никогда не (?:видел|слышал|встречал)а?|не могу знать",
    r"(?:впервые|первый раз)(?: \w+){0,2} (?:вижу|слышу|встречаю)|мне(?: \w+)? не (?:встреча|попада)л\w*"
    r"|для меня загадка|загадка для меня",
    rf"{_CANNOT_RU}{_FEW}{_TELL_RU}",
    r"нельзя(?: \w+){0,2} (?:узна|распозна|опозна|идентифиц|определ|установ)\w*",
    rf"{_TELL_RU}(?:(?: ,)? \w+){{0,6}}?(?: ,)? (?:{_CANNOT_RU}|нельзя|затрудня\w+)",
    rf"(?:{_LACKS_RU}|без)(?: \w+){{0,3}} {_KNOWLEDGE_RU}",
    rf"{_KNOWLEDGE_RU}(?: \w+){{0,6}} (?:{_LACKS_RU}|отсутству\w+)",
    r"затрудня\w+|неизвест\w+|не известн?\w*|не ?(?:опознан|распознан|идентифицирован)\w*",
    r"ума не приложу|хз|кто (?:его|ее) знает|откуда мне знать",
)
_ABSTENTION = re.compile(rf"\b(?:{'|'.join(_WORDINGS)})\b")
# Where none of these begins a word, no wording can stand: most answers are passed over quickly.
_NEGATIVE = re.compile(
    r"\b(?:не|ни|can|could|un|not|no|never|hard|diff|imposs|tough|tricky|fail|insuf|lack|struggl|beyond|how |who kn"
    r"|beats|dunno|idk|declin|inappr|against|violat|something|new"
    r"|впервые|первый|загадка|для меня|труд|слож|тяж|затр|пробл|без|хз|ума|кто |откуда мне)"
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
