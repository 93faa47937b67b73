"""Filtered, ordered pages of versions and collections, on both databases: what SQL answers is what
a plain loop over all rows answers, and pages put together are the list.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from sqlalchemy.engine import Connection

from steelyard.errors import Invalid
from steelyard.server.db.interface import Database
from steelyard.server.rooms.artifacts.gateway_lists import (
    Asked,
    ListPage,
    list_collections,
    list_versions,
)
from steelyard.server.rooms.artifacts.tables import (
    artifact_aliases,
    artifact_collection_tags,
    artifact_collections,
    artifact_members,
    artifact_tags,
    artifact_types,
    artifacts,
)
from steelyard.server.rooms.projects.commands import ensure_project
from tests.support.accounts import NOW_US, make_caller

Lister = Callable[[Connection, Asked], ListPage[Any]]

version_paths = st.sampled_from(
    [
        *("state", "version_index", "versionIndex", "version", "size", "tag", "tags", "alias"),
        *("description", "createdAt", "metadata.lr", "metadata.a.b", "digest", "file_count"),
    ]
)
collection_paths = st.sampled_from(["name", "tag", "type", "description", "created_at", "kind"])
values = st.one_of(
    st.integers(-1, 4),
    st.sampled_from(["x", "y", "a", "b", "v1", "COMMITTED", "", "d1", "c1", "dataset"]),
    st.none(),
    st.booleans(),
)
TIME = "2026-11-21T12:00:00Z"


def conditions(paths: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Conditions of all operators on these fields; moments are compared with moments."""
    ordered = st.sampled_from(["$gt", "$gte", "$lt", "$lte"])
    plain = st.one_of(
        st.tuples(st.sampled_from(["$eq", "$ne"]), values),
        st.tuples(ordered, st.one_of(st.integers(-1, 4), st.sampled_from(["a", "d1"]))),
        st.tuples(st.sampled_from(["$in", "$nin"]), st.lists(values, max_size=3)),
        st.tuples(st.just("$exists"), st.booleans()),
        st.tuples(st.just("$regex"), st.sampled_from(["^a", "d[12]", "x|y"])),
    )
    timed = st.tuples(st.one_of(ordered, st.just("$eq")), st.just(TIME))

    def on(path: str) -> st.SearchStrategy[dict[str, Any]]:
        operators = timed if path in ("createdAt", "created_at") else plain
        return st.lists(operators, min_size=1, max_size=2).map(lambda parts: {path: dict(parts)})

    return paths.flatmap(on)


def filters(paths: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.recursive(
        conditions(paths),
        lambda inner: st.one_of(
            st.builds(
                lambda key, parts: {key: parts},
                st.sampled_from(["$and", "$or", "$nor"]),
                st.lists(inner, min_size=1, max_size=3),
            ),
            st.builds(lambda part: {"$not": part}, inner),
        ),
        max_leaves=4,
    )


def orders(*fields: str) -> st.SearchStrategy[str | None]:
    parts = st.tuples(st.sampled_from(["", "+", "-"]), st.sampled_from(fields))
    joined = st.lists(parts, max_size=2).map(lambda each: ",".join(s + f for s, f in each))
    return st.one_of(st.none(), joined)


def _insert(conn: Connection, table: sa.Table, **values: Any) -> int:
    made = conn.execute(sa.insert(table).values(values).returning(*table.primary_key.columns))
    return int(made.scalar_one())


def fill(conn: Connection) -> tuple[int, int]:
    """A project with collections of two types, one of them with versions; (project, collection)."""
    caller = make_caller(conn)
    project, _ = ensure_project(conn, caller=caller, entity="", name="p", now_us=NOW_US)
    clock = itertools.count(NOW_US, 500_000)
    types = [
        _insert(conn, artifact_types, project_id=project.id, name=name, created_at_us=NOW_US)
        for name in ("dataset", "model")
    ]
    collections = []
    for number in range(6):
        at_us = next(clock)
        collection = _insert(
            conn,
            artifact_collections,
            project_id=project.id,
            type_id=types[number % 2],
            kind="sequence" if number < 4 else "portfolio",
            name=f"c{(number * 5) % 6}",
            description=None if number % 3 else "a",
            created_at_us=at_us,
            updated_at_us=at_us,
        )
        collections.append(collection)
        if number % 2:
            _insert(conn, artifact_collection_tags, collection_id=collection, tag="x")
    for index in range(7):
        _add_version(conn, project.id, collections[0], index, next(clock))
    return project.id, collections[0]


def _add_version(
    conn: Connection, project_id: int, collection_id: int, index: int, at_us: int
) -> None:
    artifact = _insert(
        conn,
        artifacts,
        project_id=project_id,
        collection_id=collection_id,
        version_index=index,
        state="COMMITTED",
        digest=f"d{index % 3}",
        digest_algorithm="MANIFEST_MD5",
        description=None if index % 2 else "a",
        metadata=json.dumps({"lr": index % 3, "a": {"b": "x"}} if index else {}),
        size_bytes=index % 4,
        file_count=1,
        created_at_us=at_us,
        updated_at_us=at_us,
    )
    member = _insert(
        conn,
        artifact_members,
        collection_id=collection_id,
        version_index=index,
        artifact_id=artifact,
        is_link=False,
        is_hidden=index == 5,
        created_at_us=at_us,
    )
    if index % 2:
        _insert(conn, artifact_tags, artifact_id=artifact, tag="x")
    if index % 3 == 0:
        _insert(conn, artifact_tags, artifact_id=artifact, tag="y")
        _insert(
            conn,
            artifact_aliases,
            collection_id=collection_id,
            alias=f"a{index}",
            member_id=member,
            updated_at_us=at_us,
        )


@pytest.fixture
def places(db: Database) -> tuple[int, int]:
    return db.write_now(fill)


def check(db: Database, list_page: Lister, asked: Asked, *, pattern_on: str) -> None:
    """The list by SQL, by a loop, and page by page are one."""

    def read(conn: Connection) -> None:
        whole = list_page(conn, asked)
        always_true = {pattern_on: {"$regex": ""}}
        loop = {"$and": [asked.filters or {}, always_true]}
        by_hand = list_page(conn, Asked(asked.limit, loop, asked.order))
        assert whole.rows == by_hand.rows
        assert whole.count() == by_hand.count() == len(whole.rows)
        assert not whole.has_more
        paged: list[Any] = []
        after: str | None = None
        while True:
            page = list_page(conn, Asked(2, asked.filters, asked.order, after))
            assert page.count() == len(whole.rows)
            paged += page.rows
            if not page.has_more:
                break
            after = page.places[-1]
        assert paged == whole.rows

    db.read_now(read)


@given(
    filter=st.one_of(st.none(), filters(version_paths)),
    order=orders("version_index", "createdAt", "size", "updated_at"),
)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_versions_are_filtered_as_by_hand_and_pages_make_the_list(
    db: Database, places: tuple[int, int], filter: Any, order: str | None
) -> None:
    check(
        db,
        lambda conn, asked: list_versions(conn, places[1], asked),
        Asked(100, filter, order),
        pattern_on="digest",
    )


@given(
    filter=st.one_of(st.none(), filters(collection_paths)),
    order=orders("name", "created_at", "id"),
    of_type=st.booleans(),
)
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_collections_are_filtered_as_by_hand_and_pages_make_the_list(
    db: Database, places: tuple[int, int], filter: Any, order: str | None, of_type: bool
) -> None:
    def list_page(conn: Connection, asked: Asked) -> ListPage[Any]:
        type_id = conn.execute(sa.select(sa.func.min(artifact_types.c.id))).scalar_one()
        return list_collections(conn, places[0], asked, type_id=type_id if of_type else None)

    check(db, list_page, Asked(100, filter, order), pattern_on="name")


def test_versions_are_given_newest_first_and_those_in_the_trash_left_out(
    db: Database, places: tuple[int, int]
) -> None:
    page = db.read_now(list_versions, places[1], Asked(100))
    assert [member.version_index for member, _ in page.rows] == [6, 4, 3, 2, 1, 0]


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (Asked(10, {"nonsense": 1}), "no field 'nonsense'"),
        (Asked(10, {"metadata": 1}), "no field 'metadata'"),
        (Asked(10, None, "alias"), "no order by 'alias'"),
        (Asked(10, None, "+"), "no order by ''"),
        (Asked(10, None, None, "x"), "no cursor"),
        (Asked(10, None, None, "[1]"), "another order"),
        (Asked(10, None, "size", '["a", 1]'), "another order"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_a_reason(
    db: Database, places: tuple[int, int], asked: Asked, reason: str
) -> None:
    with pytest.raises(Invalid, match=reason):
        db.read_now(list_versions, places[1], asked)
