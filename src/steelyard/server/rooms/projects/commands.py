"""Writes to projects."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.errors import Invalid, TooLarge
from steelyard.limits import NAME_CHARS_MAX
from steelyard.server.db.dialect import insert
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.accounts.policy import require_writable
from steelyard.server.rooms.accounts.queries import find_entity
from steelyard.server.rooms.projects.model import Project
from steelyard.server.rooms.projects.queries import find_project
from steelyard.server.rooms.projects.tables import projects

DEFAULT_PROJECT = "uncategorized"
#: They end or split a path, in URLs and in "entity/project/run".
FORBIDDEN_CHARS = frozenset("/\\#?%:")


def check_project_name(name: str) -> str:
    """The name, when a project may have it; Invalid or TooLarge otherwise."""
    if len(name) > NAME_CHARS_MAX:
        raise TooLarge(
            "the project name", size=len(name), limit=NAME_CHARS_MAX, limit_name="name length"
        )
    bad = sorted({c for c in name if c in FORBIDDEN_CHARS or not c.isprintable()})
    if bad or not name.strip() or name != name.strip() or name in (".", ".."):
        found = f": it has {bad[0]!r}" if bad else ""
        raise Invalid(
            f"{name!r} cannot be a project name{found}; use printable characters other than "
            r"/ \ # ? % : with no space at the ends"
        )
    return name


def ensure_project(
    conn: Connection, *, caller: Caller, entity: str, name: str, now_us: int
) -> tuple[Project, bool]:
    """(project, made now). The project exists afterwards; the caller may write to it.

    An empty entity, or "-", is the caller's own, an empty name is `uncategorized`. Raises
    EntityNotFound and Forbidden as the policy says.
    """
    entity, name = caller.entity_named(entity), name or DEFAULT_PROJECT
    owner = require_writable(caller, find_entity(conn, entity), entity)
    found = find_project(conn, entity, name)
    if found is not None:
        return found, False
    made = conn.execute(
        insert(conn, projects)
        .values(
            entity_id=owner.id,
            name=check_project_name(name),
            created_at_us=now_us,
            last_activity_us=now_us,
        )
        .on_conflict_do_nothing(index_elements=["entity_id", "name"])
        .returning(projects.c.id)
    ).scalar()
    project = find_project(conn, entity, name)
    assert project is not None
    return project, made is not None


def update_project(
    conn: Connection, project: Project, *, description: str | None = None, access: str | None = None
) -> None:
    """Change what is not None."""
    changes = {
        key: value
        for key, value in (("description", description), ("access", access))
        if value is not None
    }
    if changes:
        conn.execute(sa.update(projects).where(projects.c.id == project.id).values(changes))


def delete_project_row(conn: Connection, project_id: int) -> None:
    """The project, which must have no runs by now (see offboarding)."""
    conn.execute(sa.delete(projects).where(projects.c.id == project_id))
