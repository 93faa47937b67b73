"""Short ways to use the column store in tests, and equality that knows NaN."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.server.columns import append, read, segments
from steelyard.server.columns.interface import Appended, Stream
from steelyard.server.columns.streams import find_locked_stream, save_stream
from steelyard.server.columns.tables import history_tail
from steelyard.server.db.interface import Database

NOW = 1_790_000_000_000_000


def lines_of(rows: list[dict[str, Any]]) -> list[str]:
    return [json.dumps(row) for row in rows]


def send(
    db: Database,
    rows: Sequence[Any],
    *,
    offset: int = 0,
    run_id: int = 1,
    stream: Stream = "history",
    writer: str = "",
) -> Appended:
    texts = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    return db.write_now(
        append.append_lines,
        run_id=run_id,
        stream=stream,
        writer=writer,
        offset=offset,
        lines=texts,
        now_us=NOW,
    )


def seal_now(db: Database, run_id: int = 1, stream: Stream = "history") -> None:
    def seal(conn: Connection) -> None:
        state = find_locked_stream(conn, run_id, stream)
        if state is not None:
            save_stream(conn, run_id, stream, segments.seal_in_place(conn, run_id, stream, state))

    db.write_now(seal)


def rows_of(db: Database, run_id: int = 1, stream: Stream = "history", **kw: Any) -> list[Any]:
    kw.setdefault("min_step", 0)
    kw.setdefault("limit", 10_000)
    return db.read_now(read.read_rows, run_id, stream, **kw)


def same(left: Any, right: Any) -> bool:
    """Equal, with NaN equal to itself and types told apart."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, float) and isinstance(right, float):
        return left == right or (math.isnan(left) and math.isnan(right))
    return type(left) is type(right) and left == right


def count_tail(db: Database, run_id: int = 1) -> int:
    """Lines of a run that are not sealed."""

    def count(conn: Connection) -> int:
        lines = sa.select(sa.func.coalesce(sa.func.sum(history_tail.c.n_lines), 0))
        return int(conn.execute(lines.where(history_tail.c.run_id == run_id)).scalar_one())

    return db.read_now(count)
