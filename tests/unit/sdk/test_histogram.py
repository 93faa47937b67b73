"""Histograms, against numpy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.errors import Invalid
from steelyard.sdk.histogram import Histogram, count_in_bins
from steelyard.sdk.values import plain_row

NUMBERS = st.lists(st.floats(-1e6, 1e6).map(lambda number: round(number, 3)), min_size=1)


@given(numbers=NUMBERS, bin_count=st.integers(1, 100))
def test_edges_are_numpys_and_every_number_is_counted_between_its_edges(
    numbers: list[float], bin_count: int
) -> None:
    counts, edges = count_in_bins(numbers, bin_count)
    _, expected = np.histogram(numbers, bins=bin_count)
    assert edges == pytest.approx(expected.tolist(), rel=1e-9, abs=1e-9)
    assert sum(counts) == len(numbers)
    if len(set(edges)) == len(edges):
        # numpy counts with its own edges, which may differ from ours by rounding.
        by_edges, _ = np.histogram(numbers, bins=np.array(edges))
        assert counts == by_edges.tolist()


@given(numbers=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_any_finite_numbers_are_counted(numbers: list[float]) -> None:
    counts, edges = count_in_bins(numbers, 16)
    assert sum(counts) == len(numbers)
    assert all(math.isfinite(edge) for edge in edges)
    assert edges == sorted(edges)


def test_the_value_is_the_official_clients() -> None:
    assert Histogram([1, 2, 3], num_bins=2).to_json() == {
        "_type": "histogram",
        "values": [1, 1 + 1],
        "bins": [1.0, 2.0, 3.0],
    }
    counts, edges = np.histogram([1, 2, 2, 5], bins=3)
    assert Histogram(np_histogram=(counts, edges)).to_json() == {
        "_type": "histogram",
        "values": counts.tolist(),
        "bins": edges.tolist(),
    }
    assert len(Histogram([1.0]).histogram) == 64


def test_a_histogram_is_a_value_of_a_row() -> None:
    row = plain_row({"h": Histogram([1, 2], num_bins=1), "list": [Histogram([1], num_bins=1)]})
    assert row["h"] == {"_type": "histogram", "values": [2], "bins": [1.0, 2.0]}
    assert row["list"][0]["_type"] == "histogram"


@pytest.mark.parametrize(
    "sequence",
    [
        [1, [2, (3, 4)]],
        np.array([[1, 2], [3, 4]]),
        [np.array([1, 2]), np.float32(3), 4],
        range(1, 5),
        [1, 2, 3, 4, math.nan, math.inf],
        (number for number in (1, 2, 3, 4)),
    ],
)
def test_numbers_come_in_any_nesting_and_what_is_not_finite_is_left_out(sequence: Any) -> None:
    assert (
        Histogram(sequence, num_bins=3).to_json() == Histogram([1, 2, 3, 4], num_bins=3).to_json()
    )


def test_nothing_at_all_gives_empty_bins() -> None:
    assert Histogram([], num_bins=2).to_json()["values"] == [0, 0]
    assert Histogram([math.nan], num_bins=2).bins == [0.0, 0.5, 1.0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sequence": ["a"]}, "'a' is none"),
        ({"sequence": [1], "num_bins": 513}, "512"),
        ({"sequence": [1], "num_bins": 0}, "num_bins"),
        ({"sequence": [1], "num_bins": 2.5}, "num_bins"),
        ({"np_histogram": ([1], [1, 2], 3)}, "counts, edges"),
        ({"np_histogram": ([1, 2], [1, 2])}, "2 counts need 3 edges"),
        ({"np_histogram": ([0] * 600, [0] * 601)}, "512"),
    ],
)
def test_what_is_no_histogram_is_refused(options: Any, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        Histogram(**options)
