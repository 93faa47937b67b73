"""How values of our scalar types cross the wire."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from graphql import GraphQLError, GraphQLSchema

INT64_MAX = 2**63 - 1


def format_time(time_us: int) -> str:
    """Microseconds since 1970 as clients read times: ISO 8601 UTC, whole seconds."""
    return datetime.fromtimestamp(time_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def bind_scalars(schema: GraphQLSchema) -> None:
    """Give the scalars of the SDL their behaviour."""
    for name in ("Int64", "Duration"):
        _set(schema, name, parse=_parse_int64)
    _set(schema, "JSONString", parse=_parse_json_string)
    _set(schema, "DateTime", serialize=_serialize_time)


def _set(
    schema: GraphQLSchema,
    name: str,
    *,
    parse: Callable[[Any], Any] | None = None,
    serialize: Callable[[Any], Any] | None = None,
) -> None:
    """Both names of each hook: graphql-core 3.2 knows the first, 3.3 the second."""
    scalar = schema.type_map[name]
    if parse is not None:
        vars(scalar).update(parse_value=parse, coerce_input_value=parse)
    if serialize is not None:
        vars(scalar).update(serialize=serialize, coerce_output_value=serialize)


def _parse_int64(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise GraphQLError(f"{value!r} is not an integer")
    try:
        number = int(value)
    except (ValueError, OverflowError) as error:
        raise GraphQLError(f"{value!r} is not an integer") from error
    if abs(number) > INT64_MAX:
        raise GraphQLError(f"{value!r} does not fit into 64 bits")
    return number


def _parse_json_string(value: Any) -> str:
    if not isinstance(value, str):
        raise GraphQLError("a JSON text in a string is needed here")
    return value


def _serialize_time(value: Any) -> str:
    assert isinstance(value, int)
    return format_time(value)
