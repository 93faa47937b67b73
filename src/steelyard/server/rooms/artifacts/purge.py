"""The end of artifacts: the trash is emptied, drafts nobody finished go, contents are swept.

Every function is one short step; tasks and removals call them until nothing is left to do.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.server.rooms.artifacts.freed import freed_by_version
from steelyard.server.rooms.artifacts.history import delete_events
from steelyard.server.rooms.artifacts.model import COMMITTED, DELETED, IN_TRASH, PENDING, Actor
from steelyard.server.rooms.artifacts.queries import get_artifact, members_by_artifact
from steelyard.server.rooms.artifacts.removal import trash_artifact
from steelyard.server.rooms.artifacts.tables import (
    artifact_aliases,
    artifact_collection_tags,
    artifact_collections,
    artifact_contents,
    artifact_manifest_pages,
    artifact_manifests,
    artifact_members,
    artifact_outputs,
    artifact_tags,
    artifact_types,
    artifact_uploads,
    artifact_uses,
    artifacts,
)

CONTENTS_PER_STEP = 500


# ---- time to live


def find_expired(conn: Connection, *, now_us: int, limit: int) -> list[tuple[int, int]]:
    """(number, bytes that its end frees) of versions whose time is over.

    A version that is linked from a portfolio stays: somebody counts on it.
    """
    linked = sa.exists().where(
        artifact_members.c.artifact_id == artifacts.c.id,
        artifact_members.c.is_link.is_(True),
        artifact_members.c.is_hidden.is_(False),
    )
    ids = conn.execute(
        sa.select(artifacts.c.id)
        .where(artifacts.c.expires_at_us <= now_us, artifacts.c.state == COMMITTED, ~linked)
        .order_by(artifacts.c.expires_at_us)
        .limit(limit)
    )
    found = [get_artifact(conn, artifact_id) for artifact_id in ids.scalars().all()]
    return [(artifact.id, freed_by_version(conn, artifact)) for artifact in found]


def expire_artifact(conn: Connection, artifact_id: int, *, freed_bytes: int, now_us: int) -> None:
    """Put a version whose time is over into the trash."""
    artifact = get_artifact(conn, artifact_id)
    links = [m for m in members_by_artifact(conn, [artifact_id]).get(artifact_id, []) if m.is_link]
    is_over = artifact.expires_at_us is not None and artifact.expires_at_us <= now_us
    if artifact.state == COMMITTED and is_over and not links:
        trash_artifact(
            conn,
            artifact,
            delete_aliases=True,
            freed_bytes=freed_bytes,
            actor=Actor(None),
            now_us=now_us,
        )


# ---- the end of versions and drafts


def purge_some(conn: Connection, *, now_us: int, limit: int) -> list[int]:
    """End versions whose time in the trash is over; their numbers.

    Contents stay until the collection is swept. One that a draft builds on waits for the draft.
    """
    drafts = artifacts.alias("drafts")
    needed = sa.exists().where(drafts.c.base_id == artifacts.c.id, drafts.c.state == PENDING)
    ids = conn.execute(
        sa.select(artifacts.c.id)
        .where(artifacts.c.purge_at_us <= now_us, artifacts.c.state == IN_TRASH, ~needed)
        .order_by(artifacts.c.purge_at_us)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    gone = list(ids.scalars())
    _end(conn, gone, now_us)
    return gone


def give_up_drafts(conn: Connection, *, silent_since_us: int, now_us: int, limit: int) -> list[int]:
    """End drafts that nobody worked on since then; their numbers."""
    ids = conn.execute(
        sa.select(artifacts.c.id)
        .where(artifacts.c.state == PENDING, artifacts.c.updated_at_us < silent_since_us)
        .order_by(artifacts.c.updated_at_us)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    gone = list(ids.scalars())
    _end(conn, gone, now_us)
    return gone


def _end(conn: Connection, artifact_ids: Sequence[int], now_us: int) -> None:
    """What remains is a row that says what it was: lineage goes through it."""
    if not artifact_ids:
        return
    ids = list(artifact_ids)
    for table in (artifact_manifests, artifact_uploads, artifact_tags, artifact_manifest_pages):
        conn.execute(sa.delete(table).where(table.c.artifact_id.in_(ids)))
    members = sa.select(artifact_members.c.id).where(artifact_members.c.artifact_id.in_(ids))
    conn.execute(sa.delete(artifact_aliases).where(artifact_aliases.c.member_id.in_(members)))
    conn.execute(sa.delete(artifact_members).where(artifact_members.c.artifact_id.in_(ids)))
    ended = (
        sa.update(artifacts)
        .where(artifacts.c.id.in_(ids))
        .values(
            state=DELETED,
            page_count=0,
            manifest_sha256=None,
            manifest_bytes=None,
            purge_at_us=None,
            expires_at_us=None,
            draft=None,
            trash=None,
            updated_at_us=now_us,
        )
        .returning(artifacts.c.collection_id)
    )
    collections = set(conn.execute(ended).scalars())
    conn.execute(
        sa.update(artifact_collections)
        .where(artifact_collections.c.id.in_(collections))
        .values(dirty_since_us=now_us)
    )


# ---- the end of a project


def delete_some_artifacts(conn: Connection, project_ids: Sequence[int], *, count: int) -> int:
    """Delete some of what these projects keep in artifacts; 0 when nothing is left.

    Links from other projects to their versions go too.
    """
    of_projects = artifacts.c.project_id.in_(project_ids)
    ids = list(conn.execute(sa.select(artifacts.c.id).where(of_projects).limit(count)).scalars())
    if ids:
        _delete_rows(conn, ids)
        return len(ids)
    in_projects = artifact_collections.c.project_id.in_(project_ids)
    found = conn.execute(sa.select(artifact_collections.c.id).where(in_projects).limit(count))
    collection_ids = list(found.scalars())
    if collection_ids:
        return _delete_contents(conn, collection_ids) or _delete_collections(conn, collection_ids)
    gone = sa.delete(artifact_types).where(artifact_types.c.project_id.in_(project_ids))
    return conn.execute(gone).rowcount


def _delete_rows(conn: Connection, ids: list[int]) -> None:
    for column in (artifacts.c.base_id, artifacts.c.same_as_id):
        conn.execute(sa.update(artifacts).where(column.in_(ids)).values({column.name: None}))
    for table in (
        artifact_manifests,
        artifact_uploads,
        artifact_tags,
        artifact_manifest_pages,
        artifact_uses,
        artifact_outputs,
    ):
        conn.execute(sa.delete(table).where(table.c.artifact_id.in_(ids)))
    members = sa.select(artifact_members.c.id).where(artifact_members.c.artifact_id.in_(ids))
    conn.execute(sa.delete(artifact_aliases).where(artifact_aliases.c.member_id.in_(members)))
    gone = conn.execute(
        sa.delete(artifact_members)
        .where(artifact_members.c.artifact_id.in_(ids), artifact_members.c.is_hidden.is_(False))
        .returning(artifact_members.c.collection_id)
    )
    for collection_id in gone.scalars().all():
        where = artifact_collections.c.id == collection_id
        fewer = {"version_count": artifact_collections.c.version_count - 1}
        conn.execute(sa.update(artifact_collections).where(where).values(fewer))
    conn.execute(sa.delete(artifact_members).where(artifact_members.c.artifact_id.in_(ids)))
    conn.execute(sa.delete(artifacts).where(artifacts.c.id.in_(ids)))


def _delete_contents(conn: Connection, collection_ids: list[int]) -> int:
    columns = artifact_contents.c
    for collection_id in collection_ids:
        some = conn.execute(
            sa.select(columns.md5)
            .where(columns.collection_id == collection_id)
            .limit(CONTENTS_PER_STEP)
        )
        md5s = list(some.scalars())
        if md5s:
            return delete_contents(conn, collection_id, md5s, touched_before_us=None)
    return 0


def _delete_collections(conn: Connection, collection_ids: list[int]) -> int:
    delete_events(conn, collection_ids)
    for table in (artifact_aliases, artifact_members, artifact_collection_tags):
        conn.execute(sa.delete(table).where(table.c.collection_id.in_(collection_ids)))
    where = artifact_collections.c.id.in_(collection_ids)
    return conn.execute(sa.delete(artifact_collections).where(where)).rowcount


def delete_contents(
    conn: Connection, collection_id: int, md5s: Sequence[bytes], *, touched_before_us: int | None
) -> int:
    """Drop contents of a collection, but for those counted on since; how many went."""
    columns = artifact_contents.c
    where = sa.and_(columns.collection_id == collection_id, columns.md5.in_(list(md5s)))
    if touched_before_us is not None:
        where = sa.and_(where, columns.touched_at_us < touched_before_us)
    return conn.execute(sa.delete(artifact_contents).where(where)).rowcount
