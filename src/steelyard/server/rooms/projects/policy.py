"""Who may see and change a project and everything in it. Every edge asks here.

Unknown and foreign projects get the same answer, so that names of others cannot be guessed.
"""

from __future__ import annotations

from sqlalchemy.engine import Connection

from steelyard.errors import Forbidden, ProjectNotFound
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.accounts.policy import (
    may_administer_entity,
    may_read_entity,
    may_write_entity,
)
from steelyard.server.rooms.projects.model import Project
from steelyard.server.rooms.projects.queries import find_project


def find_readable_project(
    conn: Connection, caller: Caller, entity: str, project: str
) -> Project | None:
    """The project when it exists and the caller may see it. No entity, or "-": the caller's own."""
    found = find_project(conn, caller.entity_named(entity), project)
    if found is None or not may_read_entity(caller, found.entity_id):
        return None
    return found


def get_readable_project(conn: Connection, caller: Caller, entity: str, project: str) -> Project:
    """The project; ProjectNotFound when it is absent or not the caller's to see."""
    found = find_readable_project(conn, caller, entity, project)
    if found is None:
        raise ProjectNotFound(caller.entity_named(entity), project)
    return found


def get_writable_project(conn: Connection, caller: Caller, entity: str, project: str) -> Project:
    """The project; Forbidden for one the caller may only see."""
    found = get_readable_project(conn, caller, entity, project)
    require_writable_project(caller, found)
    return found


def require_writable_project(caller: Caller, project: Project) -> None:
    """Forbidden unless the caller may write runs of this project."""
    if not may_write_entity(caller, project.entity_id):
        raise Forbidden(
            f"you are a viewer in {project.entity!r} and may not write to {project.name!r}; "
            "ask one of its admins"
        )


def require_administered_project(caller: Caller, project: Project) -> None:
    """Forbidden unless the caller may rename or delete the project."""
    if not may_administer_entity(caller, project.entity_id):
        raise Forbidden(f"only admins of {project.entity!r} may do this to {project.name!r}")
