"""Rows to packed columns: pivot, join, pack. Pure, and light enough for the sealing process.

Points keep the order in which they were written, also when steps repeat or run backwards; readers
sort. A column with values of several kinds becomes several chunks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from steelyard.server.columns import codec, lines
from steelyard.server.columns.interface import Ints, Row
from steelyard.server.columns.paths import escape_component

Values = NDArray[Any] | list[Any]  # a list for codec.CELLS
_UNIFORM_KINDS = {float: codec.FLOAT, int: codec.INT, bool: codec.BOOL}
_DTYPES: dict[int, type] = {codec.FLOAT: np.float64, codec.INT: np.int64, codec.BOOL: np.bool_}
_INT_MIN, _INT_MAX = -(2**63), 2**63 - 1


class Column(msgspec.Struct, frozen=True):
    """The values of one kind at one path: `positions` are the rows they stand in, rising."""

    path: str
    kind: int
    positions: Ints
    values: Values


class Rows(msgspec.Struct, frozen=True):
    """Parsed lines of one writer. Steps are those the lines name; `has_step` says which do."""

    n: int
    steps: Ints
    has_step: NDArray[np.bool_]
    columns: dict[str, list[Column]]


class Piece(msgspec.Struct, frozen=True, array_like=True):
    """Consecutive lines of a writer inside a segment."""

    writer: str
    first_line: int
    n: int


class Block(msgspec.Struct, frozen=True):
    """Rows with their final steps and where they come from."""

    pieces: list[Piece]
    steps: Ints
    crcs: bytes
    columns: dict[str, list[Column]]


class PackedChunk(msgspec.Struct, frozen=True):
    """A row of history_chunk, its key as a path."""

    path: str
    kind: int
    step_min: int
    step_max: int
    n: int
    n_nan: int
    vmin: float | None
    vmax: float | None
    vfirst: float | None
    vlast: float | None
    vsum: float | None
    is_monotonic: bool
    types: dict[str, int] | None
    steps: bytes
    positions: bytes | None
    vals: bytes
    pyramid: bytes | None = None


class PackedSegment(msgspec.Struct, frozen=True):
    """A row of history_segment with its chunks."""

    n_lines: int
    step_min: int
    step_max: int
    pieces: list[Piece]
    steps: bytes
    crcs: bytes
    chunks: list[PackedChunk]


# ---- pivot


def parse_rows(texts: Sequence[bytes], *, takes_step: bool) -> Rows:
    """Lines to columns. With `takes_step`, `_step` becomes the step instead of a column."""
    n = len(texts)
    steps = np.zeros(n, np.int64)
    has_step = np.zeros(n, np.bool_)
    rows = [lines.parse_line(text) for text in texts]
    if takes_step:
        for position, row in enumerate(rows):
            step = lines.take_step(row)
            if step is not None:
                steps[position] = step
                has_step[position] = True
    return Rows(n, steps, has_step, _type_columns(_gather(rows)))


Cells = dict[str, tuple[Sequence[int], Sequence[Any]]]


def _gather(rows: Sequence[Row]) -> Cells:
    """Key -> (positions, values). Rows of a run mostly have the same keys in the same order."""
    keys = tuple(rows[0]) if rows else ()
    if all(tuple(row) == keys for row in rows):
        everywhere = range(len(rows))
        columns = zip(*(row.values() for row in rows), strict=True)
        return {key: (everywhere, column) for key, column in zip(keys, columns, strict=True)}
    found: dict[str, tuple[list[int], list[Any]]] = {}
    for position, row in enumerate(rows):
        _collect(row, position, found)
    return dict(found)


def _collect(row: Row, position: int, cells: dict[str, tuple[list[int], list[Any]]]) -> None:
    for key, value in row.items():
        found = cells.get(key)
        if found is None:
            cells[key] = ([position], [value])
        else:
            found[0].append(position)
            found[1].append(value)


def _type_columns(
    cells: Mapping[str, tuple[Sequence[int], Sequence[Any]]], prefix: str = ""
) -> dict[str, list[Column]]:
    columns: dict[str, list[Column]] = {}
    last: tuple[Sequence[int], Ints] | None = None
    for key, (positions, values) in cells.items():
        path = prefix + escape_component(key)
        if last is None or last[0] is not positions:
            last = positions, np.array(positions, np.int64)
        column = _type_uniform(path, last[1], values)
        if column is not None:
            columns[path] = [column]
        else:
            _type_mixed(path, positions, values, columns)
    return columns


def _type_uniform(path: str, positions: Ints, values: Sequence[Any]) -> Column | None:
    """The fast way for values of one type; None when there are others among them."""
    types = set(map(type, values))
    kind = _UNIFORM_KINDS.get(types.pop()) if len(types) == 1 else None
    if kind is None:
        return None
    try:
        return Column(path, kind, positions, np.array(values, _DTYPES[kind]))
    except OverflowError:
        return None


def _type_mixed(
    path: str, positions: Sequence[int], values: Sequence[Any], columns: dict[str, list[Column]]
) -> None:
    kinds: dict[int, tuple[list[int], list[Any]]] = {}
    nested: dict[str, tuple[list[int], list[Any]]] = {}
    for position, value in zip(positions, values, strict=True):
        kind = _kind_of(value)
        if kind is None:
            _collect(value, position, nested)
            continue
        at, of = kinds.setdefault(kind, ([], []))
        at.append(position)
        of.append(value)
    if kinds:
        columns[path] = [
            Column(
                path,
                kind,
                np.array(at, np.int64),
                np.array(of, _DTYPES[kind]) if kind in _DTYPES else of,
            )
            for kind, (at, of) in sorted(kinds.items())
        ]
    if nested:
        columns.update(_type_columns(nested, path + "."))


def _kind_of(value: Any) -> int | None:
    """The kind a value is stored as; None for an object whose members are stored instead."""
    if isinstance(value, float):
        return codec.FLOAT
    if isinstance(value, bool):
        return codec.BOOL
    if isinstance(value, int):
        return codec.INT if _INT_MIN <= value <= _INT_MAX else codec.CELLS
    if isinstance(value, dict) and value and "_type" not in value:
        return None
    return codec.CELLS


def resolve_steps(rows: Rows, previous: int | None) -> Ints:
    """Final steps: a row without one stands one after the row before it, the first at 0."""
    if rows.has_step.all():
        return rows.steps
    steps = rows.steps.copy()
    step = -1 if previous is None else previous
    for position, known in enumerate(rows.has_step.tolist()):
        step = int(steps[position]) if known else step + 1
        steps[position] = step
    return steps


# ---- pack


def pack_blocks(blocks: Sequence[Block]) -> PackedSegment:
    """One segment of the blocks, in the order given, which is the order they were written in."""
    starts = np.cumsum([0] + [len(block.steps) for block in blocks]).tolist()
    gathered: dict[tuple[str, int], list[tuple[int, Column]]] = {}
    for start, block in zip(starts, blocks, strict=False):
        for columns in block.columns.values():
            for column in columns:
                gathered.setdefault((column.path, column.kind), []).append((start, column))
    joined = (_join(parts) for parts in gathered.values())
    return pack_columns(
        steps=np.concatenate([block.steps for block in blocks]),
        crcs=b"".join(block.crcs for block in blocks),
        pieces=join_pieces(piece for block in blocks for piece in block.pieces),
        columns=joined,
    )


def _join(parts: list[tuple[int, Column]]) -> Column:
    first = parts[0][1]
    if len(parts) == 1:
        return Column(first.path, first.kind, first.positions + parts[0][0], first.values)
    positions = np.concatenate([column.positions + start for start, column in parts])
    return Column(
        first.path, first.kind, positions, join_values([column.values for _, column in parts])
    )


def join_values(parts: Sequence[Values]) -> Values:
    if isinstance(parts[0], list):
        return [value for part in parts for value in part]
    return np.concatenate([np.asarray(part) for part in parts])


def join_pieces(pieces: Iterable[Piece]) -> list[Piece]:
    joined: list[Piece] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if last and last.writer == piece.writer and last.first_line + last.n == piece.first_line:
            joined[-1] = Piece(last.writer, last.first_line, last.n + piece.n)
        elif piece.n:
            joined.append(piece)
    return joined


def pack_columns(
    *, steps: Ints, crcs: bytes, pieces: list[Piece], columns: Iterable[Column]
) -> PackedSegment:
    """`steps` of all lines; `positions` of the columns point into them."""
    is_sorted = is_rising(steps)
    memo: dict[bytes, tuple[Ints, bytes, bytes | None]] = {}
    chunks = []
    for column in columns:
        # Most columns stand in the same rows: their steps are packed once.
        mark = column.positions.tobytes()
        if mark not in memo:
            own = steps[column.positions]
            memo[mark] = (
                own,
                codec.pack_ints(own),
                None if is_sorted else codec.pack_ints(column.positions),
            )
        chunks.append(_pack_chunk(column, *memo[mark], is_sorted=is_sorted))
    return PackedSegment(
        n_lines=len(steps),
        step_min=int(steps.min()),
        step_max=int(steps.max()),
        pieces=pieces,
        steps=codec.pack_ints(steps),
        crcs=crcs,
        chunks=chunks,
    )


def is_rising(steps: Ints) -> bool:
    return bool((steps[1:] > steps[:-1]).all())


def _pack_chunk(
    column: Column,
    steps: Ints,
    packed_steps: bytes,
    packed_positions: bytes | None,
    *,
    is_sorted: bool,
) -> PackedChunk:
    n = len(steps)
    low, high = (steps[0], steps[-1]) if is_sorted else (steps.min(), steps.max())
    if isinstance(column.values, list):
        vals = codec.pack_cells(column.values)
    else:
        vals = _pack_values(column.kind, column.values)
    return PackedChunk(
        path=column.path,
        kind=column.kind,
        step_min=int(low),
        step_max=int(high),
        n=n,
        steps=packed_steps,
        positions=packed_positions,
        vals=vals,
        **describe_values(column.kind, steps, column.values),
    )


def _pack_values(kind: int, values: NDArray[Any]) -> bytes:
    if kind == codec.FLOAT:
        return codec.pack_floats(values)
    if kind == codec.INT:
        return codec.pack_ints(values)
    return codec.pack_bools(values)


def unpack_values(kind: int, blob: bytes) -> Values:
    if kind == codec.FLOAT:
        return codec.unpack_floats(blob)
    if kind == codec.INT:
        return codec.unpack_ints(blob)
    if kind == codec.BOOL:
        return codec.unpack_bools(blob)
    return codec.unpack_cells(blob)


def unpack_segment(segment: PackedSegment) -> Block:
    """What `pack_blocks` packed, as one block."""
    steps = codec.unpack_ints(segment.steps)
    columns: dict[str, list[Column]] = {}
    memo: dict[tuple[bytes, bytes | None], Ints] = {}
    for chunk in segment.chunks:
        mark = chunk.steps, chunk.positions
        if mark not in memo:
            memo[mark] = (
                np.searchsorted(steps, codec.unpack_ints(chunk.steps))
                if chunk.positions is None
                else codec.unpack_ints(chunk.positions)
            )
        values = unpack_values(chunk.kind, chunk.vals)
        columns.setdefault(chunk.path, []).append(
            Column(chunk.path, chunk.kind, memo[mark], values)
        )
    return Block(segment.pieces, steps, segment.crcs, columns)


def filter_block(block: Block, keep: NDArray[np.bool_]) -> Block:
    """Only the rows where `keep`; the pieces keep the line numbers they had."""
    new_positions = np.cumsum(keep) - 1
    columns: dict[str, list[Column]] = {}
    for path, its in block.columns.items():
        kept = [_filter_column(column, keep, new_positions) for column in its]
        columns[path] = [column for column in kept if len(column.positions)]
    crcs = np.frombuffer(block.crcs, "<u4")[keep].tobytes()
    return Block(filter_pieces(block.pieces, keep), block.steps[keep], crcs, columns)


def _filter_column(column: Column, keep: NDArray[np.bool_], new_positions: Ints) -> Column:
    mask = keep[column.positions]
    values: Values
    if isinstance(column.values, list):
        values = [value for value, kept in zip(column.values, mask, strict=True) if kept]
    else:
        values = column.values[mask]
    return Column(column.path, column.kind, new_positions[column.positions[mask]], values)


def filter_pieces(pieces: Iterable[Piece], keep: NDArray[np.bool_]) -> list[Piece]:
    kept: list[Piece] = []
    start = 0
    for piece in pieces:
        edges = np.diff(np.concatenate([[0], keep[start : start + piece.n].view(np.int8), [0]]))
        begins, ends = np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist()
        kept += [
            Piece(piece.writer, piece.first_line + begin, end - begin)
            for begin, end in zip(begins, ends, strict=True)
        ]
        start += piece.n
    return kept


def line_numbers(pieces: Iterable[Piece], writer: str) -> Ints:
    """Line number of each row, -1 for rows of other writers."""
    parts = [
        piece.first_line + np.arange(piece.n, dtype=np.int64)
        if piece.writer == writer
        else np.full(piece.n, -1, np.int64)
        for piece in pieces
    ]
    return np.concatenate(parts)


def describe_values(
    kind: int, steps: Ints, values: Values, *, with_sum: bool = True
) -> dict[str, Any]:
    """The columns of history_chunk that say what the values are."""
    if kind == codec.CELLS:
        statistics = _count_types(values)
    else:
        numbers = np.asarray(values).astype(np.float64, copy=False)
        if not is_rising(steps):
            numbers = numbers[np.argsort(steps, kind="stable")]
        statistics = _measure(numbers)
    if not with_sum:
        del statistics["vsum"]
    return statistics


def _measure(numbers: NDArray[np.float64]) -> dict[str, Any]:
    n_nan, finite = 0, numbers
    # The sum is finite only when all values are, and costs less than asking each of them.
    with np.errstate(over="ignore", invalid="ignore"):
        total = float(numbers.sum())
        if not np.isfinite(total):
            finite = numbers[np.isfinite(numbers)]
            n_nan = int(np.isnan(numbers).sum())
            total = float(finite.sum())
        is_monotonic = bool((numbers[1:] >= numbers[:-1]).all())
    return {
        "n_nan": n_nan,
        "vmin": float(finite.min()) if len(finite) else None,
        "vmax": float(finite.max()) if len(finite) else None,
        "vfirst": float(numbers[0]),
        "vlast": float(numbers[-1]),
        "vsum": total,
        "is_monotonic": is_monotonic,
        "types": None,
    }


def _count_types(values: Iterable[Any]) -> dict[str, Any]:
    types: dict[str, int] = {}
    for value in values:
        name = type_name(value)
        types[name] = types.get(name, 0) + 1
    return {
        "n_nan": 0,
        "vmin": None,
        "vmax": None,
        "vfirst": None,
        "vlast": None,
        "vsum": None,
        "is_monotonic": False,
        "types": types,
    }


def type_name(value: Any) -> str:
    """How W&B names the type of a value in historyKeys."""
    if value is None:
        return "nil"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    if isinstance(value, list):
        return "list"
    kind = value.get("_type") if isinstance(value, dict) else None
    return kind if isinstance(kind, str) else "map"
