"""Ranges and names in headers."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.server.http.downloads import describe_disposition, parse_range


@given(size=st.integers(0, 1000), first=st.integers(0, 1200), last=st.none() | st.integers(0, 1200))
def test_a_range_is_what_slicing_gives(size: int, first: int, last: int | None) -> None:
    content = range(size)
    span = parse_range(f"bytes={first}-{'' if last is None else last}", size)
    if last is not None and last < first:
        assert span is None
        return
    assert span is not None
    start, count = span
    assert content[start : start + count] == content[first : None if last is None else last + 1]


@given(size=st.integers(0, 1000), count=st.integers(0, 1200))
def test_the_last_bytes_are_what_slicing_gives(size: int, count: int) -> None:
    span = parse_range(f"bytes=-{count}", size)
    assert span is not None
    start, length = span
    assert length == min(count, size)
    assert start + length == size


@pytest.mark.parametrize(
    "text", ["", "bytes", "bytes=-", "bytes=a-b", "bytes=1-2,4-5", "items=0-1"]
)
def test_other_ranges_do_not_count(text: str) -> None:
    assert parse_range(text, 10) is None


@given(st.text(st.characters(blacklist_categories=["Cs"]), min_size=1))
def test_any_name_makes_a_header_that_gives_the_name_back(name: str) -> None:
    header = describe_disposition(name, "text/html")
    header.encode("ascii")
    assert "\n" not in header and "\r" not in header
    encoded = header.split("filename*=UTF-8''")[1]
    assert unquote(encoded) == name.rsplit("/", 1)[-1]
    assert header.count('"') == 2
