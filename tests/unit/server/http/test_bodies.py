"""Unpacking bodies."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.errors import TooLarge, Torn
from steelyard.server.http.bodies import unpack

PACKERS = {"gzip": gzip.compress, "deflate": zlib.compress}
encodings = pytest.mark.parametrize("encoding", PACKERS)


@encodings
@given(content=st.binary(max_size=2000))
def test_what_was_packed_comes_back(encoding: str, content: bytes) -> None:
    packed = PACKERS[encoding](content)
    assert unpack(packed, encoding, size_bytes_max=2000, limit_name="LIMIT") == content


@encodings
@given(content=st.binary(max_size=200), cut=st.integers(1, 1000))
def test_what_was_cut_is_torn(encoding: str, content: bytes, cut: int) -> None:
    packed = PACKERS[encoding](content)
    with pytest.raises(Torn):
        unpack(packed[: -min(cut, len(packed))], encoding, size_bytes_max=2000, limit_name="LIMIT")


@encodings
def test_the_limit_counts_unpacked_bytes(encoding: str) -> None:
    assert unpack(PACKERS[encoding](bytes(100)), encoding, size_bytes_max=100, limit_name="LIMIT")
    with pytest.raises(TooLarge, match="LIMIT"):
        unpack(PACKERS[encoding](bytes(101)), encoding, size_bytes_max=100, limit_name="LIMIT")
