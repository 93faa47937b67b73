"""Which contents a version names: sorted MD5s say what a set of them says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from steelyard.server.rooms.artifacts.named import SortedDigests

# Few values, so that halves repeat and differ at both ends.
halves = st.sampled_from([bytes(8), bytes(7) + b"\x01", b"\x80" + bytes(7), b"\xff" * 8])
md5s = st.tuples(halves, halves).map(b"".join)


@given(named=st.lists(md5s, max_size=12), cut=st.integers(0, 12), asked=md5s)
def test_sorted_digests_have_what_a_set_of_them_has(
    named: list[bytes], cut: int, asked: bytes
) -> None:
    digests = SortedDigests([b"".join(named[:cut]), b"".join(named[cut:])])
    assert digests.has(asked) == (asked in named)
    assert digests.size_bytes == 16 * len(named)
