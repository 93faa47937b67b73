"""Tables of the column store. Blobs are described in `codec`; streams are numbered STREAM_IDS."""

from __future__ import annotations

import sqlalchemy as sa

from steelyard.server.db.dialect import BIGID, metadata

history_key = sa.Table(
    "history_key",
    metadata,
    sa.Column("id", BIGID, primary_key=True),
    sa.Column("path", sa.Text, nullable=False),  # dots inside a component escaped, see `keys`
    # Digests, because PostgreSQL cannot index texts beyond 2.7 kB and keys have no such limit.
    sa.Column("path_digest", sa.LargeBinary(16), nullable=False, unique=True),
    sa.Column("name_digest", sa.LargeBinary(16), nullable=False, index=True),
)

#: One row per stream of a run. Its row lock puts concurrent writers in order.
history_stream = sa.Table(
    "history_stream",
    metadata,
    sa.Column("run_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("stream", sa.SmallInteger, primary_key=True, autoincrement=False),
    # Changes with everything but an append: what was read before may be written over only then.
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("next_seq", sa.BigInteger, nullable=False),
    sa.Column("writers", sa.Text, nullable=False),  # JSON {writer: next line}
    sa.Column("tail_rows", sa.Integer, nullable=False),  # lines
    sa.Column("tail_bytes", sa.BigInteger, nullable=False),  # uncompressed
    sa.Column("has_tail", sa.Boolean, nullable=False),
    sa.Column("replaced_lines", sa.BigInteger, nullable=False),
    sa.Column("appended_at_us", sa.BigInteger, nullable=False),
    sa.Index(
        "ix_history_stream_waiting",
        "run_id",
        "stream",
        sqlite_where=sa.text("has_tail"),
        postgresql_where=sa.text("has_tail"),
    ),
)

#: Accepted lines as they came, in the order `seq` over all writers of the stream.
history_tail = sa.Table(
    "history_tail",
    metadata,
    sa.Column("run_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("stream", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("writer", sa.Text, nullable=False),
    sa.Column("first_line", sa.BigInteger, nullable=False),
    sa.Column("n_lines", sa.Integer, nullable=False),
    sa.Column("raw_bytes", sa.BigInteger, nullable=False),
    sa.Column("crcs", sa.LargeBinary, nullable=False),  # uint32 per line
    sa.Column("data", sa.LargeBinary, nullable=False),
)

#: Sealed lines: which writer's they are, their steps and checksums. Their values: history_chunk.
history_segment = sa.Table(
    "history_segment",
    metadata,
    sa.Column("run_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("stream", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("n_lines", sa.Integer, nullable=False),
    sa.Column("step_min", sa.BigInteger, nullable=False),
    sa.Column("step_max", sa.BigInteger, nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),  # of its chunks
    sa.Column("pieces", sa.Text, nullable=False),  # JSON [[writer, first line, lines], …]
    sa.Column("steps", sa.LargeBinary, nullable=False),
    sa.Column("crcs", sa.LargeBinary, nullable=False),
)

#: The values of one key and one kind in one segment. No primary key: the index below is unique, and
#: answers what keys and which steps a run has without touching the pages of the blobs.
history_chunk = sa.Table(
    "history_chunk",
    metadata,
    sa.Column("run_id", sa.BigInteger, nullable=False),
    sa.Column("stream", sa.SmallInteger, nullable=False),
    sa.Column("key_id", sa.BigInteger, nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.SmallInteger, nullable=False),  # codec.FLOAT, INT, BOOL or CELLS
    sa.Column("step_min", sa.BigInteger, nullable=False),
    sa.Column("step_max", sa.BigInteger, nullable=False),
    sa.Column("n", sa.Integer, nullable=False),
    sa.Column("n_nan", sa.Integer, nullable=False),
    sa.Column("vmin", sa.Double),  # of the finite values; null when there is none
    sa.Column("vmax", sa.Double),
    sa.Column("vfirst", sa.Double),
    sa.Column("vlast", sa.Double),
    sa.Column("vsum", sa.Double),
    sa.Column("is_monotonic", sa.Boolean, nullable=False),  # never falling, in step order
    sa.Column("types", sa.Text),  # JSON {type name: count} of CELLS
    sa.Column("steps", sa.LargeBinary, nullable=False),
    # Line of the segment of each value; null when the segment's steps strictly increase.
    sa.Column("positions", sa.LargeBinary),
    sa.Column("vals", sa.LargeBinary, nullable=False),
    sa.Column("pyramid", sa.LargeBinary),
    sa.Index(
        "ix_history_chunk_by_key",
        "run_id",
        "stream",
        "key_id",
        "seq",
        "kind",
        "step_min",
        "step_max",
        "n",
        unique=True,
    ),
)

#: Console output in blocks of limits.CONSOLE_BLOCK_LINES lines.
console_block = sa.Table(
    "console_block",
    metadata,
    sa.Column("run_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("block_no", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("n", sa.Integer, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)
