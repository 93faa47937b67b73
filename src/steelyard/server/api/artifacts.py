"""Artifacts of a project: types, collections and what happened to them, the trash."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from litestar import delete, get, patch
from sqlalchemy.engine import Connection

from steelyard.limits import PAGE_ITEMS_MAX
from steelyard.server.api.artifact_rows import (
    collection_of,
    collections_of,
    events_of,
    ref_of_artifact,
)
from steelyard.server.db.interface import Database
from steelyard.server.http.paging import Page, check_limit, decode_cursor, encode_cursor
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.accounts.queries import list_usernames
from steelyard.server.rooms.artifacts.collections import update_collection
from steelyard.server.rooms.artifacts.history import list_events
from steelyard.server.rooms.artifacts.listing import (
    DEFAULT_ORDER,
    count_collections,
    list_collections,
    position_of,
)
from steelyard.server.rooms.artifacts.model import Actor
from steelyard.server.rooms.artifacts.policy import (
    get_readable_collection,
    get_writable_collection,
)
from steelyard.server.rooms.artifacts.queries import list_types
from steelyard.server.rooms.artifacts.removal import (
    list_trash,
    measure_deletion,
    trash_collection,
)
from steelyard.server.rooms.projects.policy import get_readable_project
from steelyard.wire import artifacts as wire

ARTIFACTS = "/api/v1/{entity:str}/{project:str}/artifacts"
COLLECTION = ARTIFACTS + "/{name:str}"
TYPES_MAX = 10_000


@get("/api/v1/{entity:str}/{project:str}/artifact-types")
async def list_artifact_types(
    entity: str, project: str, caller: Caller, db: Database
) -> wire.ArtifactTypes:
    """All types of the project by name, and how much there is of each."""

    def read(conn: Connection) -> wire.ArtifactTypes:
        found = get_readable_project(conn, caller, entity, project)
        return wire.ArtifactTypes(
            [
                wire.ArtifactType(
                    name=each.type.name,
                    description=each.type.description,
                    collection_count=each.collection_count,
                    version_count=each.version_count,
                    size_bytes=each.size_bytes,
                )
                for each in list_types(conn, found.id, limit=TYPES_MAX)
            ]
        )

    return await db.read(read)


@get(ARTIFACTS)
async def list_artifact_collections(
    entity: str,
    project: str,
    caller: Caller,
    db: Database,
    type: str | None = None,
    kind: Literal["sequence", "portfolio"] | None = None,
    q: str | None = None,
    sort: str = DEFAULT_ORDER,
    cursor: str | None = None,
    limit: int | None = None,
) -> Page[wire.Collection]:
    """List collections: of a type, of a kind, with `q` in their name.

    `sort` is name, created_at, updated_at, size or versions; "-" in front for the largest first.
    """
    count = check_limit(limit)
    after = decode_cursor(cursor, tuple[str | int, int]) if cursor else None

    def read(conn: Connection) -> Page[wire.Collection]:
        found = get_readable_project(conn, caller, entity, project)
        collections = list_collections(
            conn,
            found.id,
            type=type,
            kind=kind,
            q=q,
            sort=sort,
            after=after,
            limit=count + 1,
        )
        page = collections[:count]
        more = encode_cursor(*position_of(page[-1], sort)) if len(collections) > count else None
        total = count_collections(conn, found.id, type=type, kind=kind, q=q)
        return Page(collections_of(conn, caller, page), more, total)

    return await db.read(read)


@get(COLLECTION)
async def show_artifact_collection(
    entity: str, project: str, name: str, caller: Caller, db: Database
) -> wire.Collection:
    """One collection."""

    def read(conn: Connection) -> wire.Collection:
        found = get_readable_collection(conn, caller, entity, project, name)
        return collection_of(conn, caller, found)

    return await db.read(read)


@patch(COLLECTION)
async def edit_artifact_collection(
    entity: str,
    project: str,
    name: str,
    data: wire.CollectionPatch,
    caller: Caller,
    db: Database,
    now_us: Callable[[], int],
) -> wire.Collection:
    """Rename a collection, move it to another type, change its description or tags."""

    def write(conn: Connection) -> wire.Collection:
        found = get_writable_collection(conn, caller, entity, project, name)
        changed = update_collection(
            conn,
            found,
            name=data.name,
            description=data.description,
            type=data.type,
            tags=data.tags,
            actor=Actor(caller.user_id),
            now_us=now_us(),
        )
        return collection_of(conn, caller, changed)

    return await db.write(write)


@delete(COLLECTION, status_code=200)
async def delete_artifact_collection(
    entity: str,
    project: str,
    name: str,
    caller: Caller,
    db: Database,
    now_us: Callable[[], int],
) -> wire.CollectionDeleted:
    """Put a collection with all its versions into the trash; a portfolio loses its links only."""

    def measure(conn: Connection) -> int:
        found = get_writable_collection(conn, caller, entity, project, name)
        return measure_deletion(conn, found)

    def write(conn: Connection) -> int:
        found = get_writable_collection(conn, caller, entity, project, name)
        return trash_collection(
            conn, found, freed_bytes=freed, actor=Actor(caller.user_id), now_us=now_us()
        )

    freed = await db.read(measure)
    return wire.CollectionDeleted(freed_bytes=freed, version_count=await db.write(write))


@get(COLLECTION + "/events")
async def list_artifact_collection_events(
    entity: str,
    project: str,
    name: str,
    caller: Caller,
    db: Database,
    cursor: str | None = None,
    limit: int | None = None,
) -> Page[wire.Event]:
    """What happened to a collection and its versions, newest first."""
    count = check_limit(limit)
    after = decode_cursor(cursor, tuple[int])[0] if cursor else None

    def read(conn: Connection) -> Page[wire.Event]:
        found = get_readable_collection(conn, caller, entity, project, name)
        events = list_events(conn, collection_id=found.id, after=after, limit=count + 1)
        more = encode_cursor(events[count - 1].id) if len(events) > count else None
        return Page(events_of(conn, caller, events[:count]), more)

    return await db.read(read)


@get("/api/v1/{entity:str}/{project:str}/artifact-trash")
async def list_artifact_trash(
    entity: str,
    project: str,
    caller: Caller,
    db: Database,
    cursor: str | None = None,
    limit: int | None = None,
) -> Page[wire.TrashedVersion]:
    """Versions that were deleted and can still be restored."""
    count = check_limit(limit, limit_max=PAGE_ITEMS_MAX)
    after = decode_cursor(cursor, tuple[int])[0] if cursor else None

    def read(conn: Connection) -> Page[wire.TrashedVersion]:
        found = get_readable_project(conn, caller, entity, project)
        artifacts = list_trash(conn, found.id, after=after, limit=count + 1)
        more = encode_cursor(artifacts[count - 1].id) if len(artifacts) > count else None
        names = list_usernames(conn, [a.trashed_by_user_id for a in artifacts])
        return Page(
            [
                wire.TrashedVersion(
                    version=ref_of_artifact(artifact),
                    deleted_at_us=artifact.trashed_at_us or 0,
                    expires_at_us=artifact.purge_at_us or 0,
                    deleted_by=names.get(artifact.trashed_by_user_id or 0),
                    freed_bytes=artifact.freed_bytes or 0,
                )
                for artifact in artifacts[:count]
            ],
            more,
        )

    return await db.read(read)


handlers = [
    list_artifact_types,
    list_artifact_collections,
    show_artifact_collection,
    edit_artifact_collection,
    delete_artifact_collection,
    list_artifact_collection_events,
    list_artifact_trash,
]
