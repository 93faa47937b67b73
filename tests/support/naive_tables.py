"""What the table engine should answer, one row after the other in plain Python."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Any

from steelyard.server.rooms.tables.model import All, Filter, Not, Some, Test

Row = dict[str, Any]


def passes(filter: Filter, row: Row) -> bool:
    """Does the row pass? As the docstring of `filters` says."""
    if isinstance(filter, All):
        return all(passes(part, row) for part in filter.parts)
    if isinstance(filter, Some):
        return any(passes(part, row) for part in filter.parts)
    if isinstance(filter, Not):
        return not passes(filter.part, row)
    return test(filter, row[filter.column])


def test(test: Test, cell: Any) -> bool:
    """One condition on one cell."""
    value = test.value
    if test.op == "is_null":
        return (cell is None) is value
    if test.op == "in":
        return any(cell is None if each is None else equals(cell, each) for each in value)
    if test.op == "=":
        return equals(cell, value)
    if test.op == "!=":
        return not equals(cell, value)
    if cell is None:
        return False
    if test.op == "contains":
        return re.search(re.escape(value), cell, re.IGNORECASE) is not None
    if test.op == "regex":
        return re.search(value, cell) is not None
    return bool(
        {"<": cell < value, "<=": cell <= value, ">": cell > value, ">=": cell >= value}[test.op]
    )


def equals(cell: Any, value: Any) -> bool:
    """Numbers by value, NaN with its name only."""
    if isinstance(cell, float) and math.isnan(cell):
        return bool(value == "NaN")
    return cell is not None and bool(cell == value)


test.__test__ = False  # type: ignore[attr-defined]  # not a test of pytest


def sorted_ids(rows: Sequence[Row], column: str, *, desc: bool) -> list[int]:
    """Row numbers by a column; null and NaN last, ties as they stand."""

    def is_last(number: int) -> bool:
        cell = rows[number][column]
        return cell is None or (isinstance(cell, float) and math.isnan(cell))

    first = [number for number in range(len(rows)) if not is_last(number)]
    last = [number for number in range(len(rows)) if is_last(number)]
    # Stable also when descending: `reverse` keeps the order of equals.
    return sorted(first, key=lambda number: rows[number][column], reverse=desc) + last


def table_text(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """The rows as a `.table.json`."""
    return json.dumps({"columns": list(columns), "data": [list(row) for row in rows]})
