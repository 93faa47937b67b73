from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.server.http.signing import Signer

SIGNER = Signer(b"k" * 32)
PURPOSES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)
TIMES = st.integers(0, 2**62)


@given(purpose=PURPOSES, payload=TEXTS, expires=TIMES, now=TIMES)
def test_a_signature_holds_until_it_expires(
    purpose: str, payload: str, expires: int, now: int
) -> None:
    signature = SIGNER.sign(purpose, payload, expires)
    assert SIGNER.verify(purpose, payload, expires, signature, now_us=now) == (now < expires)
    assert signature.isascii() and not set(signature) & set("+/=&?% ")


@given(one=st.tuples(PURPOSES, TEXTS, TIMES), other=st.tuples(PURPOSES, TEXTS, TIMES))
def test_a_signature_holds_for_nothing_else(
    one: tuple[str, str, int], other: tuple[str, str, int]
) -> None:
    is_same = SIGNER.sign(*one) == SIGNER.sign(*other)
    assert is_same == (one == other)


@pytest.mark.parametrize("signature", ["", "x", "ü", "\ud800", "A" * 43])
def test_what_is_no_signature_is_refused_without_an_error(signature: str) -> None:
    assert not SIGNER.verify("a", "b", 10, signature, now_us=0)


def test_another_key_signs_differently() -> None:
    other = Signer(b"l" * 32)
    assert not SIGNER.verify("a", "b", 10, other.sign("a", "b", 10), now_us=0)
