"""The words of an expression, with their places in its text."""

from __future__ import annotations

import math
import re
from typing import Literal

import msgspec

from steelyard.errors import ExpressionError

Kind = Literal["number", "text", "name", "operator", "end"]

WORDS = frozenset({"and", "or", "not"})
CONSTANTS = {"True": 1.0, "true": 1.0, "False": 0.0, "false": 0.0}
# Python's words that are no names here: whoever writes one expects more than there is.
REFUSED_WORDS = frozenset({"if", "else", "in", "is", "for", "lambda", "while", "import", "None"})
INSTEAD = {"^": "**", "&": "and", "&&": "and", "|": "or", "||": "or", "=": "==", "!": "not"}

PATTERN = re.compile(
    r"""(?P<space>\s+)
      | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
      | (?P<word>[^\W\d]\w*(?:\.\w+)*)
      | `(?P<quoted>[^`]+)`
      | (?P<text>"[^"\\]*"|'[^'\\]*')
      | (?P<operator>\*\*|//|<=|>=|==|!=|[-+*/%<>(),])
      | (?P<mistake>&&|\|\||[\^&|=!])""",
    re.VERBOSE,
)


class Token(msgspec.Struct, frozen=True):
    kind: Kind
    value: str  # the name without its quotes, the operator, the digits
    start: int
    end: int


def tokenize(text: str) -> list[Token]:
    """Cut `text` into tokens; the last one has the kind "end". Raises ExpressionError."""
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        match = PATTERN.match(text, at)
        if match is None:
            raise ExpressionError(text, at, unreadable(text[at]))
        if match["mistake"] is not None:
            wrong = match["mistake"]
            raise ExpressionError(text, at, f"{wrong!r} is no operator here", INSTEAD[wrong])
        if match["space"] is None:
            tokens.append(as_token(match, text, tokens))
        at = match.end()
    tokens.append(Token("end", "", len(text), len(text)))
    return tokens


def as_token(match: re.Match[str], text: str, before: list[Token]) -> Token:
    start, end = match.span()
    if before and before[-1].kind == "number" and before[-1].end == start and match["word"]:
        near = f"{before[-1].value}*{match['word']}"
        raise ExpressionError(text, start, "an operator is missing after the number", near)
    if match["number"] is not None:
        if not math.isfinite(float(match["number"])):
            raise ExpressionError(text, start, "the number is larger than a float64 can be")
        return Token("number", match["number"], start, end)
    if match["quoted"] is not None:
        return Token("name", match["quoted"], start, end)
    if match["text"] is not None:
        return Token("text", match["text"][1:-1], start, end)
    word = match["word"]
    if word in REFUSED_WORDS:
        raise ExpressionError(text, start, f"{word!r} is not part of the language")
    if word is not None and word not in WORDS:
        return Token("name", word, start, end)
    return Token("operator", match[0], start, end)


def unreadable(character: str) -> str:
    if character in "\"'`":
        return f"the {character} is not closed on the same line, or holds nothing"
    return (
        f"the character {character!r} means nothing here; names with other characters than "
        "letters, digits, _ and dots stand in `backquotes`"
    )
