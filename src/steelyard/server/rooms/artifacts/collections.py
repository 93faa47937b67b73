"""Writes to types and collections: made when first needed, renamed, moved to another type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from steelyard.errors import ArtifactNotFound, Conflict, Invalid, TooLarge
from steelyard.limits import NOTES_CHARS_MAX, TAGS_PER_RUN_MAX
from steelyard.server.db.dialect import insert
from steelyard.server.rooms.artifacts.history import add_event
from steelyard.server.rooms.artifacts.model import Actor, ArtifactType, Collection, Kind
from steelyard.server.rooms.artifacts.names import check_collection_name, check_tag, check_type_name
from steelyard.server.rooms.artifacts.queries import (
    find_collection,
    find_collection_by_id,
    find_type,
    tags_by_collection,
)
from steelyard.server.rooms.artifacts.tables import (
    artifact_collection_tags,
    artifact_collections,
    artifact_types,
)
from steelyard.server.rooms.projects.model import Project


def ensure_type(conn: Connection, project_id: int, name: str, *, now_us: int) -> ArtifactType:
    """The type of that name, made when absent. Raises Invalid for a name that no type may have."""
    found = find_type(conn, project_id, name)
    if found is None:
        conn.execute(
            insert(conn, artifact_types)
            .values(project_id=project_id, name=check_type_name(name), created_at_us=now_us)
            .on_conflict_do_nothing(index_elements=["project_id", "name"])
        )
        found = find_type(conn, project_id, name)
    assert found is not None
    return found


def ensure_collection(
    conn: Connection,
    *,
    project: Project,
    name: str,
    kind: Kind,
    type: str,
    actor: Actor,
    now_us: int,
) -> Collection:
    """The collection, made when absent, and held for this transaction.

    Raises Invalid when it exists with another type or is of the other kind.
    """
    found = find_collection(conn, project.id, name)
    if found is None:
        of_type = ensure_type(conn, project.id, type, now_us=now_us)
        conn.execute(
            insert(conn, artifact_collections)
            .values(
                project_id=project.id,
                type_id=of_type.id,
                kind=kind,
                name=check_collection_name(name),
                created_at_us=now_us,
                updated_at_us=now_us,
                created_by_run_id=actor.run_id,
                created_by_user_id=actor.user_id,
            )
            .on_conflict_do_nothing(index_elements=["project_id", "name", "deleted_mark"])
        )
        found = find_collection(conn, project.id, name)
        assert found is not None
    if found.kind != kind:
        other = "a set of links" if found.kind == "portfolio" else "a line of logged versions"
        raise Invalid(f"{found.path} exists already as {other}; choose another name")
    if found.type != type:
        raise Invalid(
            f"the artifact {found.path} already exists with type {found.type!r}, so no version of "
            f"type {type!r} can be added; choose another name, or move it to the other type"
        )
    return lock_collection(conn, found.id)


def create_collection(
    conn: Connection,
    *,
    project: Project,
    name: str,
    kind: Kind,
    type: str,
    description: str | None = None,
    actor: Actor,
    now_us: int,
) -> Collection:
    """A collection without versions. Raises Conflict when there is one of that name."""
    if find_collection(conn, project.id, name) is not None:
        raise Conflict(f"{project.entity}/{project.name}/{name} exists already")
    made = ensure_collection(
        conn, project=project, name=name, kind=kind, type=type, actor=actor, now_us=now_us
    )
    if description is None:
        return made
    return update_collection(conn, made, description=description, actor=actor, now_us=now_us)


def lock_collection(conn: Connection, collection_id: int) -> Collection:
    """The collection, held for this transaction: whoever numbers versions or moves aliases waits.

    Raises ArtifactNotFound when it is gone or in the trash.
    """
    locked = sa.select(artifact_collections.c.id).where(artifact_collections.c.id == collection_id)
    conn.execute(locked.with_for_update())
    collection = find_collection_by_id(conn, collection_id)
    if collection is None or collection.deleted_mark:
        raise ArtifactNotFound(collection.path if collection else f"number {collection_id}")
    return collection


def update_collection(
    conn: Connection,
    collection: Collection,
    *,
    name: str | None = None,
    description: str | None = None,
    type: str | None = None,
    tags: Sequence[str] | None = None,
    actor: Actor,
    now_us: int,
) -> Collection:
    """Change what is not None; `tags` replaces all tags.

    Raises Conflict when there is a collection of the new name, Invalid for what it may not have.
    """
    collection = lock_collection(conn, collection.id)
    values: dict[str, Any] = {}
    if name is not None and name != collection.name:
        values["name"] = check_collection_name(name)
        if find_collection(conn, collection.project_id, name) is not None:
            raise Conflict(f"there is a collection {name!r} in the project already")
    if description is not None and description != collection.description:
        values["description"] = check_description(description)
    if type is not None and type != collection.type:
        values["type_id"] = ensure_type(conn, collection.project_id, type, now_us=now_us).id
    if values:
        set_values(conn, collection.id, values | {"updated_at_us": now_us})
    for kind, before, after in (
        ("renamed", collection.name, values.get("name")),
        ("moved", collection.type, type if "type_id" in values else None),
    ):
        if after is not None:
            add_event(
                conn,
                "renamed" if kind == "renamed" else "moved",
                collection_id=collection.id,
                actor=actor,
                now_us=now_us,
                note=f"{before} → {after}",
            )
    if tags is not None:
        have = {tag.tag for tag in tags_by_collection(conn, [collection.id]).get(collection.id, [])}
        add_collection_tags(conn, collection.id, [t for t in tags if t not in have])
        remove_collection_tags(conn, collection.id, sorted(have - set(tags)))
    changed = find_collection_by_id(conn, collection.id)
    assert changed is not None
    return changed


def set_values(conn: Connection, collection_id: int, values: dict[str, Any]) -> None:
    """Write columns of a collection. Raises Conflict for a name that another one just took."""
    change = sa.update(artifact_collections).where(artifact_collections.c.id == collection_id)
    try:
        conn.execute(change.values(values))
    except IntegrityError as error:
        raise Conflict(f"there is a collection {values.get('name')!r} already") from error


def add_collection_tags(conn: Connection, collection_id: int, tags: Sequence[str]) -> None:
    """Add tags; those it has stay. Raises Invalid, TooLarge."""
    for tag in dict.fromkeys(tags):
        conn.execute(
            insert(conn, artifact_collection_tags)
            .values(collection_id=collection_id, tag=check_tag(tag))
            .on_conflict_do_nothing(index_elements=["collection_id", "tag"])
        )
    if tags:
        counted = sa.select(sa.func.count()).where(
            artifact_collection_tags.c.collection_id == collection_id
        )
        check_tag_count(int(conn.execute(counted).scalar_one()))


def remove_collection_tags(conn: Connection, collection_id: int, tags: Sequence[str]) -> None:
    """Remove tags; those it has not are left out."""
    table = artifact_collection_tags
    where = sa.and_(table.c.collection_id == collection_id, table.c.tag.in_(list(tags)))
    if tags:
        conn.execute(sa.delete(table).where(where))


def check_tag_count(count: int) -> None:
    """Raises TooLarge for more tags than anything may have."""
    if count > TAGS_PER_RUN_MAX:
        raise TooLarge(
            "the list of tags", size=count, limit=TAGS_PER_RUN_MAX, limit_name="TAGS_PER_RUN_MAX"
        )


def check_description(description: str) -> str:
    """The description. Raises TooLarge."""
    if len(description) > NOTES_CHARS_MAX:
        raise TooLarge(
            "the description",
            size=len(description),
            limit=NOTES_CHARS_MAX,
            limit_name="NOTES_CHARS_MAX",
        )
    return description
