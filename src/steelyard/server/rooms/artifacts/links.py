"""Versions in collections other than their own: portfolios of links."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.errors import Conflict, Invalid
from steelyard.server.db.dialect import insert
from steelyard.server.rooms.artifacts.collections import ensure_collection, set_values
from steelyard.server.rooms.artifacts.edits import add_aliases
from steelyard.server.rooms.artifacts.history import add_event
from steelyard.server.rooms.artifacts.model import COMMITTED, Actor, Artifact, Member
from steelyard.server.rooms.artifacts.names import LATEST
from steelyard.server.rooms.artifacts.queries import find_collection, find_latest, members_by_id
from steelyard.server.rooms.artifacts.tables import (
    artifact_aliases,
    artifact_collections,
    artifact_members,
)
from steelyard.server.rooms.projects.model import Project


def link_artifact(
    conn: Connection,
    artifact: Artifact,
    *,
    project: Project,
    portfolio: str,
    aliases: Sequence[str] = (),
    type: str | None = None,
    actor: Actor,
    now_us: int,
) -> Member:
    """The version's place in a portfolio, made when absent (the portfolio too). Idempotent.

    A new link gets the next index of the portfolio and its alias `latest`. Raises Conflict for a
    draft, Invalid when the portfolio has another type or is the version's own collection.
    """
    if artifact.state != COMMITTED:
        raise Conflict(f"{artifact.path} is not committed, so it cannot be linked yet")
    known = find_collection(conn, project.id, portfolio)
    if known is not None and known.id == artifact.collection_id:
        raise Invalid(f"{artifact.path} is in {known.path} already; link it to another collection")
    collection = ensure_collection(
        conn,
        project=project,
        name=portfolio,
        kind="portfolio",
        type=type or artifact.type,
        actor=actor,
        now_us=now_us,
    )
    if collection.type != artifact.type:
        raise Invalid(
            f"{collection.path} holds versions of type {collection.type!r}, and {artifact.path} "
            f"is of type {artifact.type!r}"
        )
    index = collection.next_index
    made = conn.execute(
        insert(conn, artifact_members)
        .values(
            collection_id=collection.id,
            version_index=index,
            artifact_id=artifact.id,
            is_link=True,
            created_at_us=now_us,
            created_by_user_id=actor.user_id,
        )
        .on_conflict_do_nothing(index_elements=["collection_id", "artifact_id"])
        .returning(artifact_members.c.id)
    ).scalar()
    is_new = made is not None
    if is_new:
        values = {"next_index": index + 1, "version_count": collection.version_count + 1}
        set_values(conn, collection.id, values | {"updated_at_us": now_us})
    where = sa.and_(
        artifact_members.c.collection_id == collection.id,
        artifact_members.c.artifact_id == artifact.id,
    )
    member_id: int = conn.execute(sa.select(artifact_members.c.id).where(where)).scalar_one()
    member = members_by_id(conn, [member_id])[member_id]
    if is_new:
        add_event(
            conn,
            "linked",
            collection_id=collection.id,
            artifact_id=artifact.id,
            actor=actor,
            now_us=now_us,
            version_index=index,
            note=artifact.path,
        )
    wanted = [LATEST, *aliases] if is_new else list(aliases)
    add_aliases(conn, member, wanted, actor=actor, now_us=now_us)
    return member


def unlink(conn: Connection, member: Member, *, actor: Actor, now_us: int) -> None:
    """Take a version out of a portfolio, its aliases there too; `latest` goes to the one before.

    Raises Invalid for a version's own place.
    """
    if not member.is_link:
        raise Invalid(f"{member.path} was logged there and is no link; delete it instead")
    was_latest = drop_aliases(conn, [member.id])
    conn.execute(sa.delete(artifact_members).where(artifact_members.c.id == member.id))
    conn.execute(
        sa.update(artifact_collections)
        .where(artifact_collections.c.id == member.collection_id)
        .values(version_count=artifact_collections.c.version_count - 1, updated_at_us=now_us)
    )
    add_event(
        conn,
        "unlinked",
        collection_id=member.collection_id,
        artifact_id=member.artifact_id,
        actor=actor,
        now_us=now_us,
        version_index=member.version_index,
    )
    if was_latest:
        point_latest(conn, member.collection_id, actor=actor, now_us=now_us)


def drop_aliases(conn: Connection, member_ids: Sequence[int]) -> list[int]:
    """Delete all aliases of members; the collections whose `latest` was among them."""
    table = artifact_aliases
    gone = conn.execute(
        sa.delete(table)
        .where(table.c.member_id.in_(list(member_ids)))
        .returning(table.c.collection_id, table.c.alias)
    ).all()
    return sorted({row.collection_id for row in gone if row.alias == LATEST})


def point_latest(conn: Connection, collection_id: int, *, actor: Actor, now_us: int) -> None:
    """Let `latest` mean the highest version that is left, if any."""
    newest = find_latest(conn, collection_id)
    if newest is not None:
        add_aliases(conn, newest, [LATEST], actor=actor, now_us=now_us)
