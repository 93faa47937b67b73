"""One panel of a chart: one metric of several runs, reduced to one common grid.

Every number comes from all points of the runs: a bucket shows its last value in step order, and its
lowest and highest. Where the distinct x of all runs together are few enough, each is its own column
and nothing is reduced.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

from steelyard.errors import NotFound
from steelyard.limits import CHART_BUCKETS_MIN, CHART_POINTS_AT_ONCE, CHART_VALUES_MAX
from steelyard.server.columns.buckets import Buckets, bucket, bucket_cells
from steelyard.server.columns.extents import Extent, list_extents
from steelyard.server.columns.interface import Floats, Stream
from steelyard.server.columns.read import iter_series_of, join_xy, read_rows, read_series_of

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
    is_approximate: bool = False
    """Made from summaries: lowest and highest are exact, a last value may lie a little beside."""


def read_chart(
    conn: Connection,
    run_ids: Sequence[int],
    query: ChartQuery,
    *,
    points_at_once: int = CHART_POINTS_AT_ONCE,
) -> Chart:
    """The chart, with `error` where the key holds no numbers.

    Few points are read together and may be drawn exactly. Of many, the metadata gives the grid, and
    batches of runs are read, reduced and forgotten: a million points take 16 MB only while at it.
    """
    extents = list_extents(conn, run_ids, query.stream, query.key)
    count = sum(extent.n for extent in extents.values())
    longest = max((extent.n for extent in extents.values()), default=0)
    is_small = count <= points_at_once or longest <= columns_max(query, len(extents))
    if not extents:
        return _without_points(conn, run_ids, query)
    chart = None if is_small else _reduce_in_batches(conn, run_ids, extents, query, points_at_once)
    if chart is None:
        points = _read_points(conn, [each for each in run_ids if each in extents], query)
        runs = [(run_id, points[run_id]) for run_id in run_ids if run_id in points]
        chart = reduce_points(runs, query) if runs else None
    return chart if chart is not None else _without_points(conn, run_ids, query)


def columns_max(query: ChartQuery, run_count: int) -> int:
    """How many columns the grid may have."""
    fair = CHART_VALUES_MAX // max(run_count, 1)
    return max(CHART_BUCKETS_MIN, min(fair, query.px * BUCKETS_PER_PIXEL))


def _read_points(conn: Connection, run_ids: Sequence[int], query: ChartQuery) -> dict[int, Points]:
    """Points of runs that have any at a finite x in the range."""
    x_key = x_key_of(query)
    low, high = query.x_range or (None, None)
    if x_key is None:
        found = read_series_of(conn, run_ids, query.stream, query.key, x_min=low, x_max=high)
        return {run_id: join_xy(series, None) for run_id, series in found.items()}
    ys = read_series_of(conn, run_ids, query.stream, query.key)
    xs = read_series_of(conn, run_ids, query.stream, x_key)
    points: dict[int, Points] = {}
    for run_id, y in ys.items():
        if run_id in xs:
            x, value = join_xy(y, xs[run_id], x_min=low, x_max=high)
            is_finite = np.isfinite(x)
            if not is_finite.all():
                x, value = x[is_finite], value[is_finite]
            if len(x):
                points[run_id] = (x, value)
    return points


def _reduce_in_batches(
    conn: Connection,
    run_ids: Sequence[int],
    extents: dict[int, Extent],
    query: ChartQuery,
    points_at_once: int,
) -> Chart | None:
    """None where the grid is not known without reading."""
    bounds = query.x_range or _bounds_from_metadata(conn, extents, query)
    if bounds is None or not bounds[0] < bounds[1]:
        return None
    grid = _Grid(*bounds, columns_max(query, len(extents)))
    series: list[tuple[int, int]] = []
    reduced: list[Buckets] = []
    is_approximate = False
    known = [run_id for run_id in run_ids if run_id in extents]
    for batch in _batches(known, extents, points_at_once):
        if x_key_of(query) is None:
            found = dict(_bucket_by_step(conn, batch, query, grid))
            is_approximate = is_approximate or any(part[2] for part in found.values())
        else:
            points = _read_points(conn, batch, query)
            found = {
                run_id: (len(x), grid.bucket(x, y), False) for run_id, (x, y) in points.items()
            }
        for run_id in batch:
            if run_id in found:
                series.append((run_id, found[run_id][0]))
                reduced.append(found[run_id][1])
    return (
        _chart_of_buckets(series, reduced, grid, is_approximate=is_approximate) if series else None
    )


def _bucket_by_step(
    conn: Connection, run_ids: Sequence[int], query: ChartQuery, grid: _Grid
) -> Iterator[tuple[int, tuple[int, Buckets, bool]]]:
    """(run, (points, buckets, whether summaries were used)); x is the step."""
    low, high = query.x_range or (None, None)
    for run_id, series in iter_series_of(
        conn, run_ids, query.stream, query.key, x_min=low, x_max=high, bucket_count=grid.count
    ):
        x = series.step.astype(np.float64)
        if series.count is None:
            yield run_id, (len(x), grid.bucket(x, series.value), False)
        else:
            x0, x1 = grid.edges
            cells = bucket_cells(series, x, x0=x0, x1=x1, n=grid.count)
            yield run_id, (int(series.count.sum()), cells, True)


def _bounds_from_metadata(
    conn: Connection, extents: dict[int, Extent], query: ChartQuery
) -> tuple[float, float] | None:
    x_key = x_key_of(query)
    if x_key is None:
        lows = [float(extent.step_min) for extent in extents.values()]
        highs = [float(extent.step_max) for extent in extents.values()]
        return min(lows), max(highs)
    of_x = list_extents(conn, list(extents), query.stream, x_key).values()
    finite = [
        (each.value_min, each.value_max)
        for each in of_x
        if each.value_min is not None and each.value_max is not None
    ]
    if not finite:
        return None
    return min(low for low, _ in finite), max(high for _, high in finite)


def _batches(
    run_ids: Sequence[int], extents: dict[int, Extent], points_at_once: int
) -> Iterator[list[int]]:
    batch: list[int] = []
    size = 0
    for run_id in run_ids:
        if batch and size + extents[run_id].n > points_at_once:
            yield batch
            batch, size = [], 0
        batch.append(run_id)
        size += extents[run_id].n
    yield batch


def _without_points(conn: Connection, run_ids: Sequence[int], query: ChartQuery) -> Chart:
    nothing = Chart(series=[], grid=np.empty(0), line=np.empty((0, 0)))
    if query.axis != "metric" and query.x_range is None:
        for run_id in run_ids[:RUNS_ASKED_FOR_KIND]:
            if read_rows(conn, run_id, query.stream, limit=1, keys=[query.key]):
                reason = f"{query.key!r} holds no numbers, so there is no line to draw"
                return msgspec.structs.replace(nothing, error=reason)
    warning = f"none of these runs has a point of {query.key!r}"
    if query.axis == "metric":
        warning += f" at a step where {query.x_key!r} is a number"
    if query.x_range is not None:
        warning += " in this range"
    return msgspec.structs.replace(nothing, warnings=[warning])


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


class _Grid(msgspec.Struct, frozen=True):
    """Columns from x0 to x1. Column i is drawn at x0 + i dx and stands for half of dx on each side,
    so that the first and the last point lie where they were logged.
    """

    x0: float
    x1: float
    count: int

    @property
    def dx(self) -> float:
        return (self.x1 - self.x0) / (self.count - 1)

    @property
    def edges(self) -> tuple[float, float]:
        return self.x0 - self.dx / 2, self.x1 + self.dx / 2

    def bucket(self, x: Floats, y: Floats) -> Buckets:
        x0, x1 = self.edges
        return bucket(x, y, x0=x0, x1=x1, n=self.count)


def reduce_points(runs: Sequence[tuple[int, Points]], query: ChartQuery) -> Chart:
    """One grid for all runs, each with at least one point of finite x."""
    series = [(run_id, len(x)) for run_id, (x, _) in runs]
    count = columns_max(query, len(runs))
    union = find_union([x for _, (x, _) in runs], count)
    if union is not None:
        return _place_points([points for _, points in runs], series, union)
    grid = _Grid(*(query.x_range or _x_bounds([x for _, (x, _) in runs])), count)
    reduced = [grid.bucket(x, y) for _, (x, y) in runs]
    return _chart_of_buckets(series, reduced, grid, is_approximate=False)


def _chart_of_buckets(
    series: list[tuple[int, int]], reduced: Sequence[Buckets], grid: _Grid, *, is_approximate: bool
) -> Chart:
    return Chart(
        series=series,
        grid=(grid.x0, grid.dx, grid.count),
        line=np.stack([part.last for part in reduced]),
        lo=np.stack([part.low for part in reduced]),
        hi=np.stack([part.high for part in reduced]),
        nonfinite=_list_nonfinite(reduced),
        is_approximate=is_approximate,
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
