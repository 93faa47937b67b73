"""Contents that are asked for by their MD5, as paths of the protocol do: what may be had there.

Whoever may see the project of a collection may have all it holds. Whoever may only see versions
that are linked elsewhere may have what these versions name.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.errors import NotFound
from steelyard.limits import PORTFOLIO_LINKS_SEARCHED_MAX
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.accounts.policy import may_read_entity, require_readable
from steelyard.server.rooms.accounts.queries import find_entity
from steelyard.server.rooms.artifacts.files import find_content, find_project_content
from steelyard.server.rooms.artifacts.model import COMMITTED, Artifact, Collection, Content
from steelyard.server.rooms.artifacts.named import VersionDigests
from steelyard.server.rooms.artifacts.queries import get_artifact
from steelyard.server.rooms.artifacts.tables import (
    artifact_contents,
    artifact_members,
    artifacts,
)
from steelyard.server.rooms.projects.queries import list_project_ids


def find_entity_content(conn: Connection, caller: Caller, entity: str, md5: bytes) -> Content:
    """A content of any project of an entity that the caller may see.

    Raises EntityNotFound, NotFound. A look-up per project: only very old links come here.
    """
    owner = require_readable(caller, find_entity(conn, entity), entity)
    for project_id in list_project_ids(conn, owner.id):
        content = find_project_content(conn, project_id, md5)
        if content is not None:
            return content
    raise NotFound(f"no content {md5.hex()} in {entity!r}; it may have been deleted")


def get_version_content(
    conn: Connection, caller: Caller, digests: VersionDigests, artifact: Artifact, md5: bytes
) -> Content:
    """A content of the collection of a version that the caller may see. Raises NotFound.

    Where the caller may not see the collection, it is one that the version names: the same answer
    for what is not here and for what is somebody else's.
    """
    content = find_content(conn, artifact.collection_id, md5)
    if content is not None and (
        may_read_entity(caller, artifact.entity_id) or digests.names(conn, artifact, md5)
    ):
        return content
    raise _absent(md5)


def get_collection_content(
    conn: Connection, caller: Caller, digests: VersionDigests, collection: Collection, md5: bytes
) -> Content:
    """A content of a collection that the caller may see; of a portfolio, of what is linked there.

    Raises NotFound.
    """
    content = find_content(conn, collection.id, md5)
    if content is not None:
        return content
    for artifact_id in _linked_with(conn, collection.id, md5):
        try:
            return get_version_content(conn, caller, digests, get_artifact(conn, artifact_id), md5)
        except NotFound:
            continue
    raise _absent(md5)


def _linked_with(conn: Connection, portfolio_id: int, md5: bytes) -> list[int]:
    """Linked versions whose own collections have the content, newest link first."""
    members, contents = artifact_members.c, artifact_contents.c
    found = (
        sa.select(artifacts.c.id)
        .select_from(artifact_members)
        .join(artifacts, artifacts.c.id == members.artifact_id)
        .join(
            artifact_contents,
            sa.and_(contents.collection_id == artifacts.c.collection_id, contents.md5 == md5),
        )
        .where(members.collection_id == portfolio_id, members.is_hidden.is_(False))
        .where(artifacts.c.state == COMMITTED)
        .order_by(members.version_index.desc())
        .limit(PORTFOLIO_LINKS_SEARCHED_MAX)
    )
    return list(conn.execute(found).scalars())


def _absent(md5: bytes) -> NotFound:
    return NotFound(f"no content {md5.hex()} in this artifact; it may have been deleted")
