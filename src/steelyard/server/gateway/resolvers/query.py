"""Where queries start."""

from __future__ import annotations

from typing import Any

from steelyard.errors import NotFound
from steelyard.server.gateway.context import Context, Fields
from steelyard.server.gateway.ids import decode_cursor, decode_id
from steelyard.server.gateway.resolvers.artifact import find_readable
from steelyard.server.gateway.resolvers.paging import EMPTY, connection, page_size
from steelyard.server.rooms.accounts.model import Entity, Organization, User
from steelyard.server.rooms.accounts.policy import may_read_entity
from steelyard.server.rooms.accounts.queries import (
    find_entity,
    find_organization,
    get_user_by_id,
    list_organizations,
)
from steelyard.server.rooms.accounts.search import list_known_users
from steelyard.server.rooms.artifacts.model import Artifact, Collection
from steelyard.server.rooms.artifacts.queries import find_by_client_id, find_collection_by_id
from steelyard.server.rooms.projects.commands import DEFAULT_PROJECT
from steelyard.server.rooms.projects.model import Project
from steelyard.server.rooms.projects.policy import find_readable_project
from steelyard.server.rooms.projects.queries import list_projects


def viewer(_source: Any, context: Context) -> User:
    return get_user_by_id(context.conn, context.caller.user_id)


def server_info(_source: Any, _context: Context) -> dict[str, Any]:
    return {}


def project(
    _source: Any, context: Context, name: str | None = None, entity_name: str | None = None
) -> Project | None:
    return find_readable_project(
        context.conn, context.caller, entity_name or "", name or DEFAULT_PROJECT
    )


def projects(
    _source: Any,
    context: Context,
    entity_name: str | None = None,
    after: str | None = None,
    first: int | None = None,
) -> dict[str, Any]:
    owner = entity(_source, context, entity_name)
    if owner is None:
        return EMPTY
    limit = page_size(first)
    found = list_projects(
        context.conn,
        entity_id=owner.id,
        entity=owner.name,
        limit=limit + 1,
        after=_parse_place(after),
    )
    return connection(found, lambda each: f"{each.last_activity_us} {each.id}", limit=limit)


def _parse_place(cursor: str | None) -> tuple[int, int] | None:
    place = decode_cursor(cursor)
    if place is None:
        return None
    last_activity_us, _, project_id = place.partition(" ")
    return int(last_activity_us), int(project_id)


def entity(_source: Any, context: Context, name: str | None = None) -> Entity | None:
    found = find_entity(context.conn, name or context.caller.default_entity)
    if found is None or not may_read_entity(context.caller, found.id):
        return None
    return found


def organization(_source: Any, context: Context, name: str) -> Organization | None:
    found = find_organization(context.conn, name)
    mine = list_organizations(context.conn, context.caller.user_id)
    return found if found in mine or context.caller.is_admin else None


def users(
    _source: Any,
    context: Context,
    query: str | None = None,
    after: str | None = None,
    first: int | None = None,
) -> dict[str, Any]:
    limit = page_size(first)
    found = list_known_users(
        context.conn, context.caller, query, after=decode_cursor(after) or "", limit=limit + 1
    )
    return connection(found, lambda user: user.username, limit=limit)


def artifact(_source: Any, context: Context, id: str) -> Artifact | None:
    return find_readable(context, id)


def artifact_collection(_source: Any, context: Context, id: str) -> Collection | None:
    try:
        number = decode_id("ArtifactCollection", id)
    except NotFound:
        return None
    found = find_collection_by_id(context.conn, number)
    if found is None or found.deleted_mark or not may_read_entity(context.caller, found.entity_id):
        return None
    return found


def client_id_mapping(_source: Any, context: Context, client_id: str) -> dict[str, Any] | None:
    for found in find_by_client_id(context.conn, client_id):
        if may_read_entity(context.caller, found.entity_id):
            return {"server_id": found.key}
    return None


QUERY: Fields = {
    "artifact": artifact,
    "artifactCollection": artifact_collection,
    "clientIDMapping": client_id_mapping,
    "viewer": viewer,
    "serverInfo": server_info,
    "project": project,
    "model": project,
    "projects": projects,
    "models": projects,
    "entity": entity,
    "organization": organization,
    "users": users,
}
