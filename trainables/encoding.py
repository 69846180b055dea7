"""From a question, mostly about a picture, to token ids: labels stand on the answer alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import takewhile
from typing import Any

import torch
from PIL import Image

from studies.model_marks import marks_among
from studies.text import normalise
from trainables.conversation import Conversation

IGNORED = -100
# What tokens of white space are made of: some tokenizers have whole ones, and write a space as a lower line.
BLANK = " \t\r\n▁"


@dataclass(frozen=True)
class Encoded:
    """One prompt and, for a training row, its answer.

    unit: name of its picture, under which the features of that stand; without a picture its question.
    prompt: token ids with the image's placeholder tokens expanded, shape (n_prompt,).
    answer: token ids with the end of the turn, shape (n_answer,); empty for a probe.
    token_inputs: further per-token inputs of the processor for the prompt (token_type_ids, ...).
    """

    unit: str
    prompt: tuple[int, ...]
    answer: tuple[int, ...] = ()
    token_inputs: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def cut(self, max_length: int) -> Encoded:
        """The row within max_length tokens: only the answer's tail is cut, never the prompt."""
        room = max_length - len(self.prompt)
        return Encoded(self.unit, self.prompt, self.answer[: max(room, 0)], self.token_inputs)


@dataclass(frozen=True)
class EncodedImage:
    """What the vision tower takes for one picture: pixel_values and the like, batch dimension kept."""

    inputs: dict[str, torch.Tensor]


class AnswerError(ValueError):
    """An answer that the chat template or the tokenizer makes another of."""


class Encoder:
    """Turns questions, answers and pictures into tensors, with the chat template of a processor or a tokenizer.

    sees: whether it takes pictures; a tokenizer alone does not.
    """

    def __init__(self, processor: Any, arguments: Mapping[str, Any] | None = None) -> None:
        """arguments: of the chat template, the same for every row."""
        self.processor = processor
        self.tokenizer = getattr(processor, "tokenizer", processor)
        self.conversation = Conversation(processor, arguments or {})
        self.sees = self.conversation.sees

    def encode(
        self, unit: str, image: Image.Image | None, question: str, answer: str | None = None
    ) -> tuple[Encoded, EncodedImage | None]:
        """Encode one question, with the answer to learn where there is one.

        Raises ValueError for a picture that the model cannot be shown, and AnswerError where the labels would not
        decode to the answer.
        """
        if image is not None and not self.sees:
            raise ValueError("a text model cannot be shown a picture")
        pictures = [] if image is None else [{"type": "image", "image": image}]
        batch = self.processor.apply_chat_template(
            [self.conversation.question(question, pictures)],
            **self.conversation.arguments,
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
        )
        ids = batch.pop("input_ids")
        for name in ("attention_mask", "labels"):
            batch.pop(name, None)
        per_token = {name: value for name, value in batch.items() if tuple(value.shape) == tuple(ids.shape)}
        encoded = Encoded(
            unit=unit,
            prompt=tuple(ids[0].tolist()),
            answer=tuple(self.answer_ids(question, answer)) if answer is not None else (),
            token_inputs={name: tuple(value[0].tolist()) for name, value in per_token.items()},
        )
        if image is None:
            return encoded, None
        return encoded, EncodedImage({name: value for name, value in batch.items() if name not in per_token})

    @cached_property
    def stops(self) -> frozenset[int]:
        """Ids that end an answer: the chat template's end of a turn, and the tokenizer's end of the text.

        Raises AnswerError where no answer ends, or none is decoded as it was encoded.
        """
        self.answer_ids("?", "a")
        _, ending = self._turn(*self.conversation.reply("?", "a"))
        own = self.tokenizer.eos_token_id
        return frozenset(ending if own is None else [*ending, own])

    @cached_property
    def _ends(self) -> frozenset[int]:
        """Ids of whole tokens that a template may end a turn with; not every tokenizer calls them special."""
        added = self.tokenizer.added_tokens_decoder
        marks = (token for token, one in added.items() if one.special or one.content.strip(BLANK))
        return frozenset({*self.tokenizer.all_special_ids, *marks})

    @cached_property
    def marks(self) -> list[str]:
        """The model's own marks, which no text may hold."""
        added = self.tokenizer.added_tokens_decoder.values()
        return marks_among([*self.tokenizer.all_special_tokens, *(one.content for one in added if one.special)])

    def answer_ids(self, question: str, answer: str) -> list[int]:
        """Token ids of an answer as the model says it after the prompt, with the end of its turn.

        The answer is tokenised apart from the prompt: together, a prompt that ends in a space would
        merge with the answer's first token, which the model never gets to see when it generates.
        Raises AnswerError.
        """
        try:
            said, after = self.conversation.reply(question, answer)
        # Chat templates raise whatever they like.
        except Exception as error:
            raise AnswerError(str(error)) from error
        spoken, ending = self._turn(said, after)
        decoded = self.tokenizer.decode(spoken, skip_special_tokens=True)
        if normalise(decoded) != normalise(answer):
            raise AnswerError(f"the labels decode to {decoded!r}, not to the answer {answer!r}")
        return [*spoken, *ending]

    def text_of(self, ids: Sequence[int], stops: Collection[int]) -> str:
        """What a model said, without the tokens at which it stopped."""
        spoken = [token for token in ids if token not in stops]
        text: str = self.tokenizer.decode(spoken, skip_special_tokens=True)
        return text.strip()

    def _turn(self, said: str, after: str) -> tuple[list[int], list[int]]:
        """The ids of what is said, with white space after it, and those that end the turn together.

        after: what the template writes after an answer; of that, text before the end of the turn is not learnt.
        Raises AnswerError for a turn that nothing ends.
        """
        ids = self._ids(said + after)
        ends = [place for place, token in enumerate(ids) if token in self._ends]
        # An answer may hold whole tokens that are not special.
        within = sum(token in self._ends for token in self._ids(said))
        if len(ends) <= within:
            # A template that ends no turn leaves that to the tokenizer's own end; what parts turns is not said.
            if self.tokenizer.eos_token_id is None:
                raise AnswerError("neither the chat template nor the tokenizer has a token that ends it")
            return self._ids(said.rstrip()), [self.tokenizer.eos_token_id]
        start = ends[within]
        ending = list(takewhile(self._ends.__contains__, ids[start:]))
        between = after[: after.find(self.tokenizer.decode(ending[:1]).strip())]
        return ids[:start] if not between.strip() else self._ids(said), ending

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids


def pad(rows: Sequence[Sequence[int]], value: int, *, left: bool) -> torch.Tensor:
    """Rows of ids as one tensor, shape (n_rows, longest)."""
    longest = max(len(row) for row in rows)
    filled = [([value] * (longest - len(row)), list(row)) for row in rows]
    return torch.tensor([fill + row if left else row + fill for fill, row in filled], dtype=torch.long)


def collate(
    rows: Sequence[Encoded], pad_id: int, *, left: bool = False, answer_inputs: Mapping[str, int] | None = None
) -> dict[str, torch.Tensor]:
    """A batch of prompts with their answers: right-padded to train, left-padded to generate.

    answer_inputs: per-token input -> its value on the answer's tokens, where that is not 0.
    Returns input_ids, attention_mask, labels (IGNORED outside the answer) and the per-token inputs
    of the processor, each of shape (n_rows, longest).
    """
    batch = {
        "input_ids": pad([row.prompt + row.answer for row in rows], pad_id, left=left),
        "attention_mask": pad([[1] * (len(row.prompt) + len(row.answer)) for row in rows], 0, left=left),
        "labels": pad([[IGNORED] * len(row.prompt) + list(row.answer) for row in rows], IGNORED, left=left),
    }
    for name in rows[0].token_inputs:
        value = (answer_inputs or {}).get(name, 0)
        batch[name] = pad([row.token_inputs[name] + (value,) * len(row.answer) for row in rows], 0, left=left)
    return batch
