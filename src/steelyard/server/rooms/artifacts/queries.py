"""Reads of types, collections, versions and their places. Permission is asked before: policy.py.

Functions that take several ids read them in as few statements as the database allows, and leave
out of the answer what does not exist.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from steelyard.errors import ArtifactNotFound
from steelyard.limits import SQL_LIST_ITEMS_MAX
from steelyard.server.rooms.artifacts.model import (
    COMMITTED,
    Alias,
    Artifact,
    ArtifactType,
    Collection,
    Manifest,
    Member,
    Tag,
    TypeCounts,
)
from steelyard.server.rooms.artifacts.names import LATEST, parse_version
from steelyard.server.rooms.artifacts.selects import (
    artifact_from_row,
    collection_from_row,
    member_from_row,
    select_artifacts,
    select_collections,
    select_members,
)
from steelyard.server.rooms.artifacts.tables import (
    artifact_aliases,
    artifact_collection_tags,
    artifact_collections,
    artifact_contents,
    artifact_manifests,
    artifact_members,
    artifact_tags,
    artifact_types,
    artifacts,
)

T = TypeVar("T")
_collections = artifact_collections


def in_steps(ids: Sequence[T], size: int = SQL_LIST_ITEMS_MAX) -> Iterator[list[T]]:
    """Distinct ids in lists that are short enough for one IN (…)."""
    distinct = list(dict.fromkeys(ids))
    for first in range(0, len(distinct), size):
        yield distinct[first : first + size]


# ---- types


def find_type(conn: Connection, project_id: int, name: str) -> ArtifactType | None:
    where = sa.and_(artifact_types.c.project_id == project_id, artifact_types.c.name == name)
    row = conn.execute(sa.select(artifact_types).where(where)).first()
    return None if row is None else ArtifactType(**row._mapping)


def types_by_id(conn: Connection, ids: Sequence[int]) -> dict[int, ArtifactType]:
    found: dict[int, ArtifactType] = {}
    for some in in_steps(ids):
        rows = conn.execute(sa.select(artifact_types).where(artifact_types.c.id.in_(some)))
        found |= {row.id: ArtifactType(**row._mapping) for row in rows}
    return found


def list_types(
    conn: Connection, project_id: int, *, after: str | None = None, limit: int
) -> list[TypeCounts]:
    """Types by name, those after the name `after`, with what they hold in sequences."""
    page = (
        sa.select(
            *artifact_types.c,
            sa.func.count(_collections.c.id).label("collection_count"),
            sa.func.coalesce(sa.func.sum(_collections.c.version_count), 0).label("version_count"),
            sa.func.coalesce(sa.func.sum(_collections.c.content_bytes), 0).label("content_bytes"),
        )
        .select_from(artifact_types)
        .outerjoin(
            _collections,
            sa.and_(
                _collections.c.type_id == artifact_types.c.id, _collections.c.deleted_mark == 0
            ),
        )
        .where(artifact_types.c.project_id == project_id)
        .group_by(*artifact_types.c)
        .order_by(artifact_types.c.name)
        .limit(limit)
    )
    if after is not None:
        page = page.where(artifact_types.c.name > after)
    return [
        TypeCounts(
            type=ArtifactType(
                id=row.id,
                project_id=row.project_id,
                name=row.name,
                description=row.description,
                created_at_us=row.created_at_us,
            ),
            collection_count=row.collection_count,
            version_count=int(row.version_count),
            size_bytes=int(row.content_bytes),
        )
        for row in conn.execute(page)
    ]


def count_types(conn: Connection, project_id: int) -> int:
    counted = sa.select(sa.func.count()).select_from(artifact_types)
    return int(conn.execute(counted.where(artifact_types.c.project_id == project_id)).scalar_one())


# ---- collections


def find_collection(conn: Connection, project_id: int, name: str) -> Collection | None:
    """The collection of that name that is not in the trash, or None."""
    where = sa.and_(
        _collections.c.project_id == project_id,
        _collections.c.name == name,
        _collections.c.deleted_mark == 0,
    )
    row = conn.execute(select_collections().where(where)).first()
    return None if row is None else collection_from_row(row)


def find_collection_by_id(conn: Connection, collection_id: int) -> Collection | None:
    """The collection with that number, in the trash or not."""
    return collections_by_id(conn, [collection_id]).get(collection_id)


def collections_by_id(conn: Connection, ids: Sequence[int]) -> dict[int, Collection]:
    return _by_id(conn, select_collections(), _collections.c.id, ids, collection_from_row)


def tags_by_collection(conn: Connection, ids: Sequence[int]) -> dict[int, list[Tag]]:
    return _tags(conn, artifact_collection_tags, artifact_collection_tags.c.collection_id, ids)


# ---- versions


def find_artifact(conn: Connection, artifact_id: int) -> Artifact | None:
    """The version or draft with that number, whatever its state."""
    return artifacts_by_id(conn, [artifact_id]).get(artifact_id)


def get_artifact(conn: Connection, artifact_id: int) -> Artifact:
    """The same; a draft that turned out to be a version that was there is that version.

    Raises ArtifactNotFound.
    """
    artifact = find_artifact(conn, artifact_id)
    if artifact is not None and artifact.same_as_id is not None:
        artifact = find_artifact(conn, artifact.same_as_id)
    if artifact is None:
        raise ArtifactNotFound(f"with the number {artifact_id}")
    return artifact


def artifacts_by_id(conn: Connection, ids: Sequence[int]) -> dict[int, Artifact]:
    return _by_id(conn, select_artifacts(), artifacts.c.id, ids, artifact_from_row)


def find_by_client_id(conn: Connection, client_id: str) -> list[Artifact]:
    """Versions and drafts that a client calls so: each may be in another project.

    Also by the client's name for a collection: that is its newest version.
    """
    named = select_artifacts().where(artifacts.c.client_id == client_id)
    found = [artifact_from_row(row) for row in conn.execute(named)]
    if found:
        return [get_artifact(conn, artifact.id) for artifact in found]
    in_collections = (
        sa.select(artifacts.c.collection_id)
        .where(artifacts.c.sequence_client_id == client_id)
        .distinct()
    )
    latest = (
        find_latest(conn, collection_id) for collection_id in conn.execute(in_collections).scalars()
    )
    return [get_artifact(conn, member.artifact_id) for member in latest if member is not None]


def tags_by_artifact(conn: Connection, ids: Sequence[int]) -> dict[int, list[Tag]]:
    return _tags(conn, artifact_tags, artifact_tags.c.artifact_id, ids)


# ---- places


def find_member(conn: Connection, project_id: int, name: str, ref: str) -> Member | None:
    """The version `ref` ("v3", an alias, "latest") of a collection; None when there is none.

    Without the alias `latest`, that word means the version of the highest index.
    """
    collection = find_collection(conn, project_id, name)
    return None if collection is None else find_member_of(conn, collection.id, ref)


def find_member_of(conn: Connection, collection_id: int, ref: str) -> Member | None:
    """The same, of a collection by number."""
    in_collection = select_members().where(artifact_members.c.collection_id == collection_id)
    index = parse_version(ref)
    if index is not None:
        found = in_collection.where(artifact_members.c.version_index == index)
    else:
        alias = sa.and_(
            artifact_aliases.c.collection_id == collection_id, artifact_aliases.c.alias == ref
        )
        found = in_collection.join(
            artifact_aliases, artifact_aliases.c.member_id == artifact_members.c.id
        ).where(alias)
    row = conn.execute(found).first()
    if row is None and ref == LATEST:
        newest = in_collection.order_by(artifact_members.c.version_index.desc()).limit(1)
        row = conn.execute(newest).first()
    return None if row is None else member_from_row(row)


def find_latest(conn: Connection, collection_id: int) -> Member | None:
    """The version that the collection's bare name stands for."""
    return find_member_of(conn, collection_id, LATEST)


def latest_by_collection(conn: Connection, collection_ids: Sequence[int]) -> dict[int, Member]:
    """The same for several collections; those without versions are left out."""
    found: dict[int, Member] = {}
    for some in in_steps(collection_ids):
        named = (
            select_members()
            .join(artifact_aliases, artifact_aliases.c.member_id == artifact_members.c.id)
            .where(artifact_aliases.c.collection_id.in_(some), artifact_aliases.c.alias == LATEST)
        )
        rows = map(member_from_row, conn.execute(named))
        found |= {member.collection_id: member for member in rows}
        for collection_id in some:  # the alias was taken away: seldom
            if collection_id not in found:
                newest = find_latest(conn, collection_id)
                found |= {} if newest is None else {collection_id: newest}
    return found


def find_own_member(conn: Connection, artifact_id: int) -> Member | None:
    """The place of a version in the collection it was logged to; None for drafts and trash."""
    where = sa.and_(
        artifact_members.c.artifact_id == artifact_id, artifact_members.c.is_link.is_(False)
    )
    row = conn.execute(select_members().where(where)).first()
    return None if row is None else member_from_row(row)


def members_by_id(conn: Connection, ids: Sequence[int]) -> dict[int, Member]:
    return _by_id(conn, select_members(), artifact_members.c.id, ids, member_from_row)


def members_by_artifact(conn: Connection, artifact_ids: Sequence[int]) -> dict[int, list[Member]]:
    """All places of versions: the own one first, then links, oldest first."""
    found: dict[int, list[Member]] = {}
    for some in in_steps(artifact_ids):
        rows = conn.execute(
            select_members()
            .where(artifact_members.c.artifact_id.in_(some))
            .order_by(artifact_members.c.is_link, artifact_members.c.id)
        )
        for member in map(member_from_row, rows):
            found.setdefault(member.artifact_id, []).append(member)
    return found


def list_members(
    conn: Connection,
    collection_id: int,
    *,
    after: int | None = None,
    limit: int,
    newest_first: bool = True,
) -> list[Member]:
    """Versions of a collection by index, those beyond the index `after`."""
    index = artifact_members.c.version_index
    page = select_members().where(artifact_members.c.collection_id == collection_id)
    if after is not None:
        page = page.where(index < after if newest_first else index > after)
    page = page.order_by(index.desc() if newest_first else index).limit(limit)
    return [member_from_row(row) for row in conn.execute(page)]


def count_members(conn: Connection, collection_id: int, *, before: int | None = None) -> int:
    """How many versions a collection has, or has below the index `before`."""
    counted = (
        sa.select(sa.func.count())
        .select_from(artifact_members)
        .where(
            artifact_members.c.collection_id == collection_id,
            artifact_members.c.is_hidden.is_(False),
        )
    )
    if before is not None:
        counted = counted.where(artifact_members.c.version_index < before)
    return int(conn.execute(counted).scalar_one())


# ---- aliases


def aliases_by_member(conn: Connection, member_ids: Sequence[int]) -> dict[int, list[Alias]]:
    found: dict[int, list[Alias]] = {}
    for some in in_steps(member_ids):
        rows = conn.execute(_select_aliases().where(artifact_aliases.c.member_id.in_(some)))
        for row in rows:
            found.setdefault(row.member_id, []).append(Alias(**row._mapping))
    return found


def aliases_by_artifact(conn: Connection, artifact_ids: Sequence[int]) -> dict[int, list[Alias]]:
    """Aliases of versions in every collection that they are in."""
    found: dict[int, list[Alias]] = {}
    for some in in_steps(artifact_ids):
        rows = conn.execute(
            _select_aliases().where(
                artifact_members.c.artifact_id.in_(some), artifact_members.c.is_hidden.is_(False)
            )
        )
        for row in rows:
            found.setdefault(row.artifact_id, []).append(Alias(**row._mapping))
    return found


def list_aliases(
    conn: Connection, collection_id: int, *, after: str | None = None, limit: int
) -> list[Alias]:
    """Aliases of a collection by name, those after `after`."""
    page = _select_aliases().where(artifact_aliases.c.collection_id == collection_id)
    if after is not None:
        page = page.where(artifact_aliases.c.alias > after)
    return [Alias(**row._mapping) for row in conn.execute(page.limit(limit))]


def _select_aliases() -> sa.Select[Any]:
    return (
        sa.select(
            artifact_aliases.c.id,
            artifact_aliases.c.collection_id,
            artifact_aliases.c.alias,
            artifact_aliases.c.member_id,
            artifact_members.c.artifact_id,
        )
        .join(artifact_members, artifact_members.c.id == artifact_aliases.c.member_id)
        .order_by(artifact_aliases.c.alias)
    )


# ---- manifests of drafts


def find_manifest(conn: Connection, manifest_id: int) -> Manifest | None:
    row = conn.execute(
        sa.select(artifact_manifests).where(artifact_manifests.c.id == manifest_id)
    ).first()
    return None if row is None else _manifest_from_row(row)


def list_manifests(conn: Connection, artifact_id: int) -> list[Manifest]:
    """Manifests of a draft in the order in which they were announced."""
    rows = conn.execute(
        sa.select(artifact_manifests)
        .where(artifact_manifests.c.artifact_id == artifact_id)
        .order_by(artifact_manifests.c.id)
    )
    return [_manifest_from_row(row) for row in rows]


def latest_manifest(conn: Connection, artifact_id: int) -> Manifest | None:
    manifests = list_manifests(conn, artifact_id)
    return manifests[-1] if manifests else None


def _manifest_from_row(row: Row[Any]) -> Manifest:
    values = dict(row._mapping)
    sha256 = values.pop("sha256")
    return Manifest(sha256=None if sha256 is None else bytes(sha256), **values)


# ---- blobs


_BLOB_COLUMNS = (
    artifact_contents.c.sha256,
    artifacts.c.manifest_sha256,
    artifact_manifests.c.sha256,
)


def list_unreferenced(conn: Connection, digests: Sequence[bytes]) -> list[bytes]:
    """Those of the SHA-256 digests that no content and no manifest refers to."""
    used: set[bytes] = set()
    for some in in_steps(digests):
        for column in _BLOB_COLUMNS:
            found = conn.execute(sa.select(column).where(column.in_(some)))
            used.update(bytes(digest) for digest in found.scalars())
    return [digest for digest in digests if digest not in used]


def list_digests(conn: Connection) -> list[bytes]:
    """SHA-256 digests of all content and manifests, in order."""
    every = sa.union(
        *(sa.select(column.label("sha256")).where(column.is_not(None)) for column in _BLOB_COLUMNS)
    ).subquery()
    ordered = sa.select(every.c.sha256).order_by(every.c.sha256)
    return [bytes(digest) for digest in conn.execute(ordered).scalars()]


# ---- below all of them


def _by_id(
    conn: Connection,
    statement: sa.Select[Any],
    column: sa.Column[Any],
    ids: Sequence[int],
    from_row: Callable[[Row[Any]], Any],
) -> dict[int, Any]:
    found: dict[int, Any] = {}
    for some in in_steps(ids):
        read = [from_row(row) for row in conn.execute(statement.where(column.in_(some)))]
        found |= {each.id: each for each in read}
    return found


def _tags(
    conn: Connection, table: sa.Table, owner: sa.Column[Any], ids: Sequence[int]
) -> dict[int, list[Tag]]:
    found: dict[int, list[Tag]] = {}
    for some in in_steps(ids):
        rows = conn.execute(
            sa.select(table.c.id, owner.label("owner_id"), table.c.tag)
            .where(owner.in_(some))
            .order_by(table.c.tag)
        )
        for row in rows:
            found.setdefault(row.owner_id, []).append(Tag(row.id, row.tag))
    return found


def is_committed() -> sa.ColumnElement[bool]:
    """The condition that a version is there, neither draft nor trash."""
    return artifacts.c.state == COMMITTED
