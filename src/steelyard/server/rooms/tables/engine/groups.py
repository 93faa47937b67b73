"""Rows put together by equal values, and the values of one column with their counts."""

from __future__ import annotations

from typing import Any

import msgspec
import polars as pl

from steelyard.errors import Invalid
from steelyard.limits import TABLE_AGGREGATES_MAX, TABLE_GROUP_COLUMNS_MAX
from steelyard.server.rooms.tables.engine.opened import Table, open_table, unknown_column
from steelyard.server.rooms.tables.engine.rows import (
    Cut,
    check_page,
    head_of,
    passing_rows,
    show_cells,
    sort_key,
)
from steelyard.server.rooms.tables.engine.stats import find_histogram, finite_bounds
from steelyard.server.rooms.tables.jobs import CsvRows, Facet, Facets, Query, Rows
from steelyard.server.rooms.tables.model import Aggregate, Column, ColumnType

COUNT = "count"
FACET_CHARS = 1000
#: What was put together last, for its next page.
_last_groups: dict[bytes, pl.DataFrame] = {}
_OF_NUMBERS = frozenset({"sum", "mean", "std", "median"})


def query_groups(job: Query) -> Rows:
    """One row for each combination of the columns in `group_by`: they, the count, the aggregates.

    Without a sort the largest groups come first; groups that sort alike come in the order in which
    their first rows stand in the file. NaN does not count into sum, mean, min, max, std, median.
    """
    columns, found = list_groups(job)
    check_page(len(columns), job.limit)
    page = found.slice(job.offset, job.limit)
    cut: Cut = []
    cells: list[list[Any]] = []
    for number, column in enumerate(columns):
        own: Cut = []
        values = page.to_series(number)
        cells.append(show_cells(values, column, cell_chars=job.cell_chars, cut=own))
        cut += [(row, number, length) for row, _, length in own]
    return Rows(
        columns=[head_of(column) for column in columns],
        rows=[list(row) for row in zip(*cells, strict=True)],
        row_ids=page["first"].to_list(),
        total=found.height,
        total_unfiltered=open_table(job.table).height,
        cut=cut,
    )


def list_groups(job: Query | CsvRows) -> tuple[list[Column], pl.DataFrame]:
    """All groups in their order: what their columns are, the values in that order, and `first`."""
    table = open_table(job.table)
    if len(job.group_by) > TABLE_GROUP_COLUMNS_MAX or len(job.aggregates) > TABLE_AGGREGATES_MAX:
        raise Invalid(
            f"a table is grouped by at most {TABLE_GROUP_COLUMNS_MAX} columns with "
            f"{TABLE_AGGREGATES_MAX} aggregates"
        )
    grouped = list(dict.fromkeys(job.group_by))
    keys = [table.order_key(name) for name in grouped]
    results = [_aggregate(table, each) for each in job.aggregates]
    columns = [column for column, _ in keys]
    columns += [Column(COUNT, "number"), *(column for column, _ in results)]
    asked = (str(table.directory), job.where, job.search, grouped, job.aggregates, job.sort)
    asked_before = msgspec.msgpack.encode(asked)
    if (kept := _last_groups.get(asked_before)) is not None:
        return columns, kept
    frame = _select_passing(table, job, [expr for _, expr in [*keys, *results]])
    found = (
        frame.lazy()
        .group_by(expr.alias(f"k{i}") for i, (_, expr) in enumerate(keys))
        .agg(
            pl.len().alias("n"),
            pl.col("row").first().alias("first"),
            *(expr.alias(f"a{i}") for i, (_, expr) in enumerate(results)),
        )
        .sort("first")
        .collect()
    )
    names = [*(f"k{i}" for i in range(len(keys))), "n", *(f"a{i}" for i in range(len(results)))]
    ordered = _sort_groups(found, columns, names, job)
    # Keys may be ranks: what they stand for is in the first row of each group.
    values = table.load(f"c{table.place(name)}" for name in grouped)[ordered["first"]]
    ordered = ordered.with_columns(
        values[f"c{table.place(name)}"].alias(f"k{i}") for i, name in enumerate(grouped)
    ).select(*names, "first")
    _last_groups.clear()
    _last_groups[asked_before] = ordered
    return columns, ordered


def query_facet(job: Facet) -> Facets:
    """The most frequent values; of numbers with more different ones, a histogram."""
    table = open_table(job.table)
    column, expr = table.order_key(job.column)
    rows = passing_rows(table, job.where, job.search)
    if rows is None:
        rows = pl.int_range(table.height, dtype=pl.UInt32, eager=True)
    values = table.evaluate([expr.alias("v")])["v"].gather(rows)
    null_count = values.null_count()
    there = values.drop_nulls()
    if column.type == "number" and there.n_unique() > job.limit:
        bounds = finite_bounds(there)
        if bounds is not None:
            histogram = find_histogram(there, *bounds, job.limit)
            edges = histogram.edges
            items: list[tuple[Any, int]] = [
                ((edges[i], edges[i + 1]), count) for i, count in enumerate(histogram.counts)
            ]
            other = len(there) - sum(histogram.counts)
            return Facets("histogram", items, null_count, other)
    counted = (
        pl.DataFrame({"v": values, "row": rows})
        .drop_nulls("v")
        .group_by("v")
        .agg(pl.len().alias("n"), pl.col("row").first())
        .sort("n", "row", descending=[True, False])
        .head(job.limit)
    )
    place = table.place(job.column)
    first = table.load([f"c{place}"])[f"c{place}"].gather(counted["row"])
    shown = show_cells(first, column, cell_chars=FACET_CHARS, cut=[])
    counts = counted["n"].to_list()
    return Facets(
        "values", list(zip(shown, counts, strict=True)), null_count, len(there) - sum(counts)
    )


def _select_passing(table: Table, job: Query | CsvRows, needed: list[pl.Expr]) -> pl.DataFrame:
    """The columns that are needed, of the rows that pass, and `row`, the numbers of these."""
    rows = passing_rows(table, job.where, job.search)
    names = dict.fromkeys(name for expr in needed for name in expr.meta.root_names())
    frame = table.load(names)
    if rows is None:
        rows = pl.int_range(table.height, dtype=pl.UInt32, eager=True)
    else:
        frame = frame[rows]
    return frame.with_columns(rows.alias("row"))


def _aggregate(table: Table, wanted: Aggregate) -> tuple[Column, pl.Expr]:
    column, expr = table.column(wanted.column)
    fn = wanted.fn
    kind: ColumnType = "number"
    if fn in _OF_NUMBERS and column.type not in ("number", "boolean"):
        raise Invalid(
            f"{fn} needs numbers, and column {column.name!r} is of type {column.type}; "
            "use count, distinct, min, max or first"
        )
    if column.type == "boolean" and fn in _OF_NUMBERS:
        expr = expr.cast(pl.Float64)
    elif column.type == "number" and fn not in ("count", "nulls", "distinct", "first"):
        expr = expr.cast(pl.Float64).fill_nan(None) if fn != "sum" else expr.fill_nan(None)
    if fn in ("min", "max", "first"):
        kind = column.type
    made = {
        "count": expr.count,
        "nulls": expr.null_count,
        "distinct": expr.drop_nulls().n_unique,
        "sum": expr.sum,
        "mean": expr.mean,
        "min": expr.min,
        "max": expr.max,
        "std": expr.std,
        "median": expr.median,
        "first": expr.first,
    }[fn]()
    return Column(wanted.title, kind), made


def _sort_groups(
    found: pl.DataFrame, columns: list[Column], names: list[str], job: Query | CsvRows
) -> pl.DataFrame:
    if not job.sort:
        return found.sort("n", descending=True, maintain_order=True)
    places = {column.name: i for i, column in enumerate(columns)}
    keys: list[pl.Expr] = []
    descending: list[bool] = []
    for each in job.sort:
        place = places.get(each.column)
        if place is None:
            raise Invalid("of the groups " + unknown_column(each.column, list(places)))
        keys.append(sort_key(columns[place], pl.col(names[place])))
        descending.append(each.desc)
    return found.sort(keys, descending=descending, nulls_last=True, maintain_order=True)
