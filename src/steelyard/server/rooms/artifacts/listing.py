"""Pages of the collections of a project, and versions in the trash by name."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.errors import Invalid
from steelyard.server.rooms.artifacts.model import IN_TRASH, Artifact, Collection
from steelyard.server.rooms.artifacts.selects import (
    artifact_from_row,
    collection_from_row,
    select_artifacts,
    select_collections,
)
from steelyard.server.rooms.artifacts.tables import (
    artifact_collections,
    artifact_types,
    artifacts,
)

_ORDERS: dict[str, sa.Column[Any]] = {
    "name": artifact_collections.c.name,
    "created_at": artifact_collections.c.created_at_us,
    "updated_at": artifact_collections.c.updated_at_us,
    "size": artifact_collections.c.content_bytes,
    "versions": artifact_collections.c.version_count,
}
DEFAULT_ORDER = "-updated_at"
Position = tuple[str | int, int]


def list_collections(
    conn: Connection,
    project_id: int,
    *,
    type: str | None = None,
    kind: str | None = None,
    q: str | None = None,
    sort: str = DEFAULT_ORDER,
    after: Position | None = None,
    limit: int,
) -> list[Collection]:
    """Collections in an order, those after the position `after` (see `position_of`).

    `q` is a part of the name, in any case; `sort` one of name, created_at, updated_at, size and
    versions, with "-" in front for the largest first. Raises Invalid for another order.
    """
    column, is_descending = _parse_sort(sort)
    key = sa.tuple_(column, artifact_collections.c.id)
    page = select_collections().where(*_filters(project_id, type, kind, q))
    if after is not None:
        if isinstance(after[0], str) != (column is artifact_collections.c.name):
            raise Invalid("this cursor belongs to another order; leave it out to start over")
        place = sa.tuple_(*map(sa.literal, after))
        page = page.where(key < place if is_descending else key > place)
    for part in (column, artifact_collections.c.id):
        page = page.order_by(part.desc() if is_descending else part)
    return [collection_from_row(row) for row in conn.execute(page.limit(limit))]


def position_of(collection: Collection, sort: str = DEFAULT_ORDER) -> Position:
    """Where a collection stands in that order."""
    column, _ = _parse_sort(sort)
    return getattr(collection, column.name), collection.id


def count_collections(
    conn: Connection,
    project_id: int,
    *,
    type: str | None = None,
    kind: str | None = None,
    q: str | None = None,
) -> int:
    """How many collections `list_collections` gives over all pages."""
    counted = (
        sa.select(sa.func.count())
        .select_from(artifact_collections)
        .join(artifact_types, artifact_types.c.id == artifact_collections.c.type_id)
        .where(*_filters(project_id, type, kind, q))
    )
    return int(conn.execute(counted).scalar_one())


def find_trashed(conn: Connection, project_id: int, name: str, index: int) -> Artifact | None:
    """The version of that collection name and index in the trash, the last deleted one."""
    row = conn.execute(
        select_artifacts()
        .where(
            artifacts.c.project_id == project_id,
            artifacts.c.state == IN_TRASH,
            artifacts.c.version_index == index,
            artifact_collections.c.name == name,
        )
        .order_by(artifacts.c.trashed_at_us.desc())
        .limit(1)
    ).first()
    return None if row is None else artifact_from_row(row)


def _parse_sort(sort: str) -> tuple[sa.Column[Any], bool]:
    name = sort.removeprefix("-").removeprefix("+")
    if name not in _ORDERS:
        known = ", ".join(_ORDERS)
        raise Invalid(f"collections cannot be sorted by {sort!r}; use {known}, or -{name}")
    return _ORDERS[name], sort.startswith("-")


def _filters(
    project_id: int, type: str | None, kind: str | None, q: str | None
) -> list[sa.ColumnElement[bool]]:
    columns = artifact_collections.c
    filters: list[sa.ColumnElement[bool]] = [
        columns.project_id == project_id,
        columns.deleted_mark == 0,
    ]
    if type is not None:
        filters.append(artifact_types.c.name == type)
    if kind is not None:
        filters.append(columns.kind == kind)
    if q is not None and q.strip():
        filters.append(sa.func.lower(columns.name).contains(q.strip().lower(), autoescape=True))
    return filters
