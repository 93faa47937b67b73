"""Manifests: merged, digested, packed into rows and read back from any path on."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import assume, given
from hypothesis import strategies as st
from sqlalchemy.engine import Connection

import steelyard.server.tables  # noqa: F401  # declares every table
from steelyard.errors import Invalid
from steelyard.server.rooms.artifacts.files import (
    Directory,
    count_entries,
    find_entries,
    iter_entries,
    list_directory,
    list_entries,
)
from steelyard.server.rooms.artifacts.manifest import (
    SortedManifest,
    check_path,
    digest_of,
    encode_manifest,
    measure,
    merge_manifests,
    parse_manifest,
    parse_packed,
)
from steelyard.server.rooms.artifacts.packer import (
    PackJob,
    Row,
    Text,
    Wanted,
    pack,
    pack_apart,
)
from steelyard.server.rooms.artifacts.pages import pack_pages, unpack_page
from steelyard.server.rooms.artifacts.tables import artifact_manifest_pages
from tests.support.artifacts import digest_of as slow_digest_of
from tests.support.artifacts import manifest_of

segments = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\:"),
    min_size=1,
    max_size=4,
).filter(lambda text: text not in (".", ".."))
short_segments = st.sampled_from(["a", "b", "a.txt", "ab", "a-", "0", "ä", "\U0010ffff"]) | segments
paths = st.lists(short_segments, min_size=1, max_size=3).map("/".join)


def without_files_that_are_directories(files: dict[str, bytes]) -> dict[str, bytes]:
    parts = [path.split("/") for path in files]
    parents = {"/".join(each[:count]) for each in parts for count in range(1, len(each))}
    return {path: files[path] for path in files if path not in parents}


trees = st.dictionaries(paths, st.binary(max_size=3), max_size=30).map(
    without_files_that_are_directories
)


def sort_manifest(files: dict[str, bytes], references: Any = None) -> SortedManifest:
    text = json.dumps(manifest_of(files, references)).encode()
    return merge_manifests(None, [parse_manifest(text)])


def keep(manifest: SortedManifest) -> Connection:
    """A database with the rows of the manifest as artifact 1."""
    engine = sa.create_engine(
        "sqlite://", creator=lambda: sqlite3.connect(":memory:"), poolclass=sa.pool.StaticPool
    )
    conn = engine.connect()
    artifact_manifest_pages.create(conn)
    for page in pack_pages(manifest):
        values = {
            field: getattr(page, field)
            for field in page.__struct_fields__
            if field not in ("sizes", "size_bytes")
        }
        conn.execute(sa.insert(artifact_manifest_pages).values(artifact_id=1, **values))
    return conn


@pytest.fixture(autouse=True)
def few_entries_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are cut everywhere: the limit is a number like any other."""
    monkeypatch.setattr("steelyard.server.rooms.artifacts.pages.MANIFEST_PAGE_ENTRIES", 4)


@given(files=trees)
def test_entries_come_back_from_their_rows_as_they_were(files: dict[str, bytes]) -> None:
    manifest = sort_manifest(files)
    entries = [
        entry for page in pack_pages(manifest) for entry in unpack_page(page.digests, page.data)
    ]
    assert [entry.path for entry in entries] == sorted(files, key=str.encode)
    contents = manifest.document.contents
    for entry in entries:
        assert (entry.digest, entry.size_bytes) == (
            contents[entry.path].digest,
            contents[entry.path].size,
        )


@given(files=trees)
def test_the_digest_is_that_of_the_clients(files: dict[str, bytes]) -> None:
    assert digest_of(sort_manifest(files)) == slow_digest_of(manifest_of(files))


@given(files=trees)
def test_a_manifest_that_is_written_is_read_as_the_same(files: dict[str, bytes]) -> None:
    manifest = sort_manifest(files)
    assert parse_manifest(b"".join(encode_manifest(manifest))) == manifest.document


@given(base=trees, layers=st.lists(trees, min_size=1, max_size=3))
def test_the_last_layer_that_has_a_path_counts(
    base: dict[str, bytes], layers: list[dict[str, bytes]]
) -> None:
    documents = [parse_manifest(json.dumps(manifest_of(each)).encode()) for each in (base, *layers)]
    whole = dict(base)
    for layer in layers:
        whole |= layer
    assume(without_files_that_are_directories(whole) == whole)
    merged = merge_manifests(documents[0], documents[1:])
    assert merged.document.contents == sort_manifest(whole).document.contents
    again = merge_manifests(merged.document, documents[1:])
    assert again.document.contents == merged.document.contents


@given(files=trees, prefix=st.just("") | segments | paths, after=st.none() | paths)
def test_a_page_is_what_sorting_and_filtering_gives(
    files: dict[str, bytes], prefix: str, after: str | None
) -> None:
    conn = keep(sort_manifest(files))
    wanted = [
        path
        for path in sorted(files, key=str.encode)
        if path.startswith(prefix) and (after is None or path > after)
    ]
    found = list_entries(conn, 1, prefix=prefix, after=after, limit=7)
    assert [entry.path for entry in found] == wanted[:7]
    below = [content for path, content in files.items() if path.startswith(prefix)]
    assert count_entries(conn, 1, prefix=prefix) == (len(below), sum(map(len, below)))
    assert [entry.path for entry in iter_entries(conn, 1)] == sorted(files, key=str.encode)
    asked = [*files, prefix, "absent"]
    assert sorted(find_entries(conn, 1, asked)) == sorted(set(asked) & set(files))
    conn.close()


@given(files=trees, limit=st.integers(1, 5))
def test_walking_directories_by_pages_finds_every_file_once(
    files: dict[str, bytes], limit: int
) -> None:
    conn = keep(sort_manifest(files))

    def walk(path: str) -> list[str]:
        found: list[str] = []
        after: str | None = None
        while items := list_directory(conn, 1, path, after=after, limit=limit):
            for item in items:
                if isinstance(item, Directory):
                    inside = walk(item.path)
                    assert item.file_count == len(inside)
                    assert item.size_bytes == sum(len(files[name]) for name in inside)
                    found += inside
                else:
                    found.append(item.path)
            last = items[-1]
            after = f"{last.path}/" if isinstance(last, Directory) else last.path
        return found

    assert walk("") == sorted(files, key=str.encode)
    conn.close()


@given(base=trees, layer=trees)
def test_the_other_process_packs_what_this_one_would(
    base: dict[str, bytes], layer: dict[str, bytes]
) -> None:
    whole = base | layer
    assume(without_files_that_are_directories(whole) == whole)
    job = PackJob(has_base=True, is_base_trusted=True, digest=None, wants_json=True)
    texts = [json.dumps(manifest_of(each)).encode() for each in (base, layer)]
    here = list(pack(job, texts))
    wanted = {path for m in here if isinstance(m, Wanted) for path in m.paths}
    assert wanted == {path for path, content in layer.items() if base.get(path) != content}
    rows = [message.page for message in here if isinstance(message, Row)]
    assert sum(row.entry_count for row in rows) == len({**base, **layer})
    text = b"".join(message.data for message in here if isinstance(message, Text))
    assert parse_manifest(text).contents == sort_manifest(base | layer).document.contents


@given(base=trees, layer=trees)
def test_entries_that_stay_packed_are_those_that_are_read_at_once(
    base: dict[str, bytes], layer: dict[str, bytes]
) -> None:
    assume(without_files_that_are_directories(base | layer) == base | layer)
    texts = [json.dumps(manifest_of(each)).encode() for each in (base, layer)]
    read, packed = (
        merge_manifests(parse(texts[0]), [parse(texts[1])])
        for parse in (parse_manifest, parse_packed)
    )
    assert packed.paths == read.paths
    assert dict(packed.document.contents) == read.document.contents
    assert measure(packed) == (digest_of(read), sum(map(len, (base | layer).values())))


def test_an_entry_that_is_none_is_named_when_it_is_read() -> None:
    text = b'{"contents": {"a": {"digest": "e", "ref": "s3://b/k"}, "b/c": {"digest": 5}}}'
    with pytest.raises(Invalid, match="the entry 'b/c' of the manifest is none"):
        merge_manifests(None, [parse_packed(text)])


def test_packing_apart_gives_and_refuses_the_same() -> None:
    job = PackJob(has_base=False, is_base_trusted=False, digest=None, wants_json=True)
    text = json.dumps(manifest_of({"a": b"1", "b/c": b"2"})).encode()
    apart = list(pack_apart(job, [(len(text), [text[:10], text[10:]])]))
    assert msgspec.msgpack.encode(apart) == msgspec.msgpack.encode(list(pack(job, [text])))
    with pytest.raises(Invalid, match="no manifest"):
        list(pack_apart(job, [(3, [b"{{{"])]))
    wrong = msgspec.structs.replace(job, digest="0" * 32)
    with pytest.raises(Invalid, match="incomplete or was changed"):
        list(pack_apart(wrong, [(len(text), [text])]))


@given(path=paths)
def test_an_ordinary_path_is_taken(path: str) -> None:
    check_path(path)


@given(path=paths, bad=st.sampled_from(["../", "./", "/", "a/../", "a//", "\x00", "x\n/"]))
def test_a_path_with_a_bad_part_is_refused(path: str, bad: str) -> None:
    with pytest.raises(Invalid, match="path"):
        check_path(bad + path)


def test_a_directory_is_listed_from_the_few_rows_where_its_items_end() -> None:
    files = {f"d{number // 40:02}/{number:04}": b"x" for number in range(400)}
    conn = keep(sort_manifest(files | {"e": b"x"}))
    rows: list[Any] = []

    def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "data" in statement:
            rows.extend(parameters[1:])

    sa.event.listen(conn, "before_cursor_execute", note)
    found = list_directory(conn, 1, "", after=None, limit=6)
    assert [item.path for item in found] == [f"d{number:02}" for number in range(6)]
    assert all(isinstance(item, Directory) and item.file_count == 40 for item in found)
    # A hundred rows, of which seven say where the six directories begin and end.
    assert len(rows) <= 8


@pytest.mark.parametrize("paths", [("a", "a/b"), ("a", "a.b", "a/b/c"), ("d/a/x/y", "d/a")])
def test_a_file_that_is_a_directory_too_is_refused_by_name(paths: tuple[str, ...]) -> None:
    with pytest.raises(Invalid, match="either a file or a directory"):
        sort_manifest(dict.fromkeys(paths, b""))


@given(files=st.dictionaries(paths, st.binary(max_size=3), max_size=8))
def test_only_manifests_that_a_disk_can_hold_are_taken(files: dict[str, bytes]) -> None:
    is_possible = without_files_that_are_directories(files) == files
    try:
        sort_manifest(files)
    except Invalid:
        assert not is_possible
    else:
        assert is_possible
