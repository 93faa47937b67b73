"""The state row of a stream: its lock, its counters, who wrote how many lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.server.columns.interface import STREAM_IDS, Stream
from steelyard.server.columns.tables import history_stream
from steelyard.server.db.dialect import insert
from steelyard.server.db.prepared import Prepared

#: The writer of the lines of all journals of a run. They are never compared with lines that come
#: again: a journal counts bytes, so its records come once.
JOURNALS = "steelyard journals"

_WRITERS = msgspec.json.Decoder(dict[str, int])
_THIS = sa.and_(
    history_stream.c.run_id == sa.bindparam("run"),
    history_stream.c.stream == sa.bindparam("of_stream"),
)
_SELECT = sa.select(
    history_stream.c.version,
    history_stream.c.next_seq,
    history_stream.c.writers,
    history_stream.c.tail_rows,
    history_stream.c.tail_bytes,
    history_stream.c.replaced_lines,
).where(_THIS)
_SELECT_LOCKED = Prepared(_SELECT.with_for_update())
_SAVE = (
    sa.update(history_stream)
    .where(_THIS)
    .values(
        version=sa.bindparam("new_version"),
        next_seq=sa.bindparam("new_next_seq"),
        writers=sa.bindparam("new_writers"),
        tail_rows=sa.bindparam("new_tail_rows"),
        tail_bytes=sa.bindparam("new_tail_bytes"),
        replaced_lines=sa.bindparam("new_replaced_lines"),
        appended_at_us=sa.func.coalesce(
            sa.bindparam("new_appended_at_us", type_=sa.BigInteger), history_stream.c.appended_at_us
        ),
    )
)
_UPDATE = Prepared(_SAVE.values(has_tail=sa.bindparam("new_has_tail")))
#: Leaves the index of waiting streams alone, which names `has_tail`.
_UPDATE_LONGER_TAIL = Prepared(_SAVE)

_SWAP_VERSION = (
    sa.update(history_stream)
    .where(_THIS, history_stream.c.version == sa.bindparam("old_version"))
    .values(
        version=history_stream.c.version + 1,
        tail_rows=history_stream.c.tail_rows - sa.bindparam("sealed_rows", type_=sa.Integer),
        tail_bytes=history_stream.c.tail_bytes - sa.bindparam("sealed_bytes", type_=sa.BigInteger),
        has_tail=history_stream.c.tail_rows > sa.bindparam("sealed_rows", type_=sa.Integer),
    )
)


class StreamState(msgspec.Struct, frozen=True):
    """`writers` holds the next line of each; `next_seq` orders appends of all of them."""

    version: int
    next_seq: int
    writers: dict[str, int]
    tail_rows: int
    tail_bytes: int
    replaced_lines: int


def count_lines(writers: Mapping[str, int], writer: str = "") -> int:
    """The number of the writer's next line; of the default writer: behind those of journals."""
    own = writers.get(writer, 0)
    return own if writer else max(own, writers.get(JOURNALS, 0))


def find_stream(conn: Connection, run_id: int, stream: Stream) -> StreamState | None:
    return _state(conn.execute(_SELECT, _key(run_id, stream)).first())


def find_locked_stream(conn: Connection, run_id: int, stream: Stream) -> StreamState | None:
    """The state, ours alone until the transaction ends."""
    return _state(_SELECT_LOCKED.first(conn, _key(run_id, stream)))


def lock_stream(conn: Connection, run_id: int, stream: Stream, *, now_us: int) -> StreamState:
    """As `find_locked_stream`, made if it is new."""
    state = find_locked_stream(conn, run_id, stream)
    if state is not None:
        return state
    conn.execute(
        insert(conn, history_stream)
        .values(
            run_id=run_id,
            stream=STREAM_IDS[stream],
            version=now_us,  # unlike that of a deleted run of the same number
            next_seq=1,
            writers="{}",
            tail_rows=0,
            tail_bytes=0,
            has_tail=False,
            replaced_lines=0,
            appended_at_us=now_us,
        )
        .on_conflict_do_nothing()
    )
    state = find_locked_stream(conn, run_id, stream)
    assert state is not None
    return state


def save_stream(
    conn: Connection,
    run_id: int,
    stream: Stream,
    state: StreamState,
    *,
    now_us: int | None = None,
    had_tail: bool = False,
) -> None:
    """Write the state back. `now_us`: time of an append; `had_tail`: the stored row has one."""
    row = {
        **_key(run_id, stream),
        "new_version": state.version,
        "new_next_seq": state.next_seq,
        "new_writers": msgspec.json.encode(state.writers).decode(),
        "new_tail_rows": state.tail_rows,
        "new_tail_bytes": state.tail_bytes,
        "new_replaced_lines": state.replaced_lines,
        "new_appended_at_us": now_us,
    }
    if had_tail and state.tail_rows > 0:
        _UPDATE_LONGER_TAIL.run(conn, row)
    else:
        _UPDATE.run(conn, row | {"new_has_tail": state.tail_rows > 0})


def swap_version(
    conn: Connection,
    run_id: int,
    stream: Stream,
    version: int,
    *,
    sealed_rows: int = 0,
    sealed_bytes: int = 0,
) -> bool:
    """Begin a change that was prepared at `version`; False if the stream has changed since."""
    params = {"old_version": version, "sealed_rows": sealed_rows, "sealed_bytes": sealed_bytes}
    return conn.execute(_SWAP_VERSION, {**_key(run_id, stream), **params}).rowcount == 1


def _key(run_id: int, stream: Stream) -> dict[str, Any]:
    return {"run": run_id, "of_stream": STREAM_IDS[stream]}


def _state(row: Any) -> StreamState | None:
    if row is None:
        return None
    version, next_seq, writers, tail_rows, tail_bytes, replaced_lines = row
    return StreamState(
        version, next_seq, _WRITERS.decode(writers), tail_rows, tail_bytes, replaced_lines
    )
