"""Filters and searches as polars expressions. Every one gives true or false, never null."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any, Protocol

import polars as pl

from steelyard.errors import Invalid
from steelyard.limits import REGEX_CHARS_MAX
from steelyard.server.rooms.tables.model import All, Column, Filter, Not, Test

ORDERED = frozenset({"<", "<=", ">", ">="})
_INT_MIN, _INT_MAX = -(2**63), 2**63 - 1
NEVER, ALWAYS = pl.lit(False), pl.lit(True)


class Columns(Protocol):
    """Where conditions find their columns."""

    def column(self, name: str) -> tuple[Column, pl.Expr]: ...


def condition(filter: Filter, columns: Columns) -> pl.Expr:
    """Does a row pass? Raises Invalid for an unknown column or a value that does not fit it."""
    if isinstance(filter, Test):
        return _test(filter, columns)
    if isinstance(filter, Not):
        return ~condition(filter.part, columns)
    parts = [condition(part, columns) for part in filter.parts]
    if isinstance(filter, All):
        return pl.all_horizontal(parts) if parts else ALWAYS
    return pl.any_horizontal(parts) if parts else NEVER


def search_condition(text: str, columns: list[tuple[Column, pl.Expr]]) -> pl.Expr:
    """Is the text in any cell of text, or any number equal to it?"""
    number = _as_number(text)
    parts: list[pl.Expr] = []
    for column, expr in columns:
        if column.type in ("string", "json", "media"):
            parts.append(_contains(expr, text))
        elif column.type == "number" and number is not None:
            parts.append(_number_test(expr, "=", number))
    return pl.any_horizontal(parts) if parts else NEVER


def check_regex(text: str) -> None:
    """Raises Invalid for what is no regular expression, or too long. Matching is linear in time."""
    if len(text) > REGEX_CHARS_MAX:
        raise Invalid(
            f"the regular expression has {len(text):,} characters; the limit is {REGEX_CHARS_MAX:,}"
        )
    try:
        pl.Series(["x"]).str.contains(text)
    except pl.exceptions.PolarsError as error:
        raise Invalid(
            f"{text!r} is no regular expression that is searched here (no look-around and no "
            f"backreferences): {error}"
        ) from error


def _test(test: Test, columns: Columns) -> pl.Expr:
    column, expr = columns.column(test.column)
    op, value = test.op, test.value
    if op == "is_null":
        return expr.is_null() if value else expr.is_not_null()
    if op == "!=":
        return ~_compare(column, expr, "=", value)
    if op == "in":
        return _is_in(column, expr, value)
    if op in ("contains", "regex"):
        if column.type not in ("string", "json", "media"):
            raise Invalid(
                f"{op!r} looks into texts, and column {column.name!r} is of type {column.type}; "
                "compare it with =, <, > …"
            )
        if op == "contains":
            return _contains(expr, value)
        check_regex(value)
        return expr.str.contains(value).fill_null(False)
    return _compare(column, expr, op, value)


def _contains(expr: pl.Expr, text: str) -> pl.Expr:
    if not text:
        return expr.is_not_null()
    return expr.str.contains("(?i)" + pl.escape_regex(text)).fill_null(False)


def _is_in(column: Column, expr: pl.Expr, values: list[Any]) -> pl.Expr:
    parts = [expr.is_null()] if None in values else []
    rest = [value for value in values if value is not None]
    if column.type == "string" and all(isinstance(value, str) for value in rest):
        parts += [expr.is_in(rest).fill_null(False)] if rest else []
    else:  # each is checked to fit the column, and equal as `=` says
        parts += [_compare(column, expr, "=", value) for value in rest]
    return pl.any_horizontal(parts) if parts else NEVER


def _compare(column: Column, expr: pl.Expr, op: str, value: Any) -> pl.Expr:
    if column.type == "number":
        if value == "NaN" and op == "=":
            return expr.cast(pl.Float64).is_nan().fill_null(False)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _misfit(column, value, "numbers")
        return _number_test(expr, op, value)
    if column.type == "string":
        if not isinstance(value, str):
            raise _misfit(column, value, "texts")
        return _apply(expr, op, pl.lit(value, pl.String))
    if column.type == "boolean":
        if not isinstance(value, bool) or op in ORDERED:
            raise _misfit(column, value, "true and false, which have no order")
        return _apply(expr, op, pl.lit(value))
    if column.type == "datetime":
        return _apply(expr, op, pl.lit(_parse_time(column, value), pl.Datetime("us")))
    return _json_test(column, expr, op, value)


def _json_test(column: Column, expr: pl.Expr, op: str, value: Any) -> pl.Expr:
    """Cells of mixed types: numbers are compared with numbers, all else by its JSON text."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _number_test(expr.cast(pl.Float64, strict=False), op, float(value))
    if op in ORDERED:
        raise Invalid(
            f"column {column.name!r} is of type {column.type}; only its numbers have an order, "
            f"and {value!r:.100} is none"
        )
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _apply(expr, op, pl.lit(text, pl.String))


def _number_test(expr: pl.Expr, op: str, value: int | float) -> pl.Expr:
    if isinstance(value, float) and math.isnan(value):
        return NEVER
    if isinstance(value, int) and not _INT_MIN <= value <= _INT_MAX:
        value = math.inf if value > 0 else -math.inf
    # polars counts NaN as the largest number; here it is neither larger nor smaller.
    passes = _apply(expr, op, pl.lit(value))
    return passes & expr.is_not_nan().fill_null(False) if op in (">", ">=") else passes


def _apply(expr: pl.Expr, op: str, value: pl.Expr) -> pl.Expr:
    compared = {
        "=": expr.eq,
        "<": expr.lt,
        "<=": expr.le,
        ">": expr.gt,
        ">=": expr.ge,
    }[op](value)
    return compared.fill_null(False)


def _parse_time(column: Column, value: Any) -> datetime:
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            moment = datetime.fromtimestamp(value / 1000, UTC)
        else:
            raise ValueError("neither a text nor a number")
    except (ValueError, OverflowError, OSError) as error:
        raise Invalid(
            f"{value!r:.100} is no time for column {column.name!r}; write it like "
            "2026-11-21T12:00:00Z, or as milliseconds since 1970"
        ) from error
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _as_number(text: str) -> float | int | None:
    try:
        return int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return None


def _misfit(column: Column, value: Any, holds: str) -> Invalid:
    return Invalid(
        f"column {column.name!r} holds {holds}; it cannot be compared with {value!r:.100}"
    )
