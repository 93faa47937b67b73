"""Metrics of runs as arrays, for charts: sealed chunks and tail, exact after every write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy.engine import Connection

from steelyard import limits
from steelyard.server.columns import keys, points, seal, tail
from steelyard.server.columns.interface import Floats, Series, Stream
from steelyard.server.columns.lines import STEP_KEY
from steelyard.server.columns.paths import name_of
from steelyard.server.columns.pyramid import CELL_POINTS, Cells, summarise, unpack_level


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
    """`read_series` of several runs with the statements of one; runs without the key are absent.

    Takes 16 bytes a point: for very many points see `iter_series_of`.
    """
    return dict(iter_series_of(conn, run_ids, stream, key, x_min=x_min, x_max=x_max))


def iter_series_of(
    conn: Connection,
    run_ids: Sequence[int],
    stream: Stream,
    key: str,
    *,
    x_min: float | None = None,
    x_max: float | None = None,
    bucket_count: int | None = None,
) -> Iterator[tuple[int, Series]]:
    """(run, series) one after the other, so that only those in hand take memory.

    With `bucket_count` the series of a panel of more than PYRAMID_POINTS_MIN points may come as
    summaries (`Series.cell_points`), where each bucket gets PYRAMID_CELLS_PER_BUCKET of them.
    """
    low = points.STEP_MIN if x_min is None else int(np.ceil(x_min))
    high = points.STEP_MAX if x_max is None else int(np.floor(x_max))
    key_ids = keys.find_key_ids(conn, key)
    counts: dict[int, int] = {}
    if key_ids:
        for some in _batches(run_ids):
            found = points.count_sealed_points(conn, some, stream, key_ids, low=low, high=high)
            counts.update(found)
    cells_min = None
    if bucket_count is not None and sum(counts.values()) > limits.PYRAMID_POINTS_MIN:
        cells_min = bucket_count * limits.PYRAMID_CELLS_PER_BUCKET
    for some in _batches(run_ids, counts):
        blocks = tail.load_blocks_of(conn, some, stream)
        cells: dict[int, Series] = {}
        if cells_min is not None:
            cells = _read_cells(
                conn, some, stream, key_ids, counts, blocks, key, cells_min, low, high
            )
            yield from cells.items()
        rest = [run_id for run_id in some if run_id not in cells]
        yield from _read_points(conn, rest, stream, key, key_ids, blocks, low, high).items()


def _batches(
    run_ids: Sequence[int], counts: Mapping[int, int] | None = None
) -> Iterator[list[int]]:
    """Runs whose points fit into memory together, and whose numbers into one statement."""
    batch: list[int] = []
    size = 0
    for run_id in run_ids:
        count = 0 if counts is None else counts.get(run_id, 0)
        is_full = size + count > limits.SERIES_POINTS_AT_ONCE
        if batch and (is_full or len(batch) == limits.SQL_LIST_ITEMS_MAX):
            yield batch
            batch, size = [], 0
        batch.append(run_id)
        size += count
    if batch:
        yield batch


Blocks = Mapping[int, Sequence[tuple[int, seal.Block]]]


def _read_points(
    conn: Connection,
    run_ids: Sequence[int],
    stream: Stream,
    key: str,
    key_ids: Sequence[int],
    blocks: Blocks,
    low: int,
    high: int,
) -> dict[int, Series]:
    parts: dict[int, list[points.Points]] = {}
    if key_ids and run_ids:
        for row in points.select_chunks(conn, run_ids, stream, key_ids, low=low, high=high):
            parts.setdefault(row.run_id, []).append(points.from_chunk(row))
    if len(key_ids) > 1:
        for its in parts.values():
            its.sort(key=lambda part: part.seq)
    for run_id in run_ids:
        in_tail = _tail_points(blocks.get(run_id, ()), key)
        if in_tail:
            parts.setdefault(run_id, []).extend(in_tail)
    is_bounded = low > points.STEP_MIN or high < points.STEP_MAX
    series: dict[int, Series] = {}
    for run_id in list(parts):
        its = parts.pop(run_id)
        clipped = [points.clip(part, low, high) for part in its] if is_bounded else its
        steps, values = points.merge_numbers(clipped)
        if len(steps):
            series[run_id] = Series(steps, values)
    return series


def _tail_points(blocks: Sequence[tuple[int, seal.Block]], key: str) -> list[points.Points]:
    return [
        points.from_block(seq, block, column)
        for seq, block in blocks
        for column in find_columns(block, key)
        if column.kind in points.NUMBERS
    ]


# ---- summaries


def _read_cells(
    conn: Connection,
    run_ids: Sequence[int],
    stream: Stream,
    key_ids: Sequence[int],
    counts: Mapping[int, int],
    blocks: Blocks,
    key: str,
    cells_min: int,
    low: int,
    high: int,
) -> dict[int, Series]:
    """Summaries of those runs that have enough points, in the order of steps."""
    levels = {}
    for run_id in run_ids:
        fitting = [each for each in CELL_POINTS if counts.get(run_id, 0) >= each * cells_min]
        if fitting:
            levels[run_id] = max(fitting)
    by_run: dict[int, list[Any]] = {}
    if levels:
        for row in points.select_cells(conn, list(levels), stream, key_ids, low=low, high=high):
            by_run.setdefault(row.run_id, []).append(row)
    found: dict[int, Series] = {}
    for run_id, rows in by_run.items():
        in_tail = _tail_points(blocks.get(run_id, ()), key)
        parts = _cells_of(rows, in_tail, levels[run_id])
        if parts is not None:
            found[run_id] = _join_cells(parts, levels[run_id], low, high)
    return found


def _cells_of(
    rows: Sequence[Any], in_tail: Sequence[points.Points], level: int
) -> list[Cells] | None:
    """None where steps run backwards or repeat, so that the summaries would not add up."""
    parts: list[Cells] = []
    last_step = None
    for row in rows:
        if row.positions is not None or (last_step is not None and row.step_min <= last_step):
            return None
        last_step = row.step_max
        if row.pyramid is not None:
            parts.append(unpack_level(row.pyramid, level))
        else:
            parts.append(_points_as_cells(points.from_chunk(row)))
    for part in in_tail:
        rising = part.is_rising and (last_step is None or part.steps[0] > last_step)
        if not rising:
            return None
        last_step = int(part.steps[-1])
        parts.append(_points_as_cells(part))
    return parts


def _points_as_cells(part: points.Points) -> Cells:
    return summarise(part.steps, np.asarray(part.values).astype(np.float64), 1)


def _join_cells(parts: Sequence[Cells], level: int, low: int, high: int) -> Series:
    step = np.concatenate([part.step for part in parts])
    mask = (step >= low) & (step <= high)
    return Series(
        step=step[mask],
        value=np.concatenate([part.last for part in parts])[mask],
        low=np.concatenate([part.low for part in parts])[mask],
        high=np.concatenate([part.high for part in parts])[mask],
        mean=np.concatenate([part.mean for part in parts])[mask],
        count=np.concatenate([part.count for part in parts])[mask],
        cell_points=level,
    )


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
