"""Any text as one word of a bash script, in a spelling that shellcheck has nothing to say about."""

from __future__ import annotations

import re
from typing import Final

from steelyard.errors import Invalid

PLAIN: Final = re.compile(r"[A-Za-z0-9_@%+:,./-][A-Za-z0-9_@%+=:,./-]*", re.ASCII)
PRINTABLE: Final = re.compile(r"(?!~)[ -~]*", re.ASCII)
SPECIAL: Final = re.compile(r'(["\\$`])')


def quote(text: str) -> str:
    """The word that bash reads as `text`.

    Raises Invalid for NUL, which no argument can hold. Single quotes are not used: shellcheck
    takes a `$` in them for a mistake (SC2016); so it does a `~` in any quotes (SC2088).
    """
    if "\0" in text:
        raise Invalid(f"{text!r} has a NUL character, which no program can be given")
    if PLAIN.fullmatch(text):
        return text
    if PRINTABLE.fullmatch(text):
        return '"' + SPECIAL.sub(r"\\\1", text) + '"'
    # Byte by byte: what a file system names need not be UTF-8, nor bash be told which it is.
    return "$'" + "".join(_escape(byte) for byte in text.encode(errors="surrogateescape")) + "'"


def _escape(byte: int) -> str:
    character = chr(byte)
    if byte < 128 and (character.isalnum() or character in " _-./=:,@%+"):
        return character
    return f"\\{byte:03o}"


def join(words: tuple[str, ...]) -> str:
    """A command of those words."""
    return " ".join(map(quote, words))
