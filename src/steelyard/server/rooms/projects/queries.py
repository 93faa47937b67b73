"""Reads of projects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.server.rooms.accounts.queries import find_entity, list_entity_names
from steelyard.server.rooms.projects.model import Project
from steelyard.server.rooms.projects.tables import projects

_COLUMNS = (
    projects.c.id,
    projects.c.entity_id,
    projects.c.name,
    projects.c.description,
    projects.c.access,
    projects.c.created_at_us,
    projects.c.last_activity_us,
)


def find_project(conn: Connection, entity: str, name: str) -> Project | None:
    """The project, whoever asks. Edges use `policy.find_readable_project`."""
    owner = find_entity(conn, entity)
    if owner is None:
        return None
    row = conn.execute(
        sa.select(*_COLUMNS).where(projects.c.entity_id == owner.id, projects.c.name == name)
    ).first()
    return None if row is None else Project(entity=owner.name, **row._mapping)


def find_project_by_id(conn: Connection, project_id: int, entity: str) -> Project | None:
    """The project with this id, in the entity of this name."""
    row = conn.execute(sa.select(*_COLUMNS).where(projects.c.id == project_id)).first()
    return None if row is None else Project(entity=entity, **row._mapping)


def list_projects_by_id(conn: Connection, project_ids: Sequence[int]) -> dict[int, Project]:
    """The projects with these ids that exist, of whatever entity."""
    rows = conn.execute(sa.select(*_COLUMNS).where(projects.c.id.in_(project_ids))).all()
    names = list_entity_names(conn, [row.entity_id for row in rows])
    return {row.id: Project(entity=names[row.entity_id], **row._mapping) for row in rows}


def list_projects(
    conn: Connection,
    *,
    entity_id: int,
    entity: str,
    limit: int,
    after: tuple[int, int] | None = None,
) -> list[Project]:
    """Projects of an entity, last active first; `after` is (last_activity_us, id) of the last."""
    chosen = (
        sa.select(*_COLUMNS)
        .where(projects.c.entity_id == entity_id)
        .order_by(projects.c.last_activity_us.desc(), projects.c.id.desc())
        .limit(limit)
    )
    if after is not None:
        at: Any = sa.tuple_(projects.c.last_activity_us, projects.c.id)
        chosen = chosen.where(at < sa.tuple_(*map(sa.literal, after)))
    return [Project(entity=entity, **row._mapping) for row in conn.execute(chosen)]


def list_active_projects(
    conn: Connection, entity_ids: Sequence[int], *, limit: int
) -> list[Project]:
    """Projects of these entities, last active first."""
    names = list_entity_names(conn, entity_ids)
    chosen = (
        sa.select(*_COLUMNS)
        .where(projects.c.entity_id.in_(list(names)))
        .order_by(projects.c.last_activity_us.desc(), projects.c.id.desc())
        .limit(limit)
    )
    return [Project(entity=names[row.entity_id], **row._mapping) for row in conn.execute(chosen)]


def count_projects(conn: Connection, entity_id: int) -> int:
    return int(
        conn.execute(
            sa.select(sa.func.count())
            .select_from(projects)
            .where(projects.c.entity_id == entity_id)
        ).scalar_one()
    )


def list_project_ids(conn: Connection, entity_id: int) -> list[int]:
    """Ids of all projects of an entity."""
    return list(
        conn.execute(sa.select(projects.c.id).where(projects.c.entity_id == entity_id)).scalars()
    )
