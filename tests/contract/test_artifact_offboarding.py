"""A user who owns artifacts goes, and what others made of them stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from steelyard.server.db.interface import Database
from steelyard.server.rooms.accounts.queries import find_entity
from steelyard.server.rooms.artifacts.history import list_events
from steelyard.server.rooms.artifacts.links import link_artifact
from steelyard.server.rooms.artifacts.queries import (
    find_artifact,
    find_collection,
    find_own_member,
    list_digests,
    list_members,
)
from steelyard.server.rooms.artifacts.removal import trash_artifact
from steelyard.server.rooms.artifacts.uploads import begin_upload
from steelyard.server.rooms.artifacts.uses import list_used, list_uses, use_artifact
from steelyard.server.rooms.offboarding.commands import (
    delete_some_runs_of,
    delete_user,
    list_entities_of_user,
)
from tests.support.accounts import make_caller, make_run
from tests.support.artifacts import Shelf, manifest_of


def remove_user(db: Database, username: str, now_us: int) -> None:
    """As the route does it."""
    entity_ids = db.read_now(list_entities_of_user, username)
    while db.write_now(delete_some_runs_of, entity_ids, now_us=now_us):
        pass
    db.write_now(delete_user, username, now_us=now_us)


def test_a_user_with_artifacts_of_every_sort_can_be_deleted(db: Database, tmp_path: Path) -> None:
    shelf = Shelf(db, tmp_path / "blobs")
    other = Shelf(db, blobs=shelf.blobs, caller=db.write_now(make_caller))
    act: dict[str, Any] = {"actor": shelf.actor, "now_us": shelf.now_us}
    run = db.write_now(make_run, shelf.caller, project="shelf")
    foreign_run = db.write_now(make_run, other.caller, project="shelf")
    versions = [shelf.log({"a": b"0"}, run_id=run.id)]
    for number in range(25):  # each built on the one before, more than one step of the removal
        files = {f"b{number}": str(number).encode()}
        versions.append(shelf.log(files, kind="incremental", base_id=versions[-1].id))
    for artifact in (versions[0], versions[-1]):
        link: dict[str, Any] = {"portfolio": "best", "aliases": ["prod"]}
        db.write_now(link_artifact, artifact, project=shelf.project, **link, **act)
        db.write_now(link_artifact, artifact, project=other.project, **link, **act)
    db.write_now(use_artifact, versions[0], run_id=foreign_run.id, now_us=shelf.now_us)
    trashed = db.write_now(trash_artifact, versions[3], delete_aliases=True, **act)
    assert trashed.state == "PENDING_DELETION"
    same = shelf.draft(is_deduplicated=False)
    shelf.send_manifest(same, manifest_of({"a": b"0"}))
    assert shelf.commit(same).id == versions[0].id
    draft = shelf.draft(base_id=versions[-1].id)
    upload: dict[str, Any] = {"md5": bytes(16), "size_bytes": 1, "part_bytes": 10}
    begin_upload(db, shelf.blobs, draft.id, **upload, now_us=shelf.now_us)

    kept = other.log({"x": b"kept"}, run_id=foreign_run.id)
    db.write_now(use_artifact, kept, run_id=run.id, now_us=shelf.now_us)
    mine: dict[str, Any] = {"project": shelf.project, "portfolio": "of others"}
    db.write_now(link_artifact, kept, **mine, **act)
    by_user = other.draft("shared")
    by_user_too = db.write_now(trash_artifact, other.log({"t": b"t"}), delete_aliases=True, **act)

    remove_user(db, shelf.caller.username, shelf.now_us)

    assert db.read_now(find_entity, shelf.caller.username) is None
    assert db.read_now(find_artifact, versions[0].id) is None
    assert db.read_now(find_own_member, kept.id) is not None
    assert db.read_now(list_uses, kept.id, limit=9) == []
    assert db.read_now(list_used, foreign_run.id, limit=9) == []
    portfolio = db.read_now(find_collection, other.project.id, "best")
    assert portfolio is not None
    assert portfolio.version_count == 0
    assert db.read_now(list_members, portfolio.id, limit=9) == []
    events = db.read_now(list_events, collection_id=portfolio.id, limit=99)
    assert {event.username for event in events} == {None}
    assert "linked" in {event.kind for event in events}
    assert db.read_now(find_artifact, by_user.id) is not None
    left = db.read_now(find_artifact, by_user_too.id)
    assert left is not None
    assert left.trashed_by_user_id is None
    digests = db.read_now(list_digests)
    assert kept.manifest_sha256 in digests
    assert versions[0].manifest_sha256 not in digests
