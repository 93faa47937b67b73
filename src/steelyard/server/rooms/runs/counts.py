"""How many runs there are, and which are at work: for pages above a single project."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.server.rooms.runs.model import Run
from steelyard.server.rooms.runs.queries import run_from_row, select_runs
from steelyard.server.rooms.runs.tables import runs


def count_runs_by_project(
    conn: Connection, project_ids: Sequence[int]
) -> dict[int, tuple[int, int]]:
    """Project id to (runs, runs at work). Projects without runs are left out."""
    at_work = sa.case((runs.c.state == "running", 1), else_=0)
    rows = conn.execute(
        sa.select(runs.c.project_id, sa.func.count(), sa.func.sum(at_work))
        .where(runs.c.project_id.in_(project_ids))
        .group_by(runs.c.project_id)
    )
    return {project_id: (int(total), int(working)) for project_id, total, working in rows}


def list_running(conn: Connection, project_ids: Sequence[int], *, limit: int) -> list[Run]:
    """Runs at work in these projects, last heard of first."""
    chosen = (
        select_runs()
        .where(runs.c.state == "running", runs.c.project_id.in_(project_ids))
        .order_by(runs.c.heartbeat_at_us.desc(), runs.c.id.desc())
        .limit(limit)
    )
    return [run_from_row(row) for row in conn.execute(chosen)]
