"""One panel of a chart: one metric of several runs, reduced to one common grid.

Every number comes from all points of the runs: a bucket shows its last value in step order, and its
lowest and highest. Where the distinct x of all runs together are few enough, each is its own column
and nothing is reduced.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

from steelyard.errors import NotFound
from steelyard.limits import CHART_BUCKETS_MIN, CHART_VALUES_MAX
from steelyard.server.columns.buckets import Buckets, bucket
from steelyard.server.columns.interface import Floats, Series, Stream
from steelyard.server.columns.read import join_xy, read_rows, read_series_of

Axis = Literal["step", "relative", "wall", "metric"]

BUCKETS_PER_PIXEL = 2
RUNS_ASKED_FOR_KIND = 3
RUNTIME_KEY, TIMESTAMP_KEY = "_runtime", "_timestamp"

#: x f64[n] and y f64[n] of one run, in step order.
Points = tuple[Floats, Floats]
#: [series, column, "NaN" | "+Inf" | "-Inf", count]
NonFinite = tuple[int, int, str, int]


class ChartQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What to draw. `x_range` bounds x, both ends included; `px` is the width of the panel."""

    stream: Stream
    key: str
    axis: Axis
    x_key: str | None = None
    px: int
    x_range: tuple[float, float] | None = None


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """Series on one grid: x per column, or (x0, dx, n) for columns at x0 + i dx.

    `line`, `lo`, `hi` are f64[series, columns], NaN where a run has no finite value; without `lo`
    every column of a run holds one point. Runs without a point are not in `series`.
    """

    series: list[tuple[int, int]]
    """Run id and how many points it has in the range."""
    grid: Floats | tuple[float, float, int]
    line: Floats
    lo: Floats | None = None
    hi: Floats | None = None
    nonfinite: list[NonFinite] = []
    warnings: list[str] = []
    error: str | None = None


class ChartReader:
    """Reads charts of the same runs; what several panels share (their x) is read once.

    For one transaction: nothing is read again.
    """

    def __init__(self, conn: Connection, run_ids: Sequence[int]) -> None:
        self._conn = conn
        self._run_ids = list(run_ids)
        self._shared: dict[tuple[Stream, str], dict[int, Series]] = {}

    def read(self, query: ChartQuery) -> Chart:
        """The chart, with `error` where the key holds no numbers."""
        points = self._points(query)
        run_ids = [run_id for run_id in self._run_ids if run_id in points]
        if not run_ids:
            return self._without_points(query)
        return reduce_points([(run_id, points[run_id]) for run_id in run_ids], query)

    def _points(self, query: ChartQuery) -> dict[int, Points]:
        x_key = x_key_of(query)
        low, high = query.x_range or (None, None)
        if x_key is None:
            found = read_series_of(
                self._conn, self._run_ids, query.stream, query.key, x_min=low, x_max=high
            )
            return {run_id: join_xy(series, None) for run_id, series in found.items()}
        ys = read_series_of(self._conn, self._run_ids, query.stream, query.key)
        xs = self._read_shared(query.stream, x_key)
        points: dict[int, Points] = {}
        for run_id, y in ys.items():
            if run_id in xs:
                x, value = join_xy(y, xs[run_id], x_min=low, x_max=high)
                is_drawable = np.isfinite(x)
                if is_drawable.any():
                    points[run_id] = (x, value) if is_drawable.all() else (
                        x[is_drawable], value[is_drawable]
                    )  # fmt: skip
        return points

    def _read_shared(self, stream: Stream, key: str) -> dict[int, Series]:
        if (stream, key) not in self._shared:
            found = read_series_of(self._conn, self._run_ids, stream, key)
            self._shared[stream, key] = found
        return self._shared[stream, key]

    def _without_points(self, query: ChartQuery) -> Chart:
        nothing = np.empty((0, 0))
        for run_id in self._run_ids[:RUNS_ASKED_FOR_KIND]:
            rows = read_rows(self._conn, run_id, query.stream, limit=1, keys=[query.key])
            if rows and query.axis != "metric":
                reason = f"{query.key!r} holds no numbers, so there is no line to draw"
                if query.x_range is None:
                    return Chart(series=[], grid=np.empty(0), line=nothing, error=reason)
        warning = f"none of these runs has a point of {query.key!r}"
        if query.axis == "metric":
            warning += f" at a step where {query.x_key!r} is a number"
        if query.x_range is not None:
            warning += " in this range"
        return Chart(series=[], grid=np.empty(0), line=nothing, warnings=[warning])


def x_key_of(query: ChartQuery) -> str | None:
    """The metric that gives x; None for the step itself.

    System metrics have no steps of their own, so they are always drawn over time.
    """
    if query.axis == "metric":
        return query.x_key if query.x_key != "_step" else None
    if query.axis == "wall":
        return TIMESTAMP_KEY
    if query.axis == "relative" or query.stream == "system":
        return RUNTIME_KEY
    return None


def find_nearest(
    conn: Connection, run_id: int, query: ChartQuery, x: float
) -> tuple[int, float, float]:
    """(step, x, value) of the logged point whose x is nearest. Raises NotFound without points."""
    series = read_series_of(conn, [run_id], query.stream, query.key).get(run_id)
    x_key = x_key_of(query)
    if series is None:
        raise NotFound(f"this run has no numbers under {query.key!r}")
    steps, xs, values = series.step, series.step.astype(np.float64), series.value
    if x_key is not None:
        of_x = read_series_of(conn, [run_id], query.stream, x_key).get(run_id)
        if of_x is None:
            raise NotFound(f"this run has no numbers under {x_key!r}")
        steps, at_y, at_x = np.intersect1d(
            series.step, of_x.step, assume_unique=True, return_indices=True
        )
        xs, values = of_x.value[at_x], values[at_y]
    distances = np.abs(xs - x)
    if not np.isfinite(distances).any():
        raise NotFound(f"no step of this run has both {query.key!r} and {x_key!r}")
    nearest = int(np.nanargmin(distances))
    return int(steps[nearest]), float(xs[nearest]), float(values[nearest])


def reduce_points(runs: Sequence[tuple[int, Points]], query: ChartQuery) -> Chart:
    """One grid for all runs, each with at least one point of finite x."""
    columns_max = max(
        CHART_BUCKETS_MIN, min(CHART_VALUES_MAX // len(runs), query.px * BUCKETS_PER_PIXEL)
    )
    series = [(run_id, len(x)) for run_id, (x, _) in runs]
    union = find_union([x for _, (x, _) in runs], columns_max)
    if union is not None:
        return _place_points([points for _, points in runs], series, union)
    x0, x1 = query.x_range or _x_bounds([x for _, (x, _) in runs])
    dx = (x1 - x0) / (columns_max - 1)
    # Column i is drawn at x0 + i dx and stands for half of dx on both sides of it, so that the
    # first and the last point lie where they were logged.
    reduced = [bucket(x, y, x0=x0 - dx / 2, x1=x1 + dx / 2, n=columns_max) for _, (x, y) in runs]
    return Chart(
        series=series,
        grid=(x0, dx, columns_max),
        line=np.stack([part.last for part in reduced]),
        lo=np.stack([part.low for part in reduced]),
        hi=np.stack([part.high for part in reduced]),
        nonfinite=_list_nonfinite(reduced),
    )


def find_union(xs: Sequence[Floats], count_max: int) -> Floats | None:
    """The distinct x of all runs in order, or None when there are more than `count_max`."""
    union: Floats = np.empty(0)
    for x in xs:
        # A look at the beginning spares sorting a million x that are all different.
        for part in (x[: count_max + 1], x):
            union = np.union1d(union, part)
            if len(union) > count_max:
                return None
    return union


def _place_points(points: Sequence[Points], series: list[tuple[int, int]], union: Floats) -> Chart:
    """Every x is a column. Points of a run at the same x share it: the last is the line."""
    shape = (len(points), len(union))
    line, lo, hi = (np.full(shape, np.nan) for _ in range(3))
    nonfinite: list[NonFinite] = []
    has_shared = False
    for row, (x, y) in enumerate(points):
        column = np.searchsorted(union, x)
        is_finite = np.isfinite(y)
        nonfinite += _count_nonfinite(row, column[~is_finite], y[~is_finite])
        column, y = column[is_finite], y[is_finite]
        line[row, column] = y
        np.fmin.at(lo[row], column, y)
        np.fmax.at(hi[row], column, y)
        has_shared = has_shared or len(np.unique(column)) < len(column)
    return Chart(
        series=series,
        grid=union,
        line=line,
        lo=lo if has_shared else None,
        hi=hi if has_shared else None,
        nonfinite=nonfinite,
    )


def _count_nonfinite(row: int, columns: NDArray[np.int64], y: Floats) -> list[NonFinite]:
    counts: dict[tuple[int, str], int] = {}
    for column, value in zip(columns.tolist(), y.tolist(), strict=True):
        name = "NaN" if value != value else "+Inf" if value > 0 else "-Inf"
        counts[column, name] = counts.get((column, name), 0) + 1
    return [(row, column, name, count) for (column, name), count in sorted(counts.items())]


def _list_nonfinite(reduced: Sequence[Buckets]) -> list[NonFinite]:
    return [
        (row, column, name, count)
        for row, part in enumerate(reduced)
        for column, name, count in part.nonfinite
    ]


def _x_bounds(xs: Sequence[Floats]) -> tuple[float, float]:
    return min(float(x.min()) for x in xs), max(float(x.max()) for x in xs)
