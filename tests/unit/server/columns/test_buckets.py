"""Buckets against a loop over points."""

import math

import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from steelyard.server.columns.buckets import bucket

y_values = st.floats(-1e6, 1e6) | st.sampled_from([math.nan, math.inf, -math.inf])


def naive(x, y, x0, x1, n):
    edges = [x0 + i * ((x1 - x0) / n) for i in range(n)]
    cells = [[] for _ in range(n)]
    nonfinite = {}
    for at, value in zip(x, y, strict=True):
        if not x0 <= at <= x1:
            continue
        place = max((i for i in range(n) if edges[i] <= at), default=0) if x1 > x0 else 0
        if math.isfinite(value):
            cells[place].append(value)
        else:
            name = "NaN" if math.isnan(value) else ("+Inf" if value > 0 else "-Inf")
            nonfinite[place, name] = nonfinite.get((place, name), 0) + 1
    return cells, sorted((place, name, count) for (place, name), count in nonfinite.items())


@given(
    points=st.lists(st.tuples(st.integers(0, 40) | st.floats(-5, 45), y_values), max_size=60),
    bounds=st.tuples(st.integers(-3, 43), st.integers(0, 50)),
    n=st.integers(1, 12),
    in_order=st.booleans(),
)
def test_buckets_are_what_a_loop_over_the_points_gives(points, bounds, n, in_order):
    if in_order:
        points = sorted(points, key=lambda point: point[0])
    x0, x1 = float(bounds[0]), float(bounds[0] + bounds[1])
    x = np.array([point[0] for point in points], np.float64)
    y = np.array([point[1] for point in points], np.float64)
    got = bucket(x, y, x0=x0, x1=x1, n=n)
    cells, nonfinite = naive(x.tolist(), y.tolist(), x0, x1, n)
    assert got.nonfinite == nonfinite
    assert got.count.tolist() == [len(cell) for cell in cells]
    for i, cell in enumerate(cells):
        if not cell:
            assert math.isnan(got.last[i]) and math.isnan(got.low[i]) and math.isnan(got.mean[i])
        else:
            assert (got.last[i], got.low[i], got.high[i]) == (cell[-1], min(cell), max(cell))
            assert math.isclose(got.mean[i], sum(cell) / len(cell), rel_tol=1e-9, abs_tol=1e-6)


def test_points_without_an_x_are_left_out():
    x = np.array([0.0, math.nan, 1.0, math.nan])
    got = bucket(x, np.array([1.0, 2.0, 3.0, math.nan]), x0=0, x1=1, n=2)
    assert got.last.tolist() == [1.0, 3.0]
    assert got.nonfinite == []
