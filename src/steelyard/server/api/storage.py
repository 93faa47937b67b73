"""What uses space, and what a deletion would free."""

from __future__ import annotations

import asyncio
import shutil

import msgspec
from litestar import get
from sqlalchemy.engine import Connection

from steelyard.limits import PAGE_ITEMS_MAX
from steelyard.server.db.interface import Database
from steelyard.server.http.paging import check_limit
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.accounts.policy import require_readable
from steelyard.server.rooms.accounts.queries import find_entity
from steelyard.server.rooms.projects.policy import get_readable_project
from steelyard.server.rooms.storage.model import ProjectStorage, StorageOverview
from steelyard.server.rooms.storage.policy import visible_entities
from steelyard.server.rooms.storage.queries import get_overview, get_project_storage
from steelyard.server.settings import ServerSettings


@get("/api/v1/storage")
async def show_storage(
    caller: Caller,
    db: Database,
    settings: ServerSettings,
    entity: str | None = None,
    limit: int = PAGE_ITEMS_MAX,
) -> StorageOverview:
    """What uses space: of the whole server for its admins, else of the caller's entities.

    `entity` asks for one of them. Projects are listed by size, up to `limit`; the sums are of all.
    """
    check_limit(limit)

    def read(conn: Connection) -> StorageOverview:
        entity_ids = visible_entities(caller)
        if entity is not None:
            entity_ids = [require_readable(caller, find_entity(conn, entity), entity).id]
        return get_overview(conn, entity_ids=entity_ids, limit=limit)

    found = await db.read(read)
    if not found.is_whole_server:
        return found
    disk = await asyncio.to_thread(shutil.disk_usage, settings.data_dir)
    return msgspec.structs.replace(
        found, disk_free_bytes=disk.free, blobs_url=settings.blobs_url or None
    )


@get("/api/v1/{entity:str}/{project:str}/storage")
async def show_project_storage(
    entity: str, project: str, caller: Caller, db: Database, limit: int = PAGE_ITEMS_MAX
) -> ProjectStorage:
    """What uses space in a project: up to `limit` collections and as many runs, by size."""
    check_limit(limit)

    def read(conn: Connection) -> ProjectStorage:
        found = get_readable_project(conn, caller, entity, project)
        scope = visible_entities(caller)
        if scope is not None and found.entity_id not in scope:
            scope = [*scope, found.entity_id]
        return get_project_storage(conn, found, entity_ids=scope, limit=limit)

    return await db.read(read)


handlers = [show_storage, show_project_storage]
