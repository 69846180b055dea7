"""How a new run asks its base: settled once, from the base's own chat template and the study's arguments of it."""

from __future__ import annotations

from collections.abc import Mapping, Set
from datetime import date
from typing import Any

import jinja2

from trainables import chat_template
from trainables.conversation import AT_ONCE, INSTRUCT, THINKS, Conversation, Unaskable, reason_of
from trainables.families import FamilyRefused
from trainables.prompting import GREEDY, Prompting
from trainables.reasoning import without_reasoning


def settle(
    processor: Any, given: Mapping[str, Any], lent: str | None = None, *, today: date | None = None
) -> Prompting:
    """How a processor's prompts are written, without the tokens at which generation ends.

    given: the study's arguments of the chat template. lent: a template for a processor that comes without one.
    today: the day of templates that write one; the default is the day it is.
    Raises FamilyRefused for a template that is none, that cannot be asked a question or that does not read what is
    given. The processor is left with the settled template.
    """
    template = base_template(processor, lent)
    try:
        known = chat_template.variables(template)
    except jinja2.TemplateError as error:
        raise FamilyRefused(f"the chat template of the base model is none ({reason_of(error)})", INSTRUCT) from error
    if unread := sorted(given.keys() - known):
        remedy = f"it reads {', '.join(chat_template.choices(known)) or 'no arguments'}; leave the others out"
        raise FamilyRefused(
            f"base_model.template: the chat template of the base model does not read {', '.join(unread)}", remedy
        )
    day = (today or date.today()) if chat_template.writes_date(template) else None
    own = processor.chat_template
    processor.chat_template = template if day is None else chat_template.dated(template, day)
    arguments = {**_silent(processor, known), **given}
    _open(processor, arguments, known)
    return Prompting(
        chat_template=None if processor.chat_template == own else processor.chat_template,
        text_only=not Conversation(processor, arguments).sees,
        template=arguments,
        day=None if day is None else day.isoformat(),
        generation=GREEDY,
    )


def base_template(processor: Any, lent: str | None) -> str:
    """The chat template of a processor, the one lent, or its tokenizer's. Raises FamilyRefused where there is none."""
    tokenizer = getattr(processor, "tokenizer", processor)
    try:
        template = chat_template.own_template(processor.chat_template or lent or tokenizer.chat_template)
    except ValueError as error:
        raise FamilyRefused(f"the base model cannot be asked: {error}", INSTRUCT) from error
    if template is None:
        raise FamilyRefused("the base model has no chat template", INSTRUCT)
    return template


def _silent(processor: Any, known: Set[str]) -> dict[str, Any]:
    """Arguments that keep the model from thinking before it answers."""
    conversation = Conversation(processor, {})
    switches = chat_template.SWITCHES.items()
    return {name: off for name, off in switches if name in known and conversation.depends_on(name)}


def _open(processor: Any, arguments: Mapping[str, Any], known: Set[str]) -> None:
    """Have prompts end where an answer begins: what else a model writes first is no part of a study's answers."""
    conversation = Conversation(processor, arguments)
    thinking = any(arguments.get(name) for name in chat_template.SWITCHES)
    try:
        conversation.check()
        opening = conversation.opening
        if thinking and opening and not without_reasoning(opening).strip():
            raise Unaskable(THINKS, AT_ONCE)
        if opening:
            processor.chat_template = chat_template.opened(processor.chat_template, opening)
            conversation.check()
    except Unaskable as error:
        remedy = _against_thinking(arguments, known) if error.message == THINKS else error.remedy
        raise FamilyRefused(f"the chat template of the base model {error.message}", remedy) from error


def _against_thinking(arguments: Mapping[str, Any], known: Set[str]) -> str:
    """What to do where the model would think first. Templates compare as they like: null is not false to all."""
    switches = chat_template.SWITCHES.items()
    if wrong := {name: off for name, off in switches if name in arguments and arguments[name] is not off}:
        return f"set base_model.template: {chat_template.as_yaml(wrong)}"
    if others := chat_template.choices(known - arguments.keys()):
        return f"{AT_ONCE}, or set base_model.template, if one of these turns it off: {', '.join(others)}"
    return AT_ONCE
