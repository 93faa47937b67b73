"""Connections: lists in the shape of the GraphQL cursor convention."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from steelyard.errors import Invalid
from steelyard.limits import GATEWAY_PAGE_ITEMS_MAX, PAGE_ITEMS_DEFAULT
from steelyard.server.gateway.ids import encode_cursor

T = TypeVar("T")


def page_size(first: int | None) -> int:
    """How many items to give: what was asked for, within GATEWAY_PAGE_ITEMS_MAX."""
    if first is None:
        return PAGE_ITEMS_DEFAULT
    if first < 0:
        raise Invalid(f"first must not be negative, as {first} is")
    return min(first, GATEWAY_PAGE_ITEMS_MAX)


def connection(
    nodes: Sequence[T], place: Callable[[T], str], *, limit: int, **more: Any
) -> dict[str, Any]:
    """A page of at most `limit` of the nodes, which were read one beyond it.

    `place` is what the cursor of a node says.
    """
    edges = [{"node": node, "cursor": encode_cursor(place(node))} for node in nodes[:limit]]
    return {"edges": edges, "page_info": page_info(edges, len(nodes) > limit), **more}


def page_info(edges: Sequence[dict[str, Any]], has_next_page: bool) -> dict[str, Any]:
    """Where a page ends, and whether another follows."""
    end_cursor = edges[-1]["cursor"] if edges else None
    return {"end_cursor": end_cursor, "has_next_page": has_next_page}


EMPTY: dict[str, Any] = {"edges": [], "page_info": page_info([], has_next_page=False)}
