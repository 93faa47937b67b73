"""Opaque ids and cursors: base64 of "Kind:number" and of a text."""

from __future__ import annotations

import base64
import binascii

from steelyard.errors import Invalid, NotFound

ID_MAX = 2**63 - 1


def encode_id(kind: str, number: int) -> str:
    """The id that clients hand back to us."""
    return base64.b64encode(f"{kind}:{number}".encode()).decode()


def decode_id(kind: str, text: str) -> int:
    """The number in an id. Raises NotFound for anything that is no id of this kind."""
    try:
        found, _, number = base64.b64decode(text, validate=True).decode().partition(":")
        if found == kind and number.isdecimal() and int(number[:20]) <= ID_MAX:
            return int(number)
    except (binascii.Error, UnicodeDecodeError, ValueError):
        pass
    raise NotFound(f"{text[:80]!r} is not the id of a {kind.lower()} here")


def encode_cursor(text: str) -> str:
    """A place in a list."""
    return base64.urlsafe_b64encode(text.encode()).decode()


def decode_cursor(cursor: str | None) -> str | None:
    """The place that `encode_cursor` wrote; None for none. Raises Invalid for another text."""
    if not cursor:
        return None
    try:
        return base64.urlsafe_b64decode(cursor.encode()).decode()
    except (binascii.Error, UnicodeError, ValueError) as error:
        raise Invalid(f"{cursor[:80]!r} is no cursor; start from the first page") from error
