"""Rows of the tail to blocks ready to be packed: pure, for readers and the sealing process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np

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
