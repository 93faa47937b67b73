"""Taking rows away and copying them: truncate, rewind, fork, delete.

All but delete first seal the tail in place, so that only segments need editing; these are rare and
a tail is small.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

from steelyard.errors import Conflict
from steelyard.server.columns import codec, seal, segments
from steelyard.server.columns.interface import STREAM_IDS, Stream
from steelyard.server.columns.segments import SegmentHead
from steelyard.server.columns.streams import (
    JOURNALS,
    StreamState,
    count_lines,
    find_locked_stream,
    lock_stream,
    save_stream,
)
from steelyard.server.columns.tables import (
    history_chunk,
    history_segment,
    history_stream,
    history_tail,
)


def truncate(
    conn: Connection, run_id: int, stream: Stream, state: StreamState, *, writer: str, line: int
) -> StreamState:
    """Drop the writer's lines from `line` on; the dropped are counted as replaced.

    The caller holds the stream's lock and saves the state returned.
    """
    state = segments.seal_in_place(conn, run_id, stream, state)
    replaced = 0
    for head in segments.list_segments(conn, run_id, stream):
        keep = seal.line_numbers(head.pieces, writer) < line
        replaced += int((~keep).sum())
        _keep_lines(conn, run_id, stream, head, keep)
    return msgspec.structs.replace(
        state,
        writers={**state.writers, writer: line},
        replaced_lines=state.replaced_lines + replaced,
    )


def rewind(conn: Connection, *, run_id: int, last_step: int, now_us: int) -> int:
    """Drop the history rows after `last_step`. The rest is numbered anew, without gaps.

    Returns the line count of the default writer, where the client goes on.
    """
    stream: Stream = "history"
    state = lock_stream(conn, run_id, stream, now_us=now_us)
    state = segments.seal_in_place(conn, run_id, stream, state)
    for head in segments.list_segments(conn, run_id, stream):
        if head.step_max > last_step:
            keep = _steps_of(conn, run_id, stream, head.seq) <= last_step
            _keep_lines(conn, run_id, stream, head, keep)
    writers = _number_lines(conn, run_id, stream)
    if JOURNALS in writers:  # whose lines follow those of the default writer
        writers[JOURNALS] += writers.get("", 0)
    state = msgspec.structs.replace(state, writers=writers)
    save_stream(conn, run_id, stream, state, now_us=now_us)
    return count_lines(writers)


def fork(conn: Connection, *, source_run_id: int, run_id: int, last_step: int, now_us: int) -> int:
    """Copy the history rows up to `last_step` to a run that has none. Returns how many.

    They become lines of the new run's default writer. Raises Conflict when the run has history.
    """
    stream: Stream = "history"
    source = find_locked_stream(conn, source_run_id, stream)
    state = lock_stream(conn, run_id, stream, now_us=now_us)
    if state.writers:
        raise Conflict(f"run {run_id} has history of its own and cannot become a fork")
    if source is None:
        return 0
    source = segments.seal_in_place(conn, source_run_id, stream, source)
    save_stream(conn, source_run_id, stream, source)
    whole, line = [], 0
    for head in segments.list_segments(conn, source_run_id, stream):
        if head.step_max <= last_step:
            whole.append(head.seq)
        elif head.step_min <= last_step:
            _copy_part(conn, source_run_id, run_id, stream, head.seq, last_step)
    _copy_segments(conn, source_run_id, run_id, stream, whole)
    for head in segments.list_segments(conn, run_id, stream):
        pieces = [seal.Piece("", line, head.n_lines)]
        segments.update_pieces(conn, run_id, stream, head.seq, pieces)
        line += head.n_lines
    state = msgspec.structs.replace(
        state, writers={"": line}, next_seq=source.next_seq, version=state.version + 1
    )
    save_stream(conn, run_id, stream, state, now_us=now_us)
    return line


def delete_streams(conn: Connection, run_id: int) -> None:
    """Drop history and system metrics of a run. Idempotent."""
    # The state first: whoever seals this run checks it, and must find it gone.
    for table in (history_stream, history_tail, history_segment, history_chunk):
        conn.execute(sa.delete(table).where(table.c.run_id == run_id))


# ---- parts


def _keep_lines(
    conn: Connection, run_id: int, stream: Stream, head: SegmentHead, keep: NDArray[np.bool_]
) -> None:
    if keep.all():
        return
    packed = (
        segments.load_segments(conn, run_id, stream, [head.seq])[head.seq] if keep.any() else None
    )
    segments.delete_segments(conn, run_id, stream, [head.seq])
    if packed is not None:
        kept = seal.filter_block(seal.unpack_segment(packed), keep)
        segments.insert_segment(conn, run_id, stream, head.seq, seal.pack_blocks([kept]))


def _steps_of(conn: Connection, run_id: int, stream: Stream, seq: int) -> NDArray[np.int64]:
    steps = conn.execute(
        sa.select(history_segment.c.steps).where(
            history_segment.c.run_id == run_id,
            history_segment.c.stream == STREAM_IDS[stream],
            history_segment.c.seq == seq,
        )
    ).scalar_one()
    return codec.unpack_ints(bytes(steps))


def _number_lines(conn: Connection, run_id: int, stream: Stream) -> dict[str, int]:
    """Number the lines of each writer from 0 on, in the order they had. Returns next lines."""
    heads = segments.list_segments(conn, run_id, stream)
    places = sorted(
        (piece.writer, piece.first_line, number, place)
        for number, head in enumerate(heads)
        for place, piece in enumerate(head.pieces)
    )
    next_lines: dict[str, int] = {}
    numbered = [list(head.pieces) for head in heads]
    for writer, _, number, place in places:
        n = heads[number].pieces[place].n
        line = next_lines.get(writer, 0)
        numbered[number][place] = seal.Piece(writer, line, n)
        next_lines[writer] = line + n
    for head, pieces in zip(heads, numbered, strict=True):
        if pieces != head.pieces:
            joined = seal.join_pieces(pieces)
            segments.update_pieces(conn, run_id, stream, head.seq, joined)
    return next_lines


def _copy_part(
    conn: Connection, source_run_id: int, run_id: int, stream: Stream, seq: int, last_step: int
) -> None:
    packed = segments.load_segments(conn, source_run_id, stream, [seq])[seq]
    block = seal.unpack_segment(packed)
    part = seal.filter_block(block, block.steps <= last_step)
    segments.insert_segment(conn, run_id, stream, seq, seal.pack_blocks([part]))


def _copy_segments(
    conn: Connection, source_run_id: int, run_id: int, stream: Stream, seqs: Sequence[int]
) -> None:
    """Inside the database: no blob travels."""
    for table in (history_segment, history_chunk):
        others = [column for column in table.columns if column.name != "run_id"]
        for start in range(0, len(seqs), 500):
            rows = sa.select(sa.literal(run_id), *others).where(
                table.c.run_id == source_run_id,
                table.c.stream == STREAM_IDS[stream],
                table.c.seq.in_(seqs[start : start + 500]),
            )
            names = ["run_id", *(column.name for column in others)]
            conn.execute(sa.insert(table).from_select(names, rows))
