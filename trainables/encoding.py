"""From a question, mostly about a picture, to token ids: labels stand on the answer alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from PIL import Image

from studies.model_marks import marks_among
from studies.text import normalise
from trainables.conversation import Conversation

IGNORED = -100


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
        """Ids that end an answer: the chat template's end of a turn, and the tokenizer's end of the text."""
        return frozenset({self.answer_ids("?", "a")[-1], self.tokenizer.eos_token_id})

    @cached_property
    def _special(self) -> frozenset[int]:
        added = self.tokenizer.added_tokens_decoder
        return frozenset({*self.tokenizer.all_special_ids, *(token for token, one in added.items() if one.special)})

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
            said = self.conversation.reply(question, answer)
        # Chat templates raise whatever they like.
        except Exception as error:
            raise AnswerError(str(error)) from error
        ids = self._to_end_of_turn(said)
        decoded = self.tokenizer.decode(ids, skip_special_tokens=True)
        if normalise(decoded) != normalise(answer):
            raise AnswerError(f"the labels decode to {decoded!r}, not to the answer {answer!r}")
        return ids

    def _to_end_of_turn(self, said: str) -> list[int]:
        """The ids up to the last of the special tokens that end the turn together."""
        ids: list[int] = self._ids(said)
        end = next((place for place, token in enumerate(ids) if token in self._special), None)
        if end is None:
            # A template that ends no turn leaves that to the tokenizer's own end; what parts turns is not said.
            return [*self._ids(said.rstrip()), self.tokenizer.eos_token_id]
        while end + 1 < len(ids) and ids[end + 1] in self._special:
            end += 1
        return ids[: end + 1]

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
