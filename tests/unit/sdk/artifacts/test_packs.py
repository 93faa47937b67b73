"""Small files in one request: what came whole is taken, everything else is left to be asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from steelyard.errors import NotFound, Unavailable
from steelyard.limits import ARTIFACT_CONTENTS_ASKED_AT_ONCE, ARTIFACT_PACK_SENT_BYTES
from steelyard.sdk.artifacts.digest import b64_of_bytes
from steelyard.sdk.artifacts.entry import ArtifactManifestEntry
from steelyard.sdk.artifacts.packs import (
    HEAD_BYTES,
    fetch_pack,
    is_packable,
    read_pack,
    split_into_packs,
)

Contents = st.lists(st.binary(max_size=50), max_size=8)


def frame(content: bytes) -> bytes:
    return hashlib.md5(content).digest() + len(content).to_bytes(4, "little") + content


def entries_of(contents: list[bytes]) -> list[ArtifactManifestEntry]:
    return [
        ArtifactManifestEntry(f"f{number}", b64_of_bytes(content), size=len(content))
        for number, content in enumerate(contents)
    ]


class OddServer:
    """Sends packs of these contents, each cut after so many bytes; then it refuses."""

    def __init__(self, contents: list[bytes], cuts: list[int | None]) -> None:
        self.contents = {f"f{number}": content for number, content in enumerate(contents)}
        self.cuts = cuts
        self.asked: list[list[str]] = []

    def open_pack(self, artifact_id: str, paths: list[str]) -> Iterator[bytes]:
        self.asked.append(paths)
        if not self.cuts:
            raise NotFound("no such place")
        cut = self.cuts.pop(0)
        body = b"".join(frame(self.contents[path]) for path in paths)
        yield body[:cut]
        if cut is not None and cut < len(body):
            raise Unavailable("it broke off")


@given(contents=Contents, cut=st.integers(0, 600))
def test_of_a_pack_that_is_cut_off_the_whole_contents_are_read(
    contents: list[bytes], cut: int
) -> None:
    whole, end = [], 0
    for content in contents:
        end += HEAD_BYTES + len(content)
        if end <= cut:
            whole.append((b64_of_bytes(content), content))
    assert list(read_pack(b"".join(map(frame, contents))[:cut])) == whole


@given(contents=st.lists(st.binary(min_size=1, max_size=50), min_size=1), data=st.data())
def test_a_content_that_was_damaged_is_left_out_and_nothing_else(
    contents: list[bytes], data: st.DataObject
) -> None:
    number = data.draw(st.integers(0, len(contents) - 1))
    frames = list(map(frame, contents))
    frames[number] = frames[number][:-1] + bytes([frames[number][-1] ^ 1])
    expected = [(b64_of_bytes(each), each) for each in contents]
    assert list(read_pack(b"".join(frames))) == expected[:number] + expected[number + 1 :]


@given(sizes=st.lists(st.integers(0, 300_000), max_size=60))
def test_packs_hold_every_entry_once_in_order_within_their_bounds(sizes: list[int]) -> None:
    entries = [ArtifactManifestEntry(f"f{n}", "x", size=size) for n, size in enumerate(sizes)]
    packs = list(split_into_packs(entries))
    assert [entry for pack in packs for entry in pack] == entries
    for pack in packs:
        assert 0 < len(pack) <= ARTIFACT_CONTENTS_ASKED_AT_ONCE
        size = sum(entry.size + HEAD_BYTES for entry in pack if entry.size is not None)
        assert size <= ARTIFACT_PACK_SENT_BYTES


def test_many_empty_files_are_asked_for_in_several_packs() -> None:
    entries = entries_of([b""] * (2 * ARTIFACT_CONTENTS_ASKED_AT_ONCE + 1))
    sizes = [len(pack) for pack in split_into_packs(entries)]
    assert sizes == [ARTIFACT_CONTENTS_ASKED_AT_ONCE, ARTIFACT_CONTENTS_ASKED_AT_ONCE, 1]


def test_what_was_cut_off_is_asked_for_again_while_something_comes() -> None:
    contents = [b"one", b"two", b"three", b"four"]
    server: Any = OddServer(contents, [30, 30, 0])
    found = fetch_pack(server, "id", entries_of(contents))
    assert sorted(found.values()) == [b"one", b"two"]
    assert server.asked == [["f0", "f1", "f2", "f3"], ["f1", "f2", "f3"], ["f2", "f3"]]


def test_a_server_without_packs_gives_nothing_and_is_asked_once() -> None:
    server: Any = OddServer([b"one", b"two"], [])
    assert fetch_pack(server, "id", entries_of([b"one", b"two"])) == {}
    assert len(server.asked) == 1


def test_only_small_files_with_an_md5_of_their_own_travel_together() -> None:
    small = {"digest": b64_of_bytes(b"x"), "size": 1}
    assert is_packable(ArtifactManifestEntry("f", **small))  # type: ignore[arg-type]  # by name
    for changed in ({"size": None}, {"size": 256 * 1024}, {"ref": "s3://b/f"}):
        assert not is_packable(ArtifactManifestEntry("f", **(small | changed)))  # type: ignore[arg-type]  # by name
    other = ArtifactManifestEntry("f", "x", size=1, extra={"alg": "XXH128"})
    assert not is_packable(other)
