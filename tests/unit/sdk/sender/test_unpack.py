"""The sender's own reading of msgpack, against msgspec's writing."""

from __future__ import annotations

import contextlib
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.sdk.sender.unpack import decode_body, kind_of
from steelyard.wire.journal import FINISH, HEADER_BYTES, encode_json_record

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=70)
    | st.binary(max_size=300),
    lambda inner: (
        st.lists(inner, max_size=20) | st.dictionaries(st.text(max_size=40), inner, max_size=20)
    ),
    max_leaves=40,
)


@given(payload=PLAIN, kind=st.integers(1, 12), number=st.integers(0, 2**40))
def test_what_the_writer_encodes_is_read_back(payload: Any, kind: int, number: int) -> None:
    body = msgspec.msgpack.encode((kind, number, 17, payload))
    assert decode_body(body) == [kind, number, 17, payload]
    assert decode_body(memoryview(body)) == [kind, number, 17, payload]
    assert kind_of(body) == kind


@pytest.mark.parametrize("size", [0, 31, 32, 255, 256, 65_535, 65_536])
def test_every_size_of_text_bytes_and_lists(size: int) -> None:
    for payload in ("x" * size, b"x" * size, [1] * size):
        assert decode_body(msgspec.msgpack.encode((7, 0, 0, payload)))[3] == payload


def test_single_precision_and_infinities() -> None:
    body = b"\x94\x03\x00\x00\xca\x3f\x80\x00\x00"
    assert decode_body(body)[3] == 1.0
    assert decode_body(msgspec.msgpack.encode((3, 0, 0, math.inf)))[3] == math.inf


def test_a_body_in_json_is_read_too() -> None:
    body = encode_json_record(FINISH, 3, 17, {"exit_code": 1})[HEADER_BYTES:]
    assert kind_of(body) == FINISH
    assert decode_body(body) == [FINISH, 3, 17, {"exit_code": 1}]


@given(data=st.binary(max_size=40))
def test_anything_else_is_a_value_error(data: bytes) -> None:
    kind_of(data)
    with contextlib.suppress(ValueError):
        assert len(decode_body(data)) == 4
