"""Removing projects, users, teams and organisations with everything they own.

Above the other rooms, because only this knows what all of them keep for an owner. Artifacts go
first, then sweeps, then runs, a few per transaction (`delete_some_runs_of`), so that others can
write in between; a removal that is interrupted there can simply be asked for again.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.engine import Connection

from steelyard.server.rooms.accounts.commands import (
    delete_entity_row,
    delete_organization_row,
    delete_user_row,
    require_other_admin,
)
from steelyard.server.rooms.accounts.queries import (
    get_organization,
    get_user,
    list_organization_entities,
)
from steelyard.server.rooms.artifacts.model import Actor
from steelyard.server.rooms.artifacts.purge import delete_some_artifacts
from steelyard.server.rooms.artifacts.removal import trash_artifacts_of_run
from steelyard.server.rooms.projects.commands import delete_project_row
from steelyard.server.rooms.projects.queries import list_project_ids
from steelyard.server.rooms.runs.commands import delete_run
from steelyard.server.rooms.runs.model import Run
from steelyard.server.rooms.runs.removal import delete_some_runs, forget_author
from steelyard.server.rooms.sweeps.removal import delete_some_sweeps, forget_entity, forget_user

RUNS_PER_TRANSACTION = 20
ARTIFACTS_PER_TRANSACTION = 20
SWEEPS_PER_TRANSACTION = 5  # each may have thousands of trials


def list_entities_of_user(conn: Connection, username: str) -> list[int]:
    """Ids of the entities that go with the user. Raises NotFound, Conflict for the last admin."""
    user = get_user(conn, username)
    require_other_admin(conn, user)
    return [user.entity_id]


def list_entities_of_organization(conn: Connection, name: str) -> list[int]:
    """Ids of the entities that go with the organisation. Raises NotFound."""
    return list_organization_entities(conn, get_organization(conn, name).id)


def delete_some_runs_of(conn: Connection, entity_ids: Sequence[int], *, now_us: int) -> int:
    """Delete a few artifacts, sweeps or runs of these entities; 0 when none is left."""
    project_ids = [p for entity_id in entity_ids for p in list_project_ids(conn, entity_id)]
    if not project_ids:
        return 0
    artifacts = delete_some_artifacts(conn, project_ids, count=ARTIFACTS_PER_TRANSACTION)
    return (
        artifacts
        or delete_some_sweeps(conn, project_ids, count=SWEEPS_PER_TRANSACTION)
        or delete_some_runs(conn, project_ids, count=RUNS_PER_TRANSACTION, now_us=now_us)
    )


def delete_project(conn: Connection, project_id: int, *, now_us: int) -> None:
    """The project with its artifacts, its sweeps, its runs and their rows, logs and files."""
    while delete_some_artifacts(conn, [project_id], count=ARTIFACTS_PER_TRANSACTION):
        pass
    while delete_some_sweeps(conn, [project_id], count=SWEEPS_PER_TRANSACTION):
        pass
    while delete_some_runs(conn, [project_id], count=RUNS_PER_TRANSACTION, now_us=now_us):
        pass
    delete_project_row(conn, project_id)


def delete_run_with_artifacts(
    conn: Connection, run: Run, *, user_id: int | None, now_us: int
) -> None:
    """The run, and the versions that it alone logged, which go to the trash."""
    trash_artifacts_of_run(conn, run.id, actor=Actor(user_id, run.id), now_us=now_us)
    delete_run(conn, run, now_us=now_us)


def delete_entity(conn: Connection, entity_id: int, *, now_us: int) -> None:
    """The team (or entity of an organisation) with its projects."""
    _delete_projects(conn, entity_id, now_us)
    delete_entity_row(conn, entity_id)


def delete_user(conn: Connection, username: str, *, now_us: int) -> None:
    """The user, the personal entity and its projects. Runs in teams stay, without an author.

    Raises NotFound, and Conflict for the last admin.
    """
    user = get_user(conn, username)
    require_other_admin(conn, user)
    _delete_projects(conn, user.entity_id, now_us)
    forget_author(conn, user.id)
    forget_user(conn, user.id)
    delete_user_row(conn, user)


def delete_organization(conn: Connection, name: str, *, now_us: int) -> None:
    """The organisation with its teams and their projects. Its people stay. Raises NotFound."""
    organization = get_organization(conn, name)
    for entity_id in list_organization_entities(conn, organization.id):
        delete_entity(conn, entity_id, now_us=now_us)
    delete_organization_row(conn, organization.id)


def _delete_projects(conn: Connection, entity_id: int, now_us: int) -> None:
    for project_id in list_project_ids(conn, entity_id):
        delete_project(conn, project_id, now_us=now_us)
    forget_entity(conn, entity_id)
