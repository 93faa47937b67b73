"""Points to buckets of equal width on the x axis. Pure numpy, no Python per point.

A bucket's line value is its last finite value in step order; NaN and infinities are not drawn but
counted, so that a chart can mark where they are.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from steelyard.server.columns.interface import Floats, Ints, Series

NOT_A_NUMBER, PLUS_INFINITY, MINUS_INFINITY = "NaN", "+Inf", "-Inf"


class Buckets(msgspec.Struct, frozen=True):
    """float64[n] per bucket, NaN where a bucket has no finite value.

    `count` is of finite values; `nonfinite` lists (bucket, "NaN" | "+Inf" | "-Inf", count).
    """

    last: Floats
    low: Floats
    high: Floats
    mean: Floats
    count: Ints
    nonfinite: list[tuple[int, str, int]]


def bucket(x: Floats | Ints, y: Floats, *, x0: float, x1: float, n: int) -> Buckets:
    """Reduce points to `n` buckets of [x0, x1], of which the last is closed; others are left out.

    Args:
        x: number[m] in any order; rising is fastest. Points where it is NaN are left out.
        y: float64[m], points in step order.
    """
    assert n >= 1 and len(x) == len(y), (n, len(x), len(y))
    width = _width(x0, x1, n)
    nonfinite: list[tuple[int, str, int]] = []
    # A sum costs less than asking every value; it is finite only when all are (or overflows).
    with np.errstate(over="ignore", invalid="ignore"):
        is_all_finite = bool(np.isfinite(y.sum()))
    if not is_all_finite:
        mask = np.isfinite(y)
        nonfinite = _list_nonfinite(x[~mask], y[~mask], x0=x0, x1=x1, n=n)
        x, y = x[mask], y[mask]
    if bool((x[1:] >= x[:-1]).all()) and not (len(x) and bool(np.isnan(x[-1]))):
        starts, stops = _cut_sorted(x, x0=x0, x1=x1, width=width, n=n)
    else:
        inside = (x >= x0) & (x <= x1)
        number = _number(x[inside], x0=x0, x1=x1, n=n)
        # Small integers are sorted in linear time.
        order = np.argsort(number.astype(np.uint16) if n <= 2**16 else number, kind="stable")
        y, number = y[inside][order], number[order]
        starts = np.searchsorted(number, np.arange(n))
        stops = np.append(starts[1:], len(number))
    return _reduce(y, starts, stops, nonfinite)


def reduce_series(series: Series, *, x0: float, x1: float, n: int) -> Buckets:
    """Buckets over the steps, of points or of their summaries alike."""
    if series.cell_points is None:
        return bucket(series.step, series.value, x0=x0, x1=x1, n=n)
    return bucket_cells(series, series.step.astype(np.float64), x0=x0, x1=x1, n=n)


def bucket_cells(series: Series, x: Floats, *, x0: float, x1: float, n: int) -> Buckets:
    """`bucket` of points that are summaries themselves (`Series.cell_points`)."""
    assert series.low is not None and series.high is not None
    assert series.mean is not None and series.count is not None
    has_any = series.count > 0
    x, count = x[has_any], series.count[has_any]
    lines = bucket(x, series.value[has_any], x0=x0, x1=x1, n=n)
    total = bucket(x, series.mean[has_any] * count, x0=x0, x1=x1, n=n)
    counts = bucket(x, count.astype(np.float64), x0=x0, x1=x1, n=n)
    counted = np.nan_to_num(counts.mean * counts.count).round().astype(np.int64)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total.mean * total.count / counted
    return Buckets(
        last=lines.last,
        low=bucket(x, series.low[has_any], x0=x0, x1=x1, n=n).low,
        high=bucket(x, series.high[has_any], x0=x0, x1=x1, n=n).high,
        mean=mean,
        count=counted,
        nonfinite=[],
    )


def _number(x: Floats | Ints, *, x0: float, x1: float, n: int) -> Ints:
    """The bucket of each x inside [x0, x1]."""
    width = _width(x0, x1, n)
    if width <= 0:
        return np.zeros(len(x), np.int64)
    # A division is several times faster than a search, but may be off by one at an edge.
    number = np.clip((x - x0) / width, 0, n - 1).astype(np.int64)
    edges = np.append(_edges(x0, x1, n), np.inf)
    number -= (x < edges[number]) & (number > 0)
    number += (x >= edges[number + 1]) & (number < n - 1)
    return number


def _width(x0: float, x1: float, n: int) -> float:
    span = x1 - x0
    return span / n if span < np.inf else x1 / n - x0 / n


def _edges(x0: float, x1: float, n: int) -> Floats:
    """Left edges of the buckets. One rule for both ways, so that they agree to the last bit."""
    edges: Floats = np.arange(n, dtype=np.float64)
    edges *= _width(x0, x1, n)
    edges += x0
    return edges


def _cut_sorted(
    x: Floats | Ints, *, x0: float, x1: float, width: float, n: int
) -> tuple[Ints, Ints]:
    stop = int(np.searchsorted(x, x1, side="right"))
    if width <= 0:
        start = int(np.searchsorted(x, x0, side="left"))
        starts = np.full(n, stop)
        starts[0] = min(start, stop)
        return starts, np.full(n, stop)
    starts = np.minimum(np.searchsorted(x, _edges(x0, x1, n), side="left"), stop)
    return starts, np.append(starts[1:], stop)


def _reduce(y: Floats, starts: Ints, stops: Ints, nonfinite: list[tuple[int, str, int]]) -> Buckets:
    n = len(starts)
    count = stops - starts
    full = np.flatnonzero(count)
    last, low, high, mean = (np.full(n, np.nan) for _ in range(4))
    if len(full):
        y = y[: stops[full[-1]]]
        begins = starts[full]
        last[full] = y[stops[full] - 1]
        low[full] = np.minimum.reduceat(y, begins)
        high[full] = np.maximum.reduceat(y, begins)
        mean[full] = np.add.reduceat(y, begins) / count[full]
    return Buckets(last, low, high, mean, count, nonfinite)


def _list_nonfinite(
    x: Floats | Ints, y: Floats, *, x0: float, x1: float, n: int
) -> list[tuple[int, str, int]]:
    found: list[tuple[int, str, int]] = []
    inside = (x >= x0) & (x <= x1)
    number, y = _number(x[inside], x0=x0, x1=x1, n=n), y[inside]
    masks: list[tuple[str, NDArray[np.bool_]]] = [
        (NOT_A_NUMBER, np.isnan(y)),
        (PLUS_INFINITY, y == np.inf),
        (MINUS_INFINITY, y == -np.inf),
    ]
    for name, mask in masks:
        buckets, counts = np.unique(number[mask], return_counts=True)
        found += [
            (int(each), name, int(count)) for each, count in zip(buckets, counts, strict=True)
        ]
    return sorted(found)
