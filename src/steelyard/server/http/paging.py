"""Pages of lists: an opaque cursor that holds the sort key of the last item sent."""

from __future__ import annotations

import base64
import binascii
from typing import Generic, TypeVar

import msgspec

from steelyard.errors import Invalid
from steelyard.limits import PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX

T = TypeVar("T")


class Page(msgspec.Struct, Generic[T], frozen=True):
    """One page of a list; `next_cursor` is null on the last."""

    items: list[T]
    next_cursor: str | None = None
    total: int | None = None


def encode_cursor(*values: object) -> str:
    """An opaque, URL-safe text of these values."""
    return base64.urlsafe_b64encode(msgspec.json.encode(values)).rstrip(b"=").decode()


def decode_cursor(cursor: str, kind: type[T]) -> T:
    """The values of a cursor as `kind`, a tuple type; Invalid for one we did not make."""
    try:
        raw = base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4))
        return msgspec.json.decode(raw, type=kind)
    except (ValueError, binascii.Error) as error:
        raise Invalid("the cursor is not one of this list; start again without it") from error


def check_limit(limit: int | None, *, limit_max: int = PAGE_ITEMS_MAX) -> int:
    """How many items to send; Invalid outside 1…`limit_max`."""
    if limit is None:
        return min(PAGE_ITEMS_DEFAULT, limit_max)
    if not 1 <= limit <= limit_max:
        raise Invalid(f"limit must be 1…{limit_max}, not {limit}")
    return limit
