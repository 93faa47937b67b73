"""One line of a stream to a row, whatever the line holds. Nothing here raises for bad input.

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

_DECODER = msgspec.json.Decoder()
_BRACKET = re.compile(rb'"(?:[^"\\]|\\.)*"|([\[{])|([\]}])', re.DOTALL)


def encode_line(line: str) -> bytes:
    try:
        return line.encode()
    except UnicodeEncodeError:
        return line.encode("utf-8", "surrogatepass")


def decode_line(line: bytes) -> str:
    return line.decode("utf-8", "surrogatepass")


def parse_line(line: bytes) -> Row:
    if _is_too_deep(line):
        return {INVALID_KEY: decode_line(line)}
    try:
        row = _DECODER.decode(line)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        row = _parse_leniently(line)
    return row if type(row) is dict else {INVALID_KEY: decode_line(line)}


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
