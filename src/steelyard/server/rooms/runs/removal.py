"""Removing runs for the sake of their project or their author."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.server.rooms.runs.commands import delete_run
from steelyard.server.rooms.runs.queries import list_runs_by_id
from steelyard.server.rooms.runs.tables import runs


def delete_some_runs(
    conn: Connection, project_ids: Sequence[int], *, count: int, now_us: int
) -> int:
    """Delete up to `count` runs of these projects; how many there were. 0: none is left."""
    some = sa.select(runs.c.id).where(runs.c.project_id.in_(project_ids)).limit(count)
    found = list_runs_by_id(conn, list(conn.execute(some).scalars()))
    for run in found:
        delete_run(conn, run, now_us=now_us)
    return len(found)


def forget_author(conn: Connection, user_id: int) -> None:
    """Leave the runs of a user, in entities of others, without an author."""
    conn.execute(sa.update(runs).where(runs.c.user_id == user_id).values(user_id=None))
