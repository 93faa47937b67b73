"""Sealed segments in the database: writing them, reading them back whole, sealing in place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.server.columns import keys, seal, tail
from steelyard.server.columns.interface import STREAM_IDS, Stream
from steelyard.server.columns.streams import StreamState
from steelyard.server.columns.tables import history_chunk, history_segment, history_tail

_SEGMENT_COLUMNS = [
    history_segment.c.seq,
    history_segment.c.n_lines,
    history_segment.c.step_min,
    history_segment.c.step_max,
    history_segment.c.size_bytes,
    history_segment.c.pieces,
]
_SELECT_SEGMENTS = (
    sa.select(*_SEGMENT_COLUMNS)
    .where(
        history_segment.c.run_id == sa.bindparam("run"),
        history_segment.c.stream == sa.bindparam("of_stream"),
    )
    .order_by(history_segment.c.seq)
)
_OF_SEGMENTS = sa.and_(
    history_segment.c.run_id == sa.bindparam("run"),
    history_segment.c.stream == sa.bindparam("of_stream"),
    history_segment.c.seq.in_(sa.bindparam("seqs", expanding=True)),
)
_OF_CHUNKS = sa.and_(
    history_chunk.c.run_id == sa.bindparam("run"),
    history_chunk.c.stream == sa.bindparam("of_stream"),
    history_chunk.c.seq.in_(sa.bindparam("seqs", expanding=True)),
)
_SELECT_BLOBS = sa.select(
    history_segment.c.seq,
    history_segment.c.pieces,
    history_segment.c.steps,
    history_segment.c.crcs,
    history_segment.c.n_lines,
    history_segment.c.step_min,
    history_segment.c.step_max,
).where(_OF_SEGMENTS)
_SELECT_CHUNKS = sa.select(history_chunk).where(_OF_CHUNKS)
_INSERT_SEGMENT = sa.insert(history_segment)
_INSERT_CHUNK = sa.insert(history_chunk)
_UPDATE_PIECES = (
    sa.update(history_segment)
    .where(
        history_segment.c.run_id == sa.bindparam("run"),
        history_segment.c.stream == sa.bindparam("of_stream"),
        history_segment.c.seq == sa.bindparam("of_seq"),
    )
    .values(pieces=sa.bindparam("new_pieces"))
)
_DELETE_SEGMENTS = sa.delete(history_segment).where(_OF_SEGMENTS)
_DELETE_CHUNKS = sa.delete(history_chunk).where(_OF_CHUNKS)
_DELETE_TAIL = sa.delete(history_tail).where(
    history_tail.c.run_id == sa.bindparam("run"),
    history_tail.c.stream == sa.bindparam("of_stream"),
    history_tail.c.seq <= sa.bindparam("last_seq"),
)


class SegmentHead(msgspec.Struct, frozen=True):
    """What a segment is, without its blobs."""

    seq: int
    n_lines: int
    step_min: int
    step_max: int
    size_bytes: int
    pieces: list[seal.Piece]


def list_segments(conn: Connection, run_id: int, stream: Stream) -> list[SegmentHead]:
    """In the order they were written."""
    return [
        SegmentHead(
            row.seq,
            row.n_lines,
            row.step_min,
            row.step_max,
            row.size_bytes,
            tail.parse_pieces(row.pieces),
        )
        for row in conn.execute(_SELECT_SEGMENTS, _key(run_id, stream))
    ]


def load_segments(
    conn: Connection, run_id: int, stream: Stream, seqs: Sequence[int]
) -> dict[int, seal.PackedSegment]:
    """Segments whole, by sequence number."""
    params = {**_key(run_id, stream), "seqs": list(seqs)}
    rows = conn.execute(_SELECT_CHUNKS, params).all()
    paths = keys.list_paths(conn, (row.key_id for row in rows))
    chunks: dict[int, list[seal.PackedChunk]] = {}
    for row in rows:
        chunks.setdefault(row.seq, []).append(_chunk(row, paths[row.key_id]))
    return {
        row.seq: seal.PackedSegment(
            n_lines=row.n_lines,
            step_min=row.step_min,
            step_max=row.step_max,
            pieces=tail.parse_pieces(row.pieces),
            steps=bytes(row.steps),
            crcs=bytes(row.crcs),
            chunks=chunks.get(row.seq, []),
        )
        for row in conn.execute(_SELECT_BLOBS, params)
    }


def insert_segment(
    conn: Connection,
    run_id: int,
    stream: Stream,
    seq: int,
    segment: seal.PackedSegment,
    *,
    key_ids: Mapping[str, int] | None = None,
) -> None:
    """`key_ids`: numbers of the paths where the caller knows them all."""
    if key_ids is None:
        key_ids = keys.intern_paths(conn, list({chunk.path for chunk in segment.chunks}))
    rows = [_chunk_row(chunk, run_id, stream, seq, key_ids) for chunk in segment.chunks]
    conn.execute(
        _INSERT_SEGMENT,
        {
            "run_id": run_id,
            "stream": STREAM_IDS[stream],
            "seq": seq,
            "n_lines": segment.n_lines,
            "step_min": segment.step_min,
            "step_max": segment.step_max,
            "size_bytes": sum(size_of(chunk) for chunk in segment.chunks),
            "pieces": encode_pieces(segment.pieces),
            "steps": segment.steps,
            "crcs": segment.crcs,
        },
    )
    if rows:
        conn.execute(_INSERT_CHUNK, rows)


def size_of(chunk: seal.PackedChunk) -> int:
    """Bytes of its blobs."""
    return (
        len(chunk.steps) + len(chunk.vals) + len(chunk.positions or b"") + len(chunk.pyramid or b"")
    )


def encode_pieces(pieces: Iterable[seal.Piece]) -> str:
    return msgspec.json.encode(list(pieces)).decode()


def update_pieces(
    conn: Connection, run_id: int, stream: Stream, seq: int, pieces: Iterable[seal.Piece]
) -> None:
    conn.execute(
        _UPDATE_PIECES,
        {**_key(run_id, stream), "of_seq": seq, "new_pieces": encode_pieces(pieces)},
    )


def delete_segments(conn: Connection, run_id: int, stream: Stream, seqs: Sequence[int]) -> None:
    for start in range(0, len(seqs), 500):
        params = {**_key(run_id, stream), "seqs": list(seqs[start : start + 500])}
        conn.execute(_DELETE_CHUNKS, params)
        conn.execute(_DELETE_SEGMENTS, params)


def delete_tail(conn: Connection, run_id: int, stream: Stream, *, last_seq: int) -> None:
    conn.execute(_DELETE_TAIL, {**_key(run_id, stream), "last_seq": last_seq})


def seal_in_place(conn: Connection, run_id: int, stream: Stream, state: StreamState) -> StreamState:
    """Seal the whole tail inside the caller's transaction, which holds the lock of the stream.

    For the rare writes that change what is held; the ordinary way is the sealing process. The
    caller saves the state returned.
    """
    loaded = tail.load_blocks_of(conn, [run_id], stream).get(run_id, [])
    if loaded:
        last_seq = loaded[-1][0]
        segment = seal.pack_blocks([block for _, block in loaded])
        insert_segment(conn, run_id, stream, last_seq, segment)
        delete_tail(conn, run_id, stream, last_seq=last_seq)
    return msgspec.structs.replace(state, version=state.version + 1, tail_rows=0, tail_bytes=0)


def _chunk(row: Any, path: str) -> seal.PackedChunk:
    return seal.PackedChunk(
        path=path,
        kind=row.kind,
        step_min=row.step_min,
        step_max=row.step_max,
        n=row.n,
        n_nan=row.n_nan,
        vmin=row.vmin,
        vmax=row.vmax,
        vfirst=row.vfirst,
        vlast=row.vlast,
        vsum=row.vsum,
        is_monotonic=bool(row.is_monotonic),
        types=None if row.types is None else msgspec.json.decode(row.types),
        steps=bytes(row.steps),
        positions=None if row.positions is None else bytes(row.positions),
        vals=bytes(row.vals),
        pyramid=None if row.pyramid is None else bytes(row.pyramid),
    )


def _chunk_row(
    chunk: seal.PackedChunk, run_id: int, stream: Stream, seq: int, key_ids: Mapping[str, int]
) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "stream": STREAM_IDS[stream],
        "key_id": key_ids[chunk.path],
        "seq": seq,
        "kind": chunk.kind,
        "step_min": chunk.step_min,
        "step_max": chunk.step_max,
        "n": chunk.n,
        "n_nan": chunk.n_nan,
        "vmin": chunk.vmin,
        "vmax": chunk.vmax,
        "vfirst": chunk.vfirst,
        "vlast": chunk.vlast,
        "vsum": chunk.vsum,
        "is_monotonic": chunk.is_monotonic,
        "types": None if chunk.types is None else msgspec.json.encode(chunk.types).decode(),
        "steps": chunk.steps,
        "positions": chunk.positions,
        "vals": chunk.vals,
        "pyramid": chunk.pyramid,
    }


def _key(run_id: int, stream: Stream) -> dict[str, Any]:
    return {"run": run_id, "of_stream": STREAM_IDS[stream]}
