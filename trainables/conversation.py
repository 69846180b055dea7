"""A question and its answer as a chat template writes them: where the prompt ends, and what is said after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import zip_longest
from typing import Any

from skazka_text.problems import Refusal
from trainables.reasoning import opens_reasoning, without_reasoning

# Written by no template; as data (`str` of a list, JSON) their quotes would be escaped.
QUESTION, ANSWER = "7f3c'9ae1\"55", "c41d'20b7\"98"
# Characters of what a processor or a template says that a refusal repeats.
MAX_REASON = 300
INSTRUCT = "choose the version of the base model that takes instructions"
NO_ANSWER = "does not write an answer"
THINKS = "has the model think before it answers, and the rows of a study hold no thoughts"

AT_ONCE = "choose a version of the base model that answers at once"


class Unaskable(Refusal, ValueError):
    """A template by which nothing can be asked, or no answer be learnt; the message goes on from its name."""


class Conversation:
    """The chat template of a processor or a tokenizer, with the arguments that a run gives it.

    sees: whether it takes pictures; a tokenizer alone does not.
    """

    def __init__(self, processor: Any, arguments: Mapping[str, Any]) -> None:
        self.processor = processor
        self.arguments = dict(arguments)
        self.sees = hasattr(processor, "tokenizer")

    def question(self, text: str, pictures: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
        """The user's turn. The templates of text models take a text where those of others take a list of parts."""
        return _turn("user", [*pictures, _part(text)] if self.sees else text)

    def prompt(self, question: str) -> str:
        """What the model is given to answer."""
        return self._render([self._about(question)], add_generation_prompt=True)

    def reply(self, question: str, answer: str) -> tuple[str, str]:
        """What the model says after the prompt, and what the template writes after that.

        Raises ValueError where the template writes something else than the answer into the answer's place.
        """
        before, after = self._around(question)
        whole = self._answered(question, answer)
        if not (whole.startswith(before) and whole.endswith(after) and len(whole) >= len(before) + len(after)):
            raise ValueError("the chat template writes what is round this answer otherwise than round others")
        end = len(whole) - len(after)
        return self._lead(question, before) + whole[len(before) : end], after

    def check(self) -> None:
        """Raises Unaskable for a template by which nothing can be asked or no answer be learnt."""
        try:
            prompt = self.prompt(QUESTION)
        # A template raises whatever it likes.
        except Exception as error:
            raise Unaskable(f"does not take a single question ({reason_of(error)})", INSTRUCT) from error
        if QUESTION not in prompt:
            given = "parts" if self.sees else "text"
            raise Unaskable(f"does not write a question that it is given as {given}", INSTRUCT)
        if opens_reasoning(prompt.rpartition(QUESTION)[2]):
            raise Unaskable(THINKS, AT_ONCE)
        self._lead(QUESTION, self._around(QUESTION)[0])

    def depends_on(self, argument: str) -> bool:
        """Whether what is asked or answered is written otherwise with this argument on than with it off."""
        on, off = (Conversation(self.processor, {**self.arguments, argument: value}) for value in (True, False))
        try:
            return on.prompt(QUESTION) != off.prompt(QUESTION) or on._around(QUESTION) != off._around(QUESTION)
        # A template raises whatever it likes.
        except Exception:
            return False

    @property
    def opening(self) -> str:
        """What the model would have to write between the prompt and its answer, but for white space."""
        # A model writes the space before a word together with it.
        lead = self._lead(QUESTION, self._around(QUESTION)[0]).rstrip(" ")
        return lead if lead.strip() else ""

    def _lead(self, question: str, before: str) -> str:
        """What stands between the prompt and the answer: mostly nothing, or white space."""
        prompt = self.prompt(question)
        if before.startswith(prompt):
            return before[len(prompt) :]
        together = enumerate(zip_longest(prompt, before))
        shared = next(place for place, (one, other) in together if one != other)
        # The template parts the turns otherwise, or leaves out the empty thoughts of the prompt.
        if any(without_reasoning(text[shared:]).strip() for text in (prompt, before)):
            raise Unaskable(
                f"ends a prompt with {prompt[shared:][:MAX_REASON]!r}, and has {before[shared:][:MAX_REASON]!r} "
                "in that place of a conversation",
                INSTRUCT,
            )
        return ""

    def _around(self, question: str) -> tuple[str, str]:
        """What the template writes before and after an answer."""
        before, found, after = self._answered(question, ANSWER).rpartition(ANSWER)
        if not found:
            raise Unaskable(NO_ANSWER, INSTRUCT)
        return before, after

    def _answered(self, question: str, answer: str) -> str:
        return self._render([self._about(question), _turn("assistant", self._said(answer))])

    def _said(self, answer: str) -> str | list[dict[str, Any]]:
        return [_part(answer)] if self._answers_in_parts else answer

    @cached_property
    def _answers_in_parts(self) -> bool:
        """Whether the template takes an answer as parts; some take questions as parts and answers as text."""
        failed: Exception | None = None
        for parts in (self.sees, not self.sees):
            said: Any = [_part(ANSWER)] if parts else ANSWER
            try:
                if ANSWER in self._render([self._about(QUESTION), _turn("assistant", said)]):
                    return parts
            # A template raises whatever it likes.
            except Exception as error:
                failed = error
        raise Unaskable(NO_ANSWER, INSTRUCT) from failed

    def _about(self, question: str) -> dict[str, Any]:
        return self.question(question, [{"type": "image"}] if self.sees else [])

    def _render(self, turns: list[dict[str, Any]], *, add_generation_prompt: bool = False) -> str:
        options = {**self.arguments, "add_generation_prompt": add_generation_prompt}
        text: str = self.processor.apply_chat_template(turns, tokenize=False, **options)
        return text


def reason_of(error: Exception) -> str:
    """The first line of what an exception says, cut."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:MAX_REASON]


def _turn(role: str, content: str | list[dict[str, Any]]) -> dict[str, Any]:
    return {"role": role, "content": content}


def _part(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}
