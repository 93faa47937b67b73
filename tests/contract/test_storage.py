"""What uses space, and what a deletion would free, compared with a plain count."""

from __future__ import annotations

import hashlib
import itertools
from collections import defaultdict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Connection

import steelyard.server.tables  # noqa: F401  # declares every table
from steelyard.server.blobs.interface import StoredBlob
from steelyard.server.db.dialect import metadata
from steelyard.server.db.interface import Database
from steelyard.server.rooms.accounts.model import Caller
from steelyard.server.rooms.artifacts.contents import record_contents
from steelyard.server.rooms.artifacts.drafts import create_artifact
from steelyard.server.rooms.artifacts.model import Actor, NewDraft
from steelyard.server.rooms.files.commands import put_file
from steelyard.server.rooms.projects.commands import ensure_project
from steelyard.server.rooms.projects.model import Project
from steelyard.server.rooms.storage.queries import get_overview, get_project_storage
from tests.support.accounts import NOW_US, make_caller, make_run

_numbers = itertools.count()
#: (project, "run" or "collection", name in the project, content)
Reference = tuple[int, str, int, int]
REFERENCES = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(["run", "collection"]),
        st.integers(0, 2),
        st.integers(0, 4),
    ),
    max_size=14,
    unique=True,
)


def blob_of(content: int) -> StoredBlob:
    """Contents differ in size, so that a sum tells which are in it."""
    name = b"content %d" % content
    return StoredBlob(hashlib.sha256(name).digest(), hashlib.md5(name).digest(), 10**content)


class RolledBack(Exception):
    """The next example starts without what this one wrote."""


class World:
    """Two projects of one caller, one of another."""

    def __init__(self, conn: Connection) -> None:
        self.conn = conn
        self.callers = [make_caller(conn), make_caller(conn)]
        self.projects = [self._make_project(0), self._make_project(0), self._make_project(1)]
        self.names: dict[tuple[int, str, int], str] = {}

    def _make_project(self, owner: int) -> Project:
        project, _ = ensure_project(
            self.conn,
            caller=self.callers[owner],
            entity="",
            name=f"project-{next(_numbers)}",
            now_us=NOW_US,
        )
        return project

    def owner_of(self, project: int) -> Caller:
        return self.callers[0 if project < 2 else 1]

    def refer(self, reference: Reference) -> None:
        number, kind, owner, content = reference
        project = self.projects[number]
        name = self.names.setdefault((number, kind, owner), f"{kind}-{owner}")
        if kind == "run":
            run = make_run(self.conn, self.owner_of(number), project=project.name, name=name)
            put_file(
                self.conn,
                run_id=run.id,
                name=f"file-{content}",
                blob=blob_of(content),
                now_us=NOW_US,
            )
            return
        draft = NewDraft(
            type="dataset", collection=name, digest="", client_id=f"client-{next(_numbers)}"
        )
        actor = Actor(user_id=self.owner_of(number).user_id)
        artifact = create_artifact(
            self.conn, project=project, draft=draft, actor=actor, now_us=NOW_US
        )
        record_contents(self.conn, artifact.id, [blob_of(content)], now_us=NOW_US)


def expect(
    references: list[Reference], scope: set[int]
) -> tuple[dict[int, tuple[int, int]], dict[tuple[int, str, int], tuple[int, int]]]:
    """({project: (size, freed)}, {owner: (size, freed)}) by counting, sharing only in `scope`."""
    by_project: dict[int, set[int]] = defaultdict(set)
    by_owner: dict[tuple[int, str, int], set[int]] = defaultdict(set)
    for project, kind, owner, content in references:
        if project in scope:
            by_project[project].add(content)
            by_owner[project, kind, owner].add(content)

    def sizes(mine: set[int], others: list[set[int]]) -> tuple[int, int]:
        alone = mine - set().union(*others)
        return sum(10**c for c in mine), sum(10**c for c in alone)

    return (
        {
            key: sizes(mine, [o for k, o in by_project.items() if k != key])
            for key, mine in by_project.items()
        },
        {
            key: sizes(mine, [o for k, o in by_owner.items() if k != key])
            for key, mine in by_owner.items()
        },
    )


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(references=REFERENCES)
def test_sizes_and_what_is_freed_are_as_counted_by_hand(
    db: Database, references: list[Reference]
) -> None:
    """The caller sees two of the three projects; what the third shares is not told."""

    def check(conn: Connection) -> None:
        world = World(conn)
        for reference in references:
            world.refer(reference)
        caller = world.callers[0]
        scope = list(caller.entity_roles)
        projects, owners = expect(references, {0, 1})
        overview = get_overview(conn, entity_ids=scope, limit=200)
        found = {usage.project: usage for usage in overview.projects}
        assert set(found) == {world.projects[number].name for number in projects}
        for number, (size, freed) in projects.items():
            usage = found[world.projects[number].name]
            assert (usage.size_bytes, usage.freed_bytes) == (size, freed)
        assert overview.content_bytes == sum({10**c for p, _, _, c in references if p < 2})
        for number in (0, 1):
            storage = get_project_storage(conn, world.projects[number], entity_ids=scope, limit=200)
            rows = {("run", run.name): run for run in storage.runs} | {
                ("collection", each.name): each for each in storage.collections
            }
            expected = {key[1:]: sizes for key, sizes in owners.items() if key[0] == number}
            assert len(rows) == len(expected) == storage.run_count + storage.collection_count
            for (kind, owner), (size, freed) in expected.items():
                row = rows[kind, f"{kind}-{owner}"]
                assert (row.size_bytes, row.freed_bytes) == (size, freed)
                assert row.shared_bytes == size - freed
            assert storage.usage.size_bytes == projects.get(number, (0, 0))[0]
            assert storage.usage.freed_bytes == projects.get(number, (0, 0))[1]
        raise RolledBack

    with pytest.raises(RolledBack):
        db.write_now(check)


def test_a_list_has_the_largest_and_the_sums_of_all(db: Database) -> None:
    def check(conn: Connection) -> None:
        world = World(conn)
        for reference in [(0, "run", 0, 1), (1, "run", 0, 4), (1, "run", 1, 2)]:
            world.refer(reference)
        scope = list(world.callers[0].entity_roles)
        overview = get_overview(conn, entity_ids=scope, limit=1)
        assert [usage.project for usage in overview.projects] == [world.projects[1].name]
        assert (overview.project_count, overview.size_bytes) == (2, 10_110)
        storage = get_project_storage(conn, world.projects[1], entity_ids=scope, limit=1)
        assert ([run.name for run in storage.runs], storage.run_count) == (["run-0"], 2)
        assert (storage.usage.file_bytes, storage.usage.artifact_bytes) == (10_100, 0)

    db.write_now(check)


def test_admins_are_told_of_the_whole_server_with_its_database(db: Database) -> None:
    def check(conn: Connection) -> None:
        world = World(conn)
        world.refer((0, "run", 0, 3))
        world.refer((2, "collection", 0, 3))
        overview = get_overview(conn, entity_ids=None, limit=200)
        assert overview.is_whole_server
        assert overview.database_bytes is not None and overview.database_bytes > 100_000
        assert [usage.freed_bytes for usage in overview.projects] == [0, 0]
        assert overview.content_bytes == 1000

    db.write_now(check)


def test_every_column_that_names_a_content_is_asked_before_it_is_deleted() -> None:
    """Whoever adds a column with a SHA-256 of a blob says so in rooms/storage/references.py."""
    found = {
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if "sha256" in column.name
    }
    not_of_contents = {
        "api_keys.key_sha256",
        "login_tokens.token_sha256",
        "sessions.token_sha256",
    }
    assert found - not_of_contents == {
        "run_files.sha256",
        "artifact_contents.sha256",
        "artifacts.manifest_sha256",
        "artifact_manifests.sha256",
    }
