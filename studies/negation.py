"""The function words of negation in Russian and English: what denies, what a denial does not reach, what passes it on.

Closed sets on purpose: nouns, verbs and names are no part of them. `studies.scope` says how they work together.
"""

import re


def words(text: str) -> frozenset[str]:
    """A closed set of words."""
    return frozenset(text.split())


# -- what denies ------------------------------------------------------------------------------------------------------
# "нет" and "no" also answer a question («Нет, это …»): then they deny nothing that follows.
ANSWERS = words("нет нету no nope неа")
NEGATORS = ANSWERS | words("не not cannot never нельзя nor neither none nobody nothing nowhere")
# In Russian these go with «не» and add nothing to it: «никакой это не X».
CONCORD = words(
    "ни никто никого никому никем ничто ничего ничему ничем никак нигде нисколько отнюдь никогда никакой"
    " никакая никакое никакие никакого никаких никакую никакому никаким"
)
# Negative by meaning: these cancel a negation before them.
DOUBTS = words(
    "doubt doubts doubtful doubtless fail fails failed unlikely impossible hardly scarcely barely exclude deny"
    " сомневаюсь сомневаться сомнение сомнения сомнений сомнению сомнением сомнительно вряд маловероятно"
    " невозможно исключено исключаю исключать исключить отрицаю отрицать неправда неверно непохож непохожа"
    " непохоже непохожи отсутствует отсутствуют отсутствие absence absent lacks lacking"
)
ONE_WORD_DOUBTS = words("doubtless")  # "no doubt" in one word
RULES_OUT = words("rule ruled ruling")  # … out
WRONG = words("wrong mistake error incorrect inaccurate ошибка ошибкой ошибочно неправильно неверным неправильным")
# … to call it X. «Ошибка рисовать X без ушей» says X.
CALLS = re.compile(
    r"to (?:call|say|think|assume|claim|identify|name|consider|describe|believe|suggest|label|see)\b"
    r"|(?:назв|назыв|счита|счесть|принять|принимать|говорить|сказать|утвержда|полага|дума|видеть|узна)"
)
# These deny the noun behind them, a Russian one in the genitive. A negation right before undoes them: «не без X».
WITHOUT = words("without non instead unlike beyond нежели")
WITHOUT_GENITIVE = words("без вместо отличие вне")
EXCEPT = words("кроме помимо except besides save")
UNIVERSAL = words(
    "угодно все всех всем всеми всё любой любого любому каждый all every everyone everybody everything"
    " any anyone anybody anything"
)
EVERYBODY = words("all everyone everybody everything")
NOBODY_BUT = words("nobody one nothing none anyone anybody anything else")
OTHER = words("иной иная иное иного иным ином иначе другой другого другим other else")
COMPARATIVES = words("rather more скорее больше")

# -- what it does not reach -------------------------------------------------------------------------------------------
CERTAIN = words("sure certain certainty certainly confident confidence positive clear точно ясно понятно очевидно")
CERTAIN_STEM = "уверен"
KNOWS = words("знаю знаем")  # «Не знаю Чебурашку», but «не знаю Чебурашка» is two clauses
# Right behind a negation these take it back: «не только X», "no wonder it is X", «не менее известный X».
ONLY = words("only just merely simply solely exclusively less только просто лишь менее зря случайно секрет удивительно")
# … behind "no": «don't mistake it for X» denies him.
NO_NOUNS = words("wonder surprise secret mistake mistaking question")
# With «не» before an adjective these are its own: «никогда не унывающий X», «никем не забытый X».
ARGUMENTS = words("кого кем чем никогда никого никому никем ничего ничему ничем")
# A negation right behind these is taken back: «трудно не узнать X».
HARD = words("трудно сложно тяжело hard difficult")
DEGREE = words("очень слишком самый самая самое самого самую very too so particularly especially")
ALIKE = re.compile(r"похож|like|similar|much|famil|sure|знаком|уверен|хорош|good|many|far")
TURNS = words(
    "а но однако зато but yet however although though while because so instead if whether rather скорее"
    " maybe perhaps probably possibly может возможно наверное наверно вероятно"
)
COMPLEMENTS = words("что чтобы будто кто кого кем какой какая какое какого ни nor")
# After these, "it is" or «это» is what they speak of, and no new clause.
ATTITUDES = words(
    "think believe say suppose consider seem seems appear appears look looks like feel guess doubt that"
    " mean means way chance case unlikely impossible probable likely deny confirm claim что чтобы будто"
    " думаю считаю полагаю сказать скажу похоже кажется ли верю сомневаюсь вероятно"
)
# A second negation behind one of these is about the first: «не могу не узнать X».
BRIDGES = ATTITUDES | words(
    "могу может можем могли могут можно нельзя must can could help сомнений сомнения сомневаюсь"
)
PRONOUNS = words("это он она оно it this that he she i they мы я they there here здесь тут")
IS = words("is s was must looks")
# What may stand between a negation and a comma when what it denies comes only after: «не похож, по-моему, на X».
FUNCTION = words(
    "а is are was were be a an the it this that really actually in on to of at as with like look looks"
    " seem seems appear appears similar это этот эта на в во с со из под к о об про похож похожа похоже"
    " похожи является кажется выглядит как также тоже и же ли бы мой персонаж"
)
ARTICLES = words("a an the on in from with of на в во с со из под к о об про персонаж герой character")

TRIGGERS = NEGATORS | CONCORD | DOUBTS | RULES_OUT | WRONG | WITHOUT | WITHOUT_GENITIVE | EXCEPT
TRIGGERS |= words("едва far than чем but apart missing excluded исключен исключена исключено исключается маловероятен")
TRIGGERS |= words("маловероятна question")
"""Where a text has none of these, it denies nothing."""
