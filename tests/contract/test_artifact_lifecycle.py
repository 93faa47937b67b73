"""Aliases, links, uses, the trash, expiry, and the sweep of contents that nothing names."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from steelyard.errors import ArtifactNotFound, Conflict, Invalid
from steelyard.limits import ARTIFACT_DRAFT_HOURS, ARTIFACT_TRASH_DAYS
from steelyard.server.db.interface import Database
from steelyard.server.rooms.artifacts.collections import update_collection
from steelyard.server.rooms.artifacts.contents import ask_contents
from steelyard.server.rooms.artifacts.diff import diff_files
from steelyard.server.rooms.artifacts.edits import add_aliases, remove_aliases, update_artifact
from steelyard.server.rooms.artifacts.files import find_content
from steelyard.server.rooms.artifacts.freed import freed_by_version
from steelyard.server.rooms.artifacts.history import list_events
from steelyard.server.rooms.artifacts.lineage import trace_lineage
from steelyard.server.rooms.artifacts.links import link_artifact, unlink
from steelyard.server.rooms.artifacts.model import TTL_INHERIT, TTL_NEVER, Artifact, Member
from steelyard.server.rooms.artifacts.names import parse_md5
from steelyard.server.rooms.artifacts.queries import (
    aliases_by_artifact,
    find_artifact,
    find_collection,
    find_member,
    find_own_member,
    get_artifact,
    list_digests,
    list_unreferenced,
    members_by_artifact,
)
from steelyard.server.rooms.artifacts.removal import (
    get_usage,
    list_trash,
    restore_artifact,
    trash_artifact,
    trash_collection,
)
from steelyard.server.rooms.artifacts.uses import list_logged, list_used, list_uses, use_artifact
from steelyard.server.rooms.offboarding.commands import delete_project, delete_run_with_artifacts
from steelyard.server.rooms.projects.queries import find_project
from steelyard.server.rooms.runs.commands import delete_run
from steelyard.server.rooms.runs.queries import find_run_by_id
from steelyard.server.tasks.artifacts import age_artifacts
from tests.support.accounts import make_run
from tests.support.artifacts import Shelf, md5_of

DAY_US = 24 * 3600 * 1_000_000


@pytest.fixture
def shelf(db: Database, tmp_path: Path) -> Shelf:
    return Shelf(db, tmp_path / "blobs")


def own(shelf: Shelf, artifact: Artifact) -> Member:
    member = shelf.db.read_now(find_own_member, artifact.id)
    assert member is not None
    return member


def point(shelf: Shelf, artifact: Artifact, *aliases: str) -> None:
    member = own(shelf, artifact)
    shelf.db.write_now(add_aliases, member, aliases, actor=shelf.actor, now_us=shelf.now_us)


def aliases(shelf: Shelf, artifact: Artifact) -> list[str]:
    found = shelf.db.read_now(aliases_by_artifact, [artifact.id])
    return [alias.alias for alias in found.get(artifact.id, [])]


def delete(shelf: Shelf, artifact: Artifact, *, with_aliases: bool = True) -> Artifact:
    return shelf.db.write_now(
        trash_artifact,
        artifact,
        delete_aliases=with_aliases,
        actor=shelf.actor,
        now_us=shelf.now_us,
    )


def age(shelf: Shelf, *, days: float = 0) -> None:
    shelf.now_us += int(days * DAY_US)
    asyncio.run(age_artifacts(shelf.db, now_us=shelf.now_us))


def has_content(shelf: Shelf, artifact: Artifact, content: bytes) -> bool:
    md5 = parse_md5(md5_of(content))
    return shelf.db.read_now(find_content, artifact.collection_id, md5) is not None


def test_an_alias_moves_and_its_way_is_kept(shelf: Shelf) -> None:
    versions = [shelf.log({"a": str(i).encode()}) for i in range(3)]
    point(shelf, versions[2], "prod")
    point(shelf, versions[0], "prod")
    point(shelf, versions[0], "prod")
    assert aliases(shelf, versions[0]) == ["prod"]
    assert aliases(shelf, versions[2]) == ["latest"]
    gone = shelf.db.write_now(
        remove_aliases,
        own(shelf, versions[0]),
        ["prod", "never"],
        actor=shelf.actor,
        now_us=shelf.now_us,
        note="rolled back",
    )
    assert gone == ["prod"]
    events = shelf.db.read_now(list_events, collection_id=versions[0].collection_id, limit=3)
    assert [(e.kind, e.alias, e.version_index, e.from_index, e.note) for e in events] == [
        ("alias_removed", "prod", 0, None, "rolled back"),
        ("alias_moved", "prod", 0, 2, None),
        ("alias_added", "prod", 2, None, None),
    ]
    assert events[0].username == shelf.caller.username


def test_a_version_with_aliases_is_deleted_with_them_only(shelf: Shelf) -> None:
    first, second = shelf.log({"a": b"1"}), shelf.log({"a": b"2"})
    with pytest.raises(Conflict, match=r"has aliases \(latest\)"):
        delete(shelf, second, with_aliases=False)
    gone = delete(shelf, second)
    assert gone.state == "PENDING_DELETION"
    assert delete(shelf, gone) == gone
    assert aliases(shelf, first) == ["latest"]
    assert shelf.db.read_now(find_member, shelf.project.id, "data", "v1") is None
    assert [a.id for a in shelf.db.read_now(list_trash, shelf.project.id, limit=9)] == [second.id]
    collection = shelf.db.read_now(find_collection, shelf.project.id, "data")
    assert collection is not None and collection.version_count == 1
    third = shelf.log({"a": b"2"})  # what was deleted does not count as being there
    assert (third.version, third.id == second.id) == ("v2", False)


def test_what_is_in_the_trash_comes_back_with_links_and_free_aliases(shelf: Shelf) -> None:
    first, second = shelf.log({"a": b"1"}), shelf.log({"a": b"2"})
    point(shelf, second, "best", "prod")
    link = shelf.db.write_now(
        link_artifact,
        second,
        project=shelf.project,
        portfolio="shown",
        aliases=["stable"],
        actor=shelf.actor,
        now_us=shelf.now_us,
    )
    assert link.version == "v0"
    delete(shelf, second)
    assert shelf.db.read_now(find_member, shelf.project.id, "shown", "stable") is None
    point(shelf, first, "prod")
    trashed = shelf.db.read_now(get_artifact, second.id)
    back = shelf.db.write_now(restore_artifact, trashed, actor=shelf.actor, now_us=shelf.now_us)
    assert back.state == "COMMITTED"
    assert sorted(aliases(shelf, second)) == ["best", "latest", "latest", "stable"]
    assert aliases(shelf, first) == ["prod"]
    assert shelf.db.read_now(find_member, shelf.project.id, "shown", "stable") is not None
    with pytest.raises(Conflict, match="not deleted"):
        shelf.db.write_now(restore_artifact, back, actor=shelf.actor, now_us=shelf.now_us)


def test_the_trash_is_emptied_and_only_unnamed_contents_go(shelf: Shelf) -> None:
    first = shelf.log({"shared": b"shared", "old": b"only old"})
    second = shelf.log({"shared": b"shared", "new": b"new"})
    assert shelf.db.read_now(freed_by_version, first) == len(b"only old")
    assert shelf.db.read_now(freed_by_version, second) == len(b"new")
    delete(shelf, first)
    age(shelf, days=ARTIFACT_TRASH_DAYS - 0.1)
    assert has_content(shelf, first, b"only old")
    age(shelf, days=0.2)
    gone = shelf.db.read_now(find_artifact, first.id)
    assert gone is not None and (gone.state, gone.manifest_sha256) == ("DELETED", None)
    assert not has_content(shelf, first, b"only old")
    assert has_content(shelf, first, b"shared")
    collection = shelf.db.read_now(find_collection, shelf.project.id, "data")
    assert collection is not None
    assert (collection.content_bytes, collection.dirty_since_us) == (len(b"sharednew"), None)
    named = shelf.db.read_now(list_digests)
    assert first.manifest_sha256 is not None
    assert shelf.db.read_now(list_unreferenced, [*named, first.manifest_sha256]) == [
        first.manifest_sha256
    ]
    with pytest.raises(Conflict, match="gone for good"):
        shelf.db.write_now(restore_artifact, gone, actor=shelf.actor, now_us=shelf.now_us)


def test_a_sweep_leaves_what_a_draft_counts_on(shelf: Shelf) -> None:
    first = shelf.log({"a": b"wanted again", "b": b"unwanted"})
    shelf.log({"a": b"other"})
    delete(shelf, first)
    shelf.now_us += ARTIFACT_TRASH_DAYS * DAY_US + 1
    draft = shelf.draft()
    md5 = parse_md5(md5_of(b"wanted again"))
    assert md5 in shelf.db.write_now(ask_contents, draft, [md5], now_us=shelf.now_us)
    age(shelf)
    assert has_content(shelf, first, b"wanted again")
    assert not has_content(shelf, first, b"unwanted")
    age(shelf, days=ARTIFACT_DRAFT_HOURS / 24 + 0.1)
    age(shelf, days=0.1)
    given_up = shelf.db.read_now(find_artifact, draft.id)
    assert given_up is not None and given_up.state == "DELETED"
    assert not has_content(shelf, first, b"wanted again")
    with pytest.raises(Conflict, match="given up"):
        shelf.commit(draft)


def test_a_version_expires_into_the_trash_unless_it_is_linked(shelf: Shelf) -> None:
    short = shelf.log({"a": b"1"}, ttl_s=3600)
    linked = shelf.log({"a": b"2"}, ttl_s=3600)
    kept = shelf.log({"a": b"3"}, ttl_s=-2)
    shelf.db.write_now(
        link_artifact,
        linked,
        project=shelf.project,
        portfolio="shown",
        actor=shelf.actor,
        now_us=shelf.now_us,
    )
    age(shelf, days=1)
    states = [shelf.db.read_now(get_artifact, each.id).state for each in (short, linked, kept)]
    assert states == ["PENDING_DELETION", "COMMITTED", "COMMITTED"]
    trashed = shelf.db.read_now(get_artifact, short.id)
    back = shelf.db.write_now(restore_artifact, trashed, actor=shelf.actor, now_us=shelf.now_us)
    age(shelf, days=1)
    assert shelf.db.read_now(get_artifact, back.id).state == "COMMITTED"


def test_what_inherits_its_time_to_live_stays_as_nobody_has_a_default(shelf: Shelf) -> None:
    untold = shelf.log({"a": b"1"})
    inherits = shelf.log({"a": b"2"}, ttl_s=TTL_INHERIT)
    never = shelf.log({"a": b"3"}, ttl_s=TTL_NEVER)
    undone = shelf.log({"a": b"4"}, ttl_s=3600)
    shelf.db.write_now(
        update_artifact, undone, ttl_s=TTL_INHERIT, actor=shelf.actor, now_us=shelf.now_us
    )
    age(shelf, days=3650)
    found = [shelf.db.read_now(get_artifact, each.id) for each in (untold, inherits, never, undone)]
    # None inherits, 0 never expires: kept apart, though neither goes.
    assert [each.ttl_s for each in found] == [None, None, 0, None]
    assert [(each.state, each.expires_at_us) for each in found] == [("COMMITTED", None)] * 4


def test_changes_to_a_version_are_kept_and_deleted_ones_refuse_them(shelf: Shelf) -> None:
    version = shelf.log({"a": b"1"}, metadata='{"loss": NaN}')
    changed = shelf.db.write_now(
        update_artifact,
        version,
        description="better",
        metadata='{"loss": 0.5}',
        ttl_s=60,
        tags_add=["good one"],
        actor=shelf.actor,
        now_us=shelf.now_us,
    )
    assert (changed.description, changed.parse_metadata(), changed.ttl_s) == (
        "better",
        {"loss": 0.5},
        60,
    )
    assert changed.expires_at_us == version.created_at_us + 60_000_000
    with pytest.raises(Invalid, match="Invalid tag"):
        shelf.db.write_now(
            update_artifact, version, tags_add=["a,b"], actor=shelf.actor, now_us=shelf.now_us
        )
    gone = delete(shelf, changed)
    with pytest.raises(Conflict, match="is deleted"):
        shelf.db.write_now(
            update_artifact, gone, description="x", actor=shelf.actor, now_us=shelf.now_us
        )


def test_a_deleted_collection_frees_its_name_and_comes_back_with_a_version(shelf: Shelf) -> None:
    version = shelf.log({"a": b"1"})
    collection = shelf.db.read_now(find_collection, shelf.project.id, "data")
    assert collection is not None
    draft = shelf.draft()
    count = shelf.db.write_now(
        trash_collection, collection, freed_bytes=1, actor=shelf.actor, now_us=shelf.now_us
    )
    assert count == 1
    assert shelf.db.read_now(find_collection, shelf.project.id, "data") is None
    with pytest.raises((Conflict, ArtifactNotFound)):
        shelf.commit(draft)
    again = shelf.log({"a": b"1"})
    assert (again.version, again.collection_id == version.collection_id) == ("v0", False)
    trashed = shelf.db.read_now(get_artifact, version.id)
    with pytest.raises(Conflict, match="new collection"):
        shelf.db.write_now(restore_artifact, trashed, actor=shelf.actor, now_us=shelf.now_us)
    taken = shelf.db.read_now(find_collection, shelf.project.id, "data")
    assert taken is not None
    shelf.db.write_now(
        update_collection, taken, name="newer", actor=shelf.actor, now_us=shelf.now_us
    )
    shelf.db.write_now(restore_artifact, trashed, actor=shelf.actor, now_us=shelf.now_us)
    back = shelf.db.read_now(find_member, shelf.project.id, "data", "latest")
    assert back is not None and back.artifact_id == version.id


def test_renaming_and_moving_leave_versions_where_they_are(shelf: Shelf) -> None:
    version = shelf.log({"a": b"1"})
    shelf.log({"a": b"1"}, "taken")
    collection = shelf.db.read_now(find_collection, shelf.project.id, "data")
    assert collection is not None
    with pytest.raises(Conflict, match="'taken'"):
        shelf.db.write_now(
            update_collection, collection, name="taken", actor=shelf.actor, now_us=shelf.now_us
        )
    shelf.db.write_now(
        update_collection,
        collection,
        name="renamed",
        type="model",
        tags=["x"],
        actor=shelf.actor,
        now_us=shelf.now_us,
    )
    found = shelf.db.read_now(find_member, shelf.project.id, "renamed", "v0")
    assert found is not None
    assert (found.artifact_id, found.type) == (version.id, "model")


def test_a_link_has_a_number_and_aliases_of_its_own(shelf: Shelf) -> None:
    models = [shelf.log({"m": str(i).encode()}, "model", type="model") for i in range(3)]

    def link(artifact: Artifact, *names: str) -> Member:
        return shelf.db.write_now(
            link_artifact,
            artifact,
            project=shelf.make_project("registry"),
            portfolio="best",
            aliases=names,
            actor=shelf.actor,
            now_us=shelf.now_us,
        )

    assert link(models[2], "prod").version == "v0"
    assert link(models[0]).version == "v1"
    assert link(models[2], "staging").version == "v0"
    places = shelf.db.read_now(members_by_artifact, [models[2].id])[models[2].id]
    assert [(m.project, m.collection, m.version, m.is_link) for m in places] == [
        ("shelf", "model", "v2", False),
        ("registry", "best", "v0", True),
    ]
    registry = shelf.make_project("registry")
    latest = shelf.db.read_now(find_member, registry.id, "best", "latest")
    assert latest is not None and latest.artifact_id == models[0].id
    shelf.db.write_now(unlink, latest, actor=shelf.actor, now_us=shelf.now_us)
    latest = shelf.db.read_now(find_member, registry.id, "best", "latest")
    assert latest is not None and latest.artifact_id == models[2].id
    data = shelf.log({"d": b"1"})
    with pytest.raises(Invalid, match="type"):
        link(data)
    with pytest.raises(Invalid, match="no link"):
        shelf.db.write_now(unlink, own(shelf, data), actor=shelf.actor, now_us=shelf.now_us)


def test_what_runs_read_and_logged_stays_when_they_go_unless_asked(shelf: Shelf) -> None:
    maker = shelf.db.write_now(make_run, shelf.caller, project="shelf")
    reader = shelf.db.write_now(make_run, shelf.caller, project="shelf")
    made = shelf.log({"a": b"1"}, run_id=maker.id)
    other = shelf.log({"b": b"1"}, "other", run_id=reader.id)
    shelf.db.write_now(use_artifact, made, run_id=reader.id, use_as="input", now_us=shelf.now_us)
    shelf.db.write_now(use_artifact, made, run_id=reader.id, now_us=shelf.now_us)
    used = shelf.db.read_now(list_used, reader.id, limit=9)
    assert [(use.use_as, a.id) for use, a in used] == [("input", made.id)]
    usage = shelf.db.read_now(get_usage, made)
    assert (usage.run_ids, usage.run_count, usage.aliases) == ([reader.id], 1, ["latest"])
    shelf.db.write_now(delete_run, maker, now_us=shelf.now_us)
    left = shelf.db.read_now(get_artifact, made.id)
    assert (left.state, left.created_by_run_id) == ("COMMITTED", None)
    found = shelf.db.read_now(find_run_by_id, reader.id)
    assert found is not None
    shelf.db.write_now(
        delete_run_with_artifacts, found, user_id=shelf.caller.user_id, now_us=shelf.now_us
    )
    assert shelf.db.read_now(get_artifact, other.id).state == "PENDING_DELETION"
    assert shelf.db.read_now(list_uses, made.id, limit=9) == []
    assert shelf.db.read_now(list_logged, reader.id, limit=9) == []


def test_a_project_goes_with_its_artifacts_and_their_links_elsewhere(shelf: Shelf) -> None:
    version = shelf.log({"a": b"1"}, "model", type="model")
    registry = shelf.make_project("registry")
    shelf.db.write_now(
        link_artifact,
        version,
        project=registry,
        portfolio="best",
        actor=shelf.actor,
        now_us=shelf.now_us,
    )
    delete(shelf, shelf.log({"a": b"2"}, "model", type="model"))
    shelf.draft("model", type="model", base_id=version.id)
    shelf.db.write_now(delete_project, shelf.project.id, now_us=shelf.now_us)
    entity = shelf.project.entity
    assert shelf.db.read_now(find_project, entity, "shelf") is None
    best = shelf.db.read_now(find_collection, registry.id, "best")
    assert best is not None and best.version_count == 0
    assert shelf.db.read_now(list_digests) == []


def test_lineage_is_found_in_both_directions_and_large_fans_are_stacked(shelf: Shelf) -> None:
    def run_on(artifact: Artifact | None) -> int:
        run = shelf.db.write_now(make_run, shelf.caller, project="shelf")
        if artifact is not None:
            shelf.db.write_now(use_artifact, artifact, run_id=run.id, now_us=shelf.now_us)
        return run.id

    data = shelf.log({"d": b"1"}, run_id=run_on(None))
    training = run_on(data)
    model = shelf.log({"m": b"1"}, "model", type="model", run_id=training)
    scoring = run_on(model)

    def trace(artifact: Artifact, direction: str, *expand: str) -> set[tuple[str, str, str]]:
        lineage = shelf.db.read_now(
            trace_lineage,
            artifact.id,
            depth=4,
            direction=direction,  # type: ignore[arg-type]  # both of the three are tested
            limit=100,
            expand=expand,
            may_read=lambda _: True,
        )
        assert {e.to for e in lineage.edges} <= {n.id for n in lineage.nodes}
        return {(e.from_id, e.to, e.kind) for e in lineage.edges}

    chain = {
        (f"artifact:{data.id}", f"run:{training}", "used"),
        (f"run:{training}", f"artifact:{model.id}", "logged"),
        (f"artifact:{model.id}", f"run:{scoring}", "used"),
    }
    assert trace(data, "down") == chain
    assert chain - trace(model, "up") == {(f"artifact:{model.id}", f"run:{scoring}", "used")}
    readers = [run_on(model) for _ in range(20)]
    stack = f"stack:down:artifact:{model.id}"
    assert (f"artifact:{model.id}", stack, "used") in trace(data, "down")
    opened = trace(data, "down", stack)
    assert {(f"artifact:{model.id}", f"run:{run}", "used") for run in readers} <= opened


def test_two_versions_differ_by_their_files(shelf: Shelf) -> None:
    same = {f"same/{i:05}": b"x" for i in range(3000)}
    before = shelf.log(same | {"gone": b"12", "changed": b"1"})
    after = shelf.log(same | {"new": b"123", "changed": b"22"})
    found = shelf.db.read_now(diff_files, before.id, after.id)
    assert [c.path for c in found.added] == ["new"]
    assert [c.path for c in found.removed] == ["gone"]
    assert [(c.path, c.size_before, c.size_after) for c in found.changed] == [("changed", 1, 2)]
    assert (found.counts.same, found.bytes_added, found.bytes_removed) == (3000, 5, 3)
