"""What resolvers of artifacts read: of everything listed so far at once, and only what the caller
may see.
"""

from __future__ import annotations

from collections.abc import Iterable

from steelyard.errors import Invalid
from steelyard.server.gateway.context import Context
from steelyard.server.gateway.ids import decode_cursor
from steelyard.server.rooms.accounts.policy import may_read_entity
from steelyard.server.rooms.artifacts import queries
from steelyard.server.rooms.artifacts.model import (
    Alias,
    Artifact,
    ArtifactType,
    Collection,
    Member,
    Tag,
)
from steelyard.server.rooms.projects.model import Project
from steelyard.server.rooms.projects.queries import list_projects_by_id


def note_artifacts(context: Context, artifacts: Iterable[Artifact]) -> None:
    """Versions of a list: what is asked of one of them will be asked of all."""
    listed = list(artifacts)
    context.note_listed("artifact", [each.id for each in listed])
    context.note_listed("collection", [each.collection_id for each in listed])
    context.note_listed("type", [each.type_id for each in listed])
    context.note_listed("project", [each.project_id for each in listed])


def note_collections(context: Context, collections: Iterable[Collection]) -> None:
    """Collections of a list."""
    listed = list(collections)
    context.note_listed("collection", [each.id for each in listed])
    context.note_listed("type", [each.type_id for each in listed])
    context.note_listed("project", [each.project_id for each in listed])


def note_members(context: Context, members: Iterable[Member]) -> None:
    """Places of a list."""
    listed = list(members)
    context.note_listed("member", [each.id for each in listed])
    context.note_listed("artifact", [each.artifact_id for each in listed])
    context.note_listed("collection", [each.collection_id for each in listed])
    context.note_listed("project", [each.project_id for each in listed])


def find_artifact(context: Context, artifact_id: int) -> Artifact | None:
    def read(ids: list[int]) -> dict[int, Artifact]:
        found = queries.artifacts_by_id(context.conn, ids)
        note_artifacts(context, found.values())
        return found

    return context.of_each("artifact", "row", artifact_id, read)


def find_collection(context: Context, collection_id: int) -> Collection | None:
    def read(ids: list[int]) -> dict[int, Collection]:
        found = queries.collections_by_id(context.conn, ids)
        note_collections(context, found.values())
        return found

    return context.of_each("collection", "row", collection_id, read)


def find_type(context: Context, type_id: int) -> ArtifactType | None:
    def read(ids: list[int]) -> dict[int, ArtifactType]:
        return queries.types_by_id(context.conn, ids)

    return context.of_each("type", "row", type_id, read)


def find_project(context: Context, project_id: int) -> Project | None:
    """The project, when the caller may see it."""

    def read(ids: list[int]) -> dict[int, Project]:
        found = list_projects_by_id(context.conn, ids)
        return {
            id: project
            for id, project in found.items()
            if may_read_entity(context.caller, project.entity_id)
        }

    return context.of_each("project", "row", project_id, read)


def list_tags(context: Context, artifact_id: int) -> list[Tag]:
    def read(ids: list[int]) -> dict[int, list[Tag]]:
        return queries.tags_by_artifact(context.conn, ids)

    return context.of_each("artifact", "tags", artifact_id, read) or []


def list_collection_tags(context: Context, collection_id: int) -> list[Tag]:
    def read(ids: list[int]) -> dict[int, list[Tag]]:
        return queries.tags_by_collection(context.conn, ids)

    return context.of_each("collection", "tags", collection_id, read) or []


def list_aliases(context: Context, artifact_id: int) -> list[Alias]:
    """Aliases of a version in all collections that the caller may see."""

    def read(ids: list[int]) -> dict[int, list[Alias]]:
        found = queries.aliases_by_artifact(context.conn, ids)
        every = (alias for aliases in found.values() for alias in aliases)
        context.note_listed("collection", {alias.collection_id for alias in every})
        return found

    aliases = context.of_each("artifact", "aliases", artifact_id, read) or []
    return [alias for alias in aliases if _is_visible(context, alias.collection_id)]


def list_member_aliases(context: Context, member_id: int) -> list[Alias]:
    def read(ids: list[int]) -> dict[int, list[Alias]]:
        return queries.aliases_by_member(context.conn, ids)

    return context.of_each("member", "aliases", member_id, read) or []


def list_members(context: Context, artifact_id: int) -> list[Member]:
    """Places of a version in collections that the caller may see, its own first."""

    def read(ids: list[int]) -> dict[int, list[Member]]:
        found = queries.members_by_artifact(context.conn, ids)
        note_members(context, [each for some in found.values() for each in some])
        return found

    members = context.of_each("artifact", "members", artifact_id, read) or []
    return [each for each in members if may_read_entity(context.caller, each.entity_id)]


def _is_visible(context: Context, collection_id: int) -> bool:
    collection = find_collection(context, collection_id)
    return collection is not None and may_read_entity(context.caller, collection.entity_id)


def parse_number(after: str | None) -> int | None:
    """The number that a cursor of such a list is. Raises Invalid for another text."""
    place = decode_cursor(after)
    if place is None:
        return None
    if not place.isdecimal() or len(place) > 18:
        raise Invalid(f"{place[:80]!r} is no cursor of this list; start from the first page")
    return int(place)
