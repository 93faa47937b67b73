"""Filters over runs: the subset of MongoDB's query language that W&B's clients send.

    {"state": "finished", "config.lr": {"$gt": 0.1}, "$or": [{"tags": "best"}, {"group": null}]}

A missing field matches only `$ne`, `$nin`, `$exists: false`, `$eq: null` and what `$not` and `$nor`
turn round. Lists match when one of their items does. Numbers, texts and booleans are never equal to
each other, and only values of one kind have an order. Times are ISO 8601, UTC unless they say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from steelyard.errors import Invalid
from steelyard.limits import FILTER_CONDITIONS_MAX, FILTER_DEPTH_MAX, FILTER_LIST_ITEMS_MAX
from steelyard.patterns import Pattern, compile_pattern
from steelyard.server.rooms.runs.fields import MISSING, Field, parse_field

Operator = Literal[
    "$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$exists", "$regex", "$contains"
]
ORDERED = frozenset({"$gt", "$gte", "$lt", "$lte"})
OPERATORS = frozenset({"$eq", "$ne", *ORDERED, "$in", "$nin", "$exists", "$regex"})


class Test(msgspec.Struct, frozen=True):
    """One condition on one field. `$regex` carries a Pattern, `$contains` a lower-case text."""

    __test__ = False  # not a class of pytest

    field: Field
    operator: Operator
    operand: Any


class All(msgspec.Struct, frozen=True):
    parts: tuple[Filter, ...]


class Some(msgspec.Struct, frozen=True):
    parts: tuple[Filter, ...]


class Not(msgspec.Struct, frozen=True):
    part: Filter


Filter = Test | All | Some | Not
FieldParser = Callable[[str], Field]
EVERYTHING = All(())


def parse_filter(value: Any, parse_field: FieldParser = parse_field) -> Filter:
    """The filter of a JSON value; None and {} match everything. Raises Invalid, naming the place.

    `parse_field` says what fields there are: those of runs, if nothing else is said.
    """
    if value is None:
        return EVERYTHING
    parsed = _parse(value, parse_field, depth=0)
    if count_conditions(parsed) > FILTER_CONDITIONS_MAX:
        raise Invalid(f"the filter has more than {FILTER_CONDITIONS_MAX} conditions; split it up")
    return parsed


def count_conditions(filter: Filter) -> int:
    """How many conditions on fields a filter has."""
    return len(list_tests(filter))


def list_tests(filter: Filter) -> list[Test]:
    """Every condition in a filter, left to right."""
    if isinstance(filter, Test):
        return [filter]
    if isinstance(filter, Not):
        return list_tests(filter.part)
    return [test for part in filter.parts for test in list_tests(part)]


def matches(filter: Filter, read: Callable[[Field], Any]) -> bool:
    """Does a run match? `read` gives the value of a field, or MISSING."""
    if isinstance(filter, Test):
        return test_value(read(filter.field), filter.operator, filter.operand)
    if isinstance(filter, Not):
        return not matches(filter.part, read)
    results = (matches(part, read) for part in filter.parts)
    return all(results) if isinstance(filter, All) else any(results)


def test_value(value: Any, operator: Operator, operand: Any) -> bool:
    """Does one value pass one condition?"""
    if operator == "$exists":
        return (value is not MISSING) is operand
    if operator == "$ne":
        return not test_value(value, "$eq", operand)
    if operator == "$nin":
        return not test_value(value, "$in", operand)
    if operator == "$in":
        return any(test_value(value, "$eq", item) for item in operand)
    if operator == "$eq" and operand is None and value is MISSING:
        return True
    candidates = [value, *value] if isinstance(value, list) else [value]
    return any(_test_single(candidate, operator, operand) for candidate in candidates)


def kind_of(value: Any) -> str:
    """The kind within which values are compared."""
    if value is MISSING:
        return "missing"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    return {str: "text", type(None): "null", list: "list"}.get(type(value), "object")


def _test_single(value: Any, operator: Operator, operand: Any) -> bool:
    if operator == "$regex":
        return isinstance(value, str) and operand.search(value)
    if operator == "$contains":
        return isinstance(value, str) and operand in value.lower()
    if kind_of(value) != kind_of(operand):
        return False
    if operator == "$eq":
        return is_equal(value, operand)
    if not isinstance(value, str | int | float):
        return False
    if operator == "$gt":
        return bool(value > operand)
    if operator == "$gte":
        return bool(value >= operand)
    return bool(value < operand if operator == "$lt" else value <= operand)


def is_equal(a: Any, b: Any) -> bool:
    """Equality that knows that True is not 1, at any depth."""
    if kind_of(a) != kind_of(b):
        return False
    if isinstance(a, list):
        return len(a) == len(b) and all(map(is_equal, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(is_equal(a[key], b[key]) for key in a)
    return bool(a == b)


def _parse(value: Any, parse_field: FieldParser, *, depth: int) -> Filter:
    if depth > FILTER_DEPTH_MAX:
        raise Invalid(f"the filter is nested deeper than {FILTER_DEPTH_MAX} levels")
    if not isinstance(value, dict):
        raise Invalid(f"a filter must be a JSON object like {{'state': 'running'}}, not {value!r}")
    parts: list[Filter] = []
    for key, inner in value.items():
        if key in ("$and", "$or", "$nor"):
            parts.append(_parse_group(key, inner, parse_field, depth=depth))
        elif key == "$not":
            parts.append(Not(_parse(inner, parse_field, depth=depth + 1)))
        elif key.startswith("$"):
            raise Invalid(
                f"{key} cannot stand here; use $and, $or, $nor, $not, or a field with one of "
                f"{', '.join(sorted(OPERATORS))}"
            )
        else:
            parts.append(_parse_condition(parse_field(key), inner, depth=depth + 1))
    return parts[0] if len(parts) == 1 else All(tuple(parts))


def _parse_group(key: str, inner: Any, parse_field: FieldParser, *, depth: int) -> Filter:
    if not isinstance(inner, list):
        raise Invalid(f"{key} needs a list of filters")
    if not inner and key != "$and":
        raise Invalid(f"{key} needs at least one filter in its list")
    parts = tuple(_parse(part, parse_field, depth=depth + 1) for part in inner)
    if key == "$and":
        return All(parts)
    return Some(parts) if key == "$or" else Not(Some(parts))


def _parse_condition(field: Field, value: Any, *, depth: int) -> Filter:
    if depth > FILTER_DEPTH_MAX:
        raise Invalid(f"the filter is nested deeper than {FILTER_DEPTH_MAX} levels")
    is_operators = isinstance(value, dict) and any(key.startswith("$") for key in value)
    if not is_operators:
        return Test(field, "$eq", _operand(field, "$eq", value))
    options = value.get("$options", "")
    if options not in ("", "i"):
        raise Invalid(f'$options of {field.name} must be "i" (ignore case), not {options!r}')
    parts: list[Filter] = []
    for operator, operand in value.items():
        if operator == "$options":
            continue
        if operator == "$not":
            parts.append(Not(_parse_condition(field, operand, depth=depth + 1)))
        elif operator not in OPERATORS:
            raise Invalid(
                f"{operator!r} in the condition on {field.name} is no operator we know; "
                f"use one of {', '.join(sorted(OPERATORS))}, $not"
            )
        elif operator == "$regex":
            parts.append(Test(field, "$regex", _pattern(field, operand, options)))
        else:
            parts.append(Test(field, operator, _operand(field, operator, operand)))
    return parts[0] if len(parts) == 1 else All(tuple(parts))


def _pattern(field: Field, text: Any, options: str) -> Pattern:
    if not isinstance(text, str):
        raise Invalid(f"$regex on {field.name} needs a text, not {text!r}")
    if field.is_time:
        raise Invalid(f"{field.name} is a time; compare it with $gt, $gte, $lt, $lte")
    return compile_pattern(text, ignore_case="i" in options)


def _operand(field: Field, operator: str, value: Any) -> Any:
    if operator == "$exists":
        return bool(value)
    if operator in ("$in", "$nin"):
        return _list_operand(field, operator, value)
    if field.is_time and value is not None:
        return parse_time(field, value)
    if operator in ORDERED and not isinstance(value, str | int | float):
        raise Invalid(f"{operator} on {field.name} needs a number or a text, not {value!r}")
    return value


def _list_operand(field: Field, operator: str, value: Any) -> Sequence[Any]:
    if not isinstance(value, list):
        raise Invalid(f"{operator} on {field.name} needs a list, not {value!r}")
    if len(value) > FILTER_LIST_ITEMS_MAX:
        raise Invalid(
            f"{operator} on {field.name} has {len(value):,} items; "
            f"the limit is {FILTER_LIST_ITEMS_MAX:,}"
        )
    return [_operand(field, "$eq", item) for item in value]


def parse_time(field: Field, value: Any) -> int:
    """Microseconds UTC of an ISO 8601 text. Raises Invalid."""
    if not isinstance(value, str):
        raise Invalid(f"{field.name} is a time; write it like 2026-11-21T12:00:00Z, not {value!r}")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise Invalid(
            f"{value!r} is no time for {field.name}; write it like 2026-11-21T12:00:00Z"
        ) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
