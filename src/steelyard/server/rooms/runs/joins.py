"""What a run shows of other rooms: the names of its project, entity and user.

Declared by column name, so that one statement reads a run with its names without importing tables
of other rooms.
"""

from __future__ import annotations

import sqlalchemy as sa

_projects = sa.table(
    "projects", sa.column("id"), sa.column("name"), sa.column("entity_id"), sa.column("access")
)
_entities = sa.table("entities", sa.column("id"), sa.column("name"))

user_names = sa.table("users", sa.column("id"), sa.column("username"), sa.column("name"))

project_names = (
    sa.select(
        _projects.c.id,
        _projects.c.name,
        _projects.c.entity_id,
        _projects.c.access,
        _entities.c.name.label("entity"),
    )
    .join_from(_projects, _entities, _entities.c.id == _projects.c.entity_id)
    .subquery("project_names")
)
