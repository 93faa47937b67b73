"""Logging versions: numbers, aliases, equal content, manifests of all kinds, what is refused."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest

from steelyard.errors import ArtifactNotFound, Conflict, ContentsMissing, Invalid
from steelyard.server.blobs.interface import read_blob
from steelyard.server.db.interface import Database
from steelyard.server.rooms.artifacts.contents import ask_contents
from steelyard.server.rooms.artifacts.files import (
    Directory,
    count_entries,
    find_entries,
    list_directory,
    list_entries,
)
from steelyard.server.rooms.artifacts.model import Artifact
from steelyard.server.rooms.artifacts.pages import Entry
from steelyard.server.rooms.artifacts.queries import (
    aliases_by_artifact,
    find_by_client_id,
    find_collection,
    find_member,
    list_members,
    list_types,
    tags_by_artifact,
)
from steelyard.server.rooms.artifacts.uses import list_logged
from tests.support.accounts import make_run
from tests.support.artifacts import Shelf, digest_of, manifest_of, md5_of


@pytest.fixture
def shelf(db: Database, tmp_path: Path) -> Shelf:
    return Shelf(db, tmp_path / "blobs")


def aliases(shelf: Shelf, artifact: Artifact) -> list[str]:
    found = shelf.db.read_now(aliases_by_artifact, [artifact.id])
    return [alias.alias for alias in found.get(artifact.id, [])]


def resolve(shelf: Shelf, name: str, ref: str) -> int | None:
    member = shelf.db.read_now(find_member, shelf.project.id, name, ref)
    return None if member is None else member.version_index


def test_versions_count_up_and_latest_goes_to_the_newest(shelf: Shelf) -> None:
    first = shelf.log({"a.txt": b"one"})
    second = shelf.log({"a.txt": b"two"})
    assert (first.version, second.version) == ("v0", "v1")
    assert aliases(shelf, first) == []
    assert aliases(shelf, second) == ["latest"]
    assert resolve(shelf, "data", "latest") == 1
    assert resolve(shelf, "data", "v0") == 0
    assert resolve(shelf, "data", "v2") is None
    assert resolve(shelf, "data", "best") is None
    collection = shelf.db.read_now(find_collection, shelf.project.id, "data")
    assert collection is not None
    assert (collection.version_count, collection.content_bytes) == (2, 6)


def test_a_name_may_end_like_a_version(shelf: Shelf) -> None:
    shelf.log({"a": b"1"}, "training-data-v2")
    shelf.log({"a": b"2"}, "training-data-v2")
    assert resolve(shelf, "training-data-v2", "v1") == 1
    assert resolve(shelf, "training-data-v2", "latest") == 1


def test_equal_content_is_no_new_version_but_takes_the_aliases_tags_and_run(shelf: Shelf) -> None:
    first = shelf.log({"a.txt": b"one"})
    shelf.log({"a.txt": b"two"})
    run = shelf.db.write_now(make_run, shelf.caller, project="shelf")
    again = shelf.log({"a.txt": b"one"}, aliases=["best", "latest"], tags=["good"], run_id=run.id)
    assert again.id == first.id
    assert aliases(shelf, first) == ["best", "latest"]
    assert [t.tag for t in shelf.db.read_now(tags_by_artifact, [first.id])[first.id]] == ["good"]
    assert [a.id for a in shelf.db.read_now(list_logged, run.id, limit=10)] == [first.id]


def test_two_drafts_of_equal_content_become_one_version(shelf: Shelf) -> None:
    manifest = manifest_of({"a": b"same"})
    drafts = [shelf.draft(digest=digest_of(manifest), aliases=[f"of-{i}"]) for i in range(2)]
    for draft in drafts:
        shelf.upload(draft, [b"same"])
        shelf.send_manifest(draft, manifest)
    one, other = shelf.commit(drafts[0]), shelf.commit(drafts[1])
    assert one.id == other.id == drafts[0].id
    assert aliases(shelf, one) == ["latest", "of-0", "of-1"]
    assert shelf.commit(drafts[1]).id == one.id
    assert drafts[1].client_id is not None
    assert [a.id for a in shelf.db.read_now(find_by_client_id, drafts[1].client_id)] == [one.id]


def test_creating_and_committing_twice_is_doing_it_once(shelf: Shelf) -> None:
    manifest = manifest_of({"a": b"1"})
    draft = shelf.draft(digest=digest_of(manifest), client_id="mine")
    assert shelf.draft(digest=digest_of(manifest), client_id="mine").id == draft.id
    shelf.upload(draft, [b"1"])
    shelf.send_manifest(draft, manifest)
    version = shelf.commit(draft)
    assert shelf.commit(draft) == version
    assert shelf.draft(digest=digest_of(manifest), client_id="mine") == version


def test_a_collection_keeps_its_type(shelf: Shelf) -> None:
    shelf.log({"a": b"1"})
    with pytest.raises(Invalid, match="already exists with type 'dataset'"):
        shelf.draft(type="model")


@pytest.mark.parametrize(
    "changes",
    [
        {"collection": "a/b"},
        {"collection": "a:b"},
        {"collection": ""},
        {"collection": "x" * 129},
        {"type": "a/b"},
        {"aliases": ["v3"]},
        {"aliases": ["a/b"]},
        {"aliases": ["a:b"]},
        {"aliases": [""]},
        {"tags": ["a,b"]},
        {"metadata": "[1]"},
        {"metadata": "{"},
        {"ttl_s": -5},
        {"ttl_s": 0},
        {"digest_algorithm": "MANIFEST_XXH128"},
        {"client_id": "x" * 257},
    ],
    ids=str,
)
def test_what_no_version_may_have_is_refused(shelf: Shelf, changes: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        shelf.draft(**changes)
    assert shelf.db.read_now(list_types, shelf.project.id, limit=10) == []


BAD_PATHS = [
    "../a",
    "a/../../b",
    "/etc/passwd",
    "C:\\x",
    "a//b",
    "a/",
    "./a",
    "",
    "a\x00b",
    "a\nb",
    "..\\x",
    "x/" * 2100 + "x",
]


@pytest.mark.parametrize("path", BAD_PATHS, ids=lambda path: repr(path[:12]))
def test_a_path_that_leads_out_or_is_none_is_refused(shelf: Shelf, path: str) -> None:
    manifest = manifest_of({path: b"1"})
    draft = shelf.draft(digest=digest_of(manifest))
    shelf.upload(draft, [b"1"])
    shelf.send_manifest(draft, manifest)
    with pytest.raises(Invalid, match="path"):
        shelf.commit(draft)
    assert resolve(shelf, "data", "latest") is None


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b'{"contents": {"a": {"size": 1}}}',
        b'{"version": 2, "contents": {}}',
        b'{"contents": {"a": {"digest": "x", "size": 1}}}',
        b'{"contents": {"a": {"digest": "1B2M2Y8AsgTpgAmY7PhCfg=="}}}',
        b'{"contents": {"a": {"digest": "1B2M2Y8AsgTpgAmY7PhCfg==", "size": -1}}}',
        b'{"contents": {"\xff": {"digest": "1B2M2Y8AsgTpgAmY7PhCfg==", "size": 0}}}',
    ],
)
def test_a_manifest_that_is_none_is_refused(shelf: Shelf, text: bytes) -> None:
    draft = shelf.draft()
    shelf.send_manifest(draft, text)
    with pytest.raises(Invalid, match=r"manifest|MD5"):
        shelf.commit(draft)


def test_a_digest_that_is_not_the_manifests_is_refused(shelf: Shelf) -> None:
    manifest = manifest_of({"a": b"1", "b": b"2"})
    draft = shelf.draft(digest="0" * 32)
    shelf.upload(draft, [b"1", b"2"])
    shelf.send_manifest(draft, manifest)
    with pytest.raises(Invalid, match="incomplete or was changed"):
        shelf.commit(draft)


def test_a_commit_names_the_files_that_were_not_uploaded(shelf: Shelf) -> None:
    manifest = manifest_of({"a": b"1", "b": b"2", "c": b"3"})
    draft = shelf.draft(digest=digest_of(manifest))
    shelf.upload(draft, [b"1"])
    shelf.send_manifest(draft, manifest)
    with pytest.raises(ContentsMissing, match=r"2 files .*'b', 'c'"):
        shelf.commit(draft)
    shelf.upload(draft, [b"2", b"3"])
    assert shelf.commit(draft).version == "v0"


def test_a_size_that_is_not_the_contents_is_refused(shelf: Shelf) -> None:
    manifest = manifest_of({"a": b"12345"})
    manifest["contents"]["a"]["size"] = 4
    draft = shelf.draft(digest=digest_of(manifest))
    shelf.upload(draft, [b"12345"])
    shelf.send_manifest(draft, manifest)
    with pytest.raises(Invalid, match="has 4 bytes, its content has 5"):
        shelf.commit(draft)


def test_a_commit_without_a_manifest_says_so(shelf: Shelf) -> None:
    with pytest.raises(Conflict, match=r"manifest .* was not uploaded"):
        shelf.commit(shelf.draft())


def test_an_artifact_may_be_empty_and_so_may_a_file(shelf: Shelf) -> None:
    empty = shelf.log({}, "nothing")
    assert (empty.version, empty.size_bytes, empty.file_count) == ("v0", 0, 0)
    assert shelf.db.read_now(list_entries, empty.id, limit=10) == []
    assert shelf.db.read_now(list_directory, empty.id, "", limit=10) == []
    hollow = shelf.log({"empty.txt": b""}, "hollow")
    assert (hollow.size_bytes, hollow.file_count) == (0, 1)


def test_references_are_kept_as_they_are_and_need_no_content(shelf: Shelf) -> None:
    entry = {"digest": "etag-1", "ref": "s3://bucket/key", "size": 7, "extra": {"etag": "etag-1"}}
    unchecked = {"digest": "s3://bucket/other", "ref": "s3://bucket/other"}
    version = shelf.log({"a": b"1"}, references={"far": entry, "other": unchecked})
    found = shelf.db.read_now(find_entries, version.id, ["far", "other", "a", "none"])
    assert sorted(found) == ["a", "far", "other"]
    assert (found["far"].ref, found["far"].extra) == ("s3://bucket/key", {"etag": "etag-1"})
    assert found["far"].digest == "etag-1"
    assert found["other"].size_bytes == 0
    assert (found["a"].is_content, found["far"].is_content) == (True, False)
    assert (version.size_bytes, version.file_count) == (8, 3)


def test_an_incremental_manifest_is_laid_over_its_base(shelf: Shelf) -> None:
    base = shelf.log({"a": b"1", "b": b"2"})
    draft = shelf.draft(is_deduplicated=False, digest="anything")
    shelf.upload(draft, [b"three"])
    changed = manifest_of({"b": b"three"})
    shelf.send_manifest(draft, changed, kind="incremental", base_id=base.id)
    version = shelf.commit(draft)
    whole = manifest_of({"a": b"1", "b": b"three"})
    assert (version.version, version.digest) == ("v1", digest_of(whole))
    assert version.manifest_sha256 is not None
    stored = json.loads(read_blob(shelf.blobs, version.manifest_sha256, size_bytes_max=10_000))
    assert stored == whole
    assert (version.size_bytes, version.file_count) == (6, 2)


def test_writers_of_a_distributed_artifact_fill_one_version(shelf: Shelf) -> None:
    drafts = [shelf.draft(distributed_id="d", aliases=[f"of-{i}"]) for i in range(3)]
    assert len({draft.id for draft in drafts}) == 1
    for i, draft in enumerate(drafts):
        shelf.upload(draft, [str(i).encode()])
        part = manifest_of({f"{i}.txt": str(i).encode()})
        shelf.send_manifest(draft, part, kind="patch", base_id=draft.id)
    version = shelf.commit(drafts[0])
    paths = [entry.path for entry in shelf.db.read_now(list_entries, version.id, limit=10)]
    assert paths == ["0.txt", "1.txt", "2.txt"]
    assert aliases(shelf, version) == ["latest", "of-0", "of-1", "of-2"]
    assert shelf.draft(distributed_id="d").id != version.id


def test_whether_content_is_here_is_answered_within_a_project_only(shelf: Shelf) -> None:
    shelf.log({"a": b"secret"})
    md5 = Entry("a", 6, md5_of(b"secret")).md5
    same_project = shelf.draft("other")
    found = shelf.db.write_now(ask_contents, same_project, [md5], now_us=shelf.now_us)
    assert found[md5].birth_artifact_id == same_project.id
    elsewhere = shelf.draft("data", project=shelf.make_project("elsewhere"))
    assert shelf.db.write_now(ask_contents, elsewhere, [md5], now_us=shelf.now_us) == {}


def test_many_writers_of_one_collection_get_a_number_each(shelf: Shelf) -> None:
    versions: list[str | None] = []
    problems: list[BaseException] = []

    def log_some(writer: int) -> None:
        try:
            for i in range(5):
                files = {"a": f"{writer}-{i}".encode()}
                versions.append(shelf.log(files, aliases=["shared"]).version)
        except BaseException as error:  # noqa: BLE001  # shown by the test's own thread
            problems.append(error)

    threads = [threading.Thread(target=log_some, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert sorted(versions, key=lambda v: int((v or "v")[1:])) == [f"v{i}" for i in range(20)]
    collection = shelf.db.read_now(find_collection, shelf.project.id, "data")
    assert collection is not None and collection.version_count == 20
    members = shelf.db.read_now(list_members, collection.id, limit=100)
    assert [member.version_index for member in members] == list(reversed(range(20)))
    assert resolve(shelf, "data", "latest") == 19
    assert resolve(shelf, "data", "shared") is not None


def test_a_draft_that_is_not_there_cannot_be_committed(shelf: Shelf) -> None:
    with pytest.raises(ArtifactNotFound):
        shelf.commit(msgspec.structs.replace(shelf.draft(), id=10**9))


def test_a_hundred_thousand_files_are_packed_apart_and_listed_by_pages(shelf: Shelf) -> None:
    shared = b"x"
    names = [f"dir-{i // 1000:03}/sub/file-{i:06}.bin" for i in range(100_000)]
    manifest = manifest_of(dict.fromkeys(names, shared))
    draft = shelf.draft(digest=digest_of(manifest))
    shelf.upload(draft, [shared])
    shelf.send_manifest(draft, manifest)
    version = shelf.commit(draft)
    assert (version.file_count, version.size_bytes, version.page_count) == (100_000, 100_000, 100)
    page = shelf.db.read_now(list_entries, version.id, after=names[4999], limit=5000)
    assert [entry.path for entry in page] == names[5000:10_000]
    inside = shelf.db.read_now(list_entries, version.id, prefix="dir-042/", limit=5000)
    assert [entry.path for entry in inside] == names[42_000:43_000]
    assert shelf.db.read_now(count_entries, version.id, prefix="dir-042/") == (1000, 1000)
    assert shelf.db.read_now(count_entries, version.id) == (100_000, 100_000)
    top = shelf.db.read_now(list_directory, version.id, "", after="dir-097/", limit=50)
    assert top == [Directory("dir-098", 1000, 1000), Directory("dir-099", 1000, 1000)]
