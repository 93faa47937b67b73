"""Filtered, ordered pages of collections and versions, for the gateway.

A page starts behind the values of the last row of the one before, so that it costs the same
wherever it lies. What SQL cannot say of a filter (metadata, patterns) is looked at here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from steelyard.errors import Invalid, TooLarge
from steelyard.limits import ARTIFACT_ROWS_SCANNED_MAX, SQL_LIST_ITEMS_MAX
from steelyard.server.rooms.artifacts.gateway_fields import (
    COLLECTIONS,
    VERSIONS,
    Clause,
    Many,
    Subject,
    clause_of,
    number_versions,
    read_field,
)
from steelyard.server.rooms.artifacts.model import Artifact, Collection, Member
from steelyard.server.rooms.artifacts.queries import (
    aliases_by_member,
    artifacts_by_id,
    collections_by_id,
    members_by_id,
    tags_by_artifact,
    tags_by_collection,
)
from steelyard.server.rooms.artifacts.tables import (
    artifact_collections,
    artifact_members,
    artifact_types,
    artifacts,
)
from steelyard.server.rooms.runs.filters import matches, parse_filter

T = TypeVar("T")
Values = dict[str, Any]


class ListPage(msgspec.Struct, Generic[T], frozen=True):
    """Some rows, where each of them stands in the list, and how many there are in all."""

    rows: list[T]
    places: list[str]
    has_more: bool
    count: Callable[[], int]


class Asked(msgspec.Struct, frozen=True):
    """What a client wants of a list."""

    limit: int
    filters: Any = None
    """A MongoDB filter as JSON gave it."""
    order: str | None = None
    after: str | None = None
    """A place of an earlier page."""


def list_collections(
    conn: Connection, project_id: int, asked: Asked, *, type_id: int | None = None
) -> ListPage[Collection]:
    """Collections of a project (of one type), newest first unless `asked` has an order."""
    c = artifact_collections.c
    base = (
        sa.select(c.id)
        .join(artifact_types, artifact_types.c.id == c.type_id)
        .where(c.project_id == project_id, c.deleted_mark == 0)
    )
    if type_id is not None:
        base = base.where(c.type_id == type_id)

    def read(ids: Sequence[int]) -> dict[int, Collection]:
        return collections_by_id(conn, ids)

    def describe(found: dict[int, Collection]) -> dict[int, Values]:
        tags = tags_by_collection(conn, list(found))
        return {
            id: {
                **msgspec.structs.asdict(each),
                "created_at": each.created_at_us,
                "updated_at": each.updated_at_us,
                "tag": [tag.tag for tag in tags.get(id, ())] or None,
            }
            for id, each in found.items()
        }

    listing = _Listing(conn, COLLECTIONS, base, asked, default_order="-id")
    return listing.page(read, describe)


def list_versions(
    conn: Connection, collection_id: int, asked: Asked
) -> ListPage[tuple[Member, Artifact]]:
    """Versions in a collection, newest first unless `asked` has an order."""
    c = artifact_members.c
    base = (
        sa.select(c.id)
        .join(artifacts, artifacts.c.id == c.artifact_id)
        .where(c.collection_id == collection_id, sa.not_(c.is_hidden))
    )

    def read(ids: Sequence[int]) -> dict[int, tuple[Member, Artifact]]:
        members = members_by_id(conn, ids)
        found = artifacts_by_id(conn, [member.artifact_id for member in members.values()])
        return {id: (member, found[member.artifact_id]) for id, member in members.items()}

    def describe(found: dict[int, tuple[Member, Artifact]]) -> dict[int, Values]:
        tags = tags_by_artifact(conn, [artifact.id for _, artifact in found.values()])
        aliases = aliases_by_member(conn, list(found))
        return {
            id: {
                **msgspec.structs.asdict(artifact),
                "id": id,
                "version_index": member.version_index,
                "linked_at": member.created_at_us,
                "created_at": artifact.created_at_us,
                "updated_at": artifact.updated_at_us,
                "size": artifact.size_bytes,
                "tag": [tag.tag for tag in tags.get(artifact.id, ())] or None,
                "alias": [alias.alias for alias in aliases.get(id, ())] or None,
            }
            for id, (member, artifact) in found.items()
        }

    listing = _Listing(conn, VERSIONS, base, asked, default_order="-version_index")
    return listing.page(read, describe)


class _Listing:
    """One list: the statement that gives the ids of its rows, and what is asked of it."""

    def __init__(
        self,
        conn: Connection,
        subject: Subject,
        base: sa.Select[Any],
        asked: Asked,
        *,
        default_order: str,
    ) -> None:
        self._conn = conn
        self._subject = subject
        self._asked = asked
        self._filter = number_versions(parse_filter(asked.filters, subject.parse_field))
        self._order = subject.parse_order(asked.order, default_order)
        self._columns = [self._sortable(name) for name, _ in self._order]
        clause, self._is_exact = clause_of(subject, self._filter)
        self._base = base.where(clause)

    def page(
        self,
        read: Callable[[Sequence[int]], dict[int, T]],
        describe: Callable[[dict[int, T]], dict[int, Values]],
    ) -> ListPage[T]:
        """The page that was asked for. `read` gives rows by id, `describe` what filters see."""
        limit = self._asked.limit
        after = None if self._asked.after is None else self._parse_place(self._asked.after)

        def choose(ids: list[int]) -> set[int]:
            if self._is_exact:
                return set(ids)
            described = describe(read(ids))
            return {id for id in ids if id in described and self._is_match(described[id])}

        found: list[tuple[int, list[Any]]] = []
        for item in self._matching(choose, after, at_once=limit + 1):
            found.append(item)
            if len(found) > limit:
                break
        rows = read([id for id, _ in found[:limit]])
        chosen = [(rows[id], place) for id, place in found[:limit] if id in rows]
        return ListPage(
            rows=[row for row, _ in chosen],
            places=[msgspec.json.encode(place).decode() for _, place in chosen],
            has_more=len(found) > limit,
            count=lambda: self._count(choose),
        )

    def _count(self, choose: Callable[[list[int]], set[int]]) -> int:
        if not self._is_exact:
            return sum(1 for _ in self._matching(choose, None, at_once=SQL_LIST_ITEMS_MAX))
        counted = self._base.with_only_columns(sa.func.count(), maintain_column_froms=True)
        return int(self._conn.execute(counted).scalar_one())

    def _matching(
        self, choose: Callable[[list[int]], set[int]], after: list[Any] | None, *, at_once: int
    ) -> Iterator[tuple[int, list[Any]]]:
        """Ids that match, with their places, from behind `after` on."""
        statement = self._base.add_columns(
            *(column.label(f"place_{number}") for number, column in enumerate(self._columns))
        ).order_by(
            *(
                column.desc() if is_descending else column.asc()
                for column, (_, is_descending) in zip(self._columns, self._order, strict=True)
            )
        )
        seen = 0
        while True:
            page = statement if after is None else statement.where(self._behind(after))
            rows = self._conn.execute(page.limit(at_once)).all()
            chosen = choose([row[0] for row in rows])
            yield from ((row[0], list(row[1:])) for row in rows if row[0] in chosen)
            if len(rows) < at_once:
                return
            after = list(rows[-1][1:])
            seen += len(rows)
            if seen > ARTIFACT_ROWS_SCANNED_MAX:
                raise TooLarge(
                    f"the search of {self._subject.what} for this filter",
                    size=seen,
                    limit=ARTIFACT_ROWS_SCANNED_MAX,
                    limit_name="ARTIFACT_ROWS_SCANNED_MAX",
                )

    def _is_match(self, values: Values) -> bool:
        return matches(self._filter, lambda field: read_field(values, field))

    def _sortable(self, name: str) -> sa.ColumnElement[Any]:
        column = self._subject.columns[name]
        assert not isinstance(column, Many), "lists of values give no order"
        return column

    def _behind(self, after: list[Any]) -> Clause:
        """Later in the order than the place: by the first column, or equal there and …"""
        clause: Clause = sa.false()
        steps = list(zip(self._order, self._columns, after, strict=True))
        for (_, is_descending), column, value in reversed(steps):
            is_behind = column < value if is_descending else column > value
            clause = sa.or_(is_behind, sa.and_(column == value, clause))
        return clause

    def _parse_place(self, text: str) -> list[Any]:
        try:
            place = msgspec.json.decode(text, type=list[int | str])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Invalid(f"{text[:80]!r} is no cursor of this list") from error
        is_text = [isinstance(column.type, sa.Text) for column in self._columns]
        if [isinstance(value, str) for value in place] != is_text:
            raise Invalid("the cursor is of a list with another order; start from the first page")
        return list(place)
