"""Rows of a table: filtered, sorted, searched, and a page of them."""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from steelyard.errors import Invalid
from steelyard.limits import TABLE_ANSWER_CELLS_MAX, TABLE_ORDERS_KEPT, TABLE_SAVED_ROWS_MAX
from steelyard.server.rooms.tables.engine.conditions import condition, search_condition
from steelyard.server.rooms.tables.engine.opened import Table, open_table
from steelyard.server.rooms.tables.engine.spool import is_short
from steelyard.server.rooms.tables.jobs import Export, Query, Rows, Written
from steelyard.server.rooms.tables.model import Column, ColumnHead, Filter, Sort

Cut = list[tuple[int, int, int]]
EXPORT_ROWS_AT_ONCE = 10_000
_MANY_DIGITS = re.compile(r"\d{19}")  # in a document without them no integer is long
INTEGER_DIGITS_MAX = 20  # of one that fits 64 bits, and its sign

_orders: OrderedDict[bytes, pl.Series] = OrderedDict()


def query_rows(job: Query) -> Rows:
    """The page of rows. Raises Invalid, TableGone."""
    table = open_table(job.table)
    names = job.columns if job.columns is not None else [c.name for c in table.meta.columns]
    places = [table.place(name) for name in names]
    check_page(len(places), job.limit)
    order = find_order(table, job.where, job.search, job.sort)
    total = table.height if order is None else len(order)
    if order is None:
        last = min(job.offset + job.limit, table.height)
        ids = pl.Series(range(min(job.offset, last), last), dtype=pl.UInt32)
    else:
        ids = order.slice(job.offset, job.limit)
    cut: Cut = []
    rows = take_rows(table, ids, places, cell_chars=job.cell_chars, cut=cut)
    heads = [head_of(table.meta.columns[place]) for place in places]
    return Rows(heads, rows, ids.to_list(), total, table.height, cut)


def head_of(column: Column) -> ColumnHead:
    """What an answer says of the column."""
    return ColumnHead(column.name, column.type, column.media_type)


def check_page(width: int, limit: int) -> None:
    """Raises Invalid for a page of more cells than one answer may have."""
    if width * limit > TABLE_ANSWER_CELLS_MAX:
        raise Invalid(
            f"{limit:,} rows of {width:,} columns are more than {TABLE_ANSWER_CELLS_MAX:,} cells "
            "(TABLE_ANSWER_CELLS_MAX); ask for fewer rows, or name the columns"
        )


def find_order(
    table: Table, where: Filter | None, search: str | None, sort: Sequence[Sort]
) -> pl.Series | None:
    """Numbers of the rows that pass, in the order asked for; None for all as they are.

    Rows that sort alike stay in the order of the file; null and NaN come last in both directions.
    The last few orders are kept, so that the next page costs nothing.
    """
    if where is None and not search and not sort:
        return None
    key = msgspec.msgpack.encode((str(table.directory), where, search, list(sort)))
    found = _orders.pop(key, None)
    if found is None:
        found = _find_order(table, where, search, sort)
    _orders[key] = found
    while len(_orders) > TABLE_ORDERS_KEPT:
        _orders.popitem(last=False)
    return found


def _find_order(
    table: Table, where: Filter | None, search: str | None, sort: Sequence[Sort]
) -> pl.Series:
    passing = passing_rows(table, where, search)
    if not sort:
        assert passing is not None
        return passing
    keys = [sort_key(*table.order_key(each.column)) for each in sort]
    frame = table.evaluate([key.alias(f"k{i}") for i, key in enumerate(keys)])
    if passing is not None:
        frame = frame[passing]
    # One column after the other, the last first: a stable order by one column takes 70 ms for a
    # million rows, one by two columns at once a second.
    order: pl.Series | None = None
    for name, each in reversed(list(zip(frame.columns, sort, strict=True))):
        key = frame.select(name) if order is None else frame.select(name)[order]
        found = key.select(
            pl.arg_sort_by(name, descending=each.desc, nulls_last=True, maintain_order=True).alias(
                "order"
            )
        )["order"]
        order = found if order is None else order.gather(found)
    assert order is not None
    return order if passing is None else passing.gather(order)


def passing_rows(table: Table, where: Filter | None, search: str | None) -> pl.Series | None:
    """Numbers of the rows that pass, rising; None for all."""
    parts = [] if where is None else [condition(where, table)]
    if search:
        parts.append(search_condition(search, [table.column(c.name) for c in table.meta.columns]))
    if not parts:
        return None
    if not table.height:
        return pl.Series([], dtype=pl.UInt32)
    mask = table.evaluate([pl.all_horizontal(parts).alias("m")])["m"]
    if len(mask) < table.height:  # a condition without a column is one value
        mask = pl.repeat(mask[0], table.height, eager=True, dtype=pl.Boolean)
    return mask.arg_true()


def sort_key(column: Column, expr: pl.Expr) -> pl.Expr:
    """What a column is sorted by; NaN comes with null."""
    return expr.fill_nan(None) if column.type == "number" else expr


def take_rows(
    table: Table, ids: pl.Series, places: Sequence[int], *, cell_chars: int, cut: Cut
) -> list[list[Any]]:
    """The cells of these rows in JSON types; texts beyond `cell_chars` are cut and noted."""
    if not places:
        return [[] for _ in ids]
    taken = table.load(f"c{place}" for place in dict.fromkeys(places))[ids]
    cells: list[list[Any]] = []
    for number, place in enumerate(places):
        column = table.meta.columns[place]
        own: Cut = []
        cells.append(show_cells(taken[f"c{place}"], column, cell_chars=cell_chars, cut=own))
        cut += [(row, number, length) for row, _, length in own]
    return [list(row) for row in zip(*cells, strict=True)]


def show_cells(values: pl.Series, column: Column, *, cell_chars: int, cut: Cut) -> list[Any]:
    """The values of a column in JSON types: times in ISO 8601 (UTC), documents decoded."""
    shown = values.to_list()
    if column.type == "datetime":
        return [None if value is None else value.isoformat() + "Z" for value in shown]
    if column.type not in ("string", "json", "media"):
        return shown
    for row, value in enumerate(shown):
        if value is None:
            continue
        if len(value) > cell_chars:
            cut.append((row, 0, len(value)))
            shown[row] = value[:cell_chars]
        elif column.type != "string":
            shown[row] = _decode(value)
    return shown


def _decode(text: str) -> Any:
    """A document. Integers of more than 64 bits become text: neither msgpack nor browsers have any.

    Between processes an answer is msgpack, and JavaScript reads a long one as Infinity.
    """
    if _MANY_DIGITS.search(text) is None:
        return json.loads(text)
    return json.loads(text, parse_int=_decode_integer)


def _decode_integer(digits: str) -> int | str:
    if len(digits) > INTEGER_DIGITS_MAX:
        return digits
    number = int(digits)
    return number if is_short(number) else digits


def export_rows(job: Export) -> Written:
    """Write a `.table.json` as the clients write it; `media` are the files its cells name."""
    table = open_table(job.table)
    order = find_order(table, job.where, job.search, job.sort)
    count = table.height if order is None else len(order)
    if count > TABLE_SAVED_ROWS_MAX:
        raise Invalid(
            f"{count:,} rows pass; at most {TABLE_SAVED_ROWS_MAX:,} are saved "
            "(TABLE_SAVED_ROWS_MAX); filter more"
        )
    names = job.columns if job.columns is not None else [c.name for c in table.meta.columns]
    places = [table.place(name) for name in names]
    media: set[str] = set()
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    with Path(job.out).open("w", encoding="utf-8") as file:
        types = _pick_types(table.meta.column_types, names)
        head = {"_type": "table", "log_mode": "IMMUTABLE", "ncols": len(names), "nrows": count}
        if types is not None:
            head["column_types"] = types
        file.write(encode(head | {"columns": names})[:-1] + ',"data":[')
        for first in range(0, count, EXPORT_ROWS_AT_ONCE):
            if order is None:
                last = min(first + EXPORT_ROWS_AT_ONCE, count)
                ids = pl.Series(range(first, last), dtype=pl.UInt32)
            else:
                ids = order.slice(first, EXPORT_ROWS_AT_ONCE)
            rows = _stored_rows(table, ids, places, media)
            file.write(("," if first else "") + encode(rows)[1:-1])
        file.write("]}")
    return Written(count, sorted(media))


def _stored_rows(
    table: Table, ids: pl.Series, places: list[int], media: set[str]
) -> list[list[Any]]:
    if not places:
        return [[] for _ in ids]
    taken = table.load(f"c{place}" for place in dict.fromkeys(places))[ids]
    cells: list[list[Any]] = []
    for place in places:
        kind = table.meta.columns[place].type
        values = taken[f"c{place}"]
        if kind == "datetime":  # milliseconds, as in column_types "timestamp"
            cells.append((values.dt.timestamp("us") / 1000).to_list())
        elif kind in ("json", "media"):
            decoded = [None if value is None else json.loads(value) for value in values]
            for value in decoded:
                _collect_paths(value, media)
            cells.append(decoded)
        else:
            cells.append(values.to_list())
    return [list(row) for row in zip(*cells, strict=True)]


def _collect_paths(value: Any, paths: set[str]) -> None:
    """Files that a media value names: its own, those of its masks and of its classes."""
    if isinstance(value, dict):
        path = value.get("path")
        if isinstance(path, str) and ("_type" in value or "digest" in value or "sha256" in value):
            paths.add(path)
        for inner in value.values():
            _collect_paths(inner, paths)
    elif isinstance(value, list):
        for inner in value:
            _collect_paths(inner, paths)


def _pick_types(column_types: Any, names: list[str]) -> Any:
    params = column_types.get("params") if isinstance(column_types, dict) else None
    type_map = params.get("type_map") if isinstance(params, dict) else None
    if not isinstance(type_map, dict) or not isinstance(params, dict):
        return None
    kept = {name: type_map[name] for name in names if name in type_map}
    if len(kept) != len(names) or "serialization_path" in json.dumps(kept):
        return None  # arrays are in the cells now, not in a file beside the table
    return {**column_types, "params": {**params, "type_map": kept}}
