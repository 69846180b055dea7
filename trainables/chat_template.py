"""A chat template as text: what it reads, and what a run changes in it so that all its prompts are alike."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

import jinja2
from jinja2 import meta, nodes
from jinja2.ext import Extension
from jinja2.parser import Parser

from studies.study import NOT_TEMPLATE

# Variables by which templates have the model think before it answers, and what keeps it from that: of Qwen, GLM,
# Nemotron, Gemma; of Kimi, DeepSeek, Granite; of Seed-OSS, in tokens.
SWITCHES = {"enable_thinking": False, "thinking": False, "thinking_budget": 0}
# Of transformers' own globals the one that differs from day to day.
TODAY = "strftime_now"


class _Generation(Extension):
    """The block `{% generation %}`, by which transformers marks what an assistant says."""

    tags = {"generation"}  # noqa: RUF012

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


# Only parses: templates are rendered by transformers alone, which keeps them in a sandbox.
_PARSER = jinja2.Environment(extensions=["jinja2.ext.loopcontrols", _Generation], autoescape=False)


def variables(template: str) -> frozenset[str]:
    """Names that a template looks up. Raises jinja2.TemplateError for one that is none."""
    return frozenset(meta.find_undeclared_variables(_PARSER.parse(template)))


def choices(names: Iterable[str]) -> list[str]:
    """Of the names that a template looks up, those that a study may give a value."""
    return sorted(name for name in names if name not in NOT_TEMPLATE and not name.endswith("_token"))


def writes_date(template: str) -> bool:
    """Whether a template writes the day on which it is rendered."""
    return TODAY in variables(template)


def dated(template: str, day: date) -> str:
    """The template as it is rendered on a day.

    transformers takes no function among a template's arguments, so the template gets its own.
    """
    midnight = datetime(day.year, day.month, day.day)
    texts = [node.value for node in _PARSER.parse(template).find_all(nodes.Const) if isinstance(node.value, str)]
    formats = {text: midnight.strftime(text) for text in texts if "%" in text}
    known = ", ".join(f"{_literal(text)}: {_literal(said)}" for text, said in formats.items())
    body = f"{{{{- {{{known}}}.get(format, {_literal(day.isoformat())}) -}}}}"
    # transformers takes away the line's end after a block.
    return f"{{%- macro {TODAY}(format) -%}}{body}{{%- endmacro %}}\n{template}"


def opened(template: str, opening: str) -> str:
    """The template with `opening` at the end of its prompts."""
    # Jinja leaves out a last line's end, but only there; a plus keeps the spaces before a block.
    return template.removesuffix("\n") + f"{{%+ if add_generation_prompt %}}{{{{ {_literal(opening)} }}}}{{% endif %}}"


def own_template(found: str | Mapping[str, str] | None) -> str | None:
    """The template of a processor that may have several by name. Raises ValueError where none is the default."""
    if found is None or isinstance(found, str):
        return found
    if "default" not in found:
        raise ValueError(f"its chat templates are {', '.join(sorted(found))}, and none is the default")
    return found["default"]


def _literal(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def as_yaml(arguments: Mapping[str, Any]) -> str:
    """Arguments as a study writes them, on one line."""
    said = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in arguments.items()]
    return f"{{{', '.join(said)}}}"
