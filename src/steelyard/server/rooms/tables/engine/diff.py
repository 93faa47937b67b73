"""What changed between two tables: rows that came, went, or have other values under their key."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import msgspec
import polars as pl

from steelyard.errors import Invalid
from steelyard.limits import TABLE_GROUP_COLUMNS_MAX
from steelyard.server.rooms.tables.engine.opened import Table, open_table
from steelyard.server.rooms.tables.engine.pairing import pair_rows
from steelyard.server.rooms.tables.engine.rows import Cut, check_page, take_rows
from steelyard.server.rooms.tables.jobs import Diff, DiffRow, DiffRows

ADDED, REMOVED, CHANGED, SAME = "added", "removed", "changed", "same"
DIFFS_KEPT = 4
_KEY_TYPES = ("string", "number")


class Found(msgspec.Struct, frozen=True):
    """Row numbers `left` (before) and `right` (after) of every row, and its change."""

    on: list[str]
    frame: pl.DataFrame
    counts: dict[str, int]
    repeated: tuple[int, int]


_found: OrderedDict[bytes, Found] = OrderedDict()


def query_diff(job: Diff) -> DiffRows:
    """The page of rows that are not the same. Raises Invalid, TableGone."""
    before, after = open_table(job.before), open_table(job.after)
    check_page(len(before.meta.columns) + len(after.meta.columns), job.limit)
    shared = [c.name for c in before.meta.columns if c.name in after]
    found = _find(job, before, after, shared)
    wanted = pl.col("change") == job.change if job.change else pl.col("change") != SAME
    chosen = found.frame.filter(wanted)
    return DiffRows(
        on=found.on,
        rows=_take(before, after, shared, chosen.slice(job.offset, job.limit), job.cell_chars),
        total=chosen.height,
        counts=found.counts,
        columns_added=[c.name for c in after.meta.columns if c.name not in before],
        columns_removed=[c.name for c in before.meta.columns if c.name not in after],
        repeated_before=found.repeated[0],
        repeated_after=found.repeated[1],
    )


def _find(job: Diff, before: Table, after: Table, shared: list[str]) -> Found:
    key = msgspec.msgpack.encode((job.before, job.after, job.on))
    found = _found.pop(key, None)
    if found is None:
        on = _find_key(before, after, shared) if job.on is None else job.on
        found = _compare(before, after, shared, on)
    _found[key] = found
    while len(_found) > DIFFS_KEPT:
        _found.popitem(last=False)
    return found


def _find_key(before: Table, after: Table, shared: list[str]) -> list[str]:
    """The first column that tells all rows of either table apart; none: whole rows are compared."""
    for name in shared:
        columns = [table.meta.columns[table.place(name)] for table in (before, after)]
        is_key = all(
            column.type in _KEY_TYPES and column.distinct == table.height and not column.null_count
            for column, table in zip(columns, (before, after), strict=True)
        )
        if is_key and len(shared) > 1:
            return [name]
    return []


def _compare(before: Table, after: Table, shared: list[str], on: list[str]) -> Found:
    if len(on) > TABLE_GROUP_COLUMNS_MAX:
        raise Invalid(f"rows are told apart by at most {TABLE_GROUP_COLUMNS_MAX} columns")
    for name in on:  # an unknown one is said to be so
        before.place(name)
        after.place(name)
    keys = on or shared
    if not keys:  # not one column of the same name: nothing stayed
        pairs = pl.concat([_alone("left", before.height), _alone("right", after.height)])
        repeated = (0, 0)
    else:
        columns = [_comparable(_load(before, name), _load(after, name)) for name in keys]
        left, right = (
            pl.DataFrame([pair[i].alias(f"k{place}") for place, pair in enumerate(columns)])
            for i in range(2)
        )
        repeated = (left.height - left.n_unique(), right.height - right.n_unique())
        pairs = pair_rows(left, right, may_repeat=any(repeated))
        repeated = repeated if on else (0, 0)  # of equal rows it does not matter which is which
    frame = pairs.with_columns(
        pl.when(pl.col("left").is_null())
        .then(pl.lit(ADDED))
        .when(pl.col("right").is_null())
        .then(pl.lit(REMOVED))
        .otherwise(pl.lit(SAME))
        .alias("change")
    )
    if on:
        frame = _mark_changed(frame, before, after, [name for name in shared if name not in on])
    counted = dict(frame.group_by("change").len().iter_rows())
    counts = {name: int(counted.get(name, 0)) for name in (ADDED, REMOVED, CHANGED, SAME)}
    return Found(on, frame, counts, repeated)


def _mark_changed(
    frame: pl.DataFrame, before: Table, after: Table, names: list[str]
) -> pl.DataFrame:
    """One column after the other, so that two of them are in memory at a time."""
    is_pair = frame["change"] == SAME
    pairs = frame.filter(is_pair)
    differs = pl.repeat(False, pairs.height, eager=True, dtype=pl.Boolean)
    for name in names:
        differs = differs | _differ(before, after, name, pairs)
    numbers = is_pair.arg_true().filter(differs)
    if not len(numbers):
        return frame
    return frame.with_columns(frame["change"].scatter(numbers, CHANGED).alias("change"))


def _differ(before: Table, after: Table, name: str, pairs: pl.DataFrame) -> pl.Series:
    one, other = _comparable(
        _load(before, name).gather(pairs["left"]), _load(after, name).gather(pairs["right"])
    )
    return one.ne_missing(other)


def _load(table: Table, name: str) -> pl.Series:
    place = f"c{table.place(name)}"
    return table.load([place])[place]


def _comparable(one: pl.Series, other: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Both in one type: numbers as floats where one side has them, everything else as text."""
    if one.dtype == other.dtype:
        return one, other
    numbers = one.dtype.is_numeric() and other.dtype.is_numeric()
    dtype = pl.Float64() if numbers else pl.String()
    return one.cast(dtype), other.cast(dtype)


def _alone(side: str, height: int) -> pl.DataFrame:
    rows = pl.int_range(height, dtype=pl.UInt32, eager=True)
    nothing = pl.repeat(None, height, eager=True, dtype=pl.UInt32)
    both = {"left": nothing, "right": nothing, side: rows}
    return pl.DataFrame(both)


def _take(
    before: Table, after: Table, shared: list[str], page: pl.DataFrame, cell_chars: int
) -> list[DiffRow]:
    cells: list[list[list[Any] | None]] = []
    for table, side in ((before, "left"), (after, "right")):
        cut: Cut = []
        places = range(len(table.meta.columns))
        there = page[side].drop_nulls()
        taken = iter(take_rows(table, there, places, cell_chars=cell_chars, cut=cut))
        cells.append([None if row is None else next(taken) for row in page[side]])
    changed: dict[int, list[str]] = {}
    is_changed = page["change"] == CHANGED
    numbers = is_changed.arg_true().to_list()
    pairs = page.filter(is_changed)
    for name in shared if numbers else ():
        for number, differs in zip(numbers, _differ(before, after, name, pairs), strict=True):
            if differs:
                changed.setdefault(number, []).append(name)
    rows = zip(page["change"], page["left"], page["right"], cells[0], cells[1], strict=True)
    return [
        DiffRow(change, left, right, one, other, changed.get(number, []))
        for number, (change, left, right, one, other) in enumerate(rows)
    ]
