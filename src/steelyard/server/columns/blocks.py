"""Rows of the tail to blocks ready to be packed: pure, for readers and the sealing process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np

from steelyard import limits
from steelyard.server.columns import codec, seal
from steelyard.server.columns.interface import Stream


class TailRow(msgspec.Struct, frozen=True):
    """One row of history_tail."""

    run_id: int
    seq: int
    piece: seal.Piece
    raw_bytes: int
    crcs: bytes
    data: bytes


def pack_texts(texts: Sequence[bytes]) -> bytes:
    return codec.compress(msgspec.msgpack.encode(texts))


def unpack_texts(data: bytes) -> list[bytes]:
    return msgspec.msgpack.decode(codec.decompress(data), type=list[bytes])


def parse_tail_row(row: TailRow, stream: Stream) -> seal.Rows:
    return seal.parse_rows(unpack_texts(row.data), takes_step=stream == "history")


def parse_tail_rows(rows: Iterable[TailRow], stream: Stream) -> list[tuple[TailRow, seal.Rows]]:
    """Parse what is to be packed; rows that continue each other are parsed as one.

    Rows of one line each would otherwise cost as much for every line as for a thousand.
    """
    parsed: list[tuple[TailRow, seal.Rows]] = []
    waiting: list[TailRow] = []
    size_bytes = 0
    for row in rows:
        is_full = size_bytes + row.raw_bytes > limits.TAIL_ROW_BYTES_MAX
        if waiting and (is_full or not _follows(waiting[-1].piece, row.piece)):
            parsed.append(_parse_joined(waiting, stream))
            waiting, size_bytes = [], 0
        waiting.append(row)
        size_bytes += row.raw_bytes
    if waiting:
        parsed.append(_parse_joined(waiting, stream))
    return parsed


def _follows(before: seal.Piece, after: seal.Piece) -> bool:
    return (before.writer, before.first_line + before.n) == (after.writer, after.first_line)


def _parse_joined(rows: Sequence[TailRow], stream: Stream) -> tuple[TailRow, seal.Rows]:
    texts = [text for row in rows for text in unpack_texts(row.data)]
    piece = seal.Piece(rows[0].piece.writer, rows[0].piece.first_line, len(texts))
    joined = TailRow(
        run_id=rows[0].run_id,
        seq=rows[-1].seq,
        piece=piece,
        raw_bytes=sum(row.raw_bytes for row in rows),
        crcs=b"".join(row.crcs for row in rows),
        data=b"",
    )
    return joined, seal.parse_rows(texts, takes_step=stream == "history")


def make_blocks(
    parsed: Iterable[tuple[TailRow, seal.Rows]], stream: Stream, last_steps: Mapping[str, int]
) -> list[seal.Block]:
    """Give rows their final steps. `last_steps`: step before the first row, by writer."""
    blocks, previous = [], dict(last_steps)
    for row, rows in parsed:
        writer = row.piece.writer
        if stream == "system":
            steps = row.piece.first_line + np.arange(rows.n, dtype=np.int64)
        else:
            steps = seal.resolve_steps(rows, previous.get(writer))
        previous[writer] = int(steps[-1])
        blocks.append(seal.Block([row.piece], steps, row.crcs, rows.columns))
    return blocks
