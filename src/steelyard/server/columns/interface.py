"""What the column store holds and what its functions give back.

A run has two streams of rows, `history` and `system`. A row is one JSON line of one writer; rows
are merged by (key, step), the last write wins. A key is the dotted path of a value, `a.b` for
`{"a": {"b": 1}}`. Lines rest in a tail until they are sealed into segments of packed columns.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

Stream = Literal["history", "system"]
KeyKind = Literal["number", "bool", "text", "histogram", "media", "json"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: How a stream is written in the tables.
STREAM_IDS: dict[Stream, int] = {"history": 0, "system": 1}


class Appended(msgspec.Struct, frozen=True):
    """What became of appended lines.

    `next_line` is the line count of the writer; `replaced_from` the line from which the writer's
    earlier lines were dropped because a different one came in their place, else None.
    `tail_rows` (lines) and `tail_bytes` (uncompressed) wait to be sealed in this stream.
    """

    next_line: int
    accepted: int
    duplicate: int
    replaced_from: int | None
    tail_rows: int
    tail_bytes: int


class Series(msgspec.Struct, frozen=True):
    """One metric of one run: int64[n] strictly increasing steps and float64[n] values.

    `cell_points` is None for exact points; otherwise the points are summaries of up to that many
    raw ones each: `value` is the last of them, `low`, `high`, `mean` and `count` describe the rest.
    """

    step: Ints
    value: Floats
    low: Floats | None = None
    high: Floats | None = None
    mean: Floats | None = None
    count: Ints | None = None
    cell_points: int | None = None


class TypeCount(msgspec.Struct, frozen=True):
    type: str
    count: int


class KeyStats(msgspec.Struct, frozen=True):
    """What is known of a key without reading its values. Counts include overwritten values."""

    type_counts: list[TypeCount]
    monotonic: bool
    previous_value: float | int | None
    n: int
    n_nan: int
    first_step: int
    last_step: int
    min: float | None
    max: float | None


class KeyCatalogue(msgspec.Struct, frozen=True):
    last_step: int | None
    keys: dict[str, KeyStats]


class KeySummary(msgspec.Struct, frozen=True):
    """A key over several runs."""

    key: str
    kind: KeyKind
    run_count: int
    last_step: int


class ConsoleLine(msgspec.Struct, frozen=True):
    number: int
    timestamp: str | None
    level: str | None
    text: str
    label: str | None = None


Row = dict[str, Any]
