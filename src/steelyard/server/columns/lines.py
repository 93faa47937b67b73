"""One line of a stream to a row, whatever the line holds. Reading raises for no input.

A line is JSON text as a client sent it, or a row packed by us: PACKED and its msgpack.
The official client writes bare NaN, Infinity and -Infinity; those, numbers beyond float64 and lone
surrogates are read by the standard parser, all else by the faster one. What is no JSON object is
kept as text under INVALID_KEY.
"""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from steelyard import limits
from steelyard.server.columns.interface import Row

INVALID_KEY = "_invalid"
STEP_KEY = "_step"
#: Steps beyond are not steps: neighbours and differences must fit 64 bits.
STEP_ABS_MAX = 2**61

#: Begins a packed row. No UTF-8 text has this byte, nor does any msgpack value begin with it.
PACKED = b"\xc1"

_DECODER = msgspec.json.Decoder()
_UNPACKER = msgspec.msgpack.Decoder()
_pack = msgspec.msgpack.Encoder().encode
_BRACKET = re.compile(rb'"(?:[^"\\]|\\.)*"|([\[{])|([\]}])', re.DOTALL)


def encode_line(line: str) -> bytes:
    try:
        return line.encode()
    except UnicodeEncodeError:
        return line.encode("utf-8", "surrogatepass")


def decode_line(line: bytes) -> str:
    return line.decode("utf-8", "surrogatepass")


def encode_row(row: Row) -> bytes:
    """A line of a row of plain values: None, bool, int, float, str, and lists and dicts of them.

    Packed, which is twice as fast as JSON to write and to read and holds NaN; as JSON when it has
    what msgpack cannot hold (integers beyond 64 bits, halves of surrogate pairs).
    """
    try:
        return PACKED + _pack(row)
    except (OverflowError, UnicodeEncodeError):
        return encode_line(json.dumps(row))


def parse_line(line: bytes) -> Row:
    if line[:1] == PACKED:
        return _parse_packed(line)
    if _is_too_deep(line):
        return {INVALID_KEY: decode_line(line)}
    try:
        row = _DECODER.decode(line)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        row = _parse_leniently(line)
    return row if type(row) is dict else {INVALID_KEY: decode_line(line)}


def _parse_packed(line: bytes) -> Row:
    try:
        row = _UNPACKER.decode(memoryview(line)[1:])
    except (msgspec.MsgspecError, ValueError, RecursionError):
        row = None
    return row if type(row) is dict else {INVALID_KEY: line.hex()}


def _parse_leniently(line: bytes) -> Any:
    try:
        return json.loads(decode_line(line))
    except (ValueError, RecursionError):
        return None


def take_step(row: Row) -> int | None:
    """Remove `_step` from the row and give it, None when there is none or it is no step.

    A value that is no whole number is kept under INVALID_KEY, so that it is not lost.
    """
    if STEP_KEY not in row:
        return None
    value = row.pop(STEP_KEY)
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is int and abs(value) <= STEP_ABS_MAX:
        return value
    row.setdefault(INVALID_KEY, json.dumps({STEP_KEY: value}))
    return None


def _is_too_deep(line: bytes) -> bool:
    if line.count(b"{") + line.count(b"[") <= limits.LINE_DEPTH_MAX:
        return False
    depth = 0
    for match in _BRACKET.finditer(line):
        if match.group(1):
            depth += 1
            if depth > limits.LINE_DEPTH_MAX:
                return True
        elif match.group(2):
            depth -= 1
    return False
