"""Whatever is done to the versions of a collection, in whatever order: what stays true of it."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steelyard.errors import Conflict
from steelyard.server.db.interface import Database
from steelyard.server.rooms.artifacts.edits import add_aliases, remove_aliases
from steelyard.server.rooms.artifacts.history import list_events
from steelyard.server.rooms.artifacts.model import Event
from steelyard.server.rooms.artifacts.queries import (
    find_collection,
    find_latest,
    find_own_member,
    get_artifact,
    list_aliases,
    list_members,
)
from steelyard.server.rooms.artifacts.removal import restore_artifact, trash_artifact
from tests.support.artifacts import Shelf

project_numbers = itertools.count(1)
numbers = st.integers(0, 3)
aliases = st.sampled_from(["prod", "best", "latest"])
steps = st.one_of(
    st.tuples(st.just("log"), numbers, aliases),
    st.tuples(st.just("point"), numbers, aliases),
    st.tuples(st.just("take"), numbers, aliases),
    st.tuples(st.just("delete"), numbers, aliases),
    st.tuples(st.just("restore"), numbers, aliases),
)


class Play:
    """A collection, what was done to it, and what ought to be true of it."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf, self.db = shelf, shelf.db
        self.act: dict[str, Any] = {"actor": shelf.actor, "now_us": shelf.now_us}
        self.ids: list[int] = []

    def do(self, kind: str, number: int, alias: str) -> None:
        if kind == "log":
            named = [] if alias == "latest" else [alias]
            made = self.shelf.log({"a": str(number).encode()}, aliases=named)
            self.ids += [] if made.id in self.ids else [made.id]
            return
        if number >= len(self.ids):
            return
        artifact = self.db.read_now(get_artifact, self.ids[number])
        member = self.db.read_now(find_own_member, artifact.id)
        if kind == "delete":
            self.db.write_now(trash_artifact, artifact, delete_aliases=True, **self.act)
        elif kind == "restore":
            try:
                self.db.write_now(restore_artifact, artifact, **self.act)
            except Conflict:
                assert artifact.state == "COMMITTED"
        elif member is not None and kind == "point":
            self.db.write_now(add_aliases, member, [alias], **self.act)
        elif member is not None:
            self.db.write_now(remove_aliases, member, [alias], **self.act)

    def check(self) -> None:
        collection = self.db.read_now(find_collection, self.shelf.project.id, "data")
        if collection is None:
            return
        members = self.db.read_now(list_members, collection.id, limit=99)
        living = {member.version_index: member for member in members}
        assert collection.version_count == len(living)
        pointed = {
            alias.alias: alias.artifact_id
            for alias in self.db.read_now(list_aliases, collection.id, limit=99)
        }
        assert set(pointed.values()) <= {member.artifact_id for member in members}
        for artifact_id in self.ids:
            artifact = self.db.read_now(get_artifact, artifact_id)
            assert (artifact.version_index in living) == (artifact.state == "COMMITTED")
        events = self.db.read_now(list_events, collection_id=collection.id, limit=999)[::-1]
        replayed, alive = replay(events)
        assert alive == living.keys()
        assert replayed == {
            alias: next(i for i, member in living.items() if member.artifact_id == artifact_id)
            for alias, artifact_id in pointed.items()
        }
        newest = self.db.read_now(find_latest, collection.id)
        expected = replayed.get("latest", max(living, default=None))
        assert (None if newest is None else newest.version_index) == expected


def replay(events: list[Event]) -> tuple[dict[str, int], set[int]]:
    """(index by alias, living versions) as the events tell it."""
    pointed: dict[str, int] = {}
    alive: set[int] = set()
    for event in events:
        index = event.version_index
        assert index is not None
        if event.kind in ("version_logged", "version_restored"):
            alive.add(index)
        elif event.kind == "version_deleted":
            alive.discard(index)
            pointed = {alias: at for alias, at in pointed.items() if at != index}
        elif event.alias is not None and event.kind in ("alias_added", "alias_moved"):
            assert pointed.get(event.alias) == event.from_index
            assert (event.from_index is None) == (event.kind == "alias_added")
            pointed[event.alias] = index
        elif event.kind == "alias_removed":
            assert event.alias is not None
            assert pointed.pop(event.alias) == index
    return pointed, alive


@settings(
    max_examples=30,
    deadline=None,
    # One database for all examples: each has a project of its own.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(done=st.lists(steps, max_size=14))
def test_aliases_versions_and_events_agree_after_any_sequence(
    db: Database, tmp_path: Path, done: list[tuple[str, int, str]]
) -> None:
    play = Play(Shelf(db, tmp_path, name=f"p{next(project_numbers)}"))
    for step in done:
        play.do(*step)
        play.check()
