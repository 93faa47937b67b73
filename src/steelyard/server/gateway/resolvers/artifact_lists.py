"""Types and collections of a project, versions of a collection, artifacts of a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy.engine import Connection

from steelyard.server.gateway.context import Context, Fields
from steelyard.server.gateway.ids import decode_cursor, encode_cursor, encode_id
from steelyard.server.gateway.resolvers import artifact_reads
from steelyard.server.gateway.resolvers.paging import connection, page_info, page_size
from steelyard.server.rooms.artifacts import queries, uses
from steelyard.server.rooms.artifacts.gateway_lists import (
    Asked,
    ListPage,
    list_collections,
    list_versions,
)
from steelyard.server.rooms.artifacts.model import (
    MD5_ALGORITHM,
    Artifact,
    ArtifactType,
    Collection,
    Member,
)
from steelyard.server.rooms.artifacts.names import split_name
from steelyard.server.rooms.projects.model import Project
from steelyard.server.rooms.runs.json_text import parse_json
from steelyard.server.rooms.runs.model import Run

T = TypeVar("T")


# ---- Project


def project_artifact(project: Project, context: Context, name: str) -> Artifact | None:
    member = project_membership(project, context, name)
    return None if member is None else artifact_reads.find_artifact(context, member.artifact_id)


def project_membership(project: Project, context: Context, name: str) -> Member | None:
    collection, ref = split_name(name)
    return queries.find_member(context.conn, project.id, collection, ref)


def project_type(project: Project, context: Context, name: str) -> ArtifactType | None:
    return queries.find_type(context.conn, project.id, name)


def project_types(
    project: Project,
    context: Context,
    after: str | None = None,
    first: int | None = None,
    **_unused: Any,
) -> dict[str, Any]:
    limit = page_size(first)
    counted = queries.list_types(
        context.conn, project.id, after=decode_cursor(after), limit=limit + 1
    )
    return connection(
        [each.type for each in counted],
        lambda found: found.name,
        limit=limit,
        count=lambda: queries.count_types(context.conn, project.id),
    )


def project_collection(project: Project, context: Context, name: str) -> Collection | None:
    return queries.find_collection(context.conn, project.id, name)


def project_collections(project: Project, context: Context, **asked: Any) -> dict[str, Any]:
    page = list_collections(context.conn, project.id, _asked(**asked))
    artifact_reads.note_collections(context, page.rows)
    return _connection(page, lambda each: {"node": each})


# ---- ArtifactType


def type_id(found: ArtifactType, _context: Context) -> str:
    return encode_id("ArtifactType", found.id)


def type_created_at(found: ArtifactType, _context: Context) -> int:
    return found.created_at_us


def type_collection(found: ArtifactType, context: Context, name: str) -> Collection | None:
    collection = queries.find_collection(context.conn, found.project_id, name)
    return collection if collection is not None and collection.type_id == found.id else None


def type_collections(found: ArtifactType, context: Context, **asked: Any) -> dict[str, Any]:
    page = list_collections(context.conn, found.project_id, _asked(**asked), type_id=found.id)
    artifact_reads.note_collections(context, page.rows)
    return _connection(page, lambda each: {"node": each})


# ---- ArtifactCollection


def collection_kind(collection: Collection) -> str:
    """The name of its GraphQL type."""
    return "ArtifactSequence" if collection.kind == "sequence" else "ArtifactPortfolio"


def collection_id(collection: Collection, _context: Context) -> str:
    return encode_id("ArtifactCollection", collection.id)


def collection_state(collection: Collection, _context: Context) -> str:
    return "DELETED" if collection.deleted_mark else "READY"


def collection_created_at(collection: Collection, _context: Context) -> int:
    return collection.created_at_us


def collection_updated_at(collection: Collection, _context: Context) -> int:
    return collection.updated_at_us


def collection_project(collection: Collection, context: Context) -> Project | None:
    return artifact_reads.find_project(context, collection.project_id)


def default_type(collection: Collection, context: Context) -> ArtifactType | None:
    return artifact_reads.find_type(context, collection.type_id)


def collection_tags(collection: Collection, context: Context, **_unused: Any) -> dict[str, Any]:
    tags = artifact_reads.list_collection_tags(context, collection.id)
    return {"edges": [{"node": tag} for tag in tags]}


def collection_aliases(
    collection: Collection, context: Context, after: str | None = None, first: int | None = None
) -> dict[str, Any]:
    limit = page_size(first)
    found = queries.list_aliases(
        context.conn, collection.id, after=decode_cursor(after), limit=limit + 1
    )
    return connection(found, lambda alias: alias.alias, limit=limit)


def collection_versions(collection: Collection, context: Context, **asked: Any) -> dict[str, Any]:
    page = list_versions(context.conn, collection.id, _asked(**asked))
    artifact_reads.note_artifacts(context, [artifact for _, artifact in page.rows])
    return _connection(page, lambda each: {"version": each[0].version, "node": each[1]})


def collection_membership(
    collection: Collection, context: Context, alias_name: str
) -> Member | None:
    return queries.find_member_of(context.conn, collection.id, alias_name)


def latest_artifact(collection: Collection, context: Context) -> Artifact | None:
    latest = queries.find_latest(context.conn, collection.id)
    return None if latest is None else artifact_reads.find_artifact(context, latest.artifact_id)


def digest_algorithm(collection: Collection, context: Context) -> str:
    latest = latest_artifact(collection, context)
    return MD5_ALGORITHM if latest is None else latest.digest_algorithm


# ---- Run


def input_artifacts(
    run: Run, context: Context, after: str | None = None, first: int | None = None
) -> dict[str, Any]:
    limit = page_size(first)
    used = uses.list_used(
        context.conn, run.id, after=artifact_reads.parse_number(after), limit=limit + 1
    )
    artifacts = [artifact for _, artifact in used]
    artifact_reads.note_artifacts(context, artifacts)
    return connection(
        artifacts,
        lambda each: str(each.id),
        limit=limit,
        count=lambda: _count(context, run, "used", uses.count_used),
    )


def output_artifacts(
    run: Run, context: Context, after: str | None = None, first: int | None = None
) -> dict[str, Any]:
    limit = page_size(first)
    logged = uses.list_logged(
        context.conn, run.id, after=artifact_reads.parse_number(after), limit=limit + 1
    )
    artifact_reads.note_artifacts(context, logged)
    return connection(
        logged,
        lambda each: str(each.id),
        limit=limit,
        count=lambda: _count(context, run, "logged", uses.count_logged),
    )


def _count(
    context: Context,
    run: Run,
    what: str,
    count: Callable[[Connection, Sequence[int]], dict[int, int]],
) -> int:
    return context.of_each("run", what, run.id, lambda ids: count(context.conn, ids)) or 0


# ---- all of them


def total_count(source: dict[str, Any], _context: Context) -> int:
    """Counted only for those who ask."""
    count = source.get("count")
    counted = source["total_count"] if count is None else count()
    assert isinstance(counted, int)
    return counted


def _asked(
    filters: str | None = None,
    order: str | None = None,
    after: str | None = None,
    first: int | None = None,
) -> Asked:
    return Asked(
        limit=page_size(first),
        filters=parse_json(filters) if filters else None,
        order=order or None,
        after=decode_cursor(after),
    )


def _connection(page: ListPage[T], edge: Callable[[T], dict[str, Any]]) -> dict[str, Any]:
    edges = [
        {**edge(row), "cursor": encode_cursor(place)}
        for row, place in zip(page.rows, page.places, strict=True)
    ]
    return {"edges": edges, "page_info": page_info(edges, page.has_more), "count": page.count}


PROJECT: Fields = {
    "artifact": project_artifact,
    "artifactType": project_type,
    "artifactTypes": project_types,
    "artifactCollection": project_collection,
    "artifactCollections": project_collections,
    "artifactCollectionMembership": project_membership,
}
ARTIFACT_TYPE: Fields = {
    "id": type_id,
    "createdAt": type_created_at,
    "artifactCollection": type_collection,
    "artifactCollections": type_collections,
}
PORTFOLIO: Fields = {
    "id": collection_id,
    "state": collection_state,
    "createdAt": collection_created_at,
    "updatedAt": collection_updated_at,
    "project": collection_project,
    "defaultArtifactType": default_type,
    "tags": collection_tags,
    "aliases": collection_aliases,
    "artifacts": collection_versions,
    "artifactMembership": collection_membership,
}
SEQUENCE: Fields = {
    **PORTFOLIO,
    "latestArtifact": latest_artifact,
    "digestAlgorithm": digest_algorithm,
}
RUN: Fields = {"inputArtifacts": input_artifacts, "outputArtifacts": output_artifacts}
COUNTED: Fields = {"totalCount": total_count}
