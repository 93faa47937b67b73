"""A version that a draft builds on stays until the draft is a version itself, or is given up."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from steelyard.limits import ARTIFACT_DRAFT_HOURS, ARTIFACT_TRASH_DAYS
from steelyard.server.db.interface import Database
from steelyard.server.rooms.artifacts.drafts import create_manifest
from steelyard.server.rooms.artifacts.files import iter_entries
from steelyard.server.rooms.artifacts.model import Artifact, ManifestKind
from steelyard.server.rooms.artifacts.queries import get_artifact
from steelyard.server.rooms.artifacts.removal import trash_artifact
from steelyard.server.tasks.artifacts import age_artifacts
from tests.support.artifacts import Shelf, manifest_of

DAY_US = 24 * 3600 * 1_000_000


@pytest.fixture
def shelf(db: Database, tmp_path: Path) -> Shelf:
    return Shelf(db, tmp_path / "blobs")


def trash(shelf: Shelf, artifact: Artifact) -> None:
    shelf.db.write_now(
        trash_artifact, artifact, delete_aliases=True, actor=shelf.actor, now_us=shelf.now_us
    )


def age(shelf: Shelf, *, days: float) -> None:
    shelf.now_us += int(days * DAY_US)
    asyncio.run(age_artifacts(shelf.db, now_us=shelf.now_us))


def announce(shelf: Shelf, draft: Artifact, kind: ManifestKind, base: Artifact | None) -> None:
    shelf.db.write_now(
        create_manifest,
        draft,
        kind=kind,
        base_id=None if base is None else base.id,
        digest="",
        now_us=shelf.now_us,
    )


def state_of(shelf: Shelf, artifact: Artifact) -> str:
    return shelf.db.read_now(get_artifact, artifact.id).state


@pytest.mark.parametrize("kind", ["incremental", "patch"])
def test_the_base_of_a_manifest_outlives_the_trash_until_the_draft_is_committed(
    shelf: Shelf, kind: ManifestKind
) -> None:
    base = shelf.log({"a": b"old"})
    trash(shelf, base)
    shelf.now_us += int((ARTIFACT_TRASH_DAYS - 1) * DAY_US)
    draft = shelf.draft()
    announce(shelf, draft, kind, base)
    age(shelf, days=1.5)
    assert state_of(shelf, base) == "PENDING_DELETION"
    shelf.upload(draft, [b"new"])
    shelf.send_manifest(draft, manifest_of({"b": b"new"}), kind=kind, base_id=base.id)
    made = shelf.commit(draft)
    assert [e.path for e in shelf.db.read_now(lambda c: [*iter_entries(c, made.id)])] == ["a", "b"]
    age(shelf, days=0.1)
    assert state_of(shelf, base) == "DELETED"


def test_a_base_goes_once_the_draft_that_named_it_is_given_up(shelf: Shelf) -> None:
    base = shelf.log({"a": b"old"})
    trash(shelf, base)
    shelf.now_us += int((ARTIFACT_TRASH_DAYS - 1) * DAY_US)
    announce(shelf, shelf.draft(), "incremental", base)
    age(shelf, days=1.5)
    assert state_of(shelf, base) == "PENDING_DELETION"
    for _ in range(2):  # the draft first, in the next round what it held
        age(shelf, days=ARTIFACT_DRAFT_HOURS / 24 + 0.1)
    assert state_of(shelf, base) == "DELETED"


def test_another_base_named_for_the_same_manifest_is_the_one_that_stays(shelf: Shelf) -> None:
    first, second = shelf.log({"a": b"1"}), shelf.log({"a": b"2"})
    trash(shelf, first)
    trash(shelf, second)
    shelf.now_us += int((ARTIFACT_TRASH_DAYS - 1) * DAY_US)
    draft = shelf.draft()
    for base in (first, second):
        announce(shelf, draft, "incremental", base)
    age(shelf, days=1.5)
    assert (state_of(shelf, first), state_of(shelf, second)) == ("DELETED", "PENDING_DELETION")
