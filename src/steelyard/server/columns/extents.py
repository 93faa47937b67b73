"""How far a metric of several runs reaches, from the metadata of chunks and the tail.

It tells the grid of a chart before any value is read, so that runs can be read and reduced one
batch after the other.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard import limits
from steelyard.server.columns import keys, points, tail
from steelyard.server.columns.catalogue import Head, head_of
from steelyard.server.columns.interface import STREAM_IDS, Stream
from steelyard.server.columns.series import find_columns
from steelyard.server.columns.tables import history_chunk

_SELECT_EXTENTS = (
    sa.select(
        history_chunk.c.run_id,
        sa.func.sum(history_chunk.c.n).label("n"),
        sa.func.min(history_chunk.c.step_min).label("step_min"),
        sa.func.max(history_chunk.c.step_max).label("step_max"),
        sa.func.min(history_chunk.c.vmin).label("value_min"),
        sa.func.max(history_chunk.c.vmax).label("value_max"),
    )
    .where(
        history_chunk.c.run_id.in_(sa.bindparam("runs", expanding=True)),
        history_chunk.c.stream == sa.bindparam("of_stream"),
        history_chunk.c.key_id.in_(sa.bindparam("keys", expanding=True)),
        history_chunk.c.kind.in_(points.NUMBERS),
    )
    .group_by(history_chunk.c.run_id)
)

_SELECT_RUNS = (
    sa.select(history_chunk.c.run_id)
    .where(
        history_chunk.c.run_id.in_(sa.bindparam("runs", expanding=True)),
        history_chunk.c.stream == sa.bindparam("of_stream"),
        history_chunk.c.key_id.in_(sa.bindparam("keys", expanding=True)),
    )
    .distinct()
)


class Extent(msgspec.Struct, frozen=True):
    """Bounds of the numbers of a key in a run; of values, the finite ones, None without any.

    `n` and the bounds include values that were overwritten.
    """

    n: int
    step_min: int
    step_max: int
    value_min: float | None
    value_max: float | None

    def __or__(self, other: Extent) -> Extent:
        lows = [each.value_min for each in (self, other) if each.value_min is not None]
        highs = [each.value_max for each in (self, other) if each.value_max is not None]
        return Extent(
            n=self.n + other.n,
            step_min=min(self.step_min, other.step_min),
            step_max=max(self.step_max, other.step_max),
            value_min=min(lows, default=None),
            value_max=max(highs, default=None),
        )


def list_extents(
    conn: Connection, run_ids: Sequence[int], stream: Stream, key: str
) -> dict[int, Extent]:
    """The extent of a key by run; runs without a number under it are absent. Reads no values."""
    extents: dict[int, Extent] = {}
    key_ids = keys.find_key_ids(conn, key)
    for first in range(0, len(run_ids), limits.SQL_LIST_ITEMS_MAX):
        some = run_ids[first : first + limits.SQL_LIST_ITEMS_MAX]
        params = {"runs": some, "of_stream": STREAM_IDS[stream], "keys": key_ids}
        for row in conn.execute(_SELECT_EXTENTS, params) if key_ids else ():
            extents[row.run_id] = Extent(
                int(row.n), row.step_min, row.step_max, row.value_min, row.value_max
            )
        for run_id, blocks in tail.load_blocks_of(conn, some, stream).items():
            for _, block in blocks:
                for column in find_columns(block, key):
                    if column.kind in points.NUMBERS:
                        found = _extent_of(head_of(block, column))
                        held = extents.get(run_id)
                        extents[run_id] = found if held is None else held | found
    return extents


def find_runs_with_key(
    conn: Connection, run_ids: Sequence[int], stream: Stream, key: str
) -> set[int]:
    """Those of the runs that logged a value of any kind under a key."""
    found: set[int] = set()
    key_ids = keys.find_key_ids(conn, key)
    for first in range(0, len(run_ids), limits.SQL_LIST_ITEMS_MAX):
        some = run_ids[first : first + limits.SQL_LIST_ITEMS_MAX]
        if key_ids:
            params = {"runs": some, "of_stream": STREAM_IDS[stream], "keys": key_ids}
            found.update(conn.execute(_SELECT_RUNS, params).scalars())
        for run_id, blocks in tail.load_blocks_of(conn, some, stream).items():
            if any(find_columns(block, key) for _, block in blocks):
                found.add(run_id)
    return found


def _extent_of(head: Head) -> Extent:
    return Extent(head.n, head.step_min, head.step_max, head.vmin, head.vmax)
