"""Versions of a collection that a text is said of: by number, alias, tag or description."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.server.rooms.artifacts.model import Member
from steelyard.server.rooms.artifacts.names import parse_version
from steelyard.server.rooms.artifacts.selects import member_from_row, select_members
from steelyard.server.rooms.artifacts.tables import (
    artifact_aliases,
    artifact_members,
    artifact_tags,
    artifacts,
)

_members = artifact_members.c


def search_members(
    conn: Connection, collection_id: int, q: str, *, after: int | None = None, limit: int
) -> list[Member]:
    """Versions found, newest first, those below the index `after`."""
    page = select_members().where(_is_found(collection_id, q))
    if after is not None:
        page = page.where(_members.version_index < after)
    page = page.order_by(_members.version_index.desc()).limit(limit)
    return [member_from_row(row) for row in conn.execute(page)]


def count_found(conn: Connection, collection_id: int, q: str) -> int:
    """How many versions `search_members` gives over all pages."""
    found = select_members().where(_is_found(collection_id, q)).with_only_columns(_members.id)
    return int(conn.execute(sa.select(sa.func.count()).select_from(found.subquery())).scalar_one())


def _is_found(collection_id: int, q: str) -> sa.ColumnElement[bool]:
    """The version of that number, or a text that contains `q`, in any case."""
    text = q.strip().lower()

    def contains(column: sa.Column[Any]) -> sa.ColumnElement[bool]:
        return sa.func.lower(column).contains(text, autoescape=True)

    alias, tag, version = artifact_aliases.c, artifact_tags.c, artifacts.c
    # Each looks at rows of this collection only, whichever way a planner takes it.
    listed = artifact_members.alias("listed").c
    own = sa.select(listed.artifact_id).where(listed.collection_id == collection_id)
    conditions: list[sa.ColumnElement[bool]] = [
        _members.id.in_(
            sa.select(alias.member_id).where(
                alias.collection_id == collection_id, contains(alias.alias)
            )
        ),
        _members.artifact_id.in_(
            sa.select(tag.artifact_id).where(tag.artifact_id.in_(own), contains(tag.tag))
        ),
        _members.artifact_id.in_(
            sa.select(version.id).where(version.id.in_(own), contains(version.description))
        ),
    ]
    if (index := parse_version(text)) is not None:
        conditions.append(_members.version_index == index)
    return sa.and_(_members.collection_id == collection_id, sa.or_(*conditions))
