"""Accepting lines: one compressed row per request, nothing parsed on the way.

A request is accepted by line numbers, so that one sent twice, cut, or overlapping another changes
nothing. Lines that are held already and equal (by CRC-32) are duplicates; a different line in the
place of an earlier one means that the run was started anew from there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard import limits
from steelyard.errors import Invalid, TooLarge
from steelyard.server.columns import blocks, edit, tail
from steelyard.server.columns.interface import STREAM_IDS, Appended, Stream
from steelyard.server.columns.seal import Piece
from steelyard.server.columns.streams import (
    JOURNALS,
    StreamState,
    count_lines,
    find_stream,
    lock_stream,
    save_stream,
)
from steelyard.server.columns.tables import history_segment, history_stream, history_tail
from steelyard.server.columns.tail import EncodedLines
from steelyard.server.db.prepared import Prepared

_INSERT = Prepared(sa.insert(history_tail))
_SELECT_TAIL_CRCS = sa.select(
    history_tail.c.first_line, history_tail.c.n_lines, history_tail.c.crcs
).where(
    history_tail.c.run_id == sa.bindparam("run"),
    history_tail.c.stream == sa.bindparam("of_stream"),
    history_tail.c.writer == sa.bindparam("of_writer"),
)
_SELECT_SEALED_CRCS = (
    sa.select(history_segment.c.pieces, history_segment.c.crcs)
    .where(
        history_segment.c.run_id == sa.bindparam("run"),
        history_segment.c.stream == sa.bindparam("of_stream"),
    )
    .order_by(history_segment.c.seq.desc())
)


def append_lines(
    conn: Connection,
    *,
    run_id: int,
    stream: Stream,
    writer: str = "",
    offset: int,
    lines: Sequence[str] | EncodedLines,
    now_us: int,
) -> Appended:
    """Accept the lines `offset`, `offset + 1`, … of a writer; on disk when the write commits.

    `lines` may be encoded beforehand, outside the transaction (`tail.encode_lines`). A gap before
    `offset` is accepted, and may be filled later. Raises Invalid for a negative offset or too many
    writers.
    """
    encoded = lines if isinstance(lines, EncodedLines) else tail.encode_lines(lines)
    if offset < 0:
        raise Invalid(f"the offset of the first line is {offset}; it must be 0 or more")
    state = lock_stream(conn, run_id, stream, now_us=now_us)
    if writer not in state.writers:
        _check_writer(writer, len(state.writers))
    next_line = state.writers.get(writer, 0)
    count = len(encoded.texts)
    new, replaced_from = [range(count)], None
    if offset < next_line and count:
        held = _list_held_crcs(conn, run_id, stream, writer, offset, count)
        new, differing = _compare(encoded.crcs, held)
        if differing is not None:
            replaced_from = next_line = offset + differing
            state = edit.truncate(conn, run_id, stream, state, writer=writer, line=replaced_from)
    state = _store(conn, run_id, stream, state, writer, offset, encoded, new, now_us)
    accepted = sum(map(len, new))
    return Appended(
        next_line=max(next_line, offset + count) if accepted else next_line,
        accepted=accepted,
        duplicate=count - accepted,
        replaced_from=replaced_from,
        tail_rows=state.tail_rows,
        tail_bytes=state.tail_bytes,
    )


def append_journal_rows(
    conn: Connection, *, run_id: int, stream: Stream, lines: EncodedLines, now_us: int
) -> Appended:
    """Put the rows of a journal behind the lines of the run; on disk when the write commits.

    Behind those of the default writer too: the official client, resuming the run, goes on behind
    them all.
    """
    state = lock_stream(conn, run_id, stream, now_us=now_us)
    offset, count = count_lines(state.writers), len(lines.texts)
    everything = [range(count)] if count else []
    state = _store(conn, run_id, stream, state, JOURNALS, offset, lines, everything, now_us)
    return Appended(
        next_line=offset + count,
        accepted=count,
        duplicate=0,
        replaced_from=None,
        tail_rows=state.tail_rows,
        tail_bytes=state.tail_bytes,
    )


def get_line_count(conn: Connection, run_id: int, stream: Stream, writer: str = "") -> int:
    """The number of the writer's next line; of the default writer: behind those of journals."""
    state = find_stream(conn, run_id, stream)
    return 0 if state is None else count_lines(state.writers, writer)


def list_line_counts(
    conn: Connection, run_ids: Sequence[int], stream: Stream, writer: str = ""
) -> dict[int, int]:
    """`get_line_count` of many runs at once; runs without a line are left out."""
    counts: dict[int, int] = {}
    for first in range(0, len(run_ids), limits.SQL_LIST_ITEMS_MAX):
        some = run_ids[first : first + limits.SQL_LIST_ITEMS_MAX]
        found = sa.select(history_stream.c.run_id, history_stream.c.writers).where(
            history_stream.c.run_id.in_(some), history_stream.c.stream == STREAM_IDS[stream]
        )
        for row in conn.execute(found):
            counts[row.run_id] = count_lines(msgspec.json.decode(row.writers), writer)
    return counts


def count_replaced_lines(conn: Connection, run_id: int, stream: Stream) -> int:
    """Lines that were dropped because different ones came in their place."""
    state = find_stream(conn, run_id, stream)
    return 0 if state is None else state.replaced_lines


def _store(
    conn: Connection,
    run_id: int,
    stream: Stream,
    state: StreamState,
    writer: str,
    offset: int,
    encoded: EncodedLines,
    new: Sequence[range],
    now_us: int,
) -> StreamState:
    """Write the ranges `new` of the lines, of which the first is line `offset` of the writer."""
    raw_bytes, seq = 0, state.next_seq
    for part in new:
        for start, stop in _cut(encoded.texts, part):
            size_bytes = sum(map(len, encoded.texts[start:stop]))
            row = {
                "run_id": run_id,
                "stream": STREAM_IDS[stream],
                "seq": seq,
                "writer": writer,
                "first_line": offset + start,
                "n_lines": stop - start,
                "raw_bytes": size_bytes,
                "crcs": tail.crc_bytes(encoded.crcs[start:stop]),
                "data": blocks.pack_texts(encoded.texts[start:stop]),
            }
            _INSERT.run(conn, row)
            raw_bytes += size_bytes
            seq += 1
    if not new:
        return state
    had_tail = state.tail_rows > 0
    next_line = max(state.writers.get(writer, 0), offset + len(encoded.texts))
    state = msgspec.structs.replace(
        state,
        next_seq=seq,
        writers={**state.writers, writer: next_line},
        tail_rows=state.tail_rows + sum(map(len, new)),
        tail_bytes=state.tail_bytes + raw_bytes,
    )
    save_stream(conn, run_id, stream, state, now_us=now_us, had_tail=had_tail)
    return state


# ---- what is held already


def _compare(crcs: Sequence[int], held: Sequence[int | None]) -> tuple[list[range], int | None]:
    """Ranges of lines that are new, and the first line that differs from the one held."""
    new: list[range] = []
    for number, (crc, other) in enumerate(zip(crcs, held, strict=True)):
        if other is not None and crc != other:
            new.append(range(number, len(crcs)))
            return new, number
        if other is None:
            if new and new[-1].stop == number:
                new[-1] = range(new[-1].start, number + 1)
            else:
                new.append(range(number, number + 1))
    return new, None


def _list_held_crcs(
    conn: Connection, run_id: int, stream: Stream, writer: str, offset: int, count: int
) -> list[int | None]:
    held: list[int | None] = [None] * count
    missing = count
    params = {"run": run_id, "of_stream": STREAM_IDS[stream], "of_writer": writer}
    for piece, crcs in _held_pieces(conn, params):
        low, high = max(piece.first_line, offset), min(piece.first_line + piece.n, offset + count)
        if piece.writer == writer and low < high:
            start = low - piece.first_line
            held[low - offset : high - offset] = crcs[start : start + high - low]
            missing -= high - low
            if not missing:
                break
    return held


def _held_pieces(conn: Connection, params: dict[str, object]) -> Iterator[tuple[Piece, list[int]]]:
    for row in conn.execute(_SELECT_TAIL_CRCS, params).all():
        piece = Piece(str(params["of_writer"]), row.first_line, row.n_lines)
        yield piece, np.frombuffer(row.crcs, "<u4").tolist()
    for segment in conn.execute(_SELECT_SEALED_CRCS, params):
        crcs, start = np.frombuffer(segment.crcs, "<u4").tolist(), 0
        for piece in tail.parse_pieces(segment.pieces):
            yield piece, crcs[start : start + piece.n]
            start += piece.n


def _cut(texts: Sequence[bytes], part: range) -> Iterator[tuple[int, int]]:
    """Cut a range so that each piece holds at most TAIL_ROW_BYTES_MAX, or one line."""
    start, size_bytes = part.start, 0
    for number in part:
        length = len(texts[number])
        if number > start and size_bytes + length > limits.TAIL_ROW_BYTES_MAX:
            yield start, number
            start, size_bytes = number, 0
        size_bytes += length
    if part:
        yield start, part.stop


def _check_writer(writer: str, writer_count: int) -> None:
    if "\0" in writer or len(writer) > limits.NAME_CHARS_MAX:
        raise Invalid(f"{writer[:40]!r} is no name of a writer: too long, or it holds a NUL")
    if writer_count >= limits.WRITERS_PER_RUN_MAX:
        raise TooLarge(
            "the number of writers of this run",
            size=writer_count + 1,
            limit=limits.WRITERS_PER_RUN_MAX,
            limit_name="WRITERS_PER_RUN_MAX",
        )
