"""The first page: projects of the caller, and the runs that are at work now."""

from __future__ import annotations

import msgspec
from litestar import get
from sqlalchemy.engine import Connection

from steelyard.limits import PAGE_ITEMS_DEFAULT
from steelyard.server.api.run_rows import RunRow, row_of_run
from steelyard.server.db.interface import Database
from steelyard.server.http.paging import Page, check_limit, decode_cursor, encode_cursor
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.accounts.policy import require_readable
from steelyard.server.rooms.accounts.queries import find_entity
from steelyard.server.rooms.projects.model import Project
from steelyard.server.rooms.projects.queries import (
    count_projects,
    list_active_projects,
    list_projects,
)
from steelyard.server.rooms.runs.counts import count_runs_by_project, list_running

HOME_PROJECTS_MAX = 100
HOME_RUNNING_MAX = 20


class ProjectRow(msgspec.Struct, frozen=True):
    """A project in a list."""

    entity: str
    project: str
    run_count: int
    running_count: int
    last_activity_us: int


class Home(msgspec.Struct, frozen=True):
    """Projects, last active first, and running runs, last heard of first."""

    projects: list[ProjectRow]
    running: list[RunRow]


@get("/api/v1/home")
async def show_home(caller: Caller, db: Database) -> Home:
    """What is going on in the entities of the caller."""

    def read(conn: Connection) -> Home:
        projects = list_active_projects(conn, list(caller.entity_roles), limit=HOME_PROJECTS_MAX)
        running = list_running(conn, [p.id for p in projects], limit=HOME_RUNNING_MAX)
        return Home(
            projects=_rows(conn, projects), running=[row_of_run(run, []) for run in running]
        )

    return await db.read(read)


@get("/api/v1/entities/{entity:str}/projects")
async def list_entity_projects(
    entity: str,
    caller: Caller,
    db: Database,
    cursor: str | None = None,
    limit: int = PAGE_ITEMS_DEFAULT,
) -> Page[ProjectRow]:
    """List the projects of an entity, last active first."""
    check_limit(limit)
    after = decode_cursor(cursor, tuple[int, int]) if cursor else None

    def read(conn: Connection) -> Page[ProjectRow]:
        owner = require_readable(caller, find_entity(conn, entity), entity)
        found = list_projects(
            conn, entity_id=owner.id, entity=owner.name, limit=limit + 1, after=after
        )
        shown = found[:limit]
        more = encode_cursor(shown[-1].last_activity_us, shown[-1].id) if found[limit:] else None
        return Page(_rows(conn, shown), next_cursor=more, total=count_projects(conn, owner.id))

    return await db.read(read)


def _rows(conn: Connection, projects: list[Project]) -> list[ProjectRow]:
    counts = count_runs_by_project(conn, [project.id for project in projects])
    return [
        ProjectRow(
            entity=project.entity,
            project=project.name,
            run_count=counts.get(project.id, (0, 0))[0],
            running_count=counts.get(project.id, (0, 0))[1],
            last_activity_us=project.last_activity_us,
        )
        for project in projects
    ]


handlers = [show_home, list_entity_projects]
