"""From one answer to one grade. The definition is DESIGN.md §4; no other module decides what an answer is worth."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from skazka_text.problems import ValueRefused
from studies.declension import decline_name, vary_fact
from studies.names import Occurrence, PhraseMatcher
from studies.text import Tokens, tokenise
from trainables.abstention import abstains
from trainables.reasoning import without_reasoning

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

# Adjectives that may stand within a phrase: «большие круглые уши» says «большие уши».
_ADJECTIVES = 2


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
            raise ValueRefused(
                f"negatives: must be characters of the study, got {sorted(unknown)}", "give their aliases"
            )
        # The study goes before the lexicon: of two keys with one phrase the matcher keeps the earlier.
        # Within it the order is not the file's, which says nothing.
        names = {name: self._aliases[name] for name in sorted(self._aliases)}
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
        Reasoning (`<think>…</think>`) is left out first.
        "Не знаю, но похоже Чебурашка" is `correct` for Чебурашка: an accepted answer goes before an abstention.
        Raises ValueError for an unknown character or kind, whatever the answer; no answer raises.
        """
        phrases = self._accepted_phrases(character, kind, accepted)
        tokens = tokenise(without_reasoning(answer))
        found = self._matcher.find(tokens)
        names = tuple(dict.fromkeys(name.key for name in found if not name.negated))
        allowed = self._allowed(allowed_names)
        others = [name for name in names if name != character and name not in allowed]
        if kind == "name" and not accepted:
            right = character in names
        else:
            right = _accepts(phrases, kind, tokens, found, {character, *(set(names) - set(others))})
        if right:
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
        return (character, *given) if kind == "name" else given

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
        if abstains(tokens):
            return Grade.abstain
        return Grade.no_name if kind == "name" or not tokens.words else Grade.wrong_fact


def _several(texts: Collection[str], what: str) -> tuple[str, ...]:
    """The texts as a tuple; a bare string is refused, for it would be read letter by letter."""
    if isinstance(texts, str):
        raise ValueRefused(f"{what}: must be a list of strings, got the string {texts!r}", f"write [{texts!r}]")
    return tuple(texts)


@lru_cache(maxsize=4096)
def _accepted_matcher(phrases: tuple[str, ...], kind: str) -> PhraseMatcher:
    # One matcher for all phrases of a probe: in "не Крокодил Гена" the longer one must keep «Гена» from counting.
    if kind == "name":
        return PhraseMatcher({"accepted": phrases}, decline_name)
    return PhraseMatcher({"accepted": phrases}, vary_fact, gap=_ADJECTIVES)


def _accepts(
    phrases: tuple[str, ...], kind: str, tokens: Tokens, names: Sequence[Occurrence], right: Collection[str]
) -> bool:
    """Whether an accepted phrase is said and is not a part of a longer wrong name («Иван» of «Иван-царевич»).

    names: those found in the answer. right: the names that are the character's own or allowed.
    """
    wrong = [name for name in names if name.negated or name.key not in right]
    return any(
        not hit.negated and not any(_hides(name, hit) for name in wrong)
        for hit in _accepted_matcher(phrases, kind).find(tokens, names)
    )


def _hides(name: Occurrence, phrase: Occurrence) -> bool:
    """Whether the words of a phrase are a name's: a longer one's, or one's that is called so («Лиса» beside «Лис»)."""
    if not (name.start <= phrase.start and phrase.stop <= name.stop):
        return False
    return (name.stop - name.start, -name.rank) > (phrase.stop - phrase.start, -phrase.rank)
