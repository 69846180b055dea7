"""Marks in a text that stand for a picture: the chat template of a model puts its own, and a second one breaks it."""

from __future__ import annotations

import re

_PICTURE = r"(?:image|img|vision|picture|pict|video)"
_INNER = rf"/?(?:[a-z]+[_-])*{_PICTURE}[a-z]*(?:[_:\- ]?[a-z]+)*[_:\- ]?\d*"
_PLACEHOLDER = re.compile(
    rf"""
      (?:\b(?:picture|image)[ -]?\d+:\s*)?        # Qwen-VL and InternVL count them: "Picture 1: <img>a.png</img>"
      (?:
        <img>[^<>]*</img>                         # Qwen-VL puts the path inside
      | <image>(?:\d+|[^<>\s]+\.\w+)</image>    # a number or a path inside
      | !\[[^\]\n]*\]\((?!https?:)[^()\s]*\)     # Markdown; an address is a text of its own
      | <__media__>                               # llama.cpp
      | \(<image>\./</image>\)                    # MiniCPM-V
      | <\|media_(?:start\|>image<\|media_content|pad|end)\|>   # Kimi-VL
      | <\|?{_INNER}\|?/?>                        # <image>, <image_1>, <|vision_start|>, <start_of_image>, <ImageHere>
      | \[/?(?:image|img)(?:[_ ]?(?:\d+|break|end|start))?\]    # Pixtral
      | <img\s(?![^<>]*\bon\w+\s*=)[^<>]*>        # HTML, but for what would run a script: that is a text to escape
      | <im_(?:start|end|patch)>                  # the first LLaVA; with | they are turns of ChatML
      | <row_\d+_col_\d+>                         # Idefics3 and SmolVLM tile a picture
      )
    """,
    re.IGNORECASE | re.VERBOSE,
)
_WITH_SPACE = re.compile(rf"\s*(?:(?:{_PLACEHOLDER.pattern})\s*)+", re.IGNORECASE | re.VERBOSE)
_PATH = re.compile(
    r"<img>\s*([^<>]+?)\s*</img>|<image>([^<>\s]+\.\w+)</image>|!\[[^\]\n]*\]\(([^()\s]+)\)", re.IGNORECASE
)


def without_placeholders(text: str) -> str:
    """The text without marks of pictures and the white space that they leave."""
    if not ("<" in text or "[" in text):
        return text
    return _WITH_SPACE.sub(_gap, text).strip() if _PLACEHOLDER.search(text) else text


def has_placeholder(text: str) -> bool:
    """Whether a text holds a mark that stands for a picture."""
    return _PLACEHOLDER.search(text) is not None


def picture_in(text: str) -> str | None:
    """The path that a mark holds: `<img>a.png</img>` of Qwen-VL, `![…](a.png)` of Markdown."""
    found = _PATH.search(text)
    return found[found.lastindex or 0] if found else None


def _gap(match: re.Match[str]) -> str:
    return "\n" if "\n" in match[0] else " "
