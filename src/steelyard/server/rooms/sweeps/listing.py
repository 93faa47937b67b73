"""Filtered lists of sweeps: the filters of runs, over the fields of a sweep."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy.engine import Connection

from steelyard.errors import Invalid
from steelyard.limits import SWEEP_ROWS_SCANNED_MAX
from steelyard.server.rooms.runs.fields import MISSING, Field
from steelyard.server.rooms.runs.filters import EVERYTHING, Filter, matches
from steelyard.server.rooms.sweeps.model import Sweep
from steelyard.server.rooms.sweeps.queries import count_sweeps, list_sweeps

#: Every spelling of a field -> what of a Sweep it is.
_FIELDS = {
    "name": "name",
    "id": "name",
    "display_name": "display_name",
    "displayName": "display_name",
    "description": "description",
    "state": "state",
    "method": "method",
    "username": "username",
    "user": "username",
    "created_at": "created_at",
    "createdAt": "created_at",
    "updated_at": "updated_at",
    "updatedAt": "updated_at",
}
SCAN_ROWS = 200


class SweepPage(msgspec.Struct, frozen=True):
    """Some sweeps, newest first, whether more follow, and how many match in all."""

    sweeps: list[Sweep]
    has_more: bool


def parse_sweep_field(path: str) -> Field:
    """The field of a sweep that a filter names. Raises Invalid, listing what there is."""
    if path not in _FIELDS:
        raise Invalid(
            f"sweeps have no field {path!r}; use one of: {', '.join(sorted(set(_FIELDS.values())))}"
        )
    return Field("column", (_FIELDS[path],))


def find_sweeps(
    conn: Connection,
    project_id: int,
    *,
    filter: Filter = EVERYTHING,
    limit: int,
    before_id: int | None = None,
) -> SweepPage:
    """Up to `limit` sweeps that match, newest first, those made before `before_id` only.

    Looks at SWEEP_ROWS_SCANNED_MAX sweeps at most; Invalid when that is not enough to tell.
    """
    found: list[Sweep] = []
    scanned = 0
    step = limit + 1 if filter == EVERYTHING else SCAN_ROWS
    while len(found) <= limit:
        rows = list_sweeps(conn, project_id, limit=step, before_id=before_id)
        found += [row for row in rows if matches(filter, lambda field, row=row: read(row, field))]  # type: ignore[misc]
        scanned += len(rows)
        if len(rows) < step:
            break
        if scanned >= SWEEP_ROWS_SCANNED_MAX:
            raise Invalid(
                f"the filter matches too few of {scanned:,} sweeps to fill a page; narrow it down"
            )
        before_id = rows[-1].id
    return SweepPage(found[:limit], len(found) > limit)


def count_matching(conn: Connection, project_id: int, filter: Filter = EVERYTHING) -> int:
    """How many sweeps match, up to SWEEP_ROWS_SCANNED_MAX of them."""
    if filter == EVERYTHING:
        return count_sweeps(conn, project_id)
    page = find_sweeps(conn, project_id, filter=filter, limit=SWEEP_ROWS_SCANNED_MAX)
    return len(page.sweeps)


def read(sweep: Sweep, field: Field) -> Any:
    """The value of a field of a sweep, or MISSING. A state is found in either spelling."""
    name = field.keys[0]
    if name == "state":
        return [sweep.state, sweep.state.upper()]
    value = getattr(sweep, f"{name}_us" if field.is_time else name)
    return MISSING if value is None else value
