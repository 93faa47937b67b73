"""What blob stores do with many contents at once, and with uploads in parts."""

from __future__ import annotations

import hashlib
import threading
import time

import pytest

from steelyard.errors import BlobMissing, Conflict, Invalid, TooLarge, UploadMissing
from steelyard.server.blobs.interface import BlobStore, StoredBlob
from steelyard.testing.blob_contents import FAR_FUTURE_US, load, make_content, md5_of, store

PART_BYTES = 100_000


def send_part(blobs: BlobStore, upload_id: str, number: int, content: bytes) -> tuple[int, bytes]:
    """Upload one part; (number, its MD5) as it is named at the end."""
    writer = blobs.create_part_writer(upload_id, number)
    for first in range(0, len(content), 30_000):
        writer.write(content[first : first + 30_000])
    part = writer.commit()
    assert (part.number, part.size_bytes, part.tag) == (number, len(content), md5_of(content))
    return number, part.tag


def cut(content: bytes) -> list[bytes]:
    """In parts; at least one."""
    starts = range(0, max(len(content), 1), PART_BYTES)
    return [content[first : first + PART_BYTES] for first in starts]


class BlobBatchContract:
    """Many small contents at once."""

    def test_a_batch_is_stored_in_its_order(self, blobs: BlobStore) -> None:
        contents = [make_content(size, seed=size) for size in (0, 1, 4096, 70_000, 2)]
        stored = blobs.store_all(contents)
        assert [blob.size_bytes for blob in stored] == [0, 1, 4096, 70_000, 2]
        for blob, content in zip(stored, contents, strict=True):
            assert blob.sha256 == hashlib.sha256(content).digest()
            assert blob.md5 == md5_of(content)
            assert load(blobs, blob.sha256) == content

    def test_a_batch_is_read_in_the_order_asked_for(self, blobs: BlobStore) -> None:
        contents = [make_content(size, seed=size) for size in (0, 1, 4096, 70_000)]
        stored = blobs.store_all(contents)
        wanted = [stored[2], stored[0], stored[3], stored[2]]
        assert blobs.read_all([blob.sha256 for blob in wanted]) == [
            contents[2],
            contents[0],
            contents[3],
            contents[2],
        ]
        assert blobs.read_all([]) == []
        with pytest.raises(BlobMissing):
            blobs.read_all([stored[0].sha256, bytes(32)])

    def test_a_batch_may_repeat_itself_and_what_is_there(self, blobs: BlobStore) -> None:
        there = store(blobs, b"there")
        stored = blobs.store_all([b"new", b"there", memoryview(b"new"), bytearray(b"there")])
        assert stored == [stored[0], there, stored[0], there]
        assert set(blobs.list_settled(before_us=FAR_FUTURE_US)) == {
            there.sha256,
            stored[0].sha256,
        }
        assert blobs.remove_unfinished() == 0

    def test_an_empty_batch_is_nothing(self, blobs: BlobStore) -> None:
        assert blobs.store_all([]) == []

    def test_batches_from_many_threads_store_the_same_once(self, blobs: BlobStore) -> None:
        contents = [make_content(2000, seed=seed) for seed in range(40)]
        stored: list[list[StoredBlob]] = []
        threads = [
            threading.Thread(target=lambda: stored.append(blobs.store_all(contents)))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(stored) == 4
        assert all(each == stored[0] for each in stored)
        assert len(list(blobs.list_settled(before_us=FAR_FUTURE_US))) == 40


class BlobUploadContract:
    """Uploads in parts."""

    @pytest.mark.parametrize("size_bytes", [0, 1, 99_999, 100_000, 100_001, 1_234_567])
    def test_parts_make_the_content(self, blobs: BlobStore, size_bytes: int) -> None:
        content = make_content(size_bytes)
        upload_id = blobs.create_upload(part_bytes=PART_BYTES)
        named = [send_part(blobs, upload_id, n, part) for n, part in enumerate(cut(content), 1)]
        blob = blobs.complete_upload(upload_id, named, md5=md5_of(content))
        assert blob == StoredBlob(hashlib.sha256(content).digest(), md5_of(content), size_bytes)
        assert load(blobs, blob.sha256) == content
        with pytest.raises(UploadMissing, match=upload_id):
            blobs.list_parts(upload_id)

    def test_parts_come_in_any_order_and_are_listed_in_theirs(self, blobs: BlobStore) -> None:
        content = make_content(650_000)
        upload_id = blobs.create_upload(part_bytes=PART_BYTES)
        parts = dict(enumerate(cut(content), 1))
        named = dict(send_part(blobs, upload_id, n, parts[n]) for n in (7, 2, 3, 1, 6, 4, 5))
        listed = blobs.list_parts(upload_id)
        assert [part.number for part in listed] == [1, 2, 3, 4, 5, 6, 7]
        assert [part.size_bytes for part in listed] == [*[PART_BYTES] * 6, 50_000]
        blob = blobs.complete_upload(upload_id, sorted(named.items()))
        assert load(blobs, blob.sha256) == content

    def test_parts_from_many_threads_make_the_content(self, blobs: BlobStore) -> None:
        content = make_content(1_650_000)
        upload_id = blobs.create_upload(part_bytes=PART_BYTES)
        named: list[tuple[int, bytes]] = []
        threads = [
            threading.Thread(
                target=lambda n, part: named.append(send_part(blobs, upload_id, n, part)),
                args=(n, part),
            )
            for n, part in enumerate(cut(content), 1)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        blob = blobs.complete_upload(upload_id, sorted(named))
        assert load(blobs, blob.sha256) == content

    def test_a_part_sent_again_replaces_the_first(self, blobs: BlobStore) -> None:
        parts = cut(make_content(250_000))
        upload_id = blobs.create_upload(part_bytes=PART_BYTES)
        for number, part in enumerate(parts, 1):
            send_part(blobs, upload_id, number, part[::-1])
        named = [send_part(blobs, upload_id, n, part) for n, part in enumerate(parts, 1)]
        blob = blobs.complete_upload(upload_id, named)
        assert load(blobs, blob.sha256) == make_content(250_000)

    def test_parts_that_were_not_hashed_are_named_by_their_tags(self, blobs: BlobStore) -> None:
        content = make_content(150_000)
        upload_id = blobs.create_upload(part_bytes=PART_BYTES)
        named: list[tuple[int, bytes]] = []
        for number, part in [(1, b"other"), *enumerate(cut(content), 1)]:
            writer = blobs.create_part_writer(upload_id, number, is_hashed=False)
            writer.write(part)
            named.append((number, writer.commit().tag))
        replaced, *kept = named
        assert {len(tag) for _, tag in named} == {16}
        assert [(part.number, part.tag) for part in blobs.list_parts(upload_id)] == kept
        with pytest.raises(Invalid, match="part 1 has ETag"):
            blobs.complete_upload(upload_id, [replaced, kept[1]])
        blob = blobs.complete_upload(upload_id, kept, md5=md5_of(content))
        assert load(blobs, blob.sha256) == content

    def test_a_part_that_broke_off_is_not_there(self, blobs: BlobStore) -> None:
        upload_id = blobs.create_upload(part_bytes=10)
        named = [send_part(blobs, upload_id, 1, b"0123456789")]
        writer = blobs.create_part_writer(upload_id, 1)
        writer.write(b"xx")
        writer.abort()
        writer.abort()
        assert blobs.list_parts(upload_id) == []
        with pytest.raises(Invalid, match="part 1 is not here"):
            blobs.complete_upload(upload_id, named)
        named = [send_part(blobs, upload_id, 1, b"0123456789")]
        assert load(blobs, blobs.complete_upload(upload_id, named).sha256) == b"0123456789"

    def test_the_last_to_begin_a_part_wins(self, blobs: BlobStore) -> None:
        upload_id = blobs.create_upload(part_bytes=10)
        slow = blobs.create_part_writer(upload_id, 1)
        slow.write(b"aaaa")
        fast = blobs.create_part_writer(upload_id, 1)
        fast.write(b"bbbb")
        with pytest.raises(Conflict, match="begun again"):
            slow.write(b"aaaa")
        part = fast.commit()
        with pytest.raises(Conflict, match="begun again"):
            slow.commit()
        slow.abort()
        blob = blobs.complete_upload(upload_id, [(1, part.tag)])
        assert load(blobs, blob.sha256) == b"bbbb"

    def test_an_upload_outlives_the_process(self, blobs: BlobStore, reopened: BlobStore) -> None:
        content = make_content(250_000)
        parts = cut(content)
        upload_id = blobs.create_upload(part_bytes=PART_BYTES)
        send_part(blobs, upload_id, 1, parts[1])
        send_part(blobs, upload_id, 3, parts[2])
        named = [send_part(blobs, upload_id, 1, parts[0])]
        reopened.remove_unfinished()
        assert [part.number for part in reopened.list_parts(upload_id)] == [1, 3]
        assert reopened.list_parts(upload_id) == blobs.list_parts(upload_id)
        named += [send_part(reopened, upload_id, 2, parts[1]), (3, md5_of(parts[2]))]
        blob = reopened.complete_upload(upload_id, named)
        assert load(reopened, blob.sha256) == content

    def test_what_does_not_fit_together_is_named_and_can_be_mended(self, blobs: BlobStore) -> None:
        upload_id = blobs.create_upload(part_bytes=4)
        one = send_part(blobs, upload_id, 1, b"abcd")
        two = send_part(blobs, upload_id, 2, b"ef")
        three = send_part(blobs, upload_id, 3, b"ghij")
        for parts, reason in [
            ([], "from 1 on"),
            ([one, three], "without a gap"),
            ([two, one], "in order"),
            ([one, two, three], "part 2 has 2 of 4 bytes"),
            ([one, (2, md5_of(b"xx"))], "part 2 has ETag"),
            ([one, two, three, (4, one[1])], "part 4 is not here"),
        ]:
            with pytest.raises(Invalid, match=reason):
                blobs.complete_upload(upload_id, parts)
        # A part beyond those that are named is not part of the content.
        blob = blobs.complete_upload(upload_id, [one, two])
        assert load(blobs, blob.sha256) == b"abcdef"

    def test_parts_have_a_size_and_a_number_within_bounds(self, blobs: BlobStore) -> None:
        for part_bytes in (0, -1, 2**60):
            with pytest.raises(Invalid):
                blobs.create_upload(part_bytes=part_bytes)
        upload_id = blobs.create_upload(part_bytes=4)
        for number in (0, -1, 10_001):
            with pytest.raises(Invalid, match="numbered from 1"):
                blobs.create_part_writer(upload_id, number)
        writer = blobs.create_part_writer(upload_id, 1)
        with pytest.raises(TooLarge, match="part_bytes"):
            writer.write(b"abcde")
        writer.abort()

    def test_a_content_that_lied_about_its_digest_leaves_nothing(self, blobs: BlobStore) -> None:
        upload_id = blobs.create_upload(part_bytes=4)
        one = send_part(blobs, upload_id, 1, b"true")
        with pytest.raises(Invalid, match="was announced"):
            blobs.complete_upload(upload_id, [one], md5=md5_of(b"lie!"))
        assert blobs.find_size(hashlib.sha256(b"true").digest()) is None
        assert list(blobs.list_settled(before_us=FAR_FUTURE_US)) == []
        with pytest.raises(UploadMissing):
            blobs.list_parts(upload_id)

    @pytest.mark.parametrize("upload_id", ["", "0" * 32, "../../etc", "x" * 1000])
    def test_an_unknown_upload_is_missing(self, blobs: BlobStore, upload_id: str) -> None:
        with pytest.raises(UploadMissing):
            blobs.create_part_writer(upload_id, 1)
        with pytest.raises(UploadMissing):
            blobs.complete_upload(upload_id, [])
        assert not blobs.abort_upload(upload_id)

    def test_giving_an_upload_up_ends_what_is_under_way(self, blobs: BlobStore) -> None:
        upload_id = blobs.create_upload(part_bytes=10)
        send_part(blobs, upload_id, 1, b"0123456789")
        writer = blobs.create_part_writer(upload_id, 2)
        writer.write(b"01")
        assert blobs.abort_upload(upload_id)
        assert not blobs.abort_upload(upload_id)
        with pytest.raises(Conflict):
            writer.write(b"23")
        writer.abort()
        with pytest.raises(UploadMissing):
            blobs.list_parts(upload_id)

    def test_only_uploads_that_nobody_wrote_to_are_stale(
        self, blobs: BlobStore, reopened: BlobStore
    ) -> None:
        old = blobs.create_upload(part_bytes=10)
        send_part(blobs, old, 1, b"abc")
        going_on = blobs.create_upload(part_bytes=10)
        time.sleep(0.02)
        between_us = time.time_ns() // 1000
        time.sleep(0.02)
        send_part(blobs, going_on, 1, b"abc")
        assert reopened.remove_stale_uploads(before_us=between_us) == 1
        assert [part.number for part in reopened.list_parts(going_on)] == [1]
        with pytest.raises(UploadMissing):
            reopened.list_parts(old)
        assert reopened.remove_stale_uploads(before_us=FAR_FUTURE_US) == 1
