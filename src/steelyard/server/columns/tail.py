"""The tail: accepted lines that wait to be sealed, as they came, and parsed for readers."""

from __future__ import annotations

import hashlib
import threading
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard import limits
from steelyard.server.columns import codec, seal
from steelyard.server.columns.blocks import TailRow, make_blocks, parse_tail_row
from steelyard.server.columns.interface import STREAM_IDS, Ints, Stream
from steelyard.server.columns.lines import encode_line
from steelyard.server.columns.tables import history_segment, history_tail

_SELECT_TAIL = (
    sa.select(
        history_tail.c.run_id,
        history_tail.c.seq,
        history_tail.c.writer,
        history_tail.c.first_line,
        history_tail.c.n_lines,
        history_tail.c.raw_bytes,
        history_tail.c.crcs,
        history_tail.c.data,
    )
    .where(
        history_tail.c.run_id.in_(sa.bindparam("runs", expanding=True)),
        history_tail.c.stream == sa.bindparam("of_stream"),
    )
    .order_by(history_tail.c.run_id, history_tail.c.seq)
)
_SELECT_PIECES = (
    sa.select(history_segment.c.pieces, history_segment.c.steps)
    .where(
        history_segment.c.run_id == sa.bindparam("run"),
        history_segment.c.stream == sa.bindparam("of_stream"),
    )
    .order_by(history_segment.c.seq.desc())
)
_PIECES = msgspec.json.Decoder(list[seal.Piece])


class EncodedLines(msgspec.Struct, frozen=True):
    """Lines ready to be stored, made outside the transaction."""

    texts: list[bytes]
    crcs: list[int]


def encode_lines(texts: Iterable[str]) -> EncodedLines:
    encoded = [encode_line(text) for text in texts]
    return EncodedLines(encoded, [zlib.crc32(text) for text in encoded])


def crc_bytes(crcs: Sequence[int]) -> bytes:
    return np.array(crcs, "<u4").tobytes()


def parse_pieces(text: str) -> list[seal.Piece]:
    return _PIECES.decode(text)


def list_tail(
    conn: Connection, run_ids: Sequence[int], stream: Stream, *, bytes_max: int | None = None
) -> list[TailRow]:
    """The rows of the tails of several runs, each in the order they were written.

    With `bytes_max` not many more than fill so many uncompressed bytes.
    """
    found: list[TailRow] = []
    size_bytes = 0
    params = {"runs": list(run_ids), "of_stream": STREAM_IDS[stream]}
    options = {} if bytes_max is None else {"yield_per": 256}
    with conn.execute(_SELECT_TAIL, params, execution_options=options) as rows:
        for row in rows:
            found.append(
                TailRow(
                    run_id=row.run_id,
                    seq=row.seq,
                    piece=seal.Piece(row.writer, row.first_line, row.n_lines),
                    raw_bytes=row.raw_bytes,
                    crcs=bytes(row.crcs),
                    data=bytes(row.data),
                )
            )
            size_bytes += row.raw_bytes
            if bytes_max is not None and size_bytes > bytes_max:
                break
    return found


def list_sealed_pieces(
    conn: Connection, run_id: int, stream: Stream
) -> Iterator[tuple[seal.Piece, Ints]]:
    """Pieces of the segments with the steps of their lines, the newest first."""
    for row in conn.execute(_SELECT_PIECES, {"run": run_id, "of_stream": STREAM_IDS[stream]}):
        steps = codec.unpack_ints(bytes(row.steps))
        end = len(steps)
        for piece in reversed(parse_pieces(row.pieces)):
            yield piece, steps[end - piece.n : end]
            end -= piece.n


def list_sealed_last_steps(
    conn: Connection, run_id: int, stream: Stream, writers: Iterable[str]
) -> dict[str, int]:
    """The step of the last sealed line of each of the writers that has one."""
    wanted, last_steps = set(writers), dict[str, int]()
    for piece, steps in list_sealed_pieces(conn, run_id, stream):
        if piece.writer in wanted:
            last_steps[piece.writer] = int(steps[-1])
            wanted.discard(piece.writer)
        if not wanted:
            break
    return last_steps


# ---- parsed


def load_blocks(conn: Connection, run_id: int, stream: Stream) -> list[seal.Block]:
    """The parsed tail of one run."""
    return [block for _, block in load_blocks_of(conn, [run_id], stream).get(run_id, [])]


def load_blocks_of(
    conn: Connection, run_ids: Sequence[int], stream: Stream
) -> dict[int, list[tuple[int, seal.Block]]]:
    """Parsed tails: run -> [(seq, block)] in the order they were written."""
    found: dict[int, list[tuple[int, seal.Block]]] = {}
    by_run: dict[int, list[TailRow]] = {}
    for row in list_tail(conn, run_ids, stream):
        by_run.setdefault(row.run_id, []).append(row)
    for run_id, rows in by_run.items():
        parsed = [(row, _parse_cached(row, stream)) for row in rows]
        unknown = {
            row.piece.writer for row, its in parsed if stream == "history" and not its.has_step[0]
        }
        last_steps = (
            list_sealed_last_steps(conn, run_id, stream, unknown) if unknown else dict[str, int]()
        )
        blocks = make_blocks(parsed, stream, last_steps)
        found[run_id] = [(row.seq, block) for row, block in zip(rows, blocks, strict=True)]
    return found


def load_newest_blocks(
    conn: Connection, run_ids: Sequence[int], stream: Stream, *, rows_max: int
) -> dict[int, list[seal.Block]]:
    """Parsed tails of runs; when they hold more than `rows_max` lines, the newest row of each.

    Steps of rows that name none are not exact in the second case.
    """
    by_run: dict[int, list[TailRow]] = {}
    for row in list_tail(conn, run_ids, stream):
        by_run.setdefault(row.run_id, []).append(row)
    line_count = sum(row.piece.n for rows in by_run.values() for row in rows)
    if line_count > rows_max:
        by_run = {run_id: rows[-1:] for run_id, rows in by_run.items()}
    return {
        run_id: make_blocks([(row, _parse_cached(row, stream)) for row in rows], stream, {})
        for run_id, rows in by_run.items()
    }


class ParsedTails:
    """Parsed tail rows by their content, least recently used first out, bounded in bytes.

    Keyed by content: a run that is rewound, or a new run under an old number, cannot meet the
    rows of before.
    """

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self.bytes_used = 0
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[bytes, Stream], tuple[seal.Rows, int]] = OrderedDict()

    def find(self, key: tuple[bytes, Stream]) -> seal.Rows | None:
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                return None
            self._kept.move_to_end(key)
            return found[0]

    def keep(self, key: tuple[bytes, Stream], rows: seal.Rows) -> None:
        size_bytes = _size_bytes(rows)
        with self._lock:
            if key in self._kept or size_bytes > self.bytes_max:
                return
            self._kept[key] = (rows, size_bytes)
            self.bytes_used += size_bytes
            while self.bytes_used > self.bytes_max:
                _, (_, dropped_bytes) = self._kept.popitem(last=False)
                self.bytes_used -= dropped_bytes


def _size_bytes(rows: seal.Rows) -> int:
    """About what the rows take: arrays, and objects for cells."""
    total = 500 + 9 * rows.n
    for columns in rows.columns.values():
        for column in columns:
            each = 200 if column.kind == codec.CELLS else 16
            total += 600 + each * len(column.positions)
            if column.kind == codec.CELLS:
                total += sum(map(_text_bytes, column.values))
    return total


def _text_bytes(value: Any) -> int:
    return len(value) if isinstance(value, str | list | dict) else 0


_PARSED = ParsedTails(limits.TAIL_CACHE_BYTES)


def _parse_cached(row: TailRow, stream: Stream) -> seal.Rows:
    key = (hashlib.blake2b(row.data, digest_size=16).digest(), stream)
    rows = _PARSED.find(key)
    if rows is None:
        rows = parse_tail_row(row, stream)
        _PARSED.keep(key, rows)
    return rows
