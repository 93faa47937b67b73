"""What hangs on a collection as a whole, asked before all of it is deleted."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.limits import ARTIFACT_DEPENDENTS_NAMED_MAX
from steelyard.server.rooms.artifacts.model import Collection, CollectionUsage
from steelyard.server.rooms.artifacts.queries import is_committed
from steelyard.server.rooms.artifacts.removal import measure_deletion
from steelyard.server.rooms.artifacts.selects import member_from_row, select_members
from steelyard.server.rooms.artifacts.tables import (
    artifact_aliases,
    artifact_members,
    artifact_uses,
    artifacts,
)

_members = artifact_members.c


def get_collection_usage(conn: Connection, collection: Collection) -> CollectionUsage:
    """What depends on the versions of a collection, each thing once.

    Aliases of portfolios count with their links. Of a portfolio only its own aliases go; the
    versions behind its links stay, and with them the runs that used them.
    """
    if collection.kind == "portfolio":
        aliases, alias_count = _aliases(conn, artifact_aliases.c.collection_id == collection.id)
        return CollectionUsage(collection.version_count, aliases, alias_count, [], 0, [], 0, 0)
    is_version = sa.and_(artifacts.c.collection_id == collection.id, is_committed())
    aliases, alias_count = _aliases(conn, is_version)
    links = select_members().join(artifacts, artifacts.c.id == _members.artifact_id)
    links = links.where(is_version, _members.is_link.is_(True))
    first_links = links.order_by(_members.id.desc()).limit(ARTIFACT_DEPENDENTS_NAMED_MAX)
    uses = (
        sa.select(artifact_uses.c.run_id)
        .join(artifacts, artifacts.c.id == artifact_uses.c.artifact_id)
        .where(is_version)
        .distinct()
    )
    runs = uses.order_by(artifact_uses.c.run_id.desc()).limit(ARTIFACT_DEPENDENTS_NAMED_MAX)
    return CollectionUsage(
        version_count=collection.version_count,
        aliases=aliases,
        alias_count=alias_count,
        links=[member_from_row(row) for row in conn.execute(first_links)],
        link_count=_count(conn, links.with_only_columns(_members.id)),
        run_ids=list(conn.execute(runs).scalars()),
        run_count=_count(conn, uses),
        freed_bytes=measure_deletion(conn, collection),
    )


def _aliases(conn: Connection, condition: sa.ColumnElement[bool]) -> tuple[list[str], int]:
    named = (
        sa.select(artifact_aliases.c.alias)
        .join(artifact_members, _members.id == artifact_aliases.c.member_id)
        .join(artifacts, artifacts.c.id == _members.artifact_id)
        .where(condition)
        .distinct()
    )
    first = named.order_by(artifact_aliases.c.alias).limit(ARTIFACT_DEPENDENTS_NAMED_MAX)
    return list(conn.execute(first).scalars()), _count(conn, named)


def _count(conn: Connection, rows: sa.Select[Any]) -> int:
    return int(conn.execute(sa.select(sa.func.count()).select_from(rows.subquery())).scalar_one())
