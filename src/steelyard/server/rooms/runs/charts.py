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
from steelyard.server.columns.interface import Floats, Series, Stream
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
    """Run id and how many of its points are drawn, those next to the range included."""
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

    Runs are read in batches. While all points fit into memory together they are kept, and may be
    drawn exactly; beyond, the metadata gives the grid and each run is reduced as it is read.
    """
    extents = list_extents(conn, run_ids, query.stream, query.key)
    known = [run_id for run_id in run_ids if run_id in extents]
    is_small = sum(extent.n for extent in extents.values()) <= points_at_once
    builder = _ChartBuilder(conn, query, extents, points_at_once)
    for batch in _batches(known, extents, points_at_once):
        if x_key_of(query) is None and not is_small:
            _add_by_step(conn, batch, query, builder)
            continue
        points = _read_points(conn, batch, query)
        for run_id in batch:
            if run_id in points:
                builder.add(run_id, points[run_id])
    chart = builder.finish()
    return chart if chart is not None else _without_points(conn, run_ids, query)


def columns_max(query: ChartQuery, run_count: int) -> int:
    """How many columns the grid may have."""
    fair = CHART_VALUES_MAX // max(run_count, 1)
    return max(CHART_BUCKETS_MIN, min(fair, query.px * BUCKETS_PER_PIXEL))


def _read_points(conn: Connection, run_ids: Sequence[int], query: ChartQuery) -> dict[int, Points]:
    """Points of runs at finite x, those without any left out; all of them, whatever the range."""
    x_key = x_key_of(query)
    ys = read_series_of(conn, run_ids, query.stream, query.key)
    if x_key is None:
        return {run_id: join_xy(series, None) for run_id, series in ys.items()}
    xs = read_series_of(conn, run_ids, query.stream, x_key)
    points: dict[int, Points] = {}
    for run_id, y in ys.items():
        if run_id in xs:
            x, value = join_xy(y, xs[run_id])
            is_finite = np.isfinite(x)
            if not is_finite.all():
                x, value = x[is_finite], value[is_finite]
            if len(x):
                points[run_id] = (x, value)
    return points


def cut_points(points: Points, low: float, high: float) -> Points:
    """The points in a range, and where x rises the next one on either side, to which a line leads.

    Empty when no line would cross the range.
    """
    x, y = points
    if (x[1:] < x[:-1]).any():
        inside = (x >= low) & (x <= high)
        return x[inside], y[inside]
    start, stop = np.searchsorted(x, low, "left"), np.searchsorted(x, high, "right")
    is_crossing = start < stop or 0 < start < len(x)
    around = slice(max(start - 1, 0), stop + 1) if is_crossing else slice(0, 0)
    return x[around], y[around]


def _add_by_step(
    conn: Connection, run_ids: Sequence[int], query: ChartQuery, builder: _ChartBuilder
) -> None:
    """Add runs over their steps; of millions of points, summaries are read instead."""
    low, high = query.x_range or (None, None)
    for run_id, series in iter_series_of(
        conn,
        run_ids,
        query.stream,
        query.key,
        x_min=low,
        x_max=high,
        bucket_count=builder.columns_max,
    ):
        if series.cell_points is None:
            builder.add(run_id, join_xy(series, None))
        else:
            builder.add_summary(run_id, series)


class _ChartBuilder:
    """Takes the points of one run after the other; keeps them only while they are few."""

    def __init__(
        self, conn: Connection, query: ChartQuery, extents: dict[int, Extent], points_at_once: int
    ) -> None:
        self.columns_max = columns_max(query, len(extents))
        self._conn, self._query, self._extents = conn, query, extents
        self._points_at_once = points_at_once
        self._held: list[tuple[int, Points]] = []
        self._held_count = 0
        self._grid: _Grid | None = None
        self._series: list[tuple[int, int]] = []
        self._reduced: list[Buckets] = []
        self._is_approximate = False

    def add(self, run_id: int, points: Points) -> None:
        """The points of a run, in step order; those outside the range are cut off."""
        if self._query.x_range is not None:
            points = cut_points(points, *self._query.x_range)
        if not len(points[0]):
            return
        self._held.append((run_id, points))
        self._held_count += len(points[0])
        if self._grid is not None or self._held_count > self._points_at_once:
            self._reduce_held()

    def add_summary(self, run_id: int, series: Series) -> None:
        """A run of so many points that its summaries are read; x is the step."""
        self._reduce_held()
        assert self._grid is not None and series.count is not None
        x0, x1 = self._grid.edges
        x = series.step.astype(np.float64)
        self._series.append((run_id, int(series.count.sum())))
        self._reduced.append(bucket_cells(series, x, x0=x0, x1=x1, n=self._grid.count))
        self._is_approximate = True

    def finish(self) -> Chart | None:
        """The chart of all runs added; None when none had a point."""
        if self._grid is None:
            return reduce_points(self._held, self._query) if self._held else None
        self._reduce_held()
        return _chart_of_buckets(
            self._series, self._reduced, self._grid, is_approximate=self._is_approximate
        )

    def _reduce_held(self) -> None:
        if self._grid is None:
            self._grid = self._find_grid()
        for run_id, (x, y) in self._held if self._grid is not None else ():
            assert self._grid is not None
            self._series.append((run_id, len(x)))
            self._reduced.append(self._grid.bucket(x, y))
        if self._grid is not None:
            self._held, self._held_count = [], 0

    def _find_grid(self) -> _Grid | None:
        bounds = self._query.x_range or _bounds_from_metadata(
            self._conn, self._extents, self._query
        )
        if bounds is None or not bounds[0] < bounds[1]:
            return None  # a single x: nothing to spread over a grid
        return _Grid(*bounds, self.columns_max)


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
