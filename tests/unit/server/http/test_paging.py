from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.errors import Invalid
from steelyard.server.http.paging import check_limit, decode_cursor, encode_cursor


@given(at=st.integers(-(2**62), 2**62), name=st.text(st.characters(exclude_categories=["Cs"])))
def test_a_cursor_gives_back_what_it_was_made_of(at: int, name: str) -> None:
    cursor = encode_cursor(at, name)
    assert decode_cursor(cursor, tuple[int, str]) == (at, name)
    assert not set(cursor) & set("+/=&?% ")


@given(st.text(max_size=40))
def test_what_is_no_cursor_is_invalid(text: str) -> None:
    with pytest.raises(Invalid):
        decode_cursor(text + "!", tuple[int, int, int])


@pytest.mark.parametrize("limit", [0, -1, 201])
def test_a_limit_outside_its_bounds_is_invalid(limit: int) -> None:
    with pytest.raises(Invalid, match="1…200"):
        check_limit(limit)
