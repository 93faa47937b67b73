"""Reads of runs. Permission is asked before: see policy.py."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from steelyard.errors import RunNotFound
from steelyard.server.rooms.runs.joins import project_names, user_names
from steelyard.server.rooms.runs.model import Alert, Run
from steelyard.server.rooms.runs.tables import alerts, runs


def select_runs() -> sa.Select[Any]:
    """The statement behind every read of whole runs; add WHERE, ORDER BY and LIMIT."""
    return (
        sa.select(
            *runs.c,
            project_names.c.name.label("project"),
            project_names.c.entity_id,
            project_names.c.entity,
            project_names.c.access.label("project_access"),
            user_names.c.username,
            user_names.c.name.label("user_name"),
        )
        .select_from(runs)
        .join(project_names, project_names.c.id == runs.c.project_id)
        .outerjoin(user_names, user_names.c.id == runs.c.user_id)
    )


def run_from_row(row: Row[Any]) -> Run:
    """A row of `select_runs` as a Run."""
    values = dict(row._mapping)
    return Run(tags=json.loads(values.pop("tags")), group=values.pop("run_group"), **values)


def find_run(conn: Connection, project_id: int, name: str) -> Run | None:
    """The run of that name in the project, or None."""
    where = sa.and_(runs.c.project_id == project_id, runs.c.name == name)
    row = conn.execute(select_runs().where(where)).first()
    return None if row is None else run_from_row(row)


def get_run(conn: Connection, project_id: int, name: str, *, path: str) -> Run:
    """The run of that name. Raises RunNotFound, saying `path`."""
    run = find_run(conn, project_id, name)
    if run is None:
        raise RunNotFound(path)
    return run


def find_run_by_id(conn: Connection, run_id: int) -> Run | None:
    """The run with that number, or None."""
    row = conn.execute(select_runs().where(runs.c.id == run_id)).first()
    return None if row is None else run_from_row(row)


def list_runs_by_id(conn: Connection, run_ids: Sequence[int]) -> list[Run]:
    """The runs with these numbers that exist, in the order asked for."""
    rows = conn.execute(select_runs().where(runs.c.id.in_(run_ids)))
    found = {run.id: run for run in map(run_from_row, rows)}
    return [found[run_id] for run_id in run_ids if run_id in found]


def find_ids_by_name(conn: Connection, project_id: int, names: Iterable[str]) -> dict[str, int]:
    """Name to number of the runs of the project that exist."""
    where = sa.and_(runs.c.project_id == project_id, runs.c.name.in_(list(names)))
    rows = conn.execute(sa.select(runs.c.name, runs.c.id).where(where))
    return {row.name: row.id for row in rows}


def find_names(conn: Connection, run_ids: Sequence[int]) -> dict[int, str]:
    """Number to name of the runs that exist, in the order asked for."""
    rows = conn.execute(sa.select(runs.c.id, runs.c.name).where(runs.c.id.in_(run_ids)))
    names = {row.id: row.name for row in rows}
    return {run_id: names[run_id] for run_id in run_ids if run_id in names}


def list_changed_names(
    conn: Connection, project_id: int, *, since_seq: int, limit: int
) -> list[str]:
    """Names of up to `limit` runs that changed after a change of the project, oldest first."""
    statement = (
        sa.select(runs.c.name)
        .where(runs.c.project_id == project_id, runs.c.change_seq > since_seq)
        .order_by(runs.c.change_seq)
        .limit(limit)
    )
    return list(conn.execute(statement).scalars())


def list_alerts(conn: Connection, run_id: int, *, limit: int) -> list[Alert]:
    """The newest alerts of a run, newest first."""
    statement = (
        sa.select(
            alerts.c.id,
            alerts.c.run_id,
            alerts.c.title,
            alerts.c.text,
            alerts.c.severity,
            alerts.c.created_at_us,
        )
        .where(alerts.c.run_id == run_id)
        .order_by(alerts.c.id.desc())
        .limit(limit)
    )
    return [Alert(**row._mapping) for row in conn.execute(statement)]
