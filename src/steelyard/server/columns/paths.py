"""Key paths: how a path is written and shown.

A path joins its components with dots; a dot or backslash inside a component, and what a database
cannot hold as text (NUL, lone surrogates), is escaped with a backslash. So `{"a": {"b": 1}}` is
`a.b` and `{"a.b": 1}` is `a\\.b`; both are shown, and found, under the name `a.b`.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

_SPECIAL = re.compile("[.\\\\\x00\ud800-\udfff]")
_ESCAPE = re.compile(r"\\(?:u([0-9a-f]{4})|(.))|\.", re.DOTALL)


@lru_cache(maxsize=16384)
def escape_component(text: str) -> str:
    return _SPECIAL.sub(_escape_one, text) if _SPECIAL.search(text) else text


def _escape_one(match: re.Match[str]) -> str:
    char = match.group()
    return f"\\{char}" if char in ".\\" else f"\\u{ord(char):04x}"


@lru_cache(maxsize=16384)
def split_path(path: str) -> tuple[str, ...]:
    """The components of a path, unescaped."""
    if "\\" not in path:
        return tuple(path.split("."))
    components, start, current = [], 0, ""
    for match in _ESCAPE.finditer(path):
        current += path[start : match.start()]
        start = match.end()
        if match.group() == ".":
            components.append(current)
            current = ""
        else:
            current += chr(int(match.group(1), 16)) if match.group(1) else match.group(2)
    return (*components, current + path[start:])


def name_of(path: str) -> str:
    """The dotted name users see."""
    return ".".join(split_path(path)) if "\\" in path else path


def digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
