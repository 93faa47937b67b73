"""Ids and cursors come back as they were given out, and nothing else is taken for one."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from steelyard.errors import Invalid, NotFound
from steelyard.server.gateway.ids import (
    ID_MAX,
    decode_cursor,
    decode_id,
    encode_cursor,
    encode_id,
)


@given(number=st.integers(0, ID_MAX))
def test_an_id_comes_back_as_its_number(number: int) -> None:
    assert decode_id("Run", encode_id("Run", number)) == number


@given(text=st.text(max_size=30))
def test_other_texts_are_no_ids(text: str) -> None:
    with pytest.raises(NotFound):
        decode_id("Run", text)


def test_an_id_of_another_kind_or_beyond_64_bits_is_none() -> None:
    for text in (encode_id("File", 1), encode_id("Run", ID_MAX + 1), encode_id("Run", 10**30)):
        with pytest.raises(NotFound):
            decode_id("Run", text)


@given(place=st.text(min_size=1, alphabet=st.characters(codec="utf-8")))
def test_a_cursor_comes_back_as_its_place(place: str) -> None:
    assert decode_cursor(encode_cursor(place)) == place


def test_no_cursor_is_the_start_and_nonsense_is_refused() -> None:
    assert decode_cursor(None) is None
    assert decode_cursor("") is None
    with pytest.raises(Invalid, match="no cursor"):
        decode_cursor("_w==")
