"""Contract suite of blob stores. A backend subclasses it and provides the fixture `blobs`.

class TestMyBlobs(BlobStoreContract):
    @pytest.fixture
    def blobs(self) -> BlobStore: ...

    @pytest.fixture
    def reopened(self, blobs: BlobStore) -> BlobStore: ...  # as another process would see it
"""

from __future__ import annotations

import hashlib
import threading
import time

import pytest

from steelyard.errors import BlobMissing, TooLarge
from steelyard.server.blobs.interface import BlobStore, StoredBlob, read_blob
from steelyard.testing.blob_contents import FAR_FUTURE_US, load, make_content, store
from steelyard.testing.blob_uploads import BlobBatchContract, BlobUploadContract

__all__ = ["BlobStoreContract", "load", "make_content", "store"]


class BlobStoreContract(BlobBatchContract, BlobUploadContract):
    """What every blob store does."""

    #: How finely the store tells when a blob was stored.
    clock_step_s = 0.02

    @pytest.mark.parametrize("size_bytes", [0, 1, 65_535, 65_536, 65_537, 3_000_000])
    def test_content_comes_back_under_its_digests(self, blobs: BlobStore, size_bytes: int) -> None:
        content = make_content(size_bytes)
        blob = store(blobs, content)
        assert blob.sha256 == hashlib.sha256(content).digest()
        assert blob.md5 == hashlib.md5(content, usedforsecurity=False).digest()
        assert blob.size_bytes == size_bytes == blobs.find_size(blob.sha256)
        assert load(blobs, blob.sha256) == content

    def test_the_digest_does_not_depend_on_how_the_content_was_cut(self, blobs: BlobStore) -> None:
        content = make_content(1000)
        assert len({store(blobs, content, part_bytes=part) for part in (1, 7, 999, 1000)}) == 1

    def test_an_upload_is_invisible_until_it_is_committed(self, blobs: BlobStore) -> None:
        writer = blobs.create_writer()
        writer.write(b"half")
        assert blobs.find_size(hashlib.sha256(b"half").digest()) is None
        writer.commit()
        assert blobs.find_size(hashlib.sha256(b"half").digest()) == 4

    def test_an_aborted_upload_leaves_nothing(self, blobs: BlobStore) -> None:
        writer = blobs.create_writer()
        writer.write(b"gone")
        writer.abort()
        writer.abort()
        assert blobs.find_size(hashlib.sha256(b"gone").digest()) is None
        assert blobs.remove_unfinished() == 0

    def test_an_abort_after_the_commit_changes_nothing(self, blobs: BlobStore) -> None:
        writer = blobs.create_writer()
        writer.write(b"kept")
        blob = writer.commit()
        writer.abort()
        assert load(blobs, blob.sha256) == b"kept"

    @pytest.mark.parametrize(
        ("first", "size_bytes"), [(0, 10), (0, 1), (9, 1), (3, 4), (5, 100), (10, 0)]
    )
    def test_ranges_are_exact(self, blobs: BlobStore, first: int, size_bytes: int) -> None:
        blob = store(blobs, b"0123456789")
        reader = blobs.open_range(blob.sha256, first=first, size_bytes=size_bytes)
        parts = []
        while part := reader.read(3):
            parts.append(part)
        reader.close()
        assert b"".join(parts) == b"0123456789"[first : first + size_bytes]

    def test_an_unknown_digest_is_missing(self, blobs: BlobStore) -> None:
        unknown = hashlib.sha256(b"never stored").digest()
        assert blobs.find_size(unknown) is None
        assert not blobs.delete(unknown)
        with pytest.raises(BlobMissing, match=unknown.hex()):
            blobs.open_range(unknown, first=0, size_bytes=1)

    def test_deleting_takes_the_blob_away_once(self, blobs: BlobStore) -> None:
        blob = store(blobs, b"old")
        assert blobs.delete(blob.sha256)
        assert not blobs.delete(blob.sha256)
        assert blobs.find_size(blob.sha256) is None
        assert store(blobs, b"old") == blob
        assert load(blobs, blob.sha256) == b"old"

    def test_a_reader_outlives_the_deletion(self, blobs: BlobStore) -> None:
        blob = store(blobs, b"x" * 100)
        reader = blobs.open_range(blob.sha256, first=0, size_bytes=100)
        blobs.delete(blob.sha256)
        assert reader.read(100) == b"x" * 100
        reader.close()

    def test_only_blobs_stored_before_a_moment_are_settled(self, blobs: BlobStore) -> None:
        blob = store(blobs, b"settling")
        assert list(blobs.list_settled(before_us=1)) == []
        assert list(blobs.list_settled(before_us=FAR_FUTURE_US)) == [blob.sha256]

    def test_storing_again_protects_a_blob_from_collection(self, blobs: BlobStore) -> None:
        blob = store(blobs, b"again")
        time.sleep(self.clock_step_s)
        between_us = time.time_ns() // 1000
        time.sleep(self.clock_step_s)
        assert list(blobs.list_settled(before_us=between_us)) == [blob.sha256]
        store(blobs, b"again")
        assert list(blobs.list_settled(before_us=between_us)) == []
        assert not blobs.delete(blob.sha256, settled_before_us=between_us)
        assert blobs.delete(blob.sha256, settled_before_us=FAR_FUTURE_US)

    def test_uploads_of_a_dead_process_are_removed(self, blobs: BlobStore) -> None:
        kept = store(blobs, b"whole")
        writers = [blobs.create_writer() for _ in range(3)]
        for writer in writers:
            writer.write(b"left behind")
        assert blobs.remove_unfinished() == 3
        for writer in writers:
            writer.abort()
        assert blobs.remove_unfinished() == 0
        assert load(blobs, kept.sha256) == b"whole"

    def test_the_same_content_from_many_threads_is_one_blob(self, blobs: BlobStore) -> None:
        content = make_content(200_000)
        stored: list[StoredBlob] = []
        threads = [
            threading.Thread(target=lambda: stored.append(store(blobs, content, part_bytes=1000)))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(stored) == 8
        assert len(set(stored)) == 1
        assert list(blobs.list_settled(before_us=FAR_FUTURE_US)) == [stored[0].sha256]
        assert load(blobs, stored[0].sha256) == content

    def test_reading_whole_is_bounded(self, blobs: BlobStore) -> None:
        blob = store(blobs, b"12345")
        assert read_blob(blobs, blob.sha256, size_bytes_max=5) == b"12345"
        with pytest.raises(TooLarge, match="5 long"):
            read_blob(blobs, blob.sha256, size_bytes_max=4)
