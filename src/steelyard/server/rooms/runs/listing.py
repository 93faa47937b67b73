"""Lists of runs, for both edges: filtered, searched, ordered, in pages that never skip one."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Sequence
from typing import Any

from sqlalchemy.engine import Connection

from steelyard.errors import Invalid
from steelyard.patterns import compile_pattern
from steelyard.server.rooms.runs.fields import Field
from steelyard.server.rooms.runs.filters import EVERYTHING, All, Filter, Some, Test
from steelyard.server.rooms.runs.index import Position, RunIndex
from steelyard.server.rooms.runs.json_text import dump_json
from steelyard.server.rooms.runs.model import RunPage
from steelyard.server.rooms.runs.order import NEWEST_FIRST, OrderBy
from steelyard.server.rooms.runs.queries import find_ids_by_name, find_names, list_runs_by_id

DISPLAY_NAME = Field("column", ("display_name",))
NAME = Field("column", ("name",))
STATE = Field("column", ("state",))


def list_runs(
    conn: Connection,
    index: RunIndex,
    project_id: int,
    *,
    filter: Filter = EVERYTHING,
    search: str | None = None,
    states: Sequence[str] | None = None,
    order: Sequence[OrderBy] = NEWEST_FIRST,
    after: str | None = None,
    first: int,
) -> RunPage:
    """Up to `first` runs behind the cursor `after`, and how many match in all.

    A page goes on from the values that its cursor holds, so runs that appear, change or go between
    two pages never shift the others. Raises Invalid for a cursor of another order.
    """
    position = decode_cursor(after, order) if after else None
    found = index.find(
        conn,
        project_id,
        filter=narrow_filter(filter, search=search, states=states),
        order=order,
        after=position,
        limit=first,
    )
    cursors = {
        run_id: encode_cursor(at, order)
        for run_id, at in zip(found.run_ids, found.positions, strict=True)
    }
    # The index may be newer than this snapshot: runs it cannot see yet are left out, as if the
    # page had been read before they came.
    page = list_runs_by_id(conn, found.run_ids) if found.run_ids else []
    return RunPage(
        runs=page,
        cursors=[cursors[run.id] for run in page],
        has_more=found.has_more,
        total=found.total,
    )


def find_run_ids(
    conn: Connection,
    index: RunIndex,
    project_id: int,
    *,
    names: Sequence[str] | None,
    newest: int,
) -> dict[int, str]:
    """Run id to name: of the runs named, in that order, or of the `newest` ones without names.

    Names that no run has are left out.
    """
    if names is not None:
        found = find_ids_by_name(conn, project_id, names)
        return {found[name]: name for name in dict.fromkeys(names) if name in found}
    ids = index.find(
        conn, project_id, filter=EVERYTHING, order=NEWEST_FIRST, after=None, limit=newest
    ).run_ids
    return find_names(conn, ids)


def narrow_filter(
    filter: Filter, *, search: str | None = None, states: Sequence[str] | None = None
) -> Filter:
    """The filter, and a search in the names, and one of the states."""
    parts = [filter]
    if search and search.strip():
        parts.append(parse_search(search.strip()))
    if states:
        parts.append(Test(STATE, "$in", list(states)))
    return All(tuple(parts))


def parse_search(text: str) -> Filter:
    """`text` in a name, in any case; `/regex/` and `/regex/i` search for a regular expression."""
    body, slash, flags = text[1:].rpartition("/")
    if text.startswith("/") and slash and flags in ("", "i"):
        pattern = compile_pattern(body, ignore_case=flags == "i")
        return Some((Test(DISPLAY_NAME, "$regex", pattern), Test(NAME, "$regex", pattern)))
    lowered = text.lower()
    return Some((Test(DISPLAY_NAME, "$contains", lowered), Test(NAME, "$contains", lowered)))


def encode_cursor(position: Position, order: Sequence[OrderBy]) -> str:
    """Opaque text for a place in an order."""
    parts, run_id = position
    text = dump_json([_order_mark(order), parts, run_id])
    return base64.urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).decode().rstrip("=")


def decode_cursor(cursor: str, order: Sequence[OrderBy]) -> Position:
    """The place a cursor stands for. Raises Invalid for another order or a text we did not make."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        decoded: Any = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        mark, parts, run_id = decoded
        position = [(int(sort_class), value) for sort_class, value in parts], int(run_id)
    except (binascii.Error, ValueError, TypeError, RecursionError) as error:
        raise Invalid("this is no cursor of a run list; leave it out to start over") from error
    if mark != _order_mark(order) or len(position[0]) != len(order):
        raise Invalid("this cursor belongs to another order; leave it out to start over")
    if not all(_is_position(*part) for part in position[0]):
        raise Invalid("this is no cursor of a run list; leave it out to start over")
    return position


def _is_position(sort_class: int, value: Any) -> bool:
    kinds: dict[int, Any] = {0: int | float, 1: str, 2: bool, 3: str, 9: type(None)}
    return sort_class in kinds and isinstance(value, kinds[sort_class])


def _order_mark(order: Sequence[OrderBy]) -> int:
    text = ",".join(("-" if part.is_descending else "+") + part.field.name for part in order)
    return zlib.crc32(text.encode("utf-8", "surrogatepass"))
