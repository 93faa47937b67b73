"""Sealed chunks and tail as points of one key, merged: by step, the last written wins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

from steelyard.server.columns import codec, seal
from steelyard.server.columns.interface import STREAM_IDS, Ints, Stream
from steelyard.server.columns.tables import history_chunk

NUMBERS = (codec.FLOAT, codec.INT, codec.BOOL)
ALL_KINDS = (*NUMBERS, codec.CELLS)
STEP_MIN, STEP_MAX = -(2**62), 2**62

_WITHIN_STEPS = sa.and_(
    history_chunk.c.step_min <= sa.bindparam("high"),
    history_chunk.c.step_max >= sa.bindparam("low"),
)
_OF_KEYS = sa.and_(
    history_chunk.c.run_id.in_(sa.bindparam("runs", expanding=True)),
    history_chunk.c.stream == sa.bindparam("of_stream"),
    history_chunk.c.key_id.in_(sa.bindparam("key_ids", expanding=True)),
    history_chunk.c.kind.in_(sa.bindparam("kinds", expanding=True)),
    _WITHIN_STEPS,
)
_CHUNK_COLUMNS = (
    history_chunk.c.key_id,
    history_chunk.c.seq,
    history_chunk.c.kind,
    history_chunk.c.step_min,
    history_chunk.c.step_max,
    history_chunk.c.n,
    history_chunk.c.steps,
    history_chunk.c.positions,
    history_chunk.c.vals,
)
_SELECT_CHUNKS = (
    sa.select(history_chunk.c.run_id, *_CHUNK_COLUMNS)
    .where(_OF_KEYS)
    .order_by(
        history_chunk.c.run_id, history_chunk.c.key_id, history_chunk.c.seq, history_chunk.c.kind
    )
)
_SELECT_CELLS = (
    sa.select(
        history_chunk.c.run_id,
        history_chunk.c.seq,
        history_chunk.c.kind,
        history_chunk.c.step_min,
        history_chunk.c.step_max,
        history_chunk.c.n,
        history_chunk.c.positions,
        history_chunk.c.pyramid,
        # A chunk without summaries is short: it is read as it is.
        sa.case((history_chunk.c.pyramid.is_(None), history_chunk.c.steps)).label("steps"),
        sa.case((history_chunk.c.pyramid.is_(None), history_chunk.c.vals)).label("vals"),
    )
    .where(_OF_KEYS)
    .order_by(history_chunk.c.run_id, history_chunk.c.seq, history_chunk.c.kind)
)
_COUNT_POINTS = (
    sa.select(history_chunk.c.run_id, sa.func.sum(history_chunk.c.n).label("n"))
    .where(_OF_KEYS)
    .group_by(history_chunk.c.run_id)
)
_SELECT_RANGE = (
    sa.select(*_CHUNK_COLUMNS)
    .where(
        history_chunk.c.run_id == sa.bindparam("run"),
        history_chunk.c.stream == sa.bindparam("of_stream"),
        _WITHIN_STEPS,
    )
    .order_by(history_chunk.c.key_id, history_chunk.c.seq, history_chunk.c.kind)
)


class Points(msgspec.Struct, frozen=True):
    """Values of one kind in one segment or tail row, in the order written.

    `positions` orders points of the same `seq` and step; None where steps strictly increase.
    """

    seq: int
    kind: int
    is_rising: bool
    steps: Ints
    positions: Ints | None
    values: seal.Values


def select_chunks(
    conn: Connection,
    run_ids: Sequence[int],
    stream: Stream,
    key_ids: Sequence[int],
    *,
    low: int = STEP_MIN,
    high: int = STEP_MAX,
    kinds: Sequence[int] = NUMBERS,
) -> Iterator[Any]:
    """Rows of chunks that may hold steps low..high, by run, key and order of writing."""
    params = _chunk_params(run_ids, stream, key_ids, low=low, high=high, kinds=kinds)
    with conn.execute(_SELECT_CHUNKS, params, execution_options={"yield_per": 64}) as rows:
        yield from rows


def select_cells(
    conn: Connection,
    run_ids: Sequence[int],
    stream: Stream,
    key_ids: Sequence[int],
    *,
    low: int,
    high: int,
) -> Sequence[Any]:
    """As `select_chunks`, with the summaries in the place of the points they summarise."""
    params = _chunk_params(run_ids, stream, key_ids, low=low, high=high, kinds=NUMBERS)
    return conn.execute(_SELECT_CELLS, params).all()


def count_sealed_points(
    conn: Connection,
    run_ids: Sequence[int],
    stream: Stream,
    key_ids: Sequence[int],
    *,
    low: int,
    high: int,
) -> dict[int, int]:
    """Points in the chunks that may hold steps low..high, by run. Reads an index only."""
    params = _chunk_params(run_ids, stream, key_ids, low=low, high=high, kinds=NUMBERS)
    return {row.run_id: int(row.n) for row in conn.execute(_COUNT_POINTS, params)}


def _chunk_params(
    run_ids: Sequence[int],
    stream: Stream,
    key_ids: Sequence[int],
    *,
    low: int,
    high: int,
    kinds: Sequence[int],
) -> dict[str, Any]:
    return {
        "runs": list(run_ids),
        "of_stream": STREAM_IDS[stream],
        "key_ids": list(key_ids),
        "kinds": list(kinds),
        "low": low,
        "high": high,
    }


def select_range(
    conn: Connection, run_id: int, stream: Stream, *, low: int, high: int
) -> Iterator[Any]:
    """Rows of chunks of all keys, in the order of keys; never all in memory at once."""
    params = {"run": run_id, "of_stream": STREAM_IDS[stream], "low": low, "high": high}
    with conn.execute(_SELECT_RANGE, params, execution_options={"yield_per": 64}) as rows:
        yield from rows


def from_chunk(row: Any) -> Points:
    return Points(
        seq=row.seq,
        kind=row.kind,
        is_rising=row.positions is None,
        steps=codec.unpack_ints(row.steps),
        positions=None if row.positions is None else codec.unpack_ints(row.positions),
        values=seal.unpack_values(row.kind, row.vals),
    )


def from_block(seq: int, block: seal.Block, column: seal.Column) -> Points:
    return Points(
        seq=seq,
        kind=column.kind,
        is_rising=seal.is_rising(block.steps),
        steps=block.steps[column.positions],
        positions=column.positions,
        values=column.values,
    )


def merge_numbers(parts: Sequence[Points]) -> tuple[Ints, NDArray[np.float64]]:
    """(steps, values), steps strictly increasing. Whole numbers and truths become floats."""
    values = [np.asarray(part.values).astype(np.float64, copy=False) for part in parts]
    if not values:
        return np.empty(0, np.int64), np.empty(0, np.float64)
    steps, order = _merge_steps(parts)
    joined = values[0] if len(values) == 1 else np.concatenate(values)
    return steps, joined if order is None else joined[order]


def merge_cells(parts: Sequence[Points]) -> tuple[Ints, NDArray[np.object_]]:
    """As `merge_numbers`, of every kind, the values as Python objects."""
    cells: list[Any] = []
    for part in parts:
        cells += part.values if isinstance(part.values, list) else part.values.tolist()
    values = np.empty(len(cells), np.object_)
    values[:] = cells
    if not cells:
        return np.empty(0, np.int64), values
    steps, order = _merge_steps(parts)
    return steps, values if order is None else values[order]


def clip(points: Points, low: int, high: int) -> Points:
    """Only the points with steps low..high."""
    steps = points.steps
    mask = (steps >= low) & (steps <= high)
    if mask.all():
        return points
    values: seal.Values
    if isinstance(points.values, list):
        values = [value for value, kept in zip(points.values, mask, strict=True) if kept]
    else:
        values = points.values[mask]
    positions = None if points.positions is None else points.positions[mask]
    return Points(points.seq, points.kind, points.is_rising, steps[mask], positions, values)


def merge_steps(parts: Sequence[Ints]) -> Ints:
    """The distinct steps of all parts, increasing."""
    parts = [part for part in parts if len(part)]
    if not parts:
        return np.empty(0, np.int64)
    steps = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return steps if seal.is_rising(steps) else np.unique(steps)


def _merge_steps(parts: Sequence[Points]) -> tuple[Ints, Ints | None]:
    """Merged steps, and which of the joined points they are; None when all are, as they stand."""
    steps = parts[0].steps if len(parts) == 1 else np.concatenate([part.steps for part in parts])
    if seal.is_rising(steps):
        return steps, None
    seqs = np.concatenate([np.full(len(part.steps), part.seq) for part in parts])
    positions = np.concatenate(
        [
            np.zeros(len(part.steps), np.int64) if part.positions is None else part.positions
            for part in parts
        ]
    )
    order = np.lexsort((positions, seqs, steps))
    steps = steps[order]
    is_last = np.append(steps[1:] != steps[:-1], True)
    return steps[is_last], order[is_last]
