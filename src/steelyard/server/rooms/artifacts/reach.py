"""Contents named by no collection: the oldest paths of the protocol say entity and MD5 only."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from steelyard.errors import NotFound
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.accounts.policy import require_readable
from steelyard.server.rooms.accounts.queries import find_entity
from steelyard.server.rooms.artifacts.files import find_project_content
from steelyard.server.rooms.artifacts.model import Content
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
