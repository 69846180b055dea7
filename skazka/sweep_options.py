"""The options of a sweep, as the command line and the Python signature take them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from functools import wraps
from types import NoneType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import click

from search.options import Options, Seconds, option_name

Returned = TypeVar("Returned")


class Duration(click.ParamType[float]):
    """`90s`, `30m`, `2h`, or plain seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The duration in seconds."""
        match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", str(value).strip())
        if match is None:
            self.fail(f"{value!r} is no duration — write for example 90s, 30m or 2h", param, ctx)
        return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[match[2]]


def sweep_options(*fields: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator of a command: it takes these options, in this order."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for field in reversed(fields):
            command = click.option(option_name(field), **_declaration(field))(command)
        return command

    return decorate


def _declaration(name: str) -> dict[str, Any]:
    field = Options.model_fields[name]
    if field.annotation is bool:
        return {"is_flag": True, "help": field.description}
    return {
        "type": _click_type(field.annotation),
        "default": field.default,
        # What None stands for, the help says itself.
        "show_default": field.default is not None,
        "help": field.description,
    }


def _click_type(annotation: Any) -> Any:
    if get_origin(annotation) is Literal:
        return click.Choice(get_args(annotation))
    # What may be left out, as `int | None`.
    [kind] = [part for part in get_args(annotation) if part is not NoneType] or [annotation]
    if kind == Seconds:
        return Duration()
    return getattr(kind, "__origin__", kind)


def takes_options(function: Callable[..., Returned]) -> Callable[..., Returned]:
    """Let a function's `**options` be those of a sweep: its signature names each with its type and default.

    What it returns raises TypeError for any other name.
    """
    own = inspect.signature(function)
    parameters = [one for one in own.parameters.values() if one.kind is not inspect.Parameter.VAR_KEYWORD]
    for name, annotation in get_type_hints(Options).items():
        if name in Options.model_fields:
            default = Options.model_fields[name].default
            parameters.append(
                inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
            )
    signature = own.replace(parameters=parameters)

    @wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Returned:
        signature.bind(*args, **kwargs)
        return function(*args, **kwargs)

    checked.__signature__ = signature  # type: ignore[attr-defined]
    return checked
