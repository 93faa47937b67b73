"""Unpacking bodies."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.errors import TooLarge, Torn
from steelyard.server.http.bodies import unpack_gzip


@given(st.binary(max_size=2000))
def test_gzip_comes_back(content: bytes) -> None:
    packed = gzip.compress(content)
    assert unpack_gzip(packed, size_bytes_max=2000, limit_name="LIMIT") == content


@given(content=st.binary(max_size=200), cut=st.integers(1, 1000))
def test_gzip_that_was_cut_is_torn(content: bytes, cut: int) -> None:
    packed = gzip.compress(content)
    with pytest.raises(Torn):
        unpack_gzip(packed[: -min(cut, len(packed))], size_bytes_max=2000, limit_name="LIMIT")


def test_the_limit_counts_unpacked_bytes() -> None:
    assert unpack_gzip(gzip.compress(bytes(100)), size_bytes_max=100, limit_name="LIMIT")
    with pytest.raises(TooLarge, match="LIMIT"):
        unpack_gzip(gzip.compress(bytes(101)), size_bytes_max=100, limit_name="LIMIT")
