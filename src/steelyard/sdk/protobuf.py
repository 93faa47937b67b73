"""The encoding of Protocol Buffers, as far as reading goes: fields by number, and their values.

Source: https://protobuf.dev/programming-guides/encoding/.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from steelyard.errors import Torn

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

Value = int | bytes
"""An int for varints (unsigned) and fixed widths (their bits), bytes for everything else."""

Fields = Mapping[int, list[Value]]


def read_fields(data: bytes) -> Iterator[tuple[int, Value]]:
    """(number, value) of each field, in the order written. Raises Torn for what is no message."""
    at, end = 0, len(data)
    while at < end:
        key, at = _read_varint(data, at)
        number, wire_type = key >> 3, key & 7
        if wire_type == BYTES:
            length, at = _read_varint(data, at)
            value: Value = data[at : at + length]
            at += length
        elif wire_type == VARINT:
            value, at = _read_varint(data, at)
        elif wire_type in (FIXED64, FIXED32):
            width = 8 if wire_type == FIXED64 else 4
            value = int.from_bytes(data[at : at + width], "little")
            at += width
        else:
            raise Torn(f"a field of the unknown type {wire_type} at byte {at}")
        if at > end:
            raise Torn(f"a field that is cut off at byte {end}")
        yield number, value


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    try:
        byte = data[at]
        at += 1
        if byte < 128:
            return byte, at
        value, shift = byte & 127, 7
        while byte >= 128 and shift < 70:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
    except IndexError:
        raise Torn(f"a number that is cut off at byte {at}") from None
    return value, at


def collect(data: bytes) -> dict[int, list[Value]]:
    """{number: values} of a message."""
    fields: dict[int, list[Value]] = {}
    for number, value in read_fields(data):
        fields.setdefault(number, []).append(value)
    return fields


def text_of(value: Value) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""


def last_text(fields: Fields, number: int) -> str | None:
    return (text_of(fields[number][-1]) or None) if number in fields else None


def last_int(fields: Fields, number: int) -> int:
    """A signed 64-bit (or 32-bit) number: negative ones are written as their two's complement."""
    value = fields.get(number, [0])[-1]
    if not isinstance(value, int):
        return 0
    value &= 2**64 - 1
    return value - 2**64 if value >= 2**63 else value


def last_bytes(fields: Fields, number: int) -> bytes | None:
    value = fields.get(number, [None])[-1]
    return value if isinstance(value, bytes) else None


def last_time_us(fields: Fields, number: int) -> int | None:
    """google.protobuf.Timestamp: 1 seconds, 2 nanos."""
    data = last_bytes(fields, number)
    if data is None:
        return None
    parts = collect(data)
    return last_int(parts, 1) * 1_000_000 + last_int(parts, 2) // 1000
