"""Every packed array comes back bit for bit."""

import json

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as arrays

from steelyard.server.columns import codec

INT64 = st.integers(-(2**63), 2**63 - 1)
EDGES = [-(2**63), 2**63 - 1, 0, -1, 2**53, 2**53 + 1]


@given(st.lists(INT64 | st.sampled_from(EDGES), max_size=50))
def test_int64_come_back(values):
    array = np.array(values, np.int64)
    assert np.array_equal(codec.unpack_ints(codec.pack_ints(array)), array)


@given(start=INT64, difference=st.integers(-(2**40), 2**40), n=st.integers(0, 5000))
def test_arithmetic_progressions_take_25_bytes(start, difference, n):
    with np.errstate(over="ignore"):
        array = np.int64(start) + np.int64(difference) * np.arange(n, dtype=np.int64)
    packed = codec.pack_ints(array)
    assert len(packed) == 25
    assert np.array_equal(codec.unpack_ints(packed), array)


@given(arrays.arrays(np.uint64, st.integers(0, 60), elements=st.integers(0, 2**64 - 1)))
def test_float64_come_back_with_every_bit(bits):
    """Any bit pattern: NaN payloads, signed zeros, denormals, infinities."""
    values = bits.view(np.float64)
    assert np.array_equal(codec.unpack_floats(codec.pack_floats(values)).view(np.uint64), bits)


@given(
    st.lists(
        st.floats(width=64)
        | st.floats(width=32)
        | st.integers(-(10**6), 10**6).map(lambda n: n / 1000),
        max_size=60,
    ),
    st.booleans(),
)
def test_floats_of_all_forms_come_back(values, in_order):
    array = np.array(sorted(values) if in_order else values, np.float64)
    packed = codec.pack_floats(array)
    assert np.array_equal(codec.unpack_floats(packed).view(np.int64), array.view(np.int64))


@pytest.mark.parametrize(
    ("values", "form"),
    [
        (np.round(np.random.default_rng(1).uniform(0, 1, 500), 4), b"k"),
        (np.random.default_rng(1).normal(size=500).astype("f4").astype("f8"), b"f"),
        (np.random.default_rng(1).normal(size=500), b"d"),
        (np.cos(np.linspace(0, 3, 500)), b"m"),
        (np.array([0.5, -0.0]), b"f"),
        (np.array([1e300, 2.0, 1e299]), b"d"),
    ],
)
def test_the_form_follows_the_values(values, form):
    packed = codec.pack_floats(values)
    assert packed[:1] == form
    assert np.array_equal(codec.unpack_floats(packed).view(np.int64), values.view(np.int64))


@given(arrays.arrays(np.bool_, st.integers(0, 100)))
def test_bools_come_back(values):
    assert np.array_equal(codec.unpack_bools(codec.pack_bools(values)), values)


@given(
    st.lists(
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats(allow_nan=False)
            | st.text(st.characters(exclude_categories=())),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
            max_leaves=5,
        )
    )
)
def test_cells_come_back(cells):
    assert codec.unpack_cells(codec.pack_cells(cells)) == cells


def test_cells_hold_nan_and_numbers_of_any_size():
    cells = [[float("nan"), float("inf")], 10**40]
    assert json.dumps(codec.unpack_cells(codec.pack_cells(cells))) == json.dumps(cells)
