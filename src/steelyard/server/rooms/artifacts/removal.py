"""The trash: versions and collections that were deleted, for as long as they can come back."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.errors import Conflict
from steelyard.limits import ARTIFACT_DEPENDENTS_NAMED_MAX, ARTIFACT_TRASH_DAYS
from steelyard.server.rooms.artifacts.collections import lock_collection, set_values
from steelyard.server.rooms.artifacts.edits import add_aliases
from steelyard.server.rooms.artifacts.freed import born_bytes, freed_by_collection, freed_by_version
from steelyard.server.rooms.artifacts.history import add_event
from steelyard.server.rooms.artifacts.links import drop_aliases, point_latest
from steelyard.server.rooms.artifacts.model import (
    COMMITTED,
    DELETED,
    IN_TRASH,
    PENDING,
    Actor,
    Artifact,
    Collection,
    Usage,
)
from steelyard.server.rooms.artifacts.names import LATEST
from steelyard.server.rooms.artifacts.queries import (
    aliases_by_artifact,
    collections_by_id,
    find_collection,
    find_latest,
    get_artifact,
    members_by_artifact,
)
from steelyard.server.rooms.artifacts.selects import artifact_from_row, select_artifacts
from steelyard.server.rooms.artifacts.tables import (
    artifact_aliases,
    artifact_collections,
    artifact_members,
    artifact_outputs,
    artifacts,
)
from steelyard.server.rooms.artifacts.uses import count_uses, list_uses

DAY_US = 24 * 3600 * 1_000_000


class TrashedMarks(msgspec.Struct, frozen=True):
    """What a version was called when it was deleted: collection and alias."""

    aliases: list[tuple[int, str]] = []


def get_usage(conn: Connection, artifact: Artifact) -> Usage:
    """What depends on a version, and what its deletion would free in the end."""
    uses = list_uses(conn, artifact.id, limit=ARTIFACT_DEPENDENTS_NAMED_MAX)
    aliases = aliases_by_artifact(conn, [artifact.id]).get(artifact.id, [])
    members = members_by_artifact(conn, [artifact.id]).get(artifact.id, [])
    return Usage(
        aliases=sorted({alias.alias for alias in aliases}),
        links=[member for member in members if member.is_link],
        run_ids=[use.run_id for use in uses],
        run_count=count_uses(conn, [artifact.id]).get(artifact.id, 0),
        freed_bytes=freed_by_version(conn, artifact),
    )


def trash_artifact(
    conn: Connection,
    artifact: Artifact,
    *,
    delete_aliases: bool,
    freed_bytes: int | None = None,
    actor: Actor,
    now_us: int,
) -> Artifact:
    """Put a version into the trash; it is nowhere to be found but there. Idempotent.

    `freed_bytes` is what `freed_by_version` said, which takes too long for a transaction that
    writes; without it the contents that came with this version count. A draft is given up.
    Raises Conflict when the version has aliases and `delete_aliases` is not set: `latest` is one,
    and goes to the version before.
    """
    if artifact.state in (IN_TRASH, DELETED):
        return artifact
    if artifact.state == PENDING:
        _set(conn, artifact.id, {"state": DELETED, "updated_at_us": now_us})
        return get_artifact(conn, artifact.id)
    collection = lock_collection(conn, artifact.collection_id)
    aliases = aliases_by_artifact(conn, [artifact.id]).get(artifact.id, [])
    if aliases and not delete_aliases:
        named = ", ".join(sorted({alias.alias for alias in aliases}))
        raise Conflict(
            f"{artifact.path} has aliases ({named}); move them to another version, or delete it "
            "with its aliases (delete_aliases=true)"
        )
    members = members_by_artifact(conn, [artifact.id]).get(artifact.id, [])
    marks = TrashedMarks([(alias.collection_id, alias.alias) for alias in aliases])
    without_latest = drop_aliases(conn, [member.id for member in members])
    _hide(conn, artifact, is_hidden=True, now_us=now_us)
    _set(
        conn,
        artifact.id,
        {
            "state": IN_TRASH,
            "trashed_at_us": now_us,
            "purge_at_us": now_us + ARTIFACT_TRASH_DAYS * DAY_US,
            "freed_bytes": born_bytes(conn, artifact) if freed_bytes is None else freed_bytes,
            "trash": msgspec.json.encode(marks).decode(),
            "trashed_by_user_id": actor.user_id,
            "updated_at_us": now_us,
        },
    )
    add_event(
        conn,
        "version_deleted",
        collection_id=collection.id,
        artifact_id=artifact.id,
        actor=actor,
        now_us=now_us,
        version_index=artifact.version_index,
    )
    for collection_id in without_latest:
        point_latest(conn, collection_id, actor=actor, now_us=now_us)
    return get_artifact(conn, artifact.id)


def restore_artifact(
    conn: Connection, artifact: Artifact, *, actor: Actor, now_us: int
) -> Artifact:
    """Bring a version back from the trash, with its links, and those aliases that are free.

    Its collection comes back too. A version that had expired does not expire again. Raises
    Conflict when it is not in the trash, or its collection's name was taken meanwhile.
    """
    if artifact.state != IN_TRASH:
        state = "gone for good" if artifact.state == DELETED else "not deleted"
        raise Conflict(f"{artifact.path} is {state}; only what is in the trash can be restored")
    if artifact.is_collection_deleted:
        _restore_collection(conn, artifact, now_us)
    lock_collection(conn, artifact.collection_id)
    values: dict[str, Any] = {
        "state": COMMITTED,
        "trashed_at_us": None,
        "purge_at_us": None,
        "freed_bytes": None,
        "trash": None,
        "trashed_by_user_id": None,
        "updated_at_us": now_us,
    }
    if artifact.expires_at_us is not None and artifact.expires_at_us <= now_us:
        values |= {"ttl_s": 0, "expires_at_us": None}
    _set(conn, artifact.id, values)
    _hide(conn, artifact, is_hidden=False, now_us=now_us)
    add_event(
        conn,
        "version_restored",
        collection_id=artifact.collection_id,
        artifact_id=artifact.id,
        actor=actor,
        now_us=now_us,
        version_index=artifact.version_index,
    )
    _restore_aliases(conn, artifact, actor, now_us)
    return get_artifact(conn, artifact.id)


def trash_collection(
    conn: Connection, collection: Collection, *, freed_bytes: int, actor: Actor, now_us: int
) -> int:
    """Put a sequence with all its versions into the trash, or remove a portfolio with its links.

    Returns how many versions there were. Its name is free again at once; drafts are given up.
    """
    collection = lock_collection(conn, collection.id)
    is_sequence = collection.kind == "sequence"
    if is_sequence:
        _trash_versions(conn, collection, freed_bytes, actor, now_us)
    mine = artifact_members.c.collection_id == collection.id
    conn.execute(
        sa.delete(artifact_aliases).where(artifact_aliases.c.collection_id == collection.id)
    )
    if is_sequence:
        conn.execute(sa.update(artifact_members).where(mine).values(is_hidden=True))
    else:
        conn.execute(sa.delete(artifact_members).where(mine))
    values = {"deleted_mark": collection.id, "version_count": 0, "updated_at_us": now_us}
    set_values(conn, collection.id, values)
    return collection.version_count


def list_trash(
    conn: Connection, project_id: int, *, after: int | None = None, limit: int
) -> list[Artifact]:
    """Versions in the trash, newest number first, those before the number `after`."""
    page = (
        select_artifacts()
        .where(artifacts.c.project_id == project_id, artifacts.c.state == IN_TRASH)
        .order_by(artifacts.c.id.desc())
        .limit(limit)
    )
    if after is not None:
        page = page.where(artifacts.c.id < after)
    return [artifact_from_row(row) for row in conn.execute(page)]


def trash_artifacts_of_run(conn: Connection, run_id: int, *, actor: Actor, now_us: int) -> int:
    """Put the versions that a run was the only one to log into the trash, aliases and all.

    Returns how many there were. For a run that is to be deleted with its artifacts.
    """
    others = artifact_outputs.alias("others")
    shared = sa.exists().where(
        others.c.artifact_id == artifact_outputs.c.artifact_id, others.c.run_id != run_id
    )
    ids = conn.execute(
        sa.select(artifact_outputs.c.artifact_id)
        .join(artifacts, artifacts.c.id == artifact_outputs.c.artifact_id)
        .where(artifact_outputs.c.run_id == run_id, artifacts.c.state == COMMITTED, ~shared)
    )
    found = [get_artifact(conn, artifact_id) for artifact_id in ids.scalars().all()]
    for artifact in found:
        trash_artifact(
            conn,
            artifact,
            delete_aliases=True,
            actor=actor,
            now_us=now_us,
        )
    return len(found)


def measure_deletion(conn: Connection, target: Artifact | Collection) -> int:
    """Bytes that come free in the end: `freed_bytes` of the functions above."""
    if isinstance(target, Artifact):
        return freed_by_version(conn, target)
    return freed_by_collection(conn, target.id) if target.kind == "sequence" else 0


# ---- parts


def _set(conn: Connection, artifact_id: int, values: dict[str, Any]) -> None:
    conn.execute(sa.update(artifacts).where(artifacts.c.id == artifact_id).values(values))


def _hide(conn: Connection, artifact: Artifact, *, is_hidden: bool, now_us: int) -> None:
    """Hide or show a version in every collection that has it, and count it there."""
    changed = conn.execute(
        sa.update(artifact_members)
        .where(artifact_members.c.artifact_id == artifact.id)
        .where(artifact_members.c.is_hidden.is_(not is_hidden))
        .values(is_hidden=is_hidden)
        .returning(artifact_members.c.collection_id)
    )
    conn.execute(
        sa.update(artifact_collections)
        .where(artifact_collections.c.id.in_(changed.scalars().all()))
        .values(
            version_count=artifact_collections.c.version_count + (-1 if is_hidden else 1),
            updated_at_us=now_us,
        )
    )


def _trash_versions(
    conn: Connection, collection: Collection, freed_bytes: int, actor: Actor, now_us: int
) -> None:
    """All versions at once: a collection may have thousands."""
    of_collection = artifacts.c.collection_id == collection.id
    is_version = sa.and_(of_collection, artifacts.c.state == COMMITTED)
    version_ids = list(conn.execute(sa.select(artifacts.c.id).where(is_version)).scalars())
    aliases = aliases_by_artifact(conn, version_ids)
    linked = [
        artifact_id
        for artifact_id, members in members_by_artifact(conn, version_ids).items()
        if any(member.is_link for member in members)
    ]
    drafts = sa.and_(of_collection, artifacts.c.state == PENDING)
    conn.execute(sa.update(artifacts).where(drafts).values(state=DELETED, updated_at_us=now_us))
    conn.execute(
        sa.update(artifacts)
        .where(is_version)
        .values(
            state=IN_TRASH,
            trashed_at_us=now_us,
            purge_at_us=now_us + ARTIFACT_TRASH_DAYS * DAY_US,
            freed_bytes=0,
            trashed_by_user_id=actor.user_id,
            updated_at_us=now_us,
        )
    )
    for artifact_id, named in aliases.items():
        marks = TrashedMarks([(alias.collection_id, alias.alias) for alias in named])
        _set(conn, artifact_id, {"trash": msgspec.json.encode(marks).decode()})
    if version_ids:  # the bytes come free with the last of them
        _set(conn, version_ids[-1], {"freed_bytes": freed_bytes})
    for artifact_id in linked:
        artifact = get_artifact(conn, artifact_id)
        members = members_by_artifact(conn, [artifact_id]).get(artifact_id, [])
        without_latest = drop_aliases(conn, [member.id for member in members if member.is_link])
        _hide(conn, artifact, is_hidden=True, now_us=now_us)
        for collection_id in without_latest:
            point_latest(conn, collection_id, actor=actor, now_us=now_us)
    add_event(
        conn,
        "version_deleted",
        collection_id=collection.id,
        actor=actor,
        now_us=now_us,
        note=f"the collection with {len(version_ids)} versions",
    )


def _restore_collection(conn: Connection, artifact: Artifact, now_us: int) -> None:
    taken = find_collection(conn, artifact.project_id, artifact.collection)
    if taken is not None:
        raise Conflict(
            f"there is a new collection {taken.path}; rename that one, then restore this version"
        )
    set_values(conn, artifact.collection_id, {"deleted_mark": 0, "updated_at_us": now_us})


def _restore_aliases(conn: Connection, artifact: Artifact, actor: Actor, now_us: int) -> None:
    marks = msgspec.json.decode(artifact.trash or "{}", type=TrashedMarks)
    members = {
        member.collection_id: member
        for member in members_by_artifact(conn, [artifact.id]).get(artifact.id, [])
    }
    alive = collections_by_id(conn, list(members))
    for collection_id, member in members.items():
        if collection_id not in alive:
            continue
        wanted = [alias for of, alias in marks.aliases if of == collection_id and alias != LATEST]
        taken = conn.execute(
            sa.select(artifact_aliases.c.alias).where(
                artifact_aliases.c.collection_id == collection_id,
                artifact_aliases.c.alias.in_(wanted),
            )
        )
        taken_by_others = set(taken.scalars())
        free = [alias for alias in wanted if alias not in taken_by_others]
        latest = find_latest(conn, collection_id)
        if latest is None or latest.version_index <= member.version_index:
            free.append(LATEST)
        add_aliases(conn, member, free, actor=actor, now_us=now_us)
