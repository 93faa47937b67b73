"""What keys runs have, from chunk metadata and the tail, without reading values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard import limits
from steelyard.server.columns import codec, keys, points, rows, seal, tail
from steelyard.server.columns.interface import (
    STREAM_IDS,
    KeyCatalogue,
    KeyKind,
    KeyStats,
    KeySummary,
    Stream,
    TypeCount,
)
from steelyard.server.columns.paths import name_of
from steelyard.server.columns.tables import history_chunk

#: Times of a row, by the names of the official client.
TIME_PATHS = frozenset({"_runtime", "_timestamp"})

_SELECT_HEADS = (
    sa.select(
        history_chunk.c.key_id,
        history_chunk.c.kind,
        history_chunk.c.step_min,
        history_chunk.c.step_max,
        history_chunk.c.n,
        history_chunk.c.n_nan,
        history_chunk.c.vmin,
        history_chunk.c.vmax,
        history_chunk.c.vfirst,
        history_chunk.c.vlast,
        history_chunk.c.is_monotonic,
        history_chunk.c.types,
        history_chunk.c.positions.is_(None).label("is_rising"),
    )
    .where(
        history_chunk.c.run_id == sa.bindparam("run"),
        history_chunk.c.stream == sa.bindparam("of_stream"),
    )
    .order_by(history_chunk.c.key_id, history_chunk.c.seq, history_chunk.c.kind)
)
_SELECT_SUMMARIES = (
    sa.select(
        history_chunk.c.key_id,
        history_chunk.c.run_id,
        history_chunk.c.kind,
        sa.func.max(history_chunk.c.step_max).label("last_step"),
    )
    .where(
        history_chunk.c.run_id.in_(sa.bindparam("runs", expanding=True)),
        history_chunk.c.stream == sa.bindparam("of_stream"),
    )
    .group_by(history_chunk.c.run_id, history_chunk.c.key_id, history_chunk.c.kind)
)
_SELECT_TYPES = (
    sa.select(history_chunk.c.key_id, history_chunk.c.types)
    .where(
        history_chunk.c.run_id == sa.bindparam("run"),
        history_chunk.c.stream == sa.bindparam("of_stream"),
        history_chunk.c.key_id == sa.bindparam("key"),
        history_chunk.c.kind == codec.CELLS,
    )
    .limit(1)
)
_TYPES = msgspec.json.Decoder(dict[str, int])
_MEDIA_SUFFIX = ("-file", "/separated", "-table", "-files")


class Head(msgspec.Struct, frozen=True):
    """Metadata of some values of a key, in the order written."""

    kind: int
    step_min: int
    step_max: int
    n: int
    n_nan: int
    vmin: float | None
    vmax: float | None
    vfirst: float | None
    vlast: float | None
    is_monotonic: bool
    types: dict[str, int] | None
    is_rising: bool


def describe_keys(conn: Connection, run_id: int, stream: Stream) -> KeyCatalogue:
    """Every key of a run by its dotted name: types, bounds, whether it never falls."""
    found: dict[str, list[Head]] = {}
    sealed = _list_heads(conn, run_id, stream)
    paths = keys.list_paths(conn, sealed)
    for key_id, heads in sealed.items():
        found.setdefault(name_of(paths[key_id]), []).extend(heads)
    blocks = tail.load_blocks(conn, run_id, stream)
    for block in blocks:
        for path, columns in block.columns.items():
            heads = [head_of(block, column) for column in columns]
            found.setdefault(name_of(path), []).extend(heads)
    return KeyCatalogue(
        last_step=rows.get_last_step(conn, run_id, stream),
        keys={name: _describe(heads) for name, heads in sorted(found.items())},
    )


def list_key_stats(conn: Connection, run_ids: Sequence[int], stream: Stream) -> list[KeySummary]:
    """The keys of several runs together, by name.

    Beyond KEY_TAIL_ROWS_MAX unsealed rows only the newest of each run are looked at: what they lack
    appears when it is sealed, at most SEAL_STALE_S later.
    """
    kinds: dict[str, set[KeyKind]] = {}
    runs: dict[str, set[int]] = {}
    last_steps: dict[str, int] = {}

    def note(name: str, kind: KeyKind, run_id: int, last_step: int) -> None:
        kinds.setdefault(name, set()).add(kind)
        runs.setdefault(name, set()).add(run_id)
        last_steps[name] = max(last_step, last_steps.get(name, last_step))

    params = {"runs": list(run_ids), "of_stream": STREAM_IDS[stream]}
    sealed = conn.execute(_SELECT_SUMMARIES, params).all()
    paths = keys.list_paths(conn, (row.key_id for row in sealed))
    cell_kinds: dict[int, KeyKind] = {}
    for row in sealed:
        if row.kind == codec.CELLS and row.key_id not in cell_kinds:
            cell_kinds[row.key_id] = _find_cell_kind(conn, row.run_id, stream, row.key_id)
        kind = cell_kinds[row.key_id] if row.kind == codec.CELLS else _number_kind(row.kind)
        note(name_of(paths[row.key_id]), kind, row.run_id, row.last_step)
    for run_id, blocks in tail.load_newest_blocks(
        conn, run_ids, stream, rows_max=limits.KEY_TAIL_ROWS_MAX
    ).items():
        for block in blocks:
            for path, columns in block.columns.items():
                for column in columns:
                    its = block.steps[column.positions]
                    note(name_of(path), _column_kind(column), run_id, int(its.max()))
    return [
        KeySummary(name, _strongest(kinds[name]), len(runs[name]), last_steps[name])
        for name in sorted(kinds)
    ]


def count_overwritten_values(conn: Connection, run_id: int, stream: Stream) -> int:
    """Values that a later write of the same key and step replaced.

    Times are not counted: each part of a row brings them.
    Costs one look at the steps as long as they rise; then metadata of every key, and the steps of
    the keys concerned.
    """
    if _only_rise(rows.list_steps(conn, run_id, stream)):
        return 0
    sealed = _list_heads(conn, run_id, stream)
    by_path: dict[str, list[Head]] = {}
    ids: dict[str, int] = {}
    for key_id, path in keys.list_paths(conn, sealed).items():
        by_path[path], ids[path] = sealed[key_id], key_id
    in_tail: dict[str, list[np.ndarray[Any, np.dtype[np.int64]]]] = {}
    for block in tail.load_blocks(conn, run_id, stream):
        for path, columns in block.columns.items():
            for column in columns:
                by_path.setdefault(path, []).append(head_of(block, column))
                in_tail.setdefault(path, []).append(block.steps[column.positions])
    count = 0
    for path, heads in by_path.items():
        if path in TIME_PATHS or _is_in_order(heads):
            continue
        steps = list(in_tail.get(path, []))
        if path in ids:
            steps += [
                codec.unpack_ints(row.steps)
                for row in points.select_chunks(
                    conn, [run_id], stream, [ids[path]], kinds=points.ALL_KINDS
                )
            ]
        count += sum(map(len, steps)) - len(np.unique(np.concatenate(steps)))
    return count


def _only_rise(parts: Iterable[np.ndarray[Any, np.dtype[np.int64]]]) -> bool:
    """Whether every step is higher than the one before: nothing was written twice."""
    last = points.STEP_MIN
    for steps in parts:
        if not len(steps):
            continue
        if steps[0] <= last or not seal.is_rising(steps):
            return False
        last = int(steps[-1])
    return True


# ---- one key


def _list_heads(conn: Connection, run_id: int, stream: Stream) -> dict[int, list[Head]]:
    found: dict[int, list[Head]] = {}
    for row in conn.execute(_SELECT_HEADS, {"run": run_id, "of_stream": STREAM_IDS[stream]}):
        found.setdefault(row.key_id, []).append(
            Head(
                kind=row.kind,
                step_min=row.step_min,
                step_max=row.step_max,
                n=row.n,
                n_nan=row.n_nan,
                vmin=row.vmin,
                vmax=row.vmax,
                vfirst=row.vfirst,
                vlast=row.vlast,
                is_monotonic=bool(row.is_monotonic),
                types=None if row.types is None else _TYPES.decode(row.types),
                is_rising=bool(row.is_rising),
            )
        )
    return found


def head_of(block: seal.Block, column: seal.Column) -> Head:
    steps = block.steps[column.positions]
    return Head(
        kind=column.kind,
        step_min=int(steps.min()),
        step_max=int(steps.max()),
        n=len(steps),
        is_rising=seal.is_rising(block.steps),
        **seal.describe_values(column.kind, steps, column.values, with_sum=False),
    )


def _is_in_order(heads: Iterable[Head]) -> bool:
    last_step = None
    for head in heads:
        if not head.is_rising or (last_step is not None and head.step_min <= last_step):
            return False
        last_step = head.step_max
    return True


def _describe(heads: list[Head]) -> KeyStats:
    counts: dict[str, int] = {}
    for head in heads:
        types = {"number": head.n} if head.types is None else head.types
        for name, count in types.items():
            counts[name] = counts.get(name, 0) + count
    numbers = [head for head in heads if head.kind != codec.CELLS]
    lows = [head.vmin for head in heads if head.vmin is not None]
    highs = [head.vmax for head in heads if head.vmax is not None]
    newest = max(numbers, key=lambda head: head.step_max) if numbers else None
    return KeyStats(
        type_counts=[TypeCount(name, count) for name, count in sorted(counts.items())],
        monotonic=len(numbers) == len(heads) and _is_monotonic(heads),
        previous_value=None if newest is None else _last_value(newest),
        n=sum(head.n for head in heads),
        n_nan=sum(head.n_nan for head in heads),
        first_step=min(head.step_min for head in heads),
        last_step=max(head.step_max for head in heads),
        min=min(lows, default=None),
        max=max(highs, default=None),
    )


def _is_monotonic(heads: list[Head]) -> bool:
    if not _is_in_order(heads) or not all(head.is_monotonic for head in heads):
        return False
    ends = pairwise(heads)
    return all(
        before.vlast is not None and after.vfirst is not None and before.vlast <= after.vfirst
        for before, after in ends
    )


def _last_value(head: Head) -> float | int:
    if head.vlast is None:  # SQLite has no NaN
        return math.nan
    return int(head.vlast) if head.kind == codec.INT else head.vlast


# ---- kinds of keys


def _number_kind(kind: int) -> KeyKind:
    return "bool" if kind == codec.BOOL else "number"


def _column_kind(column: seal.Column) -> KeyKind:
    if column.kind != codec.CELLS:
        return _number_kind(column.kind)
    return kind_of_types({seal.type_name(value) for value in column.values})


def _find_cell_kind(conn: Connection, run_id: int, stream: Stream, key_id: int) -> KeyKind:
    params = {"run": run_id, "of_stream": STREAM_IDS[stream], "key": key_id}
    row = conn.execute(_SELECT_TYPES, params).one()
    return kind_of_types(_TYPES.decode(row.types))


def kind_of_types(types: Iterable[str]) -> KeyKind:
    """How a panel shows values of these W&B types."""
    names = set(types) - {"nil"}
    if "histogram" in names:
        return "histogram"
    if any(name.endswith(_MEDIA_SUFFIX) for name in names):
        return "media"
    return "text" if names and names <= {"string"} else "json"


def _strongest(kinds: set[KeyKind]) -> KeyKind:
    order: tuple[KeyKind, ...] = ("number", "bool", "histogram", "media", "text", "json")
    return next(kind for kind in order if kind in kinds)
