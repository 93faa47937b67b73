"""Rows of a run as they were logged: nested again, whole, in step order."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

from steelyard.server.columns import codec, keys, points, seal, tail
from steelyard.server.columns.interface import STREAM_IDS, Ints, Row, Stream
from steelyard.server.columns.lines import STEP_KEY
from steelyard.server.columns.paths import name_of, split_path
from steelyard.server.columns.tables import history_chunk, history_segment

_WINDOW_ROWS_MIN = 1024
_WINDOW_GROWTH = 4

_SELECT_STEPS = (
    sa.select(history_segment.c.step_min, history_segment.c.step_max, history_segment.c.steps)
    .where(
        history_segment.c.run_id == sa.bindparam("run"),
        history_segment.c.stream == sa.bindparam("of_stream"),
        history_segment.c.step_min <= sa.bindparam("high"),
        history_segment.c.step_max >= sa.bindparam("low"),
    )
    .order_by(history_segment.c.step_min)
)

_KEY_IDS = (
    sa.select(history_chunk.c.key_id)
    .where(
        history_chunk.c.run_id == sa.bindparam("run"),
        history_chunk.c.stream == sa.bindparam("of_stream"),
    )
    .distinct()
)
_STEPS_BY_SEQ = (
    sa.select(history_segment.c.steps)
    .where(
        history_segment.c.run_id == sa.bindparam("run"),
        history_segment.c.stream == sa.bindparam("of_stream"),
    )
    .order_by(history_segment.c.seq)
)
_LAST_STEPS = _SELECT_STEPS.order_by(None).order_by(history_segment.c.step_max.desc())

Cells = NDArray[np.object_]


class Table(msgspec.Struct, frozen=True):
    """Values of some rows: path -> (steps, values), steps increasing."""

    columns: dict[str, tuple[Ints, Cells]]


def read_rows(
    conn: Connection,
    run_id: int,
    stream: Stream,
    *,
    min_step: int = points.STEP_MIN,
    max_step: int | None = None,
    limit: int,
    keys: Sequence[str] | None = None,
) -> list[Row]:
    """The first `limit` rows with min_step <= step < max_step, by step.

    With `keys` (dotted names, or the name of an object of which they are members) only the rows
    that have all of them, reduced to them. History rows carry `_step`, system rows do not: their
    steps are line numbers. NaN and infinities are floats.
    """
    blocks = tail.load_blocks_of(conn, [run_id], stream).get(run_id, [])
    high = points.STEP_MAX if max_step is None else max_step - 1
    rows: list[Row] = []
    window = max(limit, _WINDOW_ROWS_MIN) if keys else limit
    steps = _Steps(conn, run_id, stream, blocks, low=min_step, high=high)
    while len(rows) < limit:
        wanted = steps.take(window)
        if not len(wanted):
            break
        rows += _load_rows(conn, run_id, stream, blocks, wanted, keys, limit - len(rows))
        window *= _WINDOW_GROWTH
    return rows


def sample_rows(
    conn: Connection,
    run_id: int,
    stream: Stream,
    *,
    samples: int,
    keys: Sequence[str] | None = None,
    min_step: int = points.STEP_MIN,
    max_step: int | None = None,
) -> list[Row]:
    """At most `samples` of the rows `read_rows` would give, evenly spaced, ends included."""
    blocks = tail.load_blocks_of(conn, [run_id], stream).get(run_id, [])
    high = points.STEP_MAX if max_step is None else max_step - 1
    steps = _Steps(conn, run_id, stream, blocks, low=min_step, high=high).take(None)
    table = None
    if keys:
        table = _load_table(conn, run_id, stream, blocks, steps, keys)
        steps = _steps_with_all(table, steps, keys)
    if len(steps) > samples:
        steps = steps[
            np.unique(np.linspace(0, len(steps) - 1, max(samples, 1)).round().astype(int))
        ]
    if table is None:
        table = _load_table(conn, run_id, stream, blocks, steps, None)
    return _make_rows(table, stream, steps, keys)


def list_last_lines(conn: Connection, run_id: int, stream: Stream, count: int) -> list[str]:
    """The last `count` rows as JSON texts, as a resuming client wants them (bare NaN included)."""
    blocks = tail.load_blocks_of(conn, [run_id], stream).get(run_id, [])
    steps = _list_last_steps(conn, run_id, stream, blocks, count)
    return [json.dumps(row) for row in _load_rows(conn, run_id, stream, blocks, steps, None, count)]


def get_last_step(conn: Connection, run_id: int, stream: Stream) -> int | None:
    """The highest step of the stream; None when it has no row."""
    blocks = tail.load_blocks_of(conn, [run_id], stream).get(run_id, [])
    steps = _list_last_steps(conn, run_id, stream, blocks, 1)
    return int(steps[-1]) if len(steps) else None


def count_rows(conn: Connection, run_id: int, stream: Stream) -> int:
    """How many rows the stream has: distinct steps, however many lines and writers made them."""
    parts = [points.merge_steps([steps]) for steps in list_steps(conn, run_id, stream)]
    parts = sorted((part for part in parts if len(part)), key=lambda part: int(part[0]))
    count, together, last = 0, list[Ints](), points.STEP_MIN
    for part in parts:  # what overlaps is merged, the rest is added up
        if together and part[0] > last:
            count += len(points.merge_steps(together))
            together = []
        together.append(part)
        last = max(last, int(part[-1]))
    return count + len(points.merge_steps(together))


def list_steps(conn: Connection, run_id: int, stream: Stream) -> list[Ints]:
    """The steps of the lines of each segment and block of the stream, in the order of writing."""
    found = conn.execute(_STEPS_BY_SEQ, {"run": run_id, "of_stream": STREAM_IDS[stream]})
    sealed = [codec.unpack_ints(row.steps) for row in found]
    blocks = tail.load_blocks_of(conn, [run_id], stream).get(run_id, [])
    return sealed + [block.steps for _, block in blocks]


# ---- which rows


class _Steps:
    """Distinct steps of a stream within bounds, handed out from the lowest on.

    Segments come by their lowest step, so that a page of a long run unpacks few of them.
    """

    def __init__(
        self,
        conn: Connection,
        run_id: int,
        stream: Stream,
        blocks: Iterable[tuple[int, seal.Block]],
        *,
        low: int,
        high: int,
    ) -> None:
        self._low, self._high = low, high
        found = conn.execute(
            _SELECT_STEPS,
            {"run": run_id, "of_stream": STREAM_IDS[stream], "low": low, "high": high},
        ).all()
        parts: list[tuple[int, bytes | Ints]] = [(row.step_min, row.steps) for row in found]
        parts += [(int(block.steps.min()), block.steps) for _, block in blocks]
        parts.sort(key=lambda part: part[0])
        self._parts = parts
        self._next = 0
        self._waiting = np.empty(0, np.int64)

    def take(self, count: int | None) -> Ints:
        """The next `count` steps, or all; fewer only at the end."""
        while self._next < len(self._parts):
            step_min, steps = self._parts[self._next]
            if count is not None and self._is_settled(count, step_min):
                break
            self._next += 1
            unpacked = steps if isinstance(steps, np.ndarray) else codec.unpack_ints(steps)
            mask = (unpacked >= self._low) & (unpacked <= self._high)
            self._waiting = points.merge_steps([self._waiting, unpacked[mask]])
        taken = self._waiting[:count]
        self._waiting = self._waiting[len(taken) :]
        return taken

    def _is_settled(self, count: int, step_min: int) -> bool:
        """No segment from `step_min` on holds any of the next `count` steps."""
        return len(self._waiting) >= count and step_min > self._waiting[count - 1]


def _list_last_steps(
    conn: Connection,
    run_id: int,
    stream: Stream,
    blocks: Iterable[tuple[int, seal.Block]],
    count: int,
) -> Ints:
    last = points.merge_steps([block.steps for _, block in blocks])[-count:]
    everything = {"low": points.STEP_MIN, "high": points.STEP_MAX}
    for row in conn.execute(
        _LAST_STEPS, {"run": run_id, "of_stream": STREAM_IDS[stream], **everything}
    ):
        if len(last) >= count and row.step_max <= last[0]:
            break
        last = points.merge_steps([last, codec.unpack_ints(row.steps)])[-count:]
    return last


# ---- their values


def _load_rows(
    conn: Connection,
    run_id: int,
    stream: Stream,
    blocks: Sequence[tuple[int, seal.Block]],
    steps: Ints,
    names: Sequence[str] | None,
    limit: int,
) -> list[Row]:
    if not len(steps):
        return []
    table = _load_table(conn, run_id, stream, blocks, steps, names)
    if names:
        steps = _steps_with_all(table, steps, names)
    return _make_rows(table, stream, steps[:limit], names)


def _load_table(
    conn: Connection,
    run_id: int,
    stream: Stream,
    blocks: Sequence[tuple[int, seal.Block]],
    steps: Ints,
    names: Sequence[str] | None,
) -> Table:
    """The values at the given steps, of all paths or of those under the names."""
    if not len(steps):
        return Table({})
    low, high = int(steps[0]), int(steps[-1])
    in_tail: dict[str, list[points.Points]] = {}
    for seq, block in blocks:
        for path, columns in block.columns.items():
            if names is None or _is_under(path, names):
                in_tail.setdefault(path, []).extend(
                    points.from_block(seq, block, column) for column in columns
                )
    table: dict[str, tuple[Ints, Cells]] = {}
    for path, parts in _sealed_parts(conn, run_id, stream, low, high, names):
        parts += in_tail.pop(path, [])
        table[path] = _merge_at(parts, steps)
    for path, parts in in_tail.items():
        table[path] = _merge_at(parts, steps)
    return Table(table)


def _sealed_parts(
    conn: Connection,
    run_id: int,
    stream: Stream,
    low: int,
    high: int,
    names: Sequence[str] | None,
) -> Iterator[tuple[str, list[points.Points]]]:
    paths = list_run_paths(conn, run_id, stream)
    chunks: Iterable[Any]
    if names is None:
        chunks = points.select_range(conn, run_id, stream, low=low, high=high)
    else:
        paths = {key_id: path for key_id, path in paths.items() if _is_under(path, names)}
        if not paths:
            return
        chunks = points.select_chunks(
            conn, [run_id], stream, list(paths), low=low, high=high, kinds=points.ALL_KINDS
        )
    current, parts = None, list[points.Points]()
    for row in chunks:
        if row.key_id != current and current is not None:
            yield paths[current], parts
            parts = []
        current = row.key_id
        parts.append(points.clip(points.from_chunk(row), low, high))
    if current is not None:
        yield paths[current], parts


def list_run_paths(conn: Connection, run_id: int, stream: Stream) -> dict[int, str]:
    """The sealed keys of a run: number -> path."""
    ids = conn.execute(_KEY_IDS, {"run": run_id, "of_stream": STREAM_IDS[stream]}).scalars()
    return keys.list_paths(conn, ids)


def _merge_at(parts: Sequence[points.Points], steps: Ints) -> tuple[Ints, Cells]:
    """Merged values at those of the steps that have one."""
    low, high = int(steps[0]), int(steps[-1])
    own, values = points.merge_cells([points.clip(part, low, high) for part in parts])
    if len(own) > len(steps):
        at = np.searchsorted(own, steps)
        at = at[(at < len(own)) & (own[np.minimum(at, len(own) - 1)] == steps)]
        return own[at], values[at]
    return own, values


def _is_under(path: str, names: Sequence[str]) -> bool:
    name = name_of(path)
    return any(name == each or name.startswith(each + ".") for each in names)


def _steps_with_all(table: Table, steps: Ints, names: Sequence[str]) -> Ints:
    """The steps at which every name has a value."""
    for name in names:
        if name == STEP_KEY:
            continue
        having = [own for path, (own, _) in table.columns.items() if _is_under(path, [name])]
        steps = np.intersect1d(steps, points.merge_steps(having), assume_unique=True)
    return steps


def _make_rows(table: Table, stream: Stream, steps: Ints, names: Sequence[str] | None) -> list[Row]:
    rows: list[Row] = [{STEP_KEY: step} if stream == "history" else {} for step in steps.tolist()]
    # Short paths first: should a value and an object share a path, the object is built last.
    for path in sorted(table.columns, key=lambda path: (len(split_path(path)), path)):
        own, values = table.columns[path]
        at = np.searchsorted(steps, own)
        inside = at < len(steps)
        inside[inside] = steps[at[inside]] == own[inside]
        place = _placed(path, names)
        for number, value in zip(at[inside].tolist(), values[inside].tolist(), strict=True):
            _set(rows[number], place, value)
    return rows


def _placed(path: str, names: Sequence[str] | None) -> tuple[str, ...]:
    """Where a value goes in its row: nested, or, when asked for by its dotted name, under that."""
    components = split_path(path)
    if names is None:
        return components
    name = name_of(path)
    if name in names:
        return (name,)
    for each in names:
        if name.startswith(each + "."):
            rest = name[len(each) + 1 :]
            return (each, *_last_components(components, rest))
    return components


def _last_components(components: tuple[str, ...], rest: str) -> tuple[str, ...]:
    for start in range(len(components)):
        if ".".join(components[start:]) == rest:
            return components[start:]
    return (rest,)


def _set(row: Row, place: tuple[str, ...], value: Any) -> None:
    for component in place[:-1]:
        inner = row.get(component)
        if not isinstance(inner, dict) or "_type" in inner:
            inner = row[component] = {}
        row = inner
    row[place[-1]] = value
