"""Metrics of runs as arrays, for charts: sealed chunks and tail, exact after every write."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sqlalchemy.engine import Connection

from steelyard.server.columns import keys, points, seal, tail
from steelyard.server.columns.interface import Floats, Series, Stream
from steelyard.server.columns.lines import STEP_KEY
from steelyard.server.columns.paths import name_of


def read_series(
    conn: Connection,
    run_id: int,
    stream: Stream,
    key: str,
    *,
    x_min: float | None = None,
    x_max: float | None = None,
) -> Series:
    """The numbers a run logged under a key, by step; `x_min` and `x_max` bound the steps.

    Empty when the run has no number under that key.
    """
    found = read_series_of(conn, [run_id], stream, key, x_min=x_min, x_max=x_max)
    return found.get(run_id) or Series(np.empty(0, np.int64), np.empty(0, np.float64))


def read_series_of(
    conn: Connection,
    run_ids: Sequence[int],
    stream: Stream,
    key: str,
    *,
    x_min: float | None = None,
    x_max: float | None = None,
) -> dict[int, Series]:
    """`read_series` of several runs with the statements of one; runs without the key are absent."""
    low = points.STEP_MIN if x_min is None else int(np.ceil(x_min))
    high = points.STEP_MAX if x_max is None else int(np.floor(x_max))
    parts: dict[int, list[points.Points]] = {}
    key_ids = keys.find_key_ids(conn, key)
    if key_ids:
        for row in points.select_chunks(conn, run_ids, stream, key_ids, low=low, high=high):
            parts.setdefault(row.run_id, []).append(points.from_chunk(row))
    if len(key_ids) > 1:
        for its in parts.values():
            its.sort(key=lambda part: part.seq)
    for run_id, blocks in tail.load_blocks_of(conn, run_ids, stream).items():
        for seq, block in blocks:
            for column in find_columns(block, key):
                if column.kind in points.NUMBERS:
                    part = points.from_block(seq, block, column)
                    parts.setdefault(run_id, []).append(part)
    bounded = x_min is not None or x_max is not None
    series: dict[int, Series] = {}
    for run_id, its in parts.items():
        clipped = [points.clip(part, low, high) for part in its] if bounded else its
        steps, values = points.merge_numbers(clipped)
        if len(steps):
            series[run_id] = Series(steps, values)
    return series


def read_xy(
    conn: Connection,
    run_id: int,
    stream: Stream,
    key: str,
    x_key: str,
    *,
    x_min: float | None = None,
    x_max: float | None = None,
) -> tuple[Floats, Floats]:
    """(x, y) of two metrics at the steps where both are, in step order; bounds are of x."""
    return join_xy(
        read_series(conn, run_id, stream, key),
        None if x_key == STEP_KEY else read_series(conn, run_id, stream, x_key),
        x_min=x_min,
        x_max=x_max,
    )


def join_xy(
    y: Series, x: Series | None, *, x_min: float | None = None, x_max: float | None = None
) -> tuple[Floats, Floats]:
    """Join two metrics of a run by step; without `x` the step itself is x."""
    if x is None:
        xs, ys = y.step.astype(np.float64), y.value
    elif len(x.step) == len(y.step) and bool((x.step == y.step).all()):
        xs, ys = x.value, y.value
    else:
        _, of_y, of_x = np.intersect1d(y.step, x.step, assume_unique=True, return_indices=True)
        xs, ys = x.value[of_x], y.value[of_y]
    if x_min is None and x_max is None:
        return xs, ys
    mask = np.ones(len(xs), np.bool_)
    if x_min is not None:
        mask &= xs >= x_min
    if x_max is not None:
        mask &= xs <= x_max
    return xs[mask], ys[mask]


def find_columns(block: seal.Block, name: str) -> list[seal.Column]:
    """The columns of a block that are shown under a name."""
    found = list(block.columns.get(name, ())) if "\\" not in name else []
    for path, columns in block.columns.items():
        if "\\" in path and name_of(path) == name:
            found += columns
    return found
