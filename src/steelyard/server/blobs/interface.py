"""What the server asks of a blob store: bytes named by their own SHA-256.

A blob appears whole or not at all, never changes, and is stored once however often it is sent.
Nothing here holds a whole blob in memory. Everything blocks: edges call it from worker threads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import msgspec

from steelyard.errors import BlobMissing, TooLarge


class StoredBlob(msgspec.Struct, frozen=True):
    """A blob that is durable. `sha256` is its name; `md5` is what the W&B protocol compares."""

    sha256: bytes
    md5: bytes
    size_bytes: int


class BlobWriter(Protocol):
    """One upload on its way. Ends with exactly one of `commit` and `abort`."""

    def write(self, part: bytes | bytearray | memoryview) -> None:
        """Append a part. Raises StorageFull; the caller then aborts."""
        ...

    def md5(self) -> bytes:
        """MD5 of what was written so far, to compare with what the sender announced."""
        ...

    def commit(self) -> StoredBlob:
        """Make the blob visible and durable (survives a power cut). Raises StorageFull."""
        ...

    def abort(self) -> None:
        """Drop what was written. Idempotent, does nothing after `commit`, never raises."""
        ...


class StoredPart(msgspec.Struct, frozen=True):
    """A part of an upload that is durable. Parts are numbered from 1.

    `tag`, 16 bytes, is its ETag: its MD5 where that was computed, else bytes that no other part
    has.
    """

    number: int
    size_bytes: int
    tag: bytes


class PartWriter(Protocol):
    """One part on its way. Ends with exactly one of `commit` and `abort`."""

    def write(self, part: bytes | bytearray | memoryview) -> None:
        """Append to the part.

        Raises TooLarge beyond the upload's `part_bytes`, StorageFull, UploadMissing when the upload
        has ended meanwhile, Conflict when the same part is being sent again; the caller then
        aborts.
        """
        ...

    def md5(self) -> bytes:
        """MD5 of what was written so far, of a part that is hashed."""
        ...

    def commit(self) -> StoredPart:
        """Make the part durable, in place of what the number had. Raises as `write` does."""
        ...

    def abort(self) -> None:
        """Give the part up. Idempotent, does nothing after `commit`, never raises."""
        ...


class BlobReader(Protocol):
    """A range of a blob, read once from front to back."""

    def read(self, size_bytes: int, /) -> bytes:
        """Up to `size_bytes`; empty at the end of the range."""
        ...

    def close(self) -> None: ...


class BlobStore(Protocol):
    """Local directory or S3; `tests/contract/test_blobs_contract.py` says what holds.

    Whatever asks the network may raise StorageUnavailable: nothing half-visible is left then, and
    the same call works later.
    """

    def create_writer(self) -> BlobWriter:
        """Start an upload. Raises StorageFull."""
        ...

    def store_all(self, contents: Sequence[bytes | bytearray | memoryview]) -> list[StoredBlob]:
        """Store many small contents at once; all are durable on return, described in order.

        An error may leave some of them stored. Raises StorageFull.
        """
        ...

    def create_upload(self, *, part_bytes: int) -> str:
        """Start an upload in parts; its id, which outlives the server process.

        Every part but the last has exactly `part_bytes`. Raises StorageFull.
        """
        ...

    def create_part_writer(
        self, upload_id: str, number: int, *, is_hashed: bool = True
    ) -> PartWriter:
        """Start part `number`, of any order and beside others; what the number had is void now.

        The whole is hashed in any case: `is_hashed` is for a part that is announced by its MD5.
        Raises UploadMissing, Invalid for a number outside 1…UPLOAD_PARTS_MAX.
        """
        ...

    def list_parts(self, upload_id: str) -> list[StoredPart]:
        """Parts that are there, by number. Raises UploadMissing."""
        ...

    def complete_upload(
        self, upload_id: str, parts: Sequence[tuple[int, bytes]], *, md5: bytes | None = None
    ) -> StoredBlob:
        """Make one blob of the parts, each (number, tag), numbered from 1 without a gap.

        Raises Invalid for parts that are absent, differ or have a wrong size; the upload goes on
        then. Raises Invalid when `md5`, that of the whole, differs: the upload is gone then.
        Raises StorageFull, UploadMissing also for an upload that was completed before.
        """
        ...

    def abort_upload(self, upload_id: str) -> bool:
        """Drop an upload with its parts; True when it was there."""
        ...

    def remove_stale_uploads(self, *, before_us: int) -> int:
        """Drop uploads that nobody wrote to since `before_us`; how many."""
        ...

    def open_range(self, sha256: bytes, *, first: int, size_bytes: int) -> BlobReader:
        """Read `size_bytes` from byte `first` on. Raises BlobMissing.

        A reader that is open goes on working when the blob is deleted. What is asked for beyond
        the end of the blob is left out.
        """
        ...

    def read_all(self, blobs: Sequence[bytes]) -> list[bytes]:
        """Many small contents by SHA-256, each whole, in order. Raises BlobMissing."""
        ...

    def find_size(self, sha256: bytes) -> int | None:
        """Size in bytes, None when there is no such blob."""
        ...

    def make_link(self, sha256: bytes, *, headers: Mapping[str, str]) -> str | None:
        """A URL where anybody may GET the blob for S3_LINK_S seconds, answered with the `headers`.

        None where clients do not reach the store. Asks nothing, nor whether there is such a blob.
        """
        ...

    def list_settled(self, *, before_us: int) -> Iterator[bytes]:
        """Digests of the blobs that nobody stored (again) since `before_us`, in no order."""
        ...

    def delete(self, sha256: bytes, *, settled_before_us: int | None = None) -> bool:
        """Delete a blob; True when it was there.

        With `settled_before_us` a blob that was stored (again) since then stays: an upload of the
        same content may be about to refer to it.
        """
        ...

    def remove_unfinished(self) -> int:
        """Drop uploads that a dead process left. Only for the server that owns the store, at start.

        Returns how many there were.
        """
        ...


def read_blob(blobs: BlobStore, sha256: bytes, *, size_bytes_max: int) -> bytes:
    """The whole content of a small blob. Raises BlobMissing, TooLarge above `size_bytes_max`."""
    size_bytes = blobs.find_size(sha256)
    if size_bytes is None:
        raise BlobMissing(sha256)
    if size_bytes > size_bytes_max:
        raise TooLarge(
            "the content", size=size_bytes, limit=size_bytes_max, limit_name="size_bytes_max"
        )
    reader = blobs.open_range(sha256, first=0, size_bytes=size_bytes)
    try:
        return reader.read(size_bytes)
    finally:
        reader.close()
