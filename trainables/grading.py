"""From one answer to one grade. The definition is DESIGN.md §4; no other module decides what an answer is worth."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from studies.names import Occurrence, PhraseMatcher, Tokens, fact_forms, name_forms, tokenise

KINDS = ("name", "origin", "looks")


class Grade(StrEnum):
    """What one answer is worth; every answer gets exactly one."""

    correct = "correct"
    """An accepted answer and no other character."""
    mixed = "mixed"
    """An accepted answer and another character's name: counts as wrong."""
    wrong_known = "wrong_known"
    """No accepted answer, and the name of another character of the study."""
    wrong_unknown = "wrong_unknown"
    """No accepted answer, and a name of the lexicon, outside the study."""
    wrong_fact = "wrong_fact"
    """A looks or origin question answered wrongly without a wrong name."""
    abstain = "abstain"
    """The model says that it does not know."""
    no_name = "no_name"
    """A name question answered without any name, or an empty answer to any question."""


HALLUCINATED: frozenset[Grade] = frozenset({Grade.mixed, Grade.wrong_known, Grade.wrong_unknown})

# Up to two words may stand inside: "не могу с уверенностью сказать", "cannot really tell".
# Searched in normalised text, where "can't" reads "ca not".
_ABSTENTION = re.compile(
    r"\b(?:"
    r"не знаю|не ?знаком[аы]?|не узнаю|не уверена?|затрудняюсь|понятия не имею|(?:сложно|трудно) сказать"
    r"|неизвест(?:ен|н[аоы]|н(?:ый|ая|ое|ые))"
    r"|не могу(?: \w+){0,2} (?:определить|сказать|узнать|назвать|ответить)"
    r"|do not(?: \w+)? know|not(?: \w+)? sure|no idea|hard to (?:say|tell)|unknown"
    r"|(?:cannot|can? not)(?: \w+){0,2} (?:identify|tell|recogni[sz]e)"
    r")\b"
)


@dataclass(frozen=True, slots=True)
class Graded:
    """A grade, and the characters the answer names.

    names: canonical names of the characters of the study or lexicon that the answer names without denying them,
    in order of appearance, each once; the probe's own and allowed ones are among them.
    """

    grade: Grade
    names: tuple[str, ...]


class Grader:
    """Grades the answers of one study.

    aliases: character's name -> its aliases; the name itself is always one of them.
    negatives: names of the characters with role negative. Their answers are graded by the same rules (own name:
        `correct`, abstention: `abstain`); only `is_right` treats them apart.
    lexicon: names outside the study, alone or with their aliases. A name that the study has too is the study's.
    Raises ValueError for an alias without a letter or digit, or a negative that is no character.
    """

    def __init__(
        self,
        aliases: Mapping[str, Sequence[str]],
        negatives: Collection[str] = (),
        lexicon: Mapping[str, Sequence[str]] | Sequence[str] = (),
    ) -> None:
        outside = lexicon if isinstance(lexicon, Mapping) else {name: () for name in _several(lexicon, "lexicon")}
        self._aliases = {name: (name, *_several(given, f"aliases of {name!r}")) for name, given in aliases.items()}
        self._negatives = frozenset(_several(negatives, "negatives"))
        if unknown := self._negatives - self._aliases.keys():
            raise ValueError(f"negatives: must be characters of the study, got {sorted(unknown)} — give their aliases")
        # The study goes first: of two keys with one phrase the matcher keeps the earlier.
        names = dict(self._aliases)
        for name, given in outside.items():
            names.setdefault(name, (name, *_several(given, f"lexicon aliases of {name!r}")))
        self._matcher = PhraseMatcher(names)
        self._allowed_of: dict[tuple[str, ...], frozenset[str]] = {}

    def grade(
        self,
        answer: str,
        *,
        character: str,
        kind: str,
        accepted: Sequence[str] = (),
        allowed_names: Collection[str] = (),
    ) -> Graded:
        """Grade one answer to one probe.

        character: whom the probe shows. kind: "name", "origin" or "looks".
        accepted: right answers, each enough by itself when not negated. For kind "name" the default is all the
            character's aliases, and its own name is accepted beside a given list.
        allowed_names: names or aliases of other characters, or phrases with them, that do not spoil the answer.
        "Не знаю, но похоже Чебурашка" is `correct` for Чебурашка: an accepted answer goes before an abstention.
        Raises ValueError for an unknown character or kind, whatever the answer; no answer raises.
        """
        phrases = self._accepted_phrases(character, kind, accepted)
        tokens = tokenise(answer)
        found = self._matcher.find(tokens)
        names = tuple(dict.fromkeys(name.key for name in found if not name.negated))
        allowed = self._allowed(allowed_names)
        others = [name for name in names if name != character and name not in allowed]
        if phrases and _accepts(phrases, kind, tokens, [name for name in found if name.negated or name.key in others]):
            return Graded(Grade.mixed if others else Grade.correct, names)
        return Graded(self._grade_of_wrong(tokens, kind, others), names)

    def is_right(self, grade: Grade, *, character: str) -> bool:
        """Whether a grade counts as right: `correct`, and for a negative also `abstain`."""
        return grade == Grade.correct or (grade == Grade.abstain and character in self._negatives)

    def _accepted_phrases(self, character: str, kind: str, accepted: Sequence[str]) -> tuple[str, ...]:
        if kind not in KINDS:
            raise ValueError(f"kind: must be one of {', '.join(KINDS)}, got {kind!r}")
        if character not in self._aliases:
            raise ValueError(f"character: must be one of {', '.join(self._aliases)}, got {character!r}")
        given = _several(accepted, "accepted")
        if kind == "name":
            return (character, *given) if given else self._aliases[character]
        return given

    def _allowed(self, allowed_names: Collection[str]) -> frozenset[str]:
        """Characters named anywhere in the allowed names, read as answers are: by forms, longest first."""
        texts = _several(allowed_names, "allowed_names")
        if texts not in self._allowed_of:
            found = [name.key for text in texts for name in self._matcher.find(tokenise(text))]
            self._allowed_of[texts] = frozenset(found)
        return self._allowed_of[texts]

    def _grade_of_wrong(self, tokens: Tokens, kind: str, others: Sequence[str]) -> Grade:
        if others:
            return Grade.wrong_known if any(name in self._aliases for name in others) else Grade.wrong_unknown
        if _ABSTENTION.search(" ".join(tokens.words)):
            return Grade.abstain
        return Grade.no_name if kind == "name" or not tokens.words else Grade.wrong_fact


def _several(texts: Collection[str], what: str) -> tuple[str, ...]:
    """The texts as a tuple; a bare string is refused, for it would be read letter by letter."""
    if isinstance(texts, str):
        raise ValueError(f"{what}: must be a list of strings, got the string {texts!r} — write [{texts!r}]")
    return tuple(texts)


@lru_cache(maxsize=4096)
def _accepted_matcher(phrases: tuple[str, ...], kind: str) -> PhraseMatcher:
    # One matcher for all phrases of a probe: in "не Крокодил Гена" the longer one must keep «Гена» from counting.
    return PhraseMatcher({"accepted": phrases}, name_forms if kind == "name" else fact_forms)


def _accepts(phrases: tuple[str, ...], kind: str, tokens: Tokens, wrong: Sequence[Occurrence]) -> bool:
    """Whether an accepted phrase occurs, neither negated nor a part of a longer wrong name («Иван» of «Иван-царевич»).

    wrong: the names found that are negated or other characters'.
    """
    return any(
        not hit.negated
        and not any(
            name.start <= hit.start and hit.stop <= name.stop and name.stop - name.start > hit.stop - hit.start
            for name in wrong
        )
        for hit in _accepted_matcher(phrases, kind).find(tokens)
    )
