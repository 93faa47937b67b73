"""Reads the msgpack of single records.

The sender looks into few records (the first of a journal, console text at the end), and importing
a msgpack library for them would cost more than a short run does. Format: the msgpack
specification, https://github.com/msgpack/msgpack/blob/master/spec.md
"""

from __future__ import annotations

import json
import struct

TYPE_CHECKING = False  # as in `typing`, which costs milliseconds to load
if TYPE_CHECKING:
    from typing import Any

Buffer = bytes | memoryview

_NUMBERS = {
    0xCA: struct.Struct(">f"),
    0xCB: struct.Struct(">d"),
    0xCC: struct.Struct(">B"),
    0xCD: struct.Struct(">H"),
    0xCE: struct.Struct(">I"),
    0xCF: struct.Struct(">Q"),
    0xD0: struct.Struct(">b"),
    0xD1: struct.Struct(">h"),
    0xD2: struct.Struct(">i"),
    0xD3: struct.Struct(">q"),
}
_CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}
# Marker → (what follows, bytes of its length).
_SIZED = {
    0xC4: ("bytes", 1),
    0xC5: ("bytes", 2),
    0xC6: ("bytes", 4),
    0xC7: ("extension", 1),
    0xC8: ("extension", 2),
    0xC9: ("extension", 4),
    0xD9: ("text", 1),
    0xDA: ("text", 2),
    0xDB: ("text", 4),
    0xDC: ("list", 2),
    0xDD: ("list", 4),
    0xDE: ("map", 2),
    0xDF: ("map", 4),
}


def kind_of(body: Buffer) -> int:
    """The kind of a record, from its first bytes; 0 when it is none."""
    if len(body) < 2:
        return 0
    if body[0] == 0x94:  # an array of four, and kinds are small integers
        return body[1]
    if body[0] == 0x5B:  # [
        digits = bytes(body[1:4]).partition(b",")[0]
        return int(digits) if digits.isdigit() else 0
    return 0


def decode_body(body: Buffer) -> list[Any]:
    """`[kind, number, time_us, payload]` of a record. Raises ValueError for anything else."""
    if len(body) and body[0] == 0x5B:
        decoded = json.loads(bytes(body))
    else:
        try:
            decoded = _decode(body, 0)[0]
        except (IndexError, KeyError, TypeError, struct.error) as error:
            raise ValueError(f"not msgpack: {error!r}") from error
    if not isinstance(decoded, list) or len(decoded) != 4:
        raise ValueError("a record is an array of four")
    return decoded


def _decode(data: Buffer, at: int) -> tuple[Any, int]:
    """(value, where the next begins)."""
    first = data[at]
    at += 1
    if first < 0x80:
        return first, at
    if first >= 0xE0:
        return first - 0x100, at
    if first in _CONSTANTS:
        return _CONSTANTS[first], at
    if first in _NUMBERS:
        number = _NUMBERS[first]
        return number.unpack_from(data, at)[0], at + number.size
    if first < 0x90:
        return _decode_sized(data, at, "map", first & 0x0F)
    if first < 0xA0:
        return _decode_sized(data, at, "list", first & 0x0F)
    if first < 0xC0:
        return _decode_sized(data, at, "text", first & 0x1F)
    if 0xD4 <= first <= 0xD8:
        return _decode_sized(data, at, "extension", 1 << (first - 0xD4))
    what, width = _SIZED[first]
    size = int.from_bytes(data[at : at + width], "big")
    return _decode_sized(data, at + width, what, size)


def _decode_sized(data: Buffer, at: int, what: str, size: int) -> tuple[Any, int]:
    if what == "text":
        return str(data[at : at + size], "utf-8"), at + size
    if what == "bytes":
        return bytes(data[at : at + size]), at + size
    if what == "extension":  # a type byte, then the content
        return bytes(data[at + 1 : at + 1 + size]), at + 1 + size
    if what == "list":
        items = []
        for _ in range(size):
            item, at = _decode(data, at)
            items.append(item)
        return items, at
    pairs = {}
    for _ in range(size):
        key, at = _decode(data, at)
        pairs[key], at = _decode(data, at)
    return pairs, at
