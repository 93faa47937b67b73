"""Every blob store keeps the contract; the local one also survives a full disk."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.server.blobs.interface import BlobStore
from steelyard.server.blobs.local import LocalBlobs
from steelyard.server.blobs.place import S3Place
from steelyard.server.blobs.s3 import S3Blobs
from steelyard.server.db.locks import ServerLocks
from steelyard.testing.blobs import BlobStoreContract, load, store
from tests.support.databases import DatabaseMaker
from tests.support.s3 import S3Server


class TestLocalBlobs(BlobStoreContract):
    @pytest.fixture
    def blobs(self, tmp_path: Path) -> BlobStore:
        return LocalBlobs(tmp_path / "blobs")

    @pytest.fixture
    def reopened(self, tmp_path: Path) -> BlobStore:
        return LocalBlobs(tmp_path / "blobs")


class TestS3Blobs(BlobStoreContract):
    clock_step_s = 1.1

    @pytest.fixture
    def place(self, s3_server: S3Server) -> S3Place:
        return s3_server.make_place()

    @pytest.fixture
    def blobs(self, place: S3Place, tmp_path: Path) -> BlobStore:
        return S3Blobs(place, tmp_path / "spool")

    @pytest.fixture
    def reopened(self, place: S3Place, tmp_path: Path) -> BlobStore:
        return S3Blobs(place, tmp_path / "spool")


class TestS3BlobsOfTwoServers(BlobStoreContract):
    """`reopened` is another server: a disk of its own, on the same PostgreSQL."""

    clock_step_s = 1.1

    @pytest.fixture
    def place(self, s3_server: S3Server) -> S3Place:
        return s3_server.make_place()

    @pytest.fixture
    def make_locks(self, database_maker: DatabaseMaker) -> Iterator[Callable[[], ServerLocks]]:
        url, remove = database_maker.make_empty("postgresql")
        made: list[ServerLocks] = []

        def make() -> ServerLocks:
            made.append(ServerLocks(url))
            return made[-1]

        yield make
        for locks in made:
            locks.close()
        remove()

    @pytest.fixture
    def blobs(
        self, place: S3Place, make_locks: Callable[[], ServerLocks], tmp_path: Path
    ) -> BlobStore:
        return S3Blobs(place, tmp_path / "one", make_locks())

    @pytest.fixture
    def reopened(
        self, place: S3Place, make_locks: Callable[[], ServerLocks], tmp_path: Path
    ) -> BlobStore:
        return S3Blobs(place, tmp_path / "two", make_locks())


@settings(max_examples=30, deadline=None)
@given(parts=st.lists(st.binary(max_size=5000), max_size=8))
def test_parts_of_any_size_make_one_content(
    parts: list[bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    blobs = LocalBlobs(tmp_path_factory.mktemp("blobs"))
    writer = blobs.create_writer()
    for part in parts:
        writer.write(part)
    blob = writer.commit()
    assert blob.sha256 == hashlib.sha256(b"".join(parts)).digest()
    assert load(blobs, blob.sha256) == b"".join(parts)


def test_a_second_store_on_the_directory_sees_what_the_first_kept(tmp_path: Path) -> None:
    blob = store(LocalBlobs(tmp_path), b"there")
    assert load(LocalBlobs(tmp_path), blob.sha256) == b"there"


FILE_LIMITED = """
import resource, signal, sys
from pathlib import Path
from steelyard.errors import StorageFull
from steelyard.server.blobs.local import LocalBlobs

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
blobs = LocalBlobs(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
writer = blobs.create_writer()
try:
    writer.write(bytes(200_000))
except StorageFull as error:
    writer.abort()
    assert blobs.remove_unfinished() == 0
    print(error)
"""


def test_a_disk_that_takes_no_more_is_reported_and_nothing_is_left(tmp_path: Path) -> None:
    """The kernel refuses the write (limit of the process); tests/fault fills a real disk."""
    told = subprocess.run(
        [sys.executable, "-c", FILE_LIMITED, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "nothing of this upload was kept" in told.stdout


def test_blobs_of_an_earlier_version_are_found_where_they_belong_now(tmp_path: Path) -> None:
    content = b"stored two directories deep"
    name = hashlib.sha256(content).hexdigest()
    old = tmp_path / "blobs" / name[:2] / name[2:4] / name
    old.parent.mkdir(parents=True)
    old.write_bytes(content)
    blobs = LocalBlobs(tmp_path / "blobs")
    assert load(blobs, bytes.fromhex(name)) == content
    assert not old.parent.exists()
    assert list(blobs.list_settled(before_us=2**62)) == [bytes.fromhex(name)]


@settings(max_examples=40, deadline=None)
@given(
    size_bytes=st.integers(1, 50),
    steps=st.lists(
        st.tuples(st.sampled_from(["send", "spoil", "break off", "restart"]), st.integers(1, 7)),
        max_size=20,
    ),
)
def test_parts_make_the_content_whatever_happened_on_the_way(
    size_bytes: int, steps: list[tuple[str, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Parts are sent, sent wrong, broken off, the server restarts; then what is wrong is mended."""
    content = bytes(range(size_bytes))
    parts = dict(enumerate((content[at : at + 8] for at in range(0, size_bytes, 8)), 1))
    directory = tmp_path_factory.mktemp("blobs")
    blobs = LocalBlobs(directory)
    upload_id = blobs.create_upload(part_bytes=8)
    expected: dict[int, bytes] = {}
    for what, number in steps:
        if what == "restart":
            blobs = LocalBlobs(directory)
            blobs.remove_unfinished()
        elif number in parts:
            sent = parts[number][::-1] if what == "spoil" else parts[number]
            writer = blobs.create_part_writer(upload_id, number)
            writer.write(sent)
            expected.pop(number, None)
            if what == "break off":
                writer.abort()
            else:
                expected[number] = writer.commit().tag
        assert {part.number: part.tag for part in blobs.list_parts(upload_id)} == expected
    named = [(number, hashlib.md5(part).digest()) for number, part in parts.items()]
    for number, md5 in named:
        if expected.get(number) != md5:
            writer = blobs.create_part_writer(upload_id, number)
            writer.write(parts[number])
            writer.commit()
    blob = blobs.complete_upload(upload_id, named, md5=hashlib.md5(content).digest())
    assert load(blobs, blob.sha256) == content
