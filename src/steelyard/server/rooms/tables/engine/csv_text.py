"""Rows as CSV (RFC 4180), some at a time: as many as fit into an answer."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import polars as pl

from steelyard.errors import Invalid
from steelyard.server.rooms.tables.engine.groups import list_groups
from steelyard.server.rooms.tables.engine.opened import open_table
from steelyard.server.rooms.tables.engine.rows import find_order
from steelyard.server.rooms.tables.jobs import CsvPart, CsvRows
from steelyard.server.rooms.tables.model import Column

FIRST_ROWS = 64  # until it is known how long a row is
LINE_END = "\r\n"
TIME_FORMAT = "%Y-%m-%dT%H:%M:%S%.fZ"


def write_csv(job: CsvRows) -> CsvPart:
    """Rows from `offset` on, at least one where there is one; the names of the columns before the
    first. Raises Invalid, TableGone.

    null is nothing, a medium the path of its file, another document JSON; NaN and Infinity are
    written so.
    """
    columns, total, take = _source(job)
    if not columns:
        raise Invalid("a CSV file needs a column; name at least one")
    out = io.BytesIO()
    if job.offset == 0:
        text = io.StringIO()
        csv.writer(text, lineterminator=LINE_END).writerow([column.name for column in columns])
        out.write(text.getvalue().encode())
    done, wanted = 0, FIRST_ROWS
    while job.offset + done < total and (done == 0 or out.tell() < job.bytes_max):
        frame = take(job.offset + done, wanted)
        shown = [_show(frame.to_series(i), column) for i, column in enumerate(columns)]
        if len(shown) == 1:  # an empty line would be no row
            shown = [shown[0].cast(pl.String).fill_null("")]
        pl.DataFrame(shown).write_csv(out, include_header=False, line_terminator=LINE_END)
        done += frame.height
        row_bytes = max(1, out.tell() // done)
        wanted = max(1, min((job.bytes_max - out.tell()) // row_bytes, done * 16))
    return CsvPart(out.getvalue(), done, total)


Take = Callable[[int, int], pl.DataFrame]


def _source(job: CsvRows) -> tuple[list[Column], int, Take]:
    """The columns, how many rows there are, and how to get some of them."""
    if job.group_by:
        heads, found = list_groups(job)
        return heads, found.height, found.slice
    table = open_table(job.table)
    names = job.columns if job.columns is not None else [c.name for c in table.meta.columns]
    places = [table.place(name) for name in dict.fromkeys(names)]
    order = find_order(table, job.where, job.search, job.sort)
    total = table.height if order is None else len(order)

    def take(first: int, count: int) -> pl.DataFrame:
        rows = table.load(f"c{place}" for place in places)
        return rows.slice(first, count) if order is None else rows[order.slice(first, count)]

    return [table.meta.columns[place] for place in places], total, take


def _show(values: pl.Series, column: Column) -> pl.Series:
    if column.type == "datetime":
        return values.dt.strftime(TIME_FORMAT)
    if column.type in ("json", "media"):
        return pl.Series(values.name, [_describe(text) for text in values], dtype=pl.String)
    if values.dtype.is_float() and values.is_infinite().any():
        texts = values.cast(pl.String)
        return texts.replace({"inf": "Infinity", "-inf": "-Infinity"})
    return values


def _describe(text: str | None) -> str | None:
    if text is None:
        return None
    value: Any = json.loads(text)
    if isinstance(value, dict) and "_type" in value and isinstance(value.get("path"), str):
        return str(value["path"])
    return text
