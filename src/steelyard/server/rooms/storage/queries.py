"""What uses space: contents by who refers to them, history by run. Permission is asked before.

A content is counted for everything that refers to it; deleting one of these frees it only when
there is no other. Sharing is looked for in `scope`: the projects the caller may see.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.server.columns.usage import select_sizes
from steelyard.server.db.dialect import database_bytes
from steelyard.server.rooms.artifacts import usage as artifacts
from steelyard.server.rooms.artifacts.queries import collections_by_id
from steelyard.server.rooms.files import usage as files
from steelyard.server.rooms.projects.model import Project
from steelyard.server.rooms.projects.queries import list_projects_by_id
from steelyard.server.rooms.runs.queries import list_runs_by_id
from steelyard.server.rooms.storage.model import (
    CollectionUsage,
    ProjectStorage,
    ProjectUsage,
    RunUsage,
    StorageOverview,
)

RUN, COLLECTION = 0, 1  # kinds of owners
_projects = sa.table("projects", sa.column("id"), sa.column("entity_id"))
_runs = sa.table("runs", sa.column("id"), sa.column("project_id"))


def get_overview(
    conn: Connection, *, entity_ids: Sequence[int] | None, limit: int
) -> StorageOverview:
    """Projects of these entities, of all with None, by size. Reads every reference of theirs."""
    scope = _scope(entity_ids)
    each = _sum_by_project(conn, scope)
    by_kind = _sum_by_kind(conn, scope)
    history = _history_by_project(conn, scope)
    trash = artifacts.trash_by_project(conn, scope)
    ids = sorted(
        {*each, *history, *trash},
        key=lambda id: (-each.get(id, (0, 0))[0] - history.get(id, 0), id),
    )
    named = list_projects_by_id(conn, ids[:limit])
    usages = [
        _project_usage(
            named[id],
            each.get(id, (0, 0)),
            by_kind.get((id, RUN), 0),
            by_kind.get((id, COLLECTION), 0),
            history.get(id, 0),
            trash.get(id),
        )
        for id in ids[:limit]
        if id in named
    ]
    content_bytes, history_bytes = _sum_distinct(conn, scope), sum(history.values())
    return StorageOverview(
        is_whole_server=entity_ids is None,
        projects=usages,
        project_count=len(ids),
        size_bytes=content_bytes + history_bytes,
        content_bytes=content_bytes,
        history_bytes=history_bytes,
        trash_bytes=sum(each.freed_bytes for each in trash.values()),
        database_bytes=database_bytes(conn) if entity_ids is None else None,
        disk_free_bytes=None,
        blobs_url=None,
    )


def get_project_storage(
    conn: Connection, project: Project, *, entity_ids: Sequence[int] | None, limit: int
) -> ProjectStorage:
    """One project, with up to `limit` collections and as many runs."""
    scope, only = _scope(entity_ids), sa.select(sa.literal(project.id))
    owned = _sum_by_owner(conn, scope, only)
    history = _history_by_run(conn, only)
    runs = {id: sizes for (kind, id), sizes in owned.items() if kind == RUN}
    collections = {id: sizes for (kind, id), sizes in owned.items() if kind == COLLECTION}
    by_kind = _sum_by_kind(conn, only)
    usage = _project_usage(
        project,
        _sum_by_project(conn, scope, only).get(project.id, (0, 0)),
        by_kind.get((project.id, RUN), 0),
        by_kind.get((project.id, COLLECTION), 0),
        sum(history.values()),
        artifacts.trash_by_project(conn, only).get(project.id),
    )
    return ProjectStorage(
        usage=usage,
        collections=_collection_usages(conn, project, collections, limit),
        collection_count=len(collections),
        runs=_run_usages(conn, runs, history, limit),
        run_count=len({*runs, *history}),
    )


def _collection_usages(
    conn: Connection, project: Project, owned: dict[int, tuple[int, int]], limit: int
) -> list[CollectionUsage]:
    trash = artifacts.trash_by_collection(conn, project.id)
    ids = sorted(owned, key=lambda id: (-owned[id][0], id))[:limit]
    named = collections_by_id(conn, ids)
    usages = []
    for found in (named[id] for id in ids if id in named):
        size_bytes, freed_bytes = owned[found.id]
        ending = trash.get(found.id)
        usages.append(
            CollectionUsage(
                name=found.name,
                type=found.type,
                version_count=found.version_count,
                size_bytes=size_bytes,
                freed_bytes=freed_bytes,
                shared_bytes=size_bytes - freed_bytes,
                trash_version_count=ending.version_count if ending else 0,
                trash_bytes=ending.freed_bytes if ending else 0,
                trash_ends_at_us=ending.ends_at_us if ending else None,
                is_in_trash=found.deleted_mark != 0,
            )
        )
    return usages


def _run_usages(
    conn: Connection, owned: dict[int, tuple[int, int]], history: dict[int, int], limit: int
) -> list[RunUsage]:
    def size_of(id: int) -> int:
        return owned.get(id, (0, 0))[0] + history.get(id, 0)

    ids = sorted({*owned, *history}, key=lambda id: (-size_of(id), id))[:limit]
    logged = artifacts.logged_bytes_by_run(conn, ids)
    usages = []
    for run in list_runs_by_id(conn, ids):
        file_bytes, alone_bytes = owned.get(run.id, (0, 0))
        usages.append(
            RunUsage(
                name=run.name,
                display_name=run.display_name,
                state=run.state,
                created_at_us=run.created_at_us,
                size_bytes=size_of(run.id),
                freed_bytes=alone_bytes + history.get(run.id, 0),
                shared_bytes=file_bytes - alone_bytes,
                file_bytes=file_bytes,
                history_bytes=history.get(run.id, 0),
                logged_bytes=logged.get(run.id, 0),
            )
        )
    return usages


def _project_usage(
    project: Project,
    sizes: tuple[int, int],
    file_bytes: int,
    artifact_bytes: int,
    history_bytes: int,
    trash: artifacts.Trash | None,
) -> ProjectUsage:
    return ProjectUsage(
        entity=project.entity,
        project=project.name,
        size_bytes=sizes[0] + history_bytes,
        freed_bytes=sizes[1] + history_bytes,
        file_bytes=file_bytes,
        artifact_bytes=artifact_bytes,
        history_bytes=history_bytes,
        trash_bytes=trash.freed_bytes if trash else 0,
        trash_ends_at_us=trash.ends_at_us if trash else None,
    )


# ---- sums in the database


def _scope(entity_ids: Sequence[int] | None) -> sa.Select[Any]:
    projects = sa.select(_projects.c.id)
    if entity_ids is None:
        return projects
    return projects.where(_projects.c.entity_id.in_(list(entity_ids)))


def _references(
    projects: sa.Select[Any], digests: sa.Select[Any] | None = None
) -> sa.Subquery[Any] | Any:
    """(project_id, kind, owner_id, sha256, size_bytes), each content once for an owner."""
    arms = [
        sa.select(
            arm.c.project_id,
            sa.literal(kind).label("kind"),
            arm.c.owner_id,
            arm.c.sha256,
            arm.c.size_bytes,
        )
        for kind, room in ((RUN, files), (COLLECTION, artifacts))
        for arm in (
            each.subquery() for each in room.select_references(projects=projects, digests=digests)
        )
    ]
    return sa.union(*arms).subquery()


def _alone(counts: Any, size: Any) -> Any:
    return sa.func.sum(sa.case((counts == 1, size), else_=0))


def _sum_by_project(
    conn: Connection, scope: sa.Select[Any], only: sa.Select[Any] | None = None
) -> dict[int, tuple[int, int]]:
    """Project id to (bytes of its distinct contents, of those that no other project has)."""
    digests = None
    if only is not None:
        digests = sa.select(_references(only).c.sha256)
    all_of_them = _references(scope, digests)
    each = (
        sa.select(all_of_them.c.project_id, all_of_them.c.sha256, all_of_them.c.size_bytes)
        .distinct()
        .cte("each")
    )
    counts = (
        sa.select(each.c.sha256, sa.func.count().label("n")).group_by(each.c.sha256).cte("counts")
    )
    summed = (
        sa.select(
            each.c.project_id, sa.func.sum(each.c.size_bytes), _alone(counts.c.n, each.c.size_bytes)
        )
        .join_from(each, counts, counts.c.sha256 == each.c.sha256)
        .group_by(each.c.project_id)
    )
    return {id: (int(size), int(alone)) for id, size, alone in conn.execute(summed)}


def _sum_by_owner(
    conn: Connection, scope: sa.Select[Any], only: sa.Select[Any]
) -> dict[tuple[int, int], tuple[int, int]]:
    """(kind, owner) of one project to (bytes of distinct contents, of those nobody else has)."""
    own = _references(only)
    others = _references(scope, sa.select(own.c.sha256))
    counts = (
        sa.select(others.c.sha256, sa.func.count().label("n"))
        .group_by(others.c.sha256)
        .cte("counts")
    )
    mine = _references(only)
    summed = (
        sa.select(
            mine.c.kind,
            mine.c.owner_id,
            sa.func.sum(mine.c.size_bytes),
            _alone(counts.c.n, mine.c.size_bytes),
        )
        .join_from(mine, counts, counts.c.sha256 == mine.c.sha256)
        .group_by(mine.c.kind, mine.c.owner_id)
    )
    return {
        (kind, owner): (int(size), int(alone)) for kind, owner, size, alone in conn.execute(summed)
    }


def _sum_by_kind(conn: Connection, projects: sa.Select[Any]) -> dict[tuple[int, int], int]:
    """(project, kind) to the bytes of distinct contents."""
    found = _references(projects)
    each = (
        sa.select(found.c.project_id, found.c.kind, found.c.sha256, found.c.size_bytes)
        .distinct()
        .subquery()
    )
    summed = sa.select(each.c.project_id, each.c.kind, sa.func.sum(each.c.size_bytes))
    rows = conn.execute(summed.group_by(each.c.project_id, each.c.kind))
    return {(id, kind): int(size) for id, kind, size in rows}


def _sum_distinct(conn: Connection, scope: sa.Select[Any]) -> int:
    found = _references(scope)
    each = sa.select(found.c.sha256, found.c.size_bytes).distinct().subquery()
    return int(conn.execute(sa.select(sa.func.sum(each.c.size_bytes))).scalar() or 0)


def _history_by_run(conn: Connection, projects: sa.Select[Any]) -> dict[int, int]:
    runs = sa.select(_runs.c.id).where(_runs.c.project_id.in_(projects))
    sizes = sa.union_all(*select_sizes(runs)).subquery()
    summed = sa.select(sizes.c.run_id, sa.func.sum(sizes.c.size_bytes)).group_by(sizes.c.run_id)
    return {run_id: int(size) for run_id, size in conn.execute(summed)}


def _history_by_project(conn: Connection, projects: sa.Select[Any]) -> dict[int, int]:
    runs = sa.select(_runs.c.id).where(_runs.c.project_id.in_(projects))
    sizes = sa.union_all(*select_sizes(runs)).subquery()
    summed = (
        sa.select(_runs.c.project_id, sa.func.sum(sizes.c.size_bytes))
        .join_from(sizes, _runs, _runs.c.id == sizes.c.run_id)
        .group_by(_runs.c.project_id)
    )
    return {project_id: int(size) for project_id, size in conn.execute(summed)}
