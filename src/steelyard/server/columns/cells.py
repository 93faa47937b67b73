"""Values that are no numbers (texts, documents, media) of many runs, without reading all of them.

What is where is answered from metadata and steps; of the values only the chunks that hold the step
asked for are unpacked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.server.columns import codec, keys, points, seal, tail
from steelyard.server.columns.interface import STREAM_IDS, Ints, Stream
from steelyard.server.columns.paths import name_of
from steelyard.server.columns.tables import history_chunk

_OF_RUNS = sa.and_(
    history_chunk.c.run_id.in_(sa.bindparam("runs", expanding=True)),
    history_chunk.c.stream == sa.bindparam("of_stream"),
)
_CELLS = sa.and_(_OF_RUNS, history_chunk.c.kind == codec.CELLS)
_SELECT_HEADS = sa.select(
    history_chunk.c.run_id,
    history_chunk.c.key_id,
    history_chunk.c.types,
    history_chunk.c.n,
    history_chunk.c.step_min,
    history_chunk.c.step_max,
).where(_CELLS)
_SELECT_STEPS = sa.select(history_chunk.c.run_id, history_chunk.c.steps).where(
    _CELLS,
    history_chunk.c.key_id.in_(sa.bindparam("key_ids", expanding=True)),
    history_chunk.c.step_min <= sa.bindparam("high"),
)
_TYPES = msgspec.json.Decoder(dict[str, int])


class CellKey(msgspec.Struct):
    """A key with cells over several runs: how many values of each type, and between which steps."""

    types: dict[str, int]
    run_ids: set[int]
    n: int
    first_step: int
    last_step: int


def list_cell_keys(conn: Connection, run_ids: Sequence[int], stream: Stream) -> dict[str, CellKey]:
    """The keys that hold cells in any of the runs, by name. Counts include overwritten values."""
    found: dict[str, CellKey] = {}

    def note(name: str, run_id: int, types: dict[str, int], n: int, first: int, last: int) -> None:
        known = found.setdefault(name, CellKey({}, set(), 0, first, last))
        for kind, count in types.items():
            known.types[kind] = known.types.get(kind, 0) + count
        known.run_ids.add(run_id)
        known.n += n
        known.first_step = min(known.first_step, first)
        known.last_step = max(known.last_step, last)

    rows = conn.execute(_SELECT_HEADS, _params(run_ids, stream)).all()
    paths = keys.list_paths(conn, {row.key_id for row in rows})
    for row in rows:
        types = _TYPES.decode(row.types or "{}")
        name = name_of(paths[row.key_id])
        note(name, row.run_id, types, row.n, row.step_min, row.step_max)
    for run_id, path, steps, values in _tail_cells(conn, run_ids, stream):
        types = {}
        for value in values:
            kind = seal.type_name(value)
            types[kind] = types.get(kind, 0) + 1
        note(name_of(path), run_id, types, len(steps), int(steps.min()), int(steps.max()))
    return found


def list_cell_steps(
    conn: Connection,
    run_ids: Sequence[int],
    stream: Stream,
    key: str,
    *,
    high: int = points.STEP_MAX,
) -> dict[int, Ints]:
    """The steps up to `high` at which each run has a cell under the key, rising."""
    parts: dict[int, list[Ints]] = {}
    ids = keys.find_key_ids(conn, key)
    if ids:
        params = _params(run_ids, stream) | {"key_ids": ids, "high": high}
        for row in conn.execute(_SELECT_STEPS, params):
            parts.setdefault(row.run_id, []).append(codec.unpack_ints(row.steps))
    for run_id, path, steps, _ in _tail_cells(conn, run_ids, stream):
        if name_of(path) == key:
            parts.setdefault(run_id, []).append(steps)
    merged = {run_id: points.merge_steps(own) for run_id, own in parts.items()}
    cut = {run_id: steps[steps <= high] for run_id, steps in merged.items()}
    return {run_id: steps for run_id, steps in cut.items() if len(steps)}


def find_cells_at(
    conn: Connection,
    run_ids: Sequence[int],
    stream: Stream,
    key: str,
    step: int,
    *,
    exactly: bool = False,
) -> dict[int, tuple[int, Any]]:
    """(step, value) of each run at `step`, or at the nearest step before it with a cell.

    A value that was written over at its step counts as it was last written, also when that is a
    number. Runs without such a step are left out.
    """
    steps = list_cell_steps(conn, run_ids, stream, key, high=step)
    wanted = {run_id: int(own[-1]) for run_id, own in steps.items()}
    if exactly:
        wanted = {run_id: own for run_id, own in wanted.items() if own == step}
    ids = keys.find_key_ids(conn, key)
    blocks = tail.load_blocks_of(conn, list(wanted), stream) if wanted else {}
    found: dict[int, tuple[int, Any]] = {}
    for run_id, at in wanted.items():
        parts: list[points.Points] = []
        if ids:
            chunks = points.select_chunks(
                conn, [run_id], stream, ids, low=at, high=at, kinds=points.ALL_KINDS
            )
            parts = [points.clip(points.from_chunk(row), at, at) for row in chunks]
        for seq, block in blocks.get(run_id, []):
            for path, columns in block.columns.items():
                if name_of(path) == key:
                    parts += [
                        points.clip(points.from_block(seq, block, column), at, at)
                        for column in columns
                    ]
        _, values = points.merge_cells(parts)
        if len(values):
            found[run_id] = (at, values[-1])
    return found


def _tail_cells(
    conn: Connection, run_ids: Sequence[int], stream: Stream
) -> Iterator[tuple[int, str, Ints, Sequence[Any]]]:
    for run_id, blocks in tail.load_blocks_of(conn, list(run_ids), stream).items():
        for _, block in blocks:
            for path, columns in block.columns.items():
                for column in columns:
                    if column.kind == codec.CELLS and len(column.positions):
                        assert isinstance(column.values, list)
                        steps = np.asarray(block.steps[column.positions])
                        yield run_id, path, steps, column.values


def _params(run_ids: Sequence[int], stream: Stream) -> dict[str, Any]:
    return {"runs": list(run_ids), "of_stream": STREAM_IDS[stream]}
