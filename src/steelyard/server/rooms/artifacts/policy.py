"""Who may see and change artifacts: whoever may see and change their project.

A version that is linked into another project can be read there too: whoever linked it could read
it and chose to share it. What may not be seen counts as absent.
"""

from __future__ import annotations

from sqlalchemy.engine import Connection

from steelyard.errors import ArtifactNotFound, Forbidden
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.accounts.policy import may_read_entity, may_write_entity
from steelyard.server.rooms.artifacts.model import Artifact, Collection, Member
from steelyard.server.rooms.artifacts.queries import (
    find_artifact,
    find_collection,
    find_member_of,
    get_artifact,
    members_by_artifact,
)
from steelyard.server.rooms.projects.policy import get_readable_project, require_writable_project


def may_read_artifact(conn: Connection, caller: Caller, artifact: Artifact) -> bool:
    """The caller may see the project it was logged to, or one that it is linked into."""
    if may_read_entity(caller, artifact.entity_id):
        return True
    members = members_by_artifact(conn, [artifact.id]).get(artifact.id, [])
    return any(may_read_entity(caller, member.entity_id) for member in members)


def get_readable_artifact(conn: Connection, caller: Caller, artifact_id: int | None) -> Artifact:
    """The version or draft with that number (None: of an id that is none of ours).

    Raises ArtifactNotFound, the same for absent and foreign.
    """
    found = None if artifact_id is None else find_artifact(conn, artifact_id)
    if found is not None and found.same_as_id is not None:
        found = get_artifact(conn, found.id)
    if found is None or not may_read_artifact(conn, caller, found):
        raise ArtifactNotFound("with that id")
    return found


def get_writable_artifact(conn: Connection, caller: Caller, artifact_id: int | None) -> Artifact:
    """The same, to change it. Raises Forbidden for one that the caller may only see."""
    artifact = get_readable_artifact(conn, caller, artifact_id)
    require_writable_artifact(caller, artifact)
    return artifact


def require_writable_artifact(caller: Caller, artifact: Artifact) -> None:
    """Forbidden unless the caller may change versions of the project it was logged to."""
    if not may_write_entity(caller, artifact.entity_id):
        raise Forbidden(
            f"you may see {artifact.path} but not change it; ask an admin of {artifact.entity!r}"
        )


def get_readable_collection(
    conn: Connection, caller: Caller, entity: str, project: str, name: str
) -> Collection:
    """The collection at a path. Raises ProjectNotFound, ArtifactNotFound."""
    found = get_readable_project(conn, caller, entity, project)
    collection = find_collection(conn, found.id, name)
    if collection is None:
        raise ArtifactNotFound(f"{found.entity}/{found.name}/{name}")
    return collection


def get_writable_collection(
    conn: Connection, caller: Caller, entity: str, project: str, name: str
) -> Collection:
    """The same, to change it. Raises Forbidden for viewers."""
    project_found = get_readable_project(conn, caller, entity, project)
    require_writable_project(caller, project_found)
    return get_readable_collection(conn, caller, entity, project, name)


def get_readable_member(
    conn: Connection, caller: Caller, entity: str, project: str, name: str, ref: str
) -> Member:
    """The version at a path: `ref` is "v3", an alias or "latest"."""
    collection = get_readable_collection(conn, caller, entity, project, name)
    member = find_member_of(conn, collection.id, ref)
    if member is None:
        raise ArtifactNotFound(f"{collection.path}:{ref}")
    return member


def get_writable_member(
    conn: Connection, caller: Caller, entity: str, project: str, name: str, ref: str
) -> Member:
    """The same, to change its place there. Raises Forbidden for viewers."""
    get_writable_collection(conn, caller, entity, project, name)
    return get_readable_member(conn, caller, entity, project, name, ref)
