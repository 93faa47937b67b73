"""Changes to versions: aliases, tags, description, metadata, time to live."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.errors import Conflict, Invalid, TooLarge
from steelyard.limits import ALIASES_PER_CALL_MAX, ARTIFACT_METADATA_BYTES_MAX
from steelyard.server.db.dialect import insert
from steelyard.server.rooms.artifacts.collections import (
    check_description,
    check_tag_count,
    lock_collection,
)
from steelyard.server.rooms.artifacts.history import add_event
from steelyard.server.rooms.artifacts.model import (
    COMMITTED,
    PENDING,
    TTL_INHERIT,
    TTL_NEVER,
    Actor,
    Artifact,
    Member,
)
from steelyard.server.rooms.artifacts.names import check_alias, check_tag
from steelyard.server.rooms.artifacts.queries import get_artifact
from steelyard.server.rooms.artifacts.tables import (
    artifact_aliases,
    artifact_collections,
    artifact_members,
    artifact_tags,
    artifacts,
)
from steelyard.server.rooms.runs.json_text import dump_json, parse_json_object

SECOND_US = 1_000_000
TTL_S_MAX = 100 * 366 * 24 * 3600


# ---- aliases


def add_aliases(
    conn: Connection,
    member: Member,
    aliases: Sequence[str],
    *,
    actor: Actor,
    now_us: int,
    note: str | None = None,
) -> None:
    """Point aliases of the member's collection to it, wherever they pointed before.

    Raises Invalid for a text that cannot be an alias, TooLarge for too many at once.
    """
    wanted = list(dict.fromkeys(check_alias(alias) for alias in aliases))
    if len(wanted) > ALIASES_PER_CALL_MAX:
        raise TooLarge(
            "the list of aliases",
            size=len(wanted),
            limit=ALIASES_PER_CALL_MAX,
            limit_name="ALIASES_PER_CALL_MAX",
        )
    if not wanted:
        return
    lock_collection(conn, member.collection_id)
    for alias in wanted:
        _point(conn, member, alias, actor=actor, now_us=now_us, note=note)
    _touch(conn, member.collection_id, now_us)


def remove_aliases(
    conn: Connection,
    member: Member,
    aliases: Sequence[str],
    *,
    actor: Actor,
    now_us: int,
    note: str | None = None,
) -> list[str]:
    """Take aliases from a member; those it has not are left out. Returns those it had."""
    table = artifact_aliases
    where = sa.and_(table.c.member_id == member.id, table.c.alias.in_(list(aliases)))
    gone = list(conn.execute(sa.delete(table).where(where).returning(table.c.alias)).scalars())
    for alias in sorted(gone):
        add_event(
            conn,
            "alias_removed",
            collection_id=member.collection_id,
            artifact_id=member.artifact_id,
            actor=actor,
            now_us=now_us,
            version_index=member.version_index,
            alias=alias,
            note=note,
        )
    if gone:
        _touch(conn, member.collection_id, now_us)
    return sorted(gone)


def _point(
    conn: Connection, member: Member, alias: str, *, actor: Actor, now_us: int, note: str | None
) -> None:
    before = conn.execute(
        sa.select(artifact_aliases.c.member_id, artifact_members.c.version_index)
        .join(artifact_members, artifact_members.c.id == artifact_aliases.c.member_id)
        .where(
            artifact_aliases.c.collection_id == member.collection_id,
            artifact_aliases.c.alias == alias,
        )
    ).first()
    if before is not None and before.member_id == member.id:
        return
    content = {"member_id": member.id, "updated_at_us": now_us}
    put = insert(conn, artifact_aliases).values(
        collection_id=member.collection_id, alias=alias, **content
    )
    conn.execute(put.on_conflict_do_update(index_elements=["collection_id", "alias"], set_=content))
    add_event(
        conn,
        "alias_added" if before is None else "alias_moved",
        collection_id=member.collection_id,
        artifact_id=member.artifact_id,
        actor=actor,
        now_us=now_us,
        version_index=member.version_index,
        from_index=None if before is None else before.version_index,
        alias=alias,
        note=note,
    )


# ---- the version itself


def update_artifact(
    conn: Connection,
    artifact: Artifact,
    *,
    description: str | None = None,
    metadata: str | None = None,
    ttl_s: int | None = None,
    tags_add: Sequence[str] = (),
    tags_remove: Sequence[str] = (),
    actor: Actor,
    now_us: int,
) -> Artifact:
    """Change what is not None. `metadata` is the JSON text of an object and replaces the old one.

    Raises Invalid for what a version may not have, Conflict for one that is in the trash.
    """
    require_alive(artifact)
    values: dict[str, Any] = {}
    if description is not None and description != artifact.description:
        values["description"] = check_description(description)
    if metadata is not None:
        parsed = check_metadata(metadata)
        if parsed != artifact.metadata:
            values["metadata"] = parsed
    if ttl_s is not None:
        stored = check_ttl(ttl_s)
        if stored != artifact.ttl_s:
            values |= {"ttl_s": stored, "expires_at_us": expiry(stored, artifact.created_at_us)}
    if values:
        values["updated_at_us"] = now_us
        conn.execute(sa.update(artifacts).where(artifacts.c.id == artifact.id).values(values))
        _note_changes(conn, artifact, values, actor, now_us)
    add_tags(conn, artifact.id, tags_add)
    remove_tags(conn, artifact.id, tags_remove)
    return get_artifact(conn, artifact.id)


def add_tags(conn: Connection, artifact_id: int, tags: Sequence[str]) -> None:
    """Add tags; those it has stay. Raises Invalid, TooLarge."""
    for tag in dict.fromkeys(tags):
        conn.execute(
            insert(conn, artifact_tags)
            .values(artifact_id=artifact_id, tag=check_tag(tag))
            .on_conflict_do_nothing(index_elements=["artifact_id", "tag"])
        )
    if tags:
        counted = sa.select(sa.func.count()).where(artifact_tags.c.artifact_id == artifact_id)
        check_tag_count(int(conn.execute(counted).scalar_one()))


def remove_tags(conn: Connection, artifact_id: int, tags: Sequence[str]) -> None:
    """Remove tags; those it has not are left out."""
    where = sa.and_(artifact_tags.c.artifact_id == artifact_id, artifact_tags.c.tag.in_(list(tags)))
    if tags:
        conn.execute(sa.delete(artifact_tags).where(where))


def check_metadata(text: str) -> str:
    """The metadata as it is stored. Raises Invalid, TooLarge."""
    size_bytes = len(text.encode("utf-8", "surrogatepass"))
    if size_bytes > ARTIFACT_METADATA_BYTES_MAX:
        raise TooLarge(
            "the metadata of the artifact",
            size=size_bytes,
            limit=ARTIFACT_METADATA_BYTES_MAX,
            limit_name="ARTIFACT_METADATA_BYTES_MAX",
        )
    return dump_json(parse_json_object(text, "the metadata of an artifact"))


def check_ttl(ttl_s: int | None) -> int | None:
    """How `ttl_s` is stored: None inherits, 0 never expires. Raises Invalid."""
    if ttl_s is None or ttl_s == TTL_INHERIT:
        return None
    if ttl_s == TTL_NEVER:
        return 0
    if not 0 < ttl_s <= TTL_S_MAX:
        raise Invalid(
            f"a time to live of {ttl_s} seconds is not possible; use 1…{TTL_S_MAX:,}, "
            "-1 to inherit it, -2 for none"
        )
    return ttl_s


def expiry(ttl_s: int | None, created_at_us: int) -> int | None:
    """When a version with that stored time to live expires."""
    return created_at_us + ttl_s * SECOND_US if ttl_s else None


def require_alive(artifact: Artifact) -> None:
    """Raises Conflict for a version that is in the trash or gone."""
    if artifact.state not in (COMMITTED, PENDING):
        raise Conflict(f"{artifact.path} is deleted; restore it first, if it is in the trash")


def _note_changes(
    conn: Connection, artifact: Artifact, values: dict[str, Any], actor: Actor, now_us: int
) -> None:
    if artifact.state != COMMITTED:
        return
    named = [name for name in ("description", "metadata") if name in values]
    if named:
        add_event(
            conn,
            "metadata_changed",
            collection_id=artifact.collection_id,
            artifact_id=artifact.id,
            actor=actor,
            now_us=now_us,
            version_index=artifact.version_index,
            note=", ".join(named),
        )
    if "ttl_s" in values:
        seconds = values["ttl_s"]
        text = {None: "inherited", 0: "never"}.get(seconds, f"{seconds} s")
        add_event(
            conn,
            "ttl_changed",
            collection_id=artifact.collection_id,
            artifact_id=artifact.id,
            actor=actor,
            now_us=now_us,
            version_index=artifact.version_index,
            note=text,
        )


def _touch(conn: Connection, collection_id: int, now_us: int) -> None:
    changed = sa.update(artifact_collections).where(artifact_collections.c.id == collection_id)
    conn.execute(changed.values(updated_at_us=now_us))
