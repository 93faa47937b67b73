"""Lists that are read page by page."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.errors import Invalid
from steelyard.sdk.api.pages import SizedPages


class Numbers(SizedPages[int]):
    """The numbers below `count`, without those that are to be left out."""

    def __init__(self, count: int, per_page: int, without: frozenset[int] = frozenset()) -> None:
        super().__init__(per_page)
        self.count, self.without, self.requests = count, without, 0

    def _read_page(self, cursor: str | None) -> dict[str, Any]:
        self.requests += 1
        first = int(cursor) + 1 if cursor is not None else 0
        found = range(first, min(first + self.per_page, self.count))
        return {
            "edges": [{"cursor": str(number), "node": number} for number in found],
            "pageInfo": {"hasNextPage": first + self.per_page < self.count},
            "totalCount": self.count,
        }

    def _convert(self, edge: dict[str, Any]) -> int | None:
        number: int = edge["node"]
        return None if number in self.without else number


@given(
    count=st.integers(0, 40),
    per_page=st.integers(1, 12),
    without=st.frozensets(st.integers(0, 40)),
)
def test_every_object_comes_once_in_order_however_long_pages_are(
    count: int, per_page: int, without: frozenset[int]
) -> None:
    expected = [number for number in range(count) if number not in without]
    pages = Numbers(count, per_page, without)
    assert list(pages) == expected
    assert list(pages) == expected  # begun anew, from what was read
    assert pages[:] == expected
    assert not pages.more


@given(count=st.integers(1, 40), per_page=st.integers(1, 12), data=st.data())
def test_an_index_and_a_slice_are_those_of_the_whole_list(
    count: int, per_page: int, data: st.DataObject
) -> None:
    whole = list(range(count))
    index = data.draw(st.integers(-count, count - 1))
    assert Numbers(count, per_page)[index] == whole[index]
    start, stop = (data.draw(st.none() | st.integers(-count, count + 5)) for _ in range(2))
    assert Numbers(count, per_page)[start:stop] == whole[start:stop]


def test_only_the_pages_that_are_needed_are_read() -> None:
    pages = Numbers(100, 10)
    assert len(pages) == 100
    assert pages[9] == 9
    assert pages.requests == 1
    assert (pages[10], next(pages), pages.next()) == (10, 0, 1)
    assert pages.requests == 2
    assert (pages.more, pages.cursor) == (True, "19")


def test_an_index_beyond_the_end_is_an_index_error() -> None:
    with pytest.raises(IndexError):
        Numbers(3, 2)[3]


def test_a_page_has_at_least_one_object() -> None:
    with pytest.raises(Invalid, match="per_page"):
        Numbers(3, 0)
