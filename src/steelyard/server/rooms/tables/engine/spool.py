"""Rows to typed columns on disk: batches are written as they come, and put together at the end.

What a column holds is known only when all of it was read. A batch is written in the narrowest kind
that holds it; numbers are widened at the end, and a column whose batches do not fit together is
named in `conflicts`: the file is read once more with that column kept as JSON text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, Literal

import msgspec
import polars as pl

from steelyard.errors import Invalid
from steelyard.limits import TABLE_CELLS_MAX, TABLE_CONVERTED_BYTES_MAX, TABLE_ROWS_MAX

#: What the cells of a batch are. "cells" and "media" are kept as JSON text.
Kind = Literal["null", "bool", "int", "float", "text", "datetime", "media", "cells"]

DTYPES: dict[Kind, pl.DataType] = {
    "null": pl.Null(),
    "bool": pl.Boolean(),
    "int": pl.Int64(),
    "float": pl.Float64(),
    "text": pl.String(),
    "datetime": pl.Datetime("us"),
    "media": pl.String(),
    "cells": pl.String(),
}
_KIND_OF: dict[type, Kind] = {bool: "bool", int: "int", float: "float", str: "text"}
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode


class Layout(msgspec.Struct):
    """What reading a file has taught about its columns, by position; kept for the next reading."""

    names: list[str] = []
    kinds: dict[int, Kind] = {}
    media_types: dict[int, set[str]] = {}
    forced: set[int] = set()
    """Columns that are JSON text whatever a batch of them holds."""
    long_integers: set[int] = set()
    """Columns with integers of more than 64 bits."""


class Spool:
    """Takes batches, writes each as a part in `directory`."""

    def __init__(self, directory: Path, layout: Layout, name: str) -> None:
        self.layout = layout
        self.parts: list[Path] = []
        self.row_count = 0
        self.short_count = 0
        self.long_count = 0
        self.conflicts: set[int] = set()
        self._directory = directory
        self._name = name
        self._size_bytes = 0
        directory.mkdir(parents=True, exist_ok=True)

    def add_rows(self, names: Sequence[str], rows: list[list[Any]]) -> None:
        """Rows in the order of `names`; missing cells are null, cells beyond are left out."""
        if len(names) > len(self.layout.names):
            self.layout.names = list(names)
        if not rows:
            return
        columns = self._transpose(len(names) or len(self.layout.names), rows)
        self.add_columns(columns, len(rows))

    def add_columns(self, columns: Iterable[Sequence[Any]], count: int) -> None:
        """Columns of Python values, all `count` long."""
        series: list[pl.Series] = []
        for place, values in enumerate(columns):
            kind, made = self.make_series(place, values)
            self._note(place, kind)
            series.append(made)
        self._write(series, count)

    def add_series(self, columns: Iterable[tuple[Kind, pl.Series]], count: int) -> None:
        """Columns that have their types already."""
        series: list[pl.Series] = []
        for place, (kind, made) in enumerate(columns):
            if place in self.layout.forced:
                kind, made = self.make_series(place, made.to_list())
            self._note(place, kind)
            series.append(made.alias(f"c{place}"))
        self._write(series, count)

    def scan(self) -> pl.LazyFrame:
        """All rows, in their final types."""
        width = len(self.layout.names)
        kinds = [self.layout.kinds.get(place, "null") for place in range(width)]
        frames: list[pl.LazyFrame] = []
        for part in self.parts:
            there = set(pl.read_ipc_schema(part))
            frames.append(
                pl.scan_ipc(part, glob=False).select(
                    pl.col(f"c{place}").cast(DTYPES[kind])
                    if f"c{place}" in there
                    else pl.lit(None, DTYPES[kind]).alias(f"c{place}")
                    for place, kind in enumerate(kinds)
                )
            )
        if not frames:
            return pl.LazyFrame(schema={f"c{i}": DTYPES[kind] for i, kind in enumerate(kinds)})
        return pl.concat(frames, how="vertical") if len(frames) > 1 else frames[0]

    def _transpose(self, width: int, rows: list[list[Any]]) -> Iterator[Sequence[Any]]:
        lengths = set(map(len, rows))
        if lengths == {width}:
            return zip(*rows, strict=True)
        if not width:  # the names come after the rows: all cells count
            width = max(lengths)
            self.layout.names = self.layout.names or [""] * width
        self.short_count += sum(len(row) < width for row in rows)
        self.long_count += sum(len(row) > width for row in rows)
        if max(lengths) < width:
            rows[0] = rows[0] + [None] * (width - len(rows[0]))
        columns = zip_longest(*rows)
        return (column for _, column in zip(range(width), columns, strict=False))

    def make_series(self, place: int, values: Sequence[Any]) -> tuple[Kind, pl.Series]:
        kind = "cells" if place in self.layout.forced else self._find_kind(place, values)
        name = f"c{place}"
        try:
            if kind in ("media", "cells"):
                if any(type(value) is int and not is_short(value) for value in values):
                    self.layout.long_integers.add(place)
                texts = [None if value is None else _encode(value) for value in values]
                return kind, _text_series(name, texts)
            if kind == "text":
                return kind, _text_series(name, values)
            made = pl.Series(name, values, DTYPES[kind], strict=kind != "float")
            if kind != "float" or made.null_count() == values.count(None):
                return kind, made
        except RecursionError as error:
            raise Invalid(f"{self._name}: a cell is nested too deeply") from error
        except (OverflowError, TypeError, pl.exceptions.PolarsError):
            pass
        # Integers beyond 64 bits, or among floats, beyond what a float can be: kept as they are.
        self.layout.long_integers.add(place)
        texts = [None if value is None else _encode(value) for value in values]
        return "cells", _text_series(name, texts)

    def _find_kind(self, place: int, values: Sequence[Any]) -> Kind:
        types = set(map(type, values))
        types.discard(type(None))
        if not types:
            return "null"
        if types == {int, float}:
            return "float"
        if len(types) > 1:
            return "cells"
        found = _KIND_OF.get(types.pop())
        if found is not None:
            return found
        media: set[str] = set()
        for value in values:
            if value is not None:
                name = value.get("_type") if type(value) is dict else None
                if type(name) is not str:
                    break
                media.add(name)
        else:
            self.layout.media_types.setdefault(place, set()).update(media)
            return "media"
        return "cells"

    def _note(self, place: int, kind: Kind) -> None:
        known = self.layout.kinds.get(place, "null")
        joined = join_kinds(known, kind)
        if joined == "cells" and {known, kind} - {"null", "cells", "media"}:
            self.conflicts.add(place)
        self.layout.kinds[place] = joined

    def _write(self, series: list[pl.Series], count: int) -> None:
        self.row_count += count
        cells = self.row_count * max(len(series), 1)
        if self.row_count > TABLE_ROWS_MAX or cells > TABLE_CELLS_MAX:
            raise Invalid(
                f"{self._name} has more than {min(TABLE_ROWS_MAX, self.row_count - 1):,} rows of "
                f"{len(series):,} columns; a table is shown with at most {TABLE_ROWS_MAX:,} rows "
                f"(TABLE_ROWS_MAX) and {TABLE_CELLS_MAX:,} cells (TABLE_CELLS_MAX)"
            )
        if not series:
            return
        part = self._directory / f"part{len(self.parts)}.arrow"
        pl.DataFrame(series).write_ipc(part, compression="uncompressed")
        self._size_bytes += part.stat().st_size
        if self._size_bytes > TABLE_CONVERTED_BYTES_MAX:
            raise Invalid(
                f"{self._name} unpacks to more than {TABLE_CONVERTED_BYTES_MAX:,} bytes "
                "(TABLE_CONVERTED_BYTES_MAX); split it into smaller files"
            )
        self.parts.append(part)


def is_short(number: int) -> bool:
    """The integer fits 64 bits, with a sign or without."""
    return -(2**63) <= number < 2**64


def join_kinds(one: Kind, other: Kind) -> Kind:
    """The kind that holds both."""
    if one == other or other == "null":
        return one
    if one == "null":
        return other
    return "float" if {one, other} == {"int", "float"} else "cells"


def _text_series(name: str, values: Sequence[str | None]) -> pl.Series:
    try:
        return pl.Series(name, values, pl.String)
    except UnicodeEncodeError:  # halves of surrogate pairs, which UTF-8 cannot hold
        whole = [
            None if value is None else value.encode("utf-8", "replace").decode() for value in values
        ]
        return pl.Series(name, whole, pl.String)
