"""Charts hold what a plain loop over all points finds, however the points are read."""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings

from steelyard.errors import NotFound
from steelyard.server.columns import append
from steelyard.server.db.interface import Database
from steelyard.server.rooms.runs.charts import Axis, Chart, ChartQuery, find_nearest, read_chart

_run_ids = itertools.count(1)

values = st.one_of(
    st.integers(-50, 50).map(float), st.sampled_from([math.nan, math.inf, -math.inf])
)
points = st.tuples(st.integers(0, 400), values, st.integers(0, 30).map(lambda i: i / 4))
logged = st.lists(points, min_size=1, max_size=150)


def log_points(db: Database, rows: list[tuple[int, float, float]]) -> int:
    """A run with these (step, value, x); a value at a step again replaces the one before."""
    run_id = next(_run_ids)
    lines = [json.dumps({"_step": step, "y": y, "x": x}) for step, y, x in rows]
    db.write_now(
        append.append_lines,
        run_id=run_id,
        stream="history",
        writer="",
        offset=0,
        lines=lines,
        now_us=1,
    )
    return run_id


def query(axis: Axis = "step", **fields: Any) -> ChartQuery:
    return ChartQuery(
        **{
            "stream": "history",
            "key": "y",
            "axis": axis,
            "x_key": "x" if axis == "metric" else None,
            "px": 48,
            **fields,
        }
    )


def check_chart(chart: Chart, runs: dict[int, dict[int, tuple[float, float]]]) -> None:
    """`runs`: run id to {step: (x, value)}."""
    if isinstance(chart.grid, np.ndarray):
        assert set(chart.grid.tolist()) == {x for its in runs.values() for x, _ in its.values()}
    for row, (run_id, count) in enumerate(chart.series):
        assert count == len(runs[run_id])
        found: dict[int, list[float]] = {}
        for _, (x, value) in sorted(runs[run_id].items()):
            found.setdefault(column_of(chart, x), []).append(value)
        for column in range(chart.line.shape[1]):
            inside = [v for v in found.get(column, []) if math.isfinite(v)]
            drawn = chart.line[row, column]
            assert drawn == inside[-1] if inside else math.isnan(drawn)
            if chart.lo is not None and chart.hi is not None and inside:
                assert (chart.lo[row, column], chart.hi[row, column]) == (min(inside), max(inside))
        odd = sum(not math.isfinite(v) for its in found.values() for v in its)
        assert odd == sum(n for at, _, _, n in chart.nonfinite if at == row)


def column_of(chart: Chart, x: float) -> int:
    if isinstance(chart.grid, np.ndarray):
        return int(np.searchsorted(chart.grid, x))
    x0, dx, _ = chart.grid
    place = (x - x0) / dx + 0.5
    assume(abs(place - round(place)) > 1e-6)  # on an edge, the last bit decides
    return math.floor(place)


@settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
    ],
)
@given(
    runs=st.lists(logged, min_size=1, max_size=3),
    axis=st.sampled_from(["step", "metric"]),
    points_at_once=st.sampled_from([1, 10_000]),
)
def test_every_bucket_holds_the_last_lowest_and_highest_of_its_points(
    db: Database,
    runs: list[list[tuple[int, float, float]]],
    axis: Axis,
    points_at_once: int,
) -> None:
    expected = {}
    for rows in runs:
        run_id = log_points(db, rows)
        expected[run_id] = {
            step: (float(step) if axis == "step" else x, value) for step, value, x in rows
        }
    chart = db.read_now(read_chart, list(expected), query(axis), points_at_once=points_at_once)
    assert [run_id for run_id, _ in chart.series] == list(expected)
    check_chart(chart, expected)


def test_reading_in_batches_draws_the_same(db: Database) -> None:
    rng = np.random.default_rng(0)
    ids = [
        log_points(db, [(s, float(y), s / 3) for s, y in enumerate(rng.normal(size=n))])
        for n in (700, 50, 300)
    ]
    for axis in ("step", "metric"):
        asked = query(axis)
        whole = db.read_now(read_chart, ids, asked)
        parts = db.read_now(read_chart, ids, asked, points_at_once=400)
        assert parts.grid == whole.grid and parts.series == whole.series
        np.testing.assert_array_equal(parts.line, whole.line)
        np.testing.assert_array_equal(parts.hi, whole.hi)


def test_a_range_of_a_long_run_is_exact_where_its_points_fit(db: Database) -> None:
    run_id = log_points(db, [(s, float(s), s / 3) for s in range(900)])
    ranges: list[tuple[Axis, float, float]] = [("step", 100, 120), ("metric", 100 / 3, 40)]
    for axis, low, high in ranges:
        asked = query(axis, x_range=(low, high))
        chart = db.read_now(read_chart, [run_id], asked, points_at_once=400)
        assert isinstance(chart.grid, np.ndarray) and chart.lo is None
        inside = chart.grid[(chart.grid >= low) & (chart.grid <= high)]
        assert len(inside) == 21
        np.testing.assert_array_equal(
            chart.line[0], np.rint(chart.grid * (3 if axis == "metric" else 1))
        )


def test_runs_without_the_key_are_left_out_and_text_is_an_error(db: Database) -> None:
    run_id = log_points(db, [(0, 1.0, 0.0)])
    assert db.read_now(read_chart, [run_id, 10**9], query()).series == [(run_id, 1)]
    empty = db.read_now(read_chart, [10**9], query())
    assert empty.series == [] and empty.error is None and empty.warnings
    outside = db.read_now(read_chart, [run_id], query(x_range=(5.0, 6.0)))
    assert outside.series == [] and "in this range" in outside.warnings[0]


def test_the_nearest_point_skips_steps_that_lack_the_axis(db: Database) -> None:
    run_id = log_points(db, [(0, 1.0, 0.0), (5, 2.0, math.nan), (9, 3.0, 4.0)])
    assert db.read_now(find_nearest, run_id, query("metric"), 3.0) == (9, 4.0, 3.0)
    assert db.read_now(find_nearest, run_id, query(), 5.4) == (5, 5.0, 2.0)
    with pytest.raises(NotFound, match="no numbers"):
        db.read_now(find_nearest, run_id, query(key="z"), 0.0)
