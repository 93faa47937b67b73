"""How much artifacts hold, for whoever adds it up with what other rooms hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.server.rooms.artifacts.model import COMMITTED, IN_TRASH
from steelyard.server.rooms.artifacts.queries import in_steps
from steelyard.server.rooms.artifacts.tables import (
    artifact_contents,
    artifact_manifests,
    artifact_outputs,
    artifacts,
)


class Trash(msgspec.Struct, frozen=True):
    """Versions in the trash, what their end frees, and when the first of them ends."""

    version_count: int
    freed_bytes: int
    ends_at_us: int | None


def select_references(
    *, projects: sa.Select[Any] | None = None, digests: sa.Select[Any] | None = None
) -> list[sa.Select[Any]]:
    """Statements of (project_id, owner_id, sha256, size_bytes): contents and manifests.

    Their owners are collections. Only of these projects and of contents with these digests, where
    they are given.
    """
    contents, versions, manifests = artifact_contents.c, artifacts.c, artifact_manifests.c
    of_version = sa.join(artifact_manifests, artifacts, versions.id == manifests.artifact_id)
    sources: list[tuple[sa.FromClause, list[sa.ColumnElement[Any]]]] = [
        (
            artifact_contents,
            [contents.project_id, contents.collection_id, contents.sha256, contents.size_bytes],
        ),
        (
            artifacts,
            [
                versions.project_id,
                versions.collection_id,
                versions.manifest_sha256,
                versions.manifest_bytes,
            ],
        ),
        (
            of_version,
            [versions.project_id, versions.collection_id, manifests.sha256, manifests.size_bytes],
        ),
    ]
    statements = []
    for source, (project, owner, digest, size) in sources:
        found = sa.select(
            project.label("project_id"),
            owner.label("owner_id"),
            digest.label("sha256"),
            size.label("size_bytes"),
        ).select_from(source)
        found = found.where(digest.is_not(None))
        if projects is not None:
            found = found.where(project.in_(projects))
        if digests is not None:
            found = found.where(digest.in_(digests))
        statements.append(found)
    return statements


def trash_by_project(conn: Connection, projects: sa.Select[Any]) -> dict[int, Trash]:
    """Project id to what is in its trash. Projects without any are left out."""
    return _trash(conn, artifacts.c.project_id, projects)


def trash_by_collection(conn: Connection, project_id: int) -> dict[int, Trash]:
    """Collection id to what is in its trash, of one project."""
    return _trash(conn, artifacts.c.collection_id, sa.select(sa.literal(project_id)))


def logged_bytes_by_run(conn: Connection, run_ids: Sequence[int]) -> dict[int, int]:
    """Run id to the size of the versions it logged; deleting the run leaves them."""
    logged: dict[int, int] = {}
    for some in in_steps(run_ids):
        rows = conn.execute(
            sa.select(artifact_outputs.c.run_id, sa.func.sum(artifacts.c.size_bytes))
            .join_from(
                artifact_outputs, artifacts, artifacts.c.id == artifact_outputs.c.artifact_id
            )
            .where(artifact_outputs.c.run_id.in_(some), artifacts.c.state == COMMITTED)
            .group_by(artifact_outputs.c.run_id)
        )
        logged |= {run_id: int(size_bytes) for run_id, size_bytes in rows}
    return logged


def _trash(
    conn: Connection, key: sa.ColumnElement[int], projects: sa.Select[Any]
) -> dict[int, Trash]:
    rows = conn.execute(
        sa.select(
            key,
            sa.func.count(),
            sa.func.sum(sa.func.coalesce(artifacts.c.freed_bytes, 0)),
            sa.func.min(artifacts.c.purge_at_us),
        )
        .where(artifacts.c.state == IN_TRASH, artifacts.c.project_id.in_(projects))
        .group_by(key)
    )
    return {each: Trash(count, int(size), ends_at_us) for each, count, size, ends_at_us in rows}
