"""Filters of the table viewer: JSON to Structs, checked.

    {"and": [{"column": "score", "op": "<", "value": 0.5},
             {"not": {"column": "tag", "op": "is_null"}}]}

Every condition is true or false: null passes only `!=`, `is_null`, and `in` with a null in its
list; NaN passes only `!=`, and `=` with the text "NaN". `contains` does not mind upper and lower
case.
"""

from __future__ import annotations

import math
from typing import Any, get_args

from steelyard.errors import Invalid
from steelyard.limits import FILTER_CONDITIONS_MAX, FILTER_DEPTH_MAX, FILTER_LIST_ITEMS_MAX
from steelyard.server.rooms.tables.model import All, Filter, Not, Operator, Some, Test

OPERATORS: tuple[str, ...] = get_args(Operator)


def parse_filter(value: Any) -> Filter | None:
    """The filter of a JSON value; None for null and {}. Raises Invalid, naming the place."""
    if value is None or value == {}:
        return None
    parsed = _parse(value, depth=0)
    if (count := len(list_tests(parsed))) > FILTER_CONDITIONS_MAX:
        raise Invalid(
            f"the filter has {count:,} conditions; the limit is {FILTER_CONDITIONS_MAX:,}"
        )
    return parsed


def list_tests(filter: Filter | None) -> list[Test]:
    """Every condition of a filter, left to right."""
    if filter is None:
        return []
    if isinstance(filter, Test):
        return [filter]
    if isinstance(filter, Not):
        return list_tests(filter.part)
    return [test for part in filter.parts for test in list_tests(part)]


def _parse(value: Any, *, depth: int) -> Filter:
    if depth > FILTER_DEPTH_MAX:
        raise Invalid(f"the filter is nested deeper than {FILTER_DEPTH_MAX} levels")
    if not isinstance(value, dict):
        raise Invalid(f"a filter is an object, not {value!r:.100}")
    if "column" in value:
        return _parse_test(value)
    if len(value) != 1 or next(iter(value)) not in ("and", "or", "not"):
        raise Invalid(
            f"a filter has one of and, or, not, or column with op and value; not {sorted(value)}"
        )
    ((word, inner),) = value.items()
    if word == "not":
        return Not(_parse(inner, depth=depth + 1))
    if not isinstance(inner, list):
        raise Invalid(f"{word!r} takes a list of filters, not {inner!r:.100}")
    parts = [_parse(part, depth=depth + 1) for part in inner]
    return All(parts) if word == "and" else Some(parts)


def _parse_test(value: dict[str, Any]) -> Test:
    if unknown := set(value) - {"column", "op", "value"}:
        raise Invalid(f"a condition has column, op and value; not {sorted(unknown)}")
    column, op, operand = value["column"], value.get("op"), _within_64_bits(value.get("value"))
    if not isinstance(column, str):
        raise Invalid(f"the column of a condition is a text, not {column!r:.100}")
    if op not in OPERATORS:
        raise Invalid(f"{op!r} is no operator; use one of {' '.join(OPERATORS)}")
    if op == "in":
        if not isinstance(operand, list):
            raise Invalid(f"'in' on {column!r} takes a list, not {operand!r:.100}")
        if len(operand) > FILTER_LIST_ITEMS_MAX:
            raise Invalid(
                f"'in' on {column!r} has {len(operand):,} values; "
                f"the limit is {FILTER_LIST_ITEMS_MAX:,}"
            )
    elif op in ("contains", "regex") and not isinstance(operand, str):
        raise Invalid(f"{op!r} on {column!r} takes a text, not {operand!r:.100}")
    elif op == "is_null" and not isinstance(operand, bool | None):
        raise Invalid(f"'is_null' on {column!r} takes true or false, not {operand!r:.100}")
    elif op in ("=", "!=") and operand is None:  # the other way to say it
        test = Test(column, "is_null", True)
        return test if op == "=" else Test(column, "is_null", False)
    return Test(column, op, True if op == "is_null" and operand is None else operand)


def _within_64_bits(value: Any) -> Any:
    """Longer integers as the nearest float, also in a list: no cell holds one as a number."""
    if isinstance(value, list):
        return [_within_64_bits(each) for each in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    return value
