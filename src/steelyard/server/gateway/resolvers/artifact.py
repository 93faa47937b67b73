"""Versions of artifacts, their places in collections, and what hangs on them."""

from __future__ import annotations

from typing import Any

from steelyard.errors import ArtifactNotFound
from steelyard.server.gateway.context import Context, Fields
from steelyard.server.gateway.ids import decode_cursor, encode_cursor, encode_id
from steelyard.server.gateway.resolvers import artifact_files, artifact_reads
from steelyard.server.gateway.resolvers.paging import connection, page_info, page_size
from steelyard.server.rooms.accounts.model import User
from steelyard.server.rooms.accounts.policy import may_read_entity
from steelyard.server.rooms.accounts.queries import get_user_by_id
from steelyard.server.rooms.artifacts.model import (
    IN_TRASH,
    Alias,
    Artifact,
    ArtifactType,
    Collection,
    Member,
    Tag,
)
from steelyard.server.rooms.artifacts.names import decode_artifact_id
from steelyard.server.rooms.artifacts.policy import get_readable_artifact
from steelyard.server.rooms.artifacts.uses import list_uses
from steelyard.server.rooms.runs.model import Run
from steelyard.server.rooms.runs.queries import find_run_by_id, list_runs_by_id

#: What clients read when a version has no time to live: inherited, or chosen.
TTL_NONE_INHERITED = -1
TTL_NONE_CHOSEN = -2


def find_readable(context: Context, id: str) -> Artifact | None:
    """The version of an id that clients have, when it is there and the caller may see it."""
    number = decode_artifact_id(id)
    if number is None:
        return None
    try:
        return get_readable_artifact(context.conn, context.caller, number)
    except ArtifactNotFound:
        return None


# ---- Artifact


def artifact_id(artifact: Artifact, _context: Context) -> str:
    return artifact.key


def sequence(artifact: Artifact, context: Context) -> Collection | None:
    return artifact_reads.find_collection(context, artifact.collection_id)


def artifact_type(artifact: Artifact, context: Context) -> ArtifactType | None:
    return artifact_reads.find_type(context, artifact.type_id)


def ttl_duration_seconds(artifact: Artifact, _context: Context) -> int:
    if artifact.ttl_s is None:
        return TTL_NONE_INHERITED
    return artifact.ttl_s or TTL_NONE_CHOSEN


def ttl_is_inherited(artifact: Artifact, _context: Context) -> bool:
    return artifact.ttl_s is None


def tags(artifact: Artifact, context: Context) -> list[Tag]:
    return artifact_reads.list_tags(context, artifact.id)


def state(artifact: Artifact, _context: Context) -> str:
    return "DELETED" if artifact.state == IN_TRASH else artifact.state


def size(artifact: Artifact, _context: Context) -> int:
    return artifact.size_bytes


def commit_hash(artifact: Artifact, _context: Context) -> str | None:
    """What was committed: the SHA-256 of its manifest. Clients want one of every version."""
    sha256 = artifact.manifest_sha256
    return None if sha256 is None or not artifact.is_committed else sha256.hex()


def created_at(source: Artifact | ArtifactType | Member, _context: Context) -> int:
    return source.created_at_us


def updated_at(artifact: Artifact, _context: Context) -> int:
    return artifact.updated_at_us


def aliases(artifact: Artifact, context: Context) -> list[Alias]:
    return artifact_reads.list_aliases(context, artifact.id)


def current_manifest(artifact: Artifact, _context: Context) -> dict[str, Any] | None:
    if artifact.manifest_sha256 is None:
        return None
    return {
        "id": encode_id("ArtifactManifestOf", artifact.id),
        "digest": None,
        "file": artifact_files.ManifestFile(artifact=artifact, manifest_id=None),
    }


def created_by(artifact: Artifact, context: Context) -> Run | User | None:
    """The run that logged it, when the caller may see that; the person otherwise."""
    if artifact.created_by_run_id is not None:
        run = find_run_by_id(context.conn, artifact.created_by_run_id)
        if run is not None and may_read_entity(context.caller, run.entity_id):
            return run
    author = artifact.created_by_user_id
    if author is None:
        return None
    return context.keep(("user", author), lambda: get_user_by_id(context.conn, author))


def creator_type(source: Run | User) -> str:
    return "Run" if isinstance(source, Run) else "User"


def used_by(
    artifact: Artifact, context: Context, after: str | None = None, first: int | None = None
) -> dict[str, Any]:
    limit = page_size(first)
    place = artifact_reads.parse_number(after)
    used = list_uses(context.conn, artifact.id, after=place, limit=limit + 1)
    runs = list_runs_by_id(context.conn, [use.run_id for use in used[:limit]])
    visible = [run for run in runs if may_read_entity(context.caller, run.entity_id)]
    context.note_listed("run", [run.id for run in visible])
    edges = [{"node": run, "cursor": encode_cursor(str(run.id))} for run in visible]
    ends = [{"cursor": encode_cursor(str(use.run_id))} for use in used[:limit]]
    return {"edges": edges, "page_info": page_info(ends, len(used) > limit)}


def memberships(
    artifact: Artifact, context: Context, after: str | None = None, first: int | None = None
) -> dict[str, Any]:
    members = artifact_reads.list_members(context, artifact.id)
    place = decode_cursor(after)
    if place:
        seen = [str(member.id) for member in members]
        members = members[seen.index(place) + 1 :] if place in seen else []
    limit = page_size(first)
    listed = members[: limit + 1]
    return connection(listed, lambda member: str(member.id), limit=limit, total_count=len(members))


# ---- ArtifactCollectionMembership


def member_id(member: Member, _context: Context) -> str:
    return encode_id("ArtifactCollectionMembership", member.id)


def member_aliases(member: Member, context: Context) -> list[Alias]:
    return artifact_reads.list_member_aliases(context, member.id)


def collection_of(source: Member | Alias, context: Context) -> Collection | None:
    return artifact_reads.find_collection(context, source.collection_id)


def artifact_of(member: Member, context: Context) -> Artifact | None:
    return artifact_reads.find_artifact(context, member.artifact_id)


def member_files(
    member: Member,
    context: Context,
    names: list[str] | None = None,
    after: str | None = None,
    first: int | None = None,
) -> dict[str, Any] | None:
    artifact = artifact_of(member, context)
    if artifact is None:
        return None
    return artifact_files.files(artifact, context, names=names, after=after, first=first)


# ---- ArtifactAlias, Tag


def alias_id(alias: Alias, _context: Context) -> str:
    return encode_id("ArtifactAlias", alias.id)


def tag_id(tag: Tag, _context: Context) -> str:
    return encode_id("Tag", tag.id)


def tag_name(tag: Tag, _context: Context) -> str:
    return tag.tag


ARTIFACT: Fields = {
    "id": artifact_id,
    "artifactSequence": sequence,
    "artifactType": artifact_type,
    "ttlDurationSeconds": ttl_duration_seconds,
    "ttlIsInherited": ttl_is_inherited,
    "tags": tags,
    "state": state,
    "size": size,
    "commitHash": commit_hash,
    "createdAt": created_at,
    "updatedAt": updated_at,
    "aliases": aliases,
    "currentManifest": current_manifest,
    "createdBy": created_by,
    "usedBy": used_by,
    "artifactMemberships": memberships,
    "files": artifact_files.files,
    "filesByManifestEntries": artifact_files.files_by_manifest_entries,
}
MEMBERSHIP: Fields = {
    "id": member_id,
    "createdAt": created_at,
    "aliases": member_aliases,
    "artifactCollection": collection_of,
    "artifact": artifact_of,
    "files": member_files,
}
ALIAS: Fields = {"id": alias_id, "artifactCollection": collection_of}
TAG: Fields = {"id": tag_id, "name": tag_name}
