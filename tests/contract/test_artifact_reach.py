"""What is kept of versions that are read over a link: right, and never more than it may be."""

from __future__ import annotations

from pathlib import Path

import pytest

from steelyard.server.db.interface import Database
from steelyard.server.rooms.artifacts.model import Artifact
from steelyard.server.rooms.artifacts.named import VersionDigests
from steelyard.server.rooms.artifacts.names import parse_md5
from tests.support.artifacts import Shelf, md5_of


@pytest.fixture
def shelf(db: Database, tmp_path: Path) -> Shelf:
    return Shelf(db, tmp_path / "blobs")


def test_versions_read_longest_ago_are_dropped_and_read_again_when_asked_for(shelf: Shelf) -> None:
    files = [{f"{v}/{n}": f"{v} {n}".encode() for n in range(10)} for v in range(4)]
    versions = [shelf.log(each) for each in files]
    digests = VersionDigests(bytes_max=2 * 10 * 16)

    def named(version: Artifact, content: bytes) -> bool:
        return shelf.db.read_now(digests.names, version, parse_md5(md5_of(content)))

    for _ in range(2):
        for version, own in zip(versions, files, strict=True):
            assert all(named(version, content) for content in own.values())
            assert not named(version, b"something else")
            assert 0 < digests.kept_bytes <= 2 * 10 * 16


def test_a_draft_names_nothing_yet_whatever_was_sent_for_it(shelf: Shelf) -> None:
    draft = shelf.draft()
    shelf.upload(draft, [b"1"])
    digests = VersionDigests()
    assert not shelf.db.read_now(digests.names, draft, parse_md5(md5_of(b"1")))
    assert digests.kept_bytes == 0
