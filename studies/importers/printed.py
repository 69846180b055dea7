"""Values as Python and numpy print them: pandas writes lists so into CSV."""

from __future__ import annotations

import ast
import io
import tokenize
from typing import Any

_ENDS, _BEGINS = ("]", "}", ")"), ("[", "{", "(")
_SPACE = (tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.COMMENT)


def literal(text: str) -> Any:
    """The value of a Python literal. numpy's `array([…], dtype=object)` is its list, and numpy's lists lack commas.

    Raises ValueError or SyntaxError for anything else.
    """
    tree = ast.parse(_with_commas(text), mode="eval")
    return ast.literal_eval(_Arrays().visit(tree))


def _with_commas(text: str) -> str:
    """The text with a comma between values that only space parts: Python would join the strings `'a' 'b'`."""
    if "\n" not in text and not any(pair in text for pair in ("' '", "' \"", "\" '", '" "', "} {")):
        return text
    try:
        tokens = [token for token in tokenize.generate_tokens(io.StringIO(text).readline) if token.type not in _SPACE]
    except tokenize.TokenError as error:
        raise SyntaxError(str(error)) from error
    written: list[str] = []
    for before, token in zip([None, *tokens], tokens, strict=False):
        if before is not None and _ends_value(before) and _begins_value(token):
            written.append(",")
        written.append(token.string)
    return " ".join(written)


def _ends_value(token: tokenize.TokenInfo) -> bool:
    return token.type == tokenize.STRING or token.string in _ENDS


def _begins_value(token: tokenize.TokenInfo) -> bool:
    return token.type == tokenize.STRING or token.string in _BEGINS


class _Arrays(ast.NodeTransformer):
    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        of_numpy = isinstance(node.func, ast.Name) and node.func.id == "array"
        return node.args[0] if of_numpy and node.args else node
