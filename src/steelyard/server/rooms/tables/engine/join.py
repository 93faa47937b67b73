"""Two tables side by side on key columns, and which side has the better value.

Every row of either table appears exactly once (see `pairing`), and the counts of outcomes add up
to the rows.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from steelyard.errors import Invalid
from steelyard.limits import TABLE_GROUP_COLUMNS_MAX
from steelyard.server.rooms.tables.engine.conditions import condition
from steelyard.server.rooms.tables.engine.convert import unique_names, write_table
from steelyard.server.rooms.tables.engine.opened import Table, open_table, unknown_column
from steelyard.server.rooms.tables.engine.pairing import pair_rows
from steelyard.server.rooms.tables.engine.rows import Cut, check_page, sort_key, take_rows
from steelyard.server.rooms.tables.engine.spool import Kind
from steelyard.server.rooms.tables.jobs import Converted, ConvertJoined, Join, JoinedRows
from steelyard.server.rooms.tables.model import Column, TableMeta

LEFT, RIGHT = "left.", "right."
OUTCOME, DIFFERENCE = "outcome", "difference"
OUTCOMES = ("win", "lose", "tie", "differs", "incomparable", "left_only", "right_only")
JOINS_KEPT = 4


class Pairs(msgspec.Struct, frozen=True):
    """Row numbers of both sides, outcome and difference: one row for each pair or single row."""

    frame: pl.DataFrame
    counts: dict[str, int]
    repeated_left: int
    repeated_right: int


_pairs: OrderedDict[bytes, Pairs] = OrderedDict()


def query_join(job: Join) -> JoinedRows:
    """The page of pairs. Raises Invalid, TableGone.

    `where` and `sort` name the columns of a side as `left.NAME` and `right.NAME`, the key columns
    by themselves, and `outcome` and `difference` (left minus right).
    """
    left, right = open_table(job.left), open_table(job.right)
    check_page(len(left.meta.columns) + len(right.meta.columns), job.limit)
    pairs = _find_pairs(job, left, right)
    chosen = _choose(job, left, right, pairs)
    page = chosen.slice(job.offset, job.limit)
    cells = [
        _take_side(table, page[side], job.cell_chars)
        for table, side in ((left, "left"), (right, "right"))
    ]
    rows = zip(
        page[OUTCOME].to_list(),
        page["left"].to_list(),
        page["right"].to_list(),
        *cells,
        strict=True,
    )
    return JoinedRows(
        rows=list(rows),
        total=chosen.height,
        counts=pairs.counts,
        repeated_left=pairs.repeated_left,
        repeated_right=pairs.repeated_right,
    )


def convert_joined(job: ConvertJoined) -> Converted:
    """Write both tables side by side; columns of both names get "0." and "1." in front.

    # wandb's own viewer calls the sides of a joined table 0 and 1.
    """
    left, right = open_table(job.left), open_table(job.right)
    pairs, repeated = _pair(left, right, [job.on[0]], [job.on[1]])
    sides = [
        table.load(f"c{i}" for i in range(len(table.meta.columns))).select(
            pl.all().name.prefix(prefix)
        )[rows]
        for table, prefix, rows in ((left, "l", pairs["left"]), (right, "r", pairs["right"]))
    ]
    joined = pl.concat(sides, how="horizontal")
    columns = [*left.meta.columns, *right.meta.columns]
    shared = {c.name for c in left.meta.columns} & {c.name for c in right.meta.columns}
    names = [
        f"{side}.{column.name}" if column.name in shared else column.name
        for side, table in enumerate((left, right))
        for column in table.meta.columns
    ]
    media = {
        place: {column.media_type}
        for place, column in enumerate(columns)
        if column.media_type is not None
    }
    warnings = [
        f"{count:,} rows of the {side} table have a key that another row of it has too; they are "
        "paired in the order of the rows"
        for side, count in zip(("first", "second"), repeated, strict=True)
        if count
    ]
    renamed = joined.rename({name: f"c{place}" for place, name in enumerate(joined.columns)})
    out = Path(job.out)
    out.mkdir(parents=True)
    meta = TableMeta([], joined.height, [*left.meta.warnings, *right.meta.warnings, *warnings])
    kinds = [_kind_of(column, renamed[f"c{place}"]) for place, column in enumerate(columns)]
    return Converted(write_table(renamed.lazy(), kinds, unique_names(names), meta, media, out))


def _kind_of(column: Column, series: pl.Series) -> Kind:
    if column.type == "number":
        return "int" if series.dtype == pl.Int64 else "float"
    kinds: dict[str, Kind] = {
        "string": "text",
        "boolean": "bool",
        "datetime": "datetime",
        "media": "media",
        "json": "cells",
    }
    return kinds[column.type]


def _find_pairs(job: Join, left: Table, right: Table) -> Pairs:
    key = msgspec.msgpack.encode((job.left, job.right, job.on, job.compare, job.higher_is_better))
    found = _pairs.pop(key, None)
    if found is None:
        found = _make_pairs(job, left, right)
    _pairs[key] = found
    while len(_pairs) > JOINS_KEPT:
        _pairs.popitem(last=False)
    return found


def _make_pairs(job: Join, left: Table, right: Table) -> Pairs:
    if not 1 <= len(job.on) <= TABLE_GROUP_COLUMNS_MAX:
        raise Invalid(f"tables are joined on 1 to {TABLE_GROUP_COLUMNS_MAX} columns")
    pairs, repeated = _pair(left, right, job.on, job.on)
    outcome, difference = _compare(job, left, right, pairs)
    frame = pairs.with_columns(outcome.alias(OUTCOME), difference.alias(DIFFERENCE))
    counted = dict(frame.group_by(OUTCOME).len().iter_rows())
    counts = {name: int(counted.get(name, 0)) for name in OUTCOMES}
    return Pairs(frame, counts, *repeated)


def _pair(
    left: Table, right: Table, left_on: list[str], right_on: list[str]
) -> tuple[pl.DataFrame, tuple[int, int]]:
    """Row numbers `left` and `right`, first all rows of the left, then those of the right alone."""
    sides: list[pl.DataFrame] = []
    repeated: list[int] = []
    for table, on in ((left, left_on), (right, right_on)):
        keys = [_join_key(table, name).alias(f"k{i}") for i, name in enumerate(on)]
        frame = table.evaluate(keys)
        count = frame.height - frame.n_unique() if _may_repeat(table, on) else 0
        repeated.append(count)
        sides.append(frame)
    _check_keys(sides, left_on, right_on)
    pairs = pair_rows(sides[0], sides[1], may_repeat=any(repeated))
    return pairs, (repeated[0], repeated[1])


def _may_repeat(table: Table, on: list[str]) -> bool:
    """False where one key column is known to be different in every row."""
    columns = [table.meta.columns[table.place(name)] for name in on]
    return all(
        (column.distinct or 0) + (column.null_count > 0) < table.height for column in columns
    )


def _join_key(table: Table, name: str) -> pl.Expr:
    column, expr = table.column(name)
    return expr.cast(pl.Float64) if column.type == "number" else expr


def _check_keys(sides: list[pl.DataFrame], left_on: list[str], right_on: list[str]) -> None:
    for i, (left_name, right_name) in enumerate(zip(left_on, right_on, strict=True)):
        one, other = (side.schema[f"k{i}"] for side in sides)
        if one != other:
            raise Invalid(
                f"the tables cannot be joined on {left_name!r}: it holds {one} on the left, and "
                f"{right_name!r} holds {other} on the right"
            )


def _compare(job: Join, left: Table, right: Table, pairs: pl.DataFrame) -> tuple[pl.Expr, pl.Expr]:
    single = (
        pl.when(pl.col("right").is_null())
        .then(pl.lit("left_only"))
        .when(pl.col("left").is_null())
        .then(pl.lit("right_only"))
    )
    nothing = pl.lit(None, pl.Float64)
    if job.compare is None:
        return single.otherwise(pl.lit("incomparable")), nothing
    values = []
    types = set()
    for table, side in ((left, "left"), (right, "right")):
        column, expr = table.column(job.compare)
        types.add(column.type)
        own = table.evaluate([expr.alias("v")])["v"]
        values.append(own.gather(pairs[side]))
    unknown = pl.lit(values[0].is_null() | values[1].is_null())
    if types <= {"number", "boolean"}:
        one, other = (value.cast(pl.Float64) for value in values)
        unknown = unknown | pl.lit((one.is_nan() | other.is_nan()).fill_null(True))
        better, worse = (
            (one > other, one < other) if job.higher_is_better else (one < other, one > other)
        )
        outcome = (
            single.when(unknown)
            .then(pl.lit("incomparable"))
            .when(pl.lit(better))
            .then(pl.lit("win"))
            .when(pl.lit(worse))
            .then(pl.lit("lose"))
            .otherwise(pl.lit("tie"))
        )
        return outcome, pl.lit(one - other)
    if len(types) > 1:
        raise Invalid(
            f"column {job.compare!r} cannot be compared: it is {' and '.join(sorted(types))}"
        )
    outcome = (
        single.when(unknown)
        .then(pl.lit("incomparable"))
        .when(pl.lit(values[0] == values[1]))
        .then(pl.lit("tie"))
        .otherwise(pl.lit("differs"))
    )
    return outcome, nothing


class _BothSides:
    """Columns of pairs by name, for conditions and orders: gathered when first named."""

    def __init__(self, job: Join, left: Table, right: Table, pairs: pl.DataFrame) -> None:
        self._job, self._sides, self.frame = job, {LEFT: left, RIGHT: right}, pairs

    def column(self, name: str) -> tuple[Column, pl.Expr]:
        if name == OUTCOME:
            return Column(OUTCOME, "string"), pl.col(OUTCOME)
        if name == DIFFERENCE:
            return Column(DIFFERENCE, "number"), pl.col(DIFFERENCE)
        for prefix, table in self._sides.items():
            if name.startswith(prefix) and name.removeprefix(prefix) in table:
                return self._gather(table, name.removeprefix(prefix), prefix)
        if name in self._job.on:
            column, one = self._gather(self._sides[LEFT], name, LEFT)
            _, other = self._gather(self._sides[RIGHT], name, RIGHT)
            return column, pl.coalesce(one, other)
        there = [
            *self._job.on,
            OUTCOME,
            DIFFERENCE,
            *(f"{p}{c.name}" for p, table in self._sides.items() for c in table.meta.columns),
        ]
        raise Invalid(unknown_column(name, there))

    def _gather(self, table: Table, name: str, prefix: str) -> tuple[Column, pl.Expr]:
        place = table.place(name)
        own = f"{prefix}{place}"
        if own not in self.frame.columns:
            series = table.load([f"c{place}"])[f"c{place}"]
            taken = series.gather(self.frame[prefix[:-1]])
            self.frame = self.frame.with_columns(taken.alias(own))
        return table.meta.columns[place], pl.col(own)


def _choose(job: Join, left: Table, right: Table, pairs: Pairs) -> pl.DataFrame:
    both = _BothSides(job, left, right, pairs.frame)
    keys = [sort_key(*both.column(each.column)) for each in job.sort]
    passing = None if job.where is None else condition(job.where, both)
    chosen = both.frame
    if passing is not None:
        chosen = chosen.filter(passing)
    if keys:
        chosen = chosen.sort(
            keys,
            descending=[each.desc for each in job.sort],
            nulls_last=True,
            maintain_order=True,
        )
    return chosen


def _take_side(table: Table, rows: pl.Series, cell_chars: int) -> list[list[Any] | None]:
    places = range(len(table.meta.columns))
    there = rows.drop_nulls()
    cut: Cut = []
    taken = iter(take_rows(table, there, places, cell_chars=cell_chars, cut=cut))
    return [None if row is None else next(taken) for row in rows]
