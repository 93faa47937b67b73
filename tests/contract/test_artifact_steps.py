"""What is long is written in steps, so that others who wait for the database get their turn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from steelyard.errors import Conflict
from steelyard.server.db.interface import Database
from steelyard.server.rooms.artifacts.contents import record_in_steps
from steelyard.server.rooms.artifacts.files import contents_by_md5, list_entries
from steelyard.server.rooms.artifacts.names import parse_md5
from steelyard.server.rooms.artifacts.queries import find_collection
from steelyard.server.rooms.artifacts.removal import trash_artifact
from tests.support.artifacts import Shelf, manifest_of, md5_of, store

FILES = {f"{number}": f"content {number}".encode() for number in range(7)}
MD5S = [parse_md5(md5_of(content)) for content in FILES.values()]


@pytest.fixture
def shelf(db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    for module in ("contents", "commit"):
        monkeypatch.setattr(f"steelyard.server.rooms.artifacts.{module}.CONTENTS_PER_WRITE", 2)
    return Shelf(db, tmp_path / "blobs")


@pytest.fixture
def writes(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The functions that ran in a transaction of their own, by name."""
    names: list[str] = []
    write_now = shelf.db.write_now

    def note(fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        names.append(fn.__name__)
        return write_now(fn, *args, **kwargs)

    monkeypatch.setattr(shelf.db, "write_now", note)
    return names


def test_contents_that_arrive_together_are_noted_in_steps(shelf: Shelf, writes: list[str]) -> None:
    draft = shelf.draft()
    stored = [store(shelf.blobs, content) for content in FILES.values()]
    record_in_steps(shelf.db, draft.id, stored, now_us=shelf.now_us)
    assert writes.count("record_contents") == 4
    assert shelf.db.read_now(contents_by_md5, draft.collection_id, MD5S).keys() == set(MD5S)


def test_contents_of_another_collection_are_taken_over_in_steps(
    shelf: Shelf, writes: list[str]
) -> None:
    shelf.log(FILES)
    draft = shelf.draft("other")
    shelf.send_manifest(draft, manifest_of(FILES))
    made = shelf.commit(draft)
    assert writes.count("adopt_contents") == 4
    collection = shelf.db.read_now(find_collection, shelf.project.id, "other")
    assert collection is not None
    assert collection.content_bytes == made.size_bytes == sum(map(len, FILES.values()))


def test_contents_of_a_draft_that_is_a_known_version_are_handed_over_in_steps(
    shelf: Shelf, writes: list[str]
) -> None:
    drafts = [shelf.draft() for _ in range(2)]
    shelf.upload(drafts[1], list(FILES.values()))
    for draft in drafts:
        shelf.send_manifest(draft, manifest_of(FILES))
    first, again = (shelf.commit(draft) for draft in drafts)
    assert again == first
    assert writes.count("_hand_over_some") == 5
    found = shelf.db.read_now(contents_by_md5, first.collection_id, MD5S)
    assert {content.birth_artifact_id for content in found.values()} == {first.id}


def test_rows_of_a_manifest_are_written_and_dropped_in_steps(
    shelf: Shelf, writes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("steelyard.server.rooms.artifacts.pages.MANIFEST_PAGE_ENTRIES", 1)
    module = "steelyard.server.rooms.artifacts.commit"
    monkeypatch.setattr(f"{module}.MANIFEST_PAGES_PER_WRITE_BYTES", 1)
    monkeypatch.setattr(f"{module}.MANIFEST_PAGES_PER_DELETE", 2)
    drafts = [shelf.draft() for _ in range(2)]
    shelf.upload(drafts[1], list(FILES.values()))
    for draft in drafts:
        shelf.send_manifest(draft, manifest_of(FILES))
    first = shelf.commit(drafts[0])
    assert (writes.count("_write_pages"), first.page_count) == (7, 7)
    assert shelf.commit(drafts[1]) == first
    assert writes.count("_drop_some_pages") == 5
    assert len(shelf.db.read_now(list_entries, first.id, limit=99)) == len(FILES)
    assert shelf.db.read_now(list_entries, drafts[1].id, limit=99) == []


def test_a_version_deleted_while_a_draft_becomes_it_has_the_draft_committed_again(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    drafts = [shelf.draft() for _ in range(2)]
    shelf.upload(drafts[1], list(FILES.values()))
    for draft in drafts:
        shelf.send_manifest(draft, manifest_of(FILES))
    first = shelf.commit(drafts[0])
    write_now = shelf.db.write_now

    def delete_before(fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if fn.__name__ == "_finish":
            monkeypatch.undo()
            acting: dict[str, Any] = {"actor": shelf.actor, "now_us": shelf.now_us}
            write_now(trash_artifact, first, delete_aliases=True, **acting)
        return write_now(fn, *args, **kwargs)

    monkeypatch.setattr(shelf.db, "write_now", delete_before)
    with pytest.raises(Conflict, match="commit again"):
        shelf.commit(drafts[1])
    made = shelf.commit(drafts[1])
    assert (made.version, made.file_count) == ("v1", len(FILES))
    assert len(shelf.db.read_now(list_entries, made.id, limit=99)) == len(FILES)
