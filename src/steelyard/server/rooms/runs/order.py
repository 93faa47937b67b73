"""Orders of runs: "+created_at,-summary_metrics.acc"."""

from __future__ import annotations

import msgspec

from steelyard.errors import Invalid
from steelyard.limits import ORDER_FIELDS_MAX
from steelyard.server.rooms.runs.fields import Field, parse_field


class OrderBy(msgspec.Struct, frozen=True):
    """One field of an order. Runs without the field, or with NaN in it, come last either way."""

    field: Field
    is_descending: bool


NEWEST_FIRST = (OrderBy(Field("column", ("created_at",)), is_descending=True),)


def parse_order(text: str | None) -> tuple[OrderBy, ...]:
    """The order of a text of comma-separated `[+-]path`; newest first when it is empty.

    Runs that are equal in all of it follow their time of creation, in the direction of the first.
    Raises Invalid for unknown fields and for more than ORDER_FIELDS_MAX of them.
    """
    parts = [part.strip() for part in (text or "").split(",") if part.strip()]
    if len(parts) > ORDER_FIELDS_MAX:
        raise Invalid(f"runs can be ordered by {ORDER_FIELDS_MAX} fields, not {len(parts)}")
    order = tuple(
        OrderBy(parse_field(part.lstrip("+-")), is_descending=part.startswith("-"))
        for part in parts
    )
    return order or NEWEST_FIRST
